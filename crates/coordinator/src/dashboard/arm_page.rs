//! Arming a batch by typed count, and disarming it.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use osimage::Manifest;
use protocol::{BatchId, LotId};

use super::explanation::explanation;
use super::forecast;
use super::guard::{Fields, Submission, Visitor};
use super::icon::{Icon, icon};
use super::page::{Head, Place, moment, page, refusal, refusal_page, token};
use super::{Desk, Shared};
use crate::access::Action;
use crate::arming::{self, ArmError, WantedImage, WantedWork, Wish};
use crate::bench::{Batch, MachineState};
use crate::images::ImageError;
use crate::journal::JournalError;
use crate::policies::{SHIPPED, Shipped};
use crate::view;

/// Locales that are offered, with their names in their own language.
const LOCALES: [(&str, &str); 2] = [("pl_PL.UTF-8", "Polski"), ("en_US.UTF-8", "English")];

/// Why nothing was armed; a second, verbatim part may be in English.
type Problem = (String, Option<String>);

/// `GET /arm`
pub(super) async fn show(State(desk): Shared, visitor: Visitor) -> Response {
    form(&desk, &visitor, None, None).await
}

/// `POST /arm`
pub(super) async fn submit(State(desk): Shared, form_sent: Submission) -> Response {
    let Submission { visitor, fields } = form_sent;
    if fields.get("do") == "forecast" {
        return form(&desk, &visitor, None, Some(&fields)).await;
    }
    let wish = match wish(&visitor, &fields) {
        Ok(wish) => wish,
        Err(problem) => {
            return refuse(&desk, &visitor, (problem.to_owned(), None), Some(&fields)).await;
        }
    };
    let count = wish.count;
    match arming::arm(&desk.coordinator, wish).await {
        Ok(_) => {
            tracing::info!(target: "dashboard", count, "armed");
            Redirect::to("/pick").into_response()
        }
        Err(error) => not_armed(&desk, &visitor, error, Some(&fields)).await,
    }
}

/// `POST /disarm`
pub(super) async fn submit_disarm(State(desk): Shared, form_sent: Submission) -> Response {
    let Submission { visitor, fields } = form_sent;
    let Ok(batch) = fields.get("batch").parse::<BatchId>() else {
        let words = visitor.lang.words().unreadable_form;
        return refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response();
    };
    match arming::disarm(&desk.coordinator, batch, visitor.by).await {
        Ok(()) => Redirect::to("/bench").into_response(),
        Err(error) => not_armed(&desk, &visitor, error, None).await,
    }
}

/// What the form says.
fn wish(visitor: &Visitor, fields: &Fields) -> Result<Wish, &'static str> {
    let words = visitor.lang.words();
    let number = |name| fields.get(name).trim().parse::<u32>().ok().filter(|n| *n > 0);
    let count = number("count").filter(|_| number("count") == number("count-again"));
    let count = count.ok_or(words.not_armed_counts_differ)?;
    let seconds = fields.get("seconds").parse().map_err(|_| words.not_armed_time)?;
    let work = match fields.get("kind") {
        "wipe" | "wipe-only" => WantedWork::Wipe,
        "inventory-only" => WantedWork::Inventory,
        "verify-only" => WantedWork::Verify,
        kind @ ("refurbish" | "image-only") => {
            let image = fields.get("image").parse().map_err(|_| words.not_armed_image)?;
            let locale = LOCALES.into_iter().find(|(name, _)| *name == fields.get("locale"));
            let (locale, _) = locale.ok_or(words.unreadable_form)?;
            let locale = locale.to_owned();
            let image = WantedImage::Chosen(image);
            match kind {
                "image-only" => WantedWork::Image { image, locale },
                _ => WantedWork::Refurbish { image, locale },
            }
        }
        _ => return Err(words.not_armed_kind),
    };
    let policy = Shipped::named(fields.get("policy")).ok_or(words.not_armed_policy)?;
    let policy = policy.policy().map_err(|_| words.not_armed_policy)?;
    let by = visitor.by;
    let witness = fields.get("witness") == "yes";
    // The box is ticked beforehand; where nothing is installed it means nothing.
    let first_of_model = fields.get("first-of-model") == "yes" && work.installs();
    let lot = match fields.get("lot") {
        "" => None,
        lot => Some(lot.parse().map_err(|_| words.unreadable_form)?),
    };
    let time = Duration::from_secs(seconds);
    Ok(Wish { by, count, time, work, policy, witness, first_of_model, lot })
}

