//! Picking machines into an armed batch: the person's consent, machine by machine.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use protocol::{BatchId, MachineNumber};

use super::guard::{Submission, Visitor};
use super::icon::{Icon, icon};
use super::page::{Head, Page, Place, page, refusal, refusal_page, token};
use super::{Desk, Shared};
use crate::access::Action;
use crate::admission::{Pick, is_stuck, pick, split};
use crate::bench::{Batch, Bench, Machine, MachineState};
use crate::journal::JournalError;
use crate::view;

/// `GET /pick`
pub(super) async fn show(State(desk): Shared, visitor: Visitor) -> Page {
    form(&desk, &visitor, None)
}

/// `POST /pick`
pub(super) async fn submit(State(desk): Shared, form_sent: Submission) -> Response {
    let Submission { visitor, fields } = form_sent;
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let picks: Option<Vec<_>> = fields.all("machine").map(read_pick).collect();
    let (Some(picks), Ok(batch)) = (picks, fields.get("batch").parse::<BatchId>()) else {
        let bad = StatusCode::BAD_REQUEST;
        return refusal_page(lang, bad, words.unreadable_form).into_response();
    };
    let refuse = |sentence: String, verbatim: Option<String>| {
        form(&desk, &visitor, Some((sentence, verbatim))).with(StatusCode::CONFLICT).into_response()
    };
    if picks.is_empty() {
        return refuse(words.pick_no_ticks.to_owned(), None);
    }
    let (journal, rules) = (&desk.coordinator.journal, desk.coordinator.rules());
    let picked = async {
        let by = visitor.by;
        let decide =
            move |bench: &Bench, now| split(pick(bench, now, &picks, Some(batch), by, rules));
        journal.grant(decide).await
    };
    match picked.await {
        Ok(Ok(())) => Redirect::to("/bench").into_response(),
        Ok(Err(error)) => {
            let (sentence, verbatim) = lang.admission_error(&error);
            refuse(format!("{} {sentence}", words.not_picked), verbatim)
        }
        Err(JournalError::ClockJump(jump)) => {
            refuse(format!("{} {}", words.not_picked, words.clock_in_doubt), Some(jump.to_string()))
        }
        Err(JournalError::Stopped) => {
            refuse(format!("{} {}", words.not_picked, words.panic_on), None)
        }
        Err(error) => {
            tracing::error!(target: "dashboard", %error, "failed to record a pick");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            refusal_page(lang, status, words.not_recorded).into_response()
        }
    }
}

/// `7:1f1f-2e2e`, as the page offered it: the key was shown, so it is what the person compared.
fn read_pick(text: &str) -> Option<Pick> {
    let (number, fingerprint) = text.split_once(':')?;
    let number = MachineNumber(number.parse().ok()?);
    Some(Pick { number, fingerprint: Some(fingerprint.to_owned()) })
}

/// Whether a person would want to pick it. Whether it may be picked is decided when it is.
fn is_offered(machine: &Machine, open: &[&Batch]) -> bool {
    let bound = machine.admission.as_ref().map(|admission| admission.agent);
    match machine.state(true) {
        MachineState::Seen | MachineState::Waiting => true,
        MachineState::Inventoried | MachineState::FoundBlank | MachineState::FoundData => true,
        // At work with a drive that stands still, there is nothing to pick.
        MachineState::Attention { .. } if machine.only_stands_still() => false,
        MachineState::Attention { .. } => machine.open_conflicts().next().is_none(),
        // Whoever is done is never wiped again; it may be looked at, or given a system.
        MachineState::Finished | MachineState::Booted => {
            open.iter().any(|batch| !batch.job.kind.sanitizes())
        }
        // Restarted with another key, it waits for being picked again.
        _ => bound != machine.agent(),
    }
}

fn form(desk: &Desk, visitor: &Visitor, problem: Option<(String, Option<String>)>) -> Page {
    let words = visitor.lang.words();
    let (published, now) = (desk.coordinator.journal.published(), desk.coordinator.journal.now());
    let bench = &published.bench;
    let mut open: Vec<_> = bench.batches().filter(|batch| batch.gives_tickets(now)).collect();
    open.sort_by_key(|batch| (batch.until, batch.id));
    let rules = desk.coordinator.rules();
    let offer = |it: &&Machine| {
        let stuck = is_stuck(bench, now, it, rules) && it.open_conflicts().next().is_none();
        is_offered(it, &open) || stuck
    };
    let mut offered: Vec<_> = bench.machines().filter(offer).collect();
    offered.sort_by_key(|machine| machine.number);
    let content = html! {
        h1 { (words.pick_title) }
        @if let Some((sentence, verbatim)) = &problem { (refusal(sentence, verbatim.as_deref())) }
        @if open.is_empty() {
            p .notice { (icon(Icon::List)) span { (words.pick_nothing_armed) } }
            @if visitor.may(Action::Arm) { p { a .button .primary href="/arm" { (words.arm_title) } } }
        } @else {
            form .card .wide method="post" action="/pick" {
                (token(visitor))
                (batch_choice(visitor, &open))
                p { (words.pick_hint) }
                @if open.iter().any(|batch| batch.job.kind.sanitizes()) {
                    p .notice .bad { (icon(Icon::Alert)) span { (words.pick_warning) } }
                }
                @if offered.is_empty() { p .hint { (words.pick_none_waits) } }
                ul .picks aria-label=(words.machines) { @for machine in &offered { (choice(visitor, machine)) } }
                @if !offered.is_empty() && visitor.may(Action::Pick) { button .danger { (words.pick_now) } }
            }
        }
    };
    let head = Head { title: words.pick_title, place: Place::Pick, path: "/pick", live: false };
    page(visitor, head, content)
}

fn batch_choice(visitor: &Visitor, open: &[&Batch]) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    html! {
        fieldset {
            legend { (words.pick_into) }
            @for batch in open {
                label .choice {
                    input type="radio" name="batch" value=(batch.id) required
                        checked[open.len() == 1];
                    span {
                        (lang.job(&batch.job.kind)) " · "
                        (lang.places(batch.admitted.len(), batch.count))
                    }
                }
            }
        }
    }
}

fn choice(visitor: &Visitor, machine: &Machine) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let Some(agent) = machine.agent() else { return html! {} };
    let (number, fingerprint) = (machine.number, agent.fingerprint());
    let model = machine.inventory.as_ref().map(|inventory| view::model(&inventory.product));
    let model = model.filter(|model| !model.is_empty());
    html! {
        li {
            label .pick {
                input type="checkbox" name="machine" value={ (number.0) ":" (fingerprint) };
                span .number { span .hidden { (words.machine) " " } (number.to_string()) }
                span .what {
                    b { (model.as_deref().unwrap_or(words.unknown_model)) }
                    @for drive in machine.inventory.iter().flat_map(|it| &it.drives) {
                        span .hint { (lang.drive_unit(drive)) }
                    }
                }
                span .key { (words.key) code { (fingerprint) } }
            }
        }
    }
}
