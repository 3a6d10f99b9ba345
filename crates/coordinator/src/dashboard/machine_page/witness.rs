//! Holding a machine, looking at its drives, letting it go.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use protocol::witness::MAX_LOOK_SECTORS;
use protocol::{MachineNumber, PersonId};

use super::super::guard::{Fields, Submission, Visitor};
use super::super::lang::Lang;
use super::super::page::{Head, Page, Place, page, refusal, refusal_page, token};
use super::super::{Desk, Shared};
use super::{find, unknown};
use crate::access::Action;
use crate::bench::{Admission, Machine};
use crate::witness::{Look, Row, Wish, WitnessError, ask_for_hold, let_go, look_at};

/// `POST /machines/{number}/hold`
pub(in super::super) async fn hold(
    State(desk): Shared,
    Path(number): Path<String>,
    form: Submission,
) -> Response {
    let wished = async |number, by| ask_for_hold(&desk.coordinator, number, by).await;
    wish_of(&desk, &number, form, wished).await
}

/// `POST /machines/{number}/release`
pub(in super::super) async fn release(
    State(desk): Shared,
    Path(number): Path<String>,
    form: Submission,
) -> Response {
    let wished = async |number, by| let_go(&desk.coordinator, number, by).await;
    wish_of(&desk, &number, form, wished).await
}

/// Does what a person wishes for the machine of this page, and shows the page again or why not.
async fn wish_of(
    desk: &Desk,
    number: &str,
    form: Submission,
    wished: impl AsyncFnOnce(MachineNumber, PersonId) -> Result<(), WitnessError>,
) -> Response {
    let visitor = form.visitor;
    let Some(machine) = find(desk, number) else { return unknown(&visitor).into_response() };
    let done = wished(machine.number, visitor.by).await;
    after(&visitor, &machine, done)
}

/// `POST /machines/{number}/look`: the answer is the page that shows it, once. Nothing of it is kept.
pub(in super::super) async fn look(
    State(desk): Shared,
    Path(number): Path<String>,
    form: Submission,
) -> Response {
    let Submission { visitor, fields } = form;
    let Some(machine) = find(&desk, &number) else { return unknown(&visitor).into_response() };
    let Some(wish) = wish(&visitor, &fields) else {
        let words = visitor.lang.words().unreadable_form;
        return refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response();
    };
    let looked = look_at(&desk.coordinator, machine.number, wish.clone()).await;
    let page = looked_page(&visitor, &machine, &wish, &looked);
    let status = looked.as_ref().map_or_else(status, |_| StatusCode::OK);
    page.with(status).into_response()
}

fn wish(visitor: &Visitor, fields: &Fields) -> Option<Wish> {
    Some(Wish {
        by: visitor.by,
        drive: Some(fields.get("drive").to_owned()),
        sector: fields.get("sector").trim().parse().ok()?,
        count: fields.get("count").trim().parse().ok()?,
    })
}

fn after(visitor: &Visitor, machine: &Machine, done: Result<(), WitnessError>) -> Response {
    match done {
        Ok(()) => Redirect::to(&format!("/machines/{}", machine.number.0)).into_response(),
        Err(error) => {
            let (sentence, verbatim) = visitor.lang.witness_error(&error);
            let sentence = [Some(sentence), verbatim].into_iter().flatten().collect::<Vec<_>>();
            refusal_page(visitor.lang, status(&error), &sentence.join(": ")).into_response()
        }
    }
}