/// The form again with the reason, as far as a person can do something about it.
async fn not_armed(
    desk: &Desk,
    visitor: &Visitor,
    error: ArmError,
    sent: Option<&Fields>,
) -> Response {
    let words = visitor.lang.words();
    let problem = match error {
        ArmError::Admission(error) => visitor.lang.admission_error(&error),
        ArmError::Journal(JournalError::ClockJump(jump)) => {
            (words.clock_in_doubt.to_owned(), Some(jump.to_string()))
        }
        ArmError::Disk(error) => (visitor.lang.low_disk(&error), None),
        ArmError::Journal(JournalError::Stopped) => (words.panic_on.to_owned(), None),
        ArmError::Simulated => (words.not_armed_simulated.to_owned(), None),
        ArmError::Locale | ArmError::NothingToShow => (words.unreadable_form.to_owned(), None),
        ArmError::Policy(error) => (words.not_armed_policy.to_owned(), Some(error.to_string())),
        ArmError::Image(ImageError::NoSuchImage { .. }) => (words.not_armed_image.to_owned(), None),
        ArmError::Image(_) | ArmError::NotInstallable { .. } => {
            let why = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(target: "dashboard", "{why}");
            (words.not_armed_unusable.to_owned(), Some(why))
        }
        ArmError::Journal(_) | ArmError::Random(_) | ArmError::Interrupted(_) => {
            return broken(visitor, &error.into());
        }
    };
    refuse(desk, visitor, problem, sent).await
}

async fn refuse(
    desk: &Desk,
    visitor: &Visitor,
    problem: Problem,
    sent: Option<&Fields>,
) -> Response {
    let mut response = form(desk, visitor, Some(problem), sent).await;
    *response.status_mut() = StatusCode::CONFLICT;
    response
}

fn broken(visitor: &Visitor, error: &anyhow::Error) -> Response {
    tracing::error!(target: "dashboard", "{error:#}");
    let words = visitor.lang.words().not_recorded;
    refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

/// The form; after a refusal with what was chosen, so that nobody arms with less than was wanted.
async fn form(
    desk: &Desk,
    visitor: &Visitor,
    problem: Option<Problem>,
    sent: Option<&Fields>,
) -> Response {
    let words = visitor.lang.words();
    let images = desk.coordinator.images.clone();
    let listed = tokio::task::spawn_blocking(move || images.list()).await;
    let listed: Result<_, ImageError> = match listed {
        Ok(listed) => listed,
        Err(error) => return broken(visitor, &error.into()),
    };
    let names = match desk.coordinator.journal.read(|journal| journal.names()).await {
        Ok(names) => names,
        Err(error) => return broken(visitor, &error.into()),
    };
    let images: Vec<_> = match listed {
        Ok(catalog) => catalog.images.into_iter().map(|entry| entry.manifest).collect(),
        Err(error) => return broken(visitor, &error.into()),
    };
    let n_waiting = waiting(desk);
    let forecast = match visitor.may(Action::Arm) {
        true => forecast::ask(desk, &images, n_waiting, sent).await,
        false => None,
    };
    let content = html! {
        h1 { (words.arm_title) }
        @if let Some((sentence, verbatim)) = &problem { (refusal(sentence, verbatim.as_deref())) }
        div .columns .even {
            @if visitor.may(Action::Arm) {
                (fields(visitor, &images, &open_lots(desk), n_waiting, sent))
            }
            section aria-labelledby="batches" {
                @if let Some(forecast) = &forecast { (forecast::markup(visitor.lang, forecast)) }
                h2 #batches { (words.batches) }
                (batches(desk, visitor, &names))
            }
        }
    };
    let head = Head { title: words.arm_title, place: Place::Arm, path: "/arm", live: false };
    page(visitor, head, content).into_response()
}

fn waiting(desk: &Desk) -> usize {
    let published = desk.coordinator.journal.published();
    let waits = |state| matches!(state, MachineState::Seen | MachineState::Waiting);
    published.bench.machines().filter(|machine| waits(machine.state(true))).count()
}

/// The lots that may be worked on: id and owner.
fn open_lots(desk: &Desk) -> Vec<(LotId, String)> {
    let published = desk.coordinator.journal.published();
    let open = published.bench.lots().filter(|lot| lot.is_open());
    open.map(|lot| (lot.id, lot.owner.clone())).collect()
}

fn fields(
    visitor: &Visitor,
    images: &[Manifest],
    lots: &[(LotId, String)],
    n_waiting: usize,
    sent: Option<&Fields>,
) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    // As it was sent, else as it is offered.
    let chosen = |name: &str, value: &str, offered: bool| {
        sent.map_or(offered, |sent| sent.get(name) == value)
    };
    html! {
        form .card method="post" action="/arm" {
            (token(visitor))
            p .notice .bad { (icon(Icon::Alert)) span { (words.arm_warning) } }
            @if lots.is_empty() { p .hint { (words.no_lot) } } @else {
                label for="lot" { (words.lot) }
                select #lot name="lot" required {
                    @for (id, owner) in lots {
                        option value=(id) selected[chosen("lot", &id.to_string(), lots.len() == 1)] { (owner) }
                    }
                }
            }
            fieldset {
                legend { (words.what) }
                @if images.is_empty() { p .hint { (words.no_image) } } @else {
                    label .choice {
                        input type="radio" name="kind" value="refurbish" required
                            checked[chosen("kind", "refurbish", false)];
                        span { (words.refurbish) }
                    }
                    label .choice {
                        input type="radio" name="kind" value="image-only" required
                            checked[chosen("kind", "image-only", false)];
                        span { (words.image_only) }
                    }
                }
                label .choice {
                    input type="radio" name="kind" value="wipe" required
                        checked[chosen("kind", "wipe", false)];
                    span { (words.wipe) }
                }
                label .choice {
                    input type="radio" name="kind" value="verify-only" required
                        checked[chosen("kind", "verify-only", false)];
                    span { (words.verify_only) }
                }
                label .choice {
                    input type="radio" name="kind" value="inventory-only" required
                        checked[chosen("kind", "inventory-only", false)];
                    span { (words.inventory_only) }
                }
                p .hint { (words.writes_nothing_hint) }
            }
            @if !images.is_empty() {
                label for="image" { (words.image) }
                select #image name="image" {
                    @for image in images {
                        option value=(image.id())
                            selected[chosen("image", &image.id().to_string(), false)] {
                            (image.document().title) " (" (image.document().name) ", "
                            (lang.bytes(image.document().min_disk_size)) ")"
                        }
                    }
                }
                label for="locale" { (words.locale) }
                select #locale name="locale" {
                    @for (locale, name) in LOCALES {
                        option value=(locale)
                            selected[chosen("locale", locale, locale.starts_with(lang.code()))] { (name) }
                    }
                }
            }
            label for="policy" { (words.policy) }
            select #policy name="policy" {
                @for (i, shipped) in SHIPPED.iter().enumerate() {
                    option value=(shipped.name) selected[chosen("policy", shipped.name, i == 0)] {
                        (shipped.name) @if i == 0 { " (" (words.policy_default) ")" }
                    }
                }
            }
            @for shipped in &SHIPPED {
                details .policy {
                    summary { (words.policy_meaning) ": " (shipped.name) }
                    (explanation(shipped.explanation(lang.language())))
                }
            }
            label .choice {
                input type="checkbox" name="witness" value="yes" aria-describedby="witness-hint"
                    checked[chosen("witness", "yes", false)];
                span { (words.witness) }
            }
            p .hint #witness-hint { (words.witness_hint) }
            label .choice {
                input type="checkbox" name="first-of-model" value="yes" aria-describedby="first-hint"
                    checked[chosen("first-of-model", "yes", true)];
                span { (words.first_of_model) }
            }
            p .hint #first-hint { (words.first_of_model_hint) }
            label for="seconds" { (words.how_long) }
            select #seconds name="seconds" {
                @for (seconds, name) in lang.times() {
                    option value=(seconds)
                        selected[chosen("seconds", &seconds.to_string(), seconds == 4 * 3600)] { (name) }
                }
            }
            p .hint #count-hint { (words.count_again_hint) " " (lang.wait_to_be_picked(n_waiting)) "." }
            div .pair {
                div {
                    label for="count" { (words.count) }
                    input #count .short name="count" inputmode="numeric" pattern="[0-9]+" required
                        autocomplete="off" aria-describedby="count-hint";
                }
                div {
                    label for="count-again" { (words.count_again) }
                    input #count-again .short name="count-again" inputmode="numeric"
                        pattern="[0-9]+" required autocomplete="off";
                }
            }
            button name="do" value="forecast" formnovalidate { (words.forecast_show) }
            button .danger name="do" value="arm" { (words.arm_now) }
        }
    }
}

fn batches(desk: &Desk, visitor: &Visitor, names: &[(protocol::PersonId, String)]) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let (published, now) = (desk.coordinator.journal.published(), desk.coordinator.journal.now());
    let bench = &published.bench;
    let mut known: Vec<&Batch> = bench.batches().collect();
    known.sort_by_key(|batch| std::cmp::Reverse(batch.armed_at));
    let state = |batch: &Batch| match batch {
        batch if batch.disarmed => words.batch_disarmed,
        batch if !batch.gives_tickets(now) => words.batch_over,
        batch if batch.places_left() == 0 => words.batch_full,
        _ => words.batch_armed,
    };
    html! {
        @if known.is_empty() { p .hint { (words.no_batches) } }
        @for batch in known {
            @let row = view::batch(bench, now, batch, names);
            div .planned .batch {
                h3 { (state(batch)) ": " (lang.job(&row.job)) }
                dl {
                    @if let Some(lot) = batch.lot.and_then(|lot| bench.lot(&lot)) {
                        dt { (lang.lots().of_lot) } dd { a href={ "/lots/" (lot.id) } { (lot.owner) } }
                    }
                    dt { (words.policy) } dd { (row.policy) }
                    @if row.witness { dt { (words.holds) } dd { (words.witness) } }
                    @if row.first_of_model { dt { (words.model) } dd { (words.first_of_model) } }
                    dt { (words.taken) } dd { (lang.places(row.admitted.len(), row.count)) }
                    dt { (words.by) } dd { (row.by) }
                    dt { (words.since) } dd { (moment(row.armed_at)) }
                    dt { (words.until) } dd { (moment(row.until)) }
                }
                @if batch.gives_tickets(now) && visitor.may(Action::Disarm) {
                    form method="post" action="/disarm" {
                        (token(visitor))
                        input type="hidden" name="batch" value=(row.id);
                        button { (words.disarm) }
                    }
                }
            }
        }
    }
}