fn status(error: &WitnessError) -> StatusCode {
    match error {
        WitnessError::NotRecorded | WitnessError::Journal(_) | WitnessError::Random(_) => {
            tracing::error!(target: "dashboard", %error, "a request failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::CONFLICT,
    }
}

/// What can be done about a hold now; nothing where the machine has no work, or goes on already.
pub(super) fn section(visitor: &Visitor, machine: &Machine) -> Markup {
    let words = visitor.lang.words();
    let work = machine.admission.as_ref().filter(|it| it.finished.is_none());
    let Some(work) = work.filter(|it| it.held || !it.is_proven()) else { return html! {} };
    html! {
        section aria-labelledby="second-look" {
            h2 #second-look { (words.second_look) }
            @if work.holds() {
                @if visitor.may(Action::Look) { (look_form(visitor, machine, work, None)) }
                (button(visitor, machine, Action::Release, words.release))
            } @else if work.held {
                p { (words.hold_asked) }
                (button(visitor, machine, Action::Release, words.hold_off))
            } @else {
                p .hint { (words.hold_offer) }
                (button(visitor, machine, Action::Hold, words.hold_now))
            }
        }
    }
}

/// Nothing where this person may not do that.
fn button(visitor: &Visitor, machine: &Machine, action: Action, word: &str) -> Markup {
    let path = if action == Action::Hold { "hold" } else { "release" };
    html! {
        @if visitor.may(action) {
            form method="post" action={ "/machines/" (machine.number.0) "/" (path) } {
                (token(visitor))
                button { (word) }
            }
        }
    }
}

/// The form, filled with what was shown last.
fn look_form(
    visitor: &Visitor,
    machine: &Machine,
    work: &Admission,
    last: Option<&Wish>,
) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let drives = work.accepted_plan().into_iter().flat_map(|plan| &plan.drives);
    let chosen = |serial: &str| last.is_some_and(|it| it.drive.as_deref() == Some(serial));
    html! {
        form method="post" action={ "/machines/" (machine.number.0) "/look" } {
            (token(visitor))
            label for="look-drive" { (words.drive) }
            select #look-drive name="drive" {
                @for drive in drives {
                    @let serial = &drive.identity.serial;
                    option value=(serial) selected[chosen(serial)] { (lang.drive(&drive.identity)) }
                }
            }
            div .pair {
                div {
                    label for="look-sector" { (words.look_sector) }
                    input #look-sector .short name="sector" inputmode="numeric" pattern="[0-9]+"
                        required autocomplete="off" aria-describedby="look-hint"
                        value=(last.map_or(0, |it| it.sector));
                }
                div {
                    label for="look-count" { (words.look_count) }
                    input #look-count .short name="count" type="number" min="1"
                        max=(MAX_LOOK_SECTORS) required value=(last.map_or(1, |it| it.count));
                }
            }
            p .hint #look-hint { (words.look_hint) }
            button .primary { (words.look_now) }
        }
    }
}

fn looked_page(
    visitor: &Visitor,
    machine: &Machine,
    wish: &Wish,
    looked: &Result<Look, WitnessError>,
) -> Page {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let title = lang.machine_title(machine.number.0);
    let path = format!("/machines/{}", machine.number.0);
    let work = machine.admission.as_ref().filter(|it| it.holds());
    let content = html! {
        h1 { (title) ": " (words.second_look) }
        p { a href=(path) { (words.back_to_machine) } }
        @match looked {
            Ok(look) => (listing(lang, look)),
            Err(error) => {
                @let (sentence, verbatim) = lang.witness_error(error);
                (refusal(&sentence, verbatim.as_deref()))
            }
        }
        @if let Some(work) = work { (look_form(visitor, machine, work, Some(wish))) }
    };
    // Not kept fresh: to load it again would be to look again.
    page(visitor, Head { title: &title, place: Place::Bench, path: &path, live: false }, content)
}

fn listing(lang: Lang, look: &Look) -> Markup {
    let words = lang.words();
    html! {
        section aria-labelledby="looked" {
            h2 #looked { (lang.sectors(look.sector, look.count)) ": " (lang.content(look.content())) }
            p { (lang.drive(&look.drive)) ", " (look.sector_size.bytes()) " B" }
            p .hint { "SHA-256 " code { (look.sha256) } }
            div .scroll tabindex="0" role="region" aria-labelledby="looked" {
                table .bytes {
                    thead { tr {
                        th scope="col" { (words.look_offset) }
                        th scope="col" { (words.look_hex) }
                        th scope="col" { (words.look_text) }
                    } }
                    tbody {
                        @for row in look.rows() {
                            @match row {
                                Row::Bytes { offset, hex, text } => tr {
                                    th scope="row" { code { (format!("{offset:012x}")) } }
                                    td { code { (hex) } }
                                    td { code { (text) } }
                                },
                                Row::Same => tr { td colspan="3" { "* " (words.look_same) } },
                            }
                        }
                    }
                }
            }
        }
    }
}
