//! A page per machine.

mod sections;
mod witness;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use protocol::MachineNumber;

use super::concern::{concerns, section};
use super::guard::{Submission, Visitor};
use super::history::{Line, history};
use super::page::{Head, Page, Place, page, refusal_page};
use super::tile::tile;
use super::{Desk, Shared};
use crate::admin::actions::exported;
use crate::admission::{self, split};
use crate::bench::{Admission, Bench, Machine};
use crate::certificate::{CertificateError, certificate};

pub(super) use witness::{hold, look, release};

/// `GET /machines/{number}`
pub(super) async fn show(
    State(desk): Shared,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Response {
    let Some(machine) = find(&desk, &number) else { return unknown(&visitor).into_response() };
    let lang = visitor.lang;
    let journal = desk.coordinator.journal.clone();
    let known = machine.clone();
    let read = tokio::task::spawn_blocking(move || history(&journal, &known, lang)).await;
    let lines = match read {
        Ok(Ok(lines)) => lines,
        Ok(Err(error)) => return broken(&visitor, &error).into_response(),
        Err(error) => return broken(&visitor, &error).into_response(),
    };
    whole(&desk, &visitor, &machine, &lines).into_response()
}

/// `GET /machines/{number}/certificate`
pub(super) async fn download(
    State(desk): Shared,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Response {
    let Some(machine) = find(&desk, &number) else { return unknown(&visitor).into_response() };
    let (coordinator, number) = (desk.coordinator.clone(), machine.number);
    match tokio::task::spawn_blocking(move || certificate(&coordinator, number)).await {
        Ok(Ok(json)) => {
            if let Err(error) = exported(&desk.coordinator.journal, machine.id, visitor.by).await {
                return broken(&visitor, &error).into_response();
            }
            let name = format!("attachment; filename=\"certificate-{number}.json\"");
            let kind = "application/json".to_owned();
            ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], json).into_response()
        }
        Ok(Err(CertificateError::NotEarned { .. } | CertificateError::Unknown(_))) => {
            let words = visitor.lang.words().certificate_failed;
            refusal_page(visitor.lang, StatusCode::CONFLICT, words).into_response()
        }
        Ok(Err(error)) => broken(&visitor, &error).into_response(),
        Err(error) => broken(&visitor, &error).into_response(),
    }
}

/// `POST /machines/{number}/settle`
pub(super) async fn settle(
    State(desk): Shared,
    Path(number): Path<String>,
    form: Submission,
) -> Response {
    let Submission { visitor, fields } = form;
    let Some(machine) = find(&desk, &number) else { return unknown(&visitor).into_response() };
    let (journal, number) = (&desk.coordinator.journal, machine.number);
    // Those that the page showed: of one that came up since nobody knows yet.
    let with: Option<Vec<_>> =
        fields.all("with").map(|other| Some(MachineNumber(other.parse().ok()?))).collect();
    let Some(with) = with else {
        let words = visitor.lang.words().unreadable_form;
        return refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response();
    };
    let settled = async {
        let by = visitor.by;
        journal.decide(move |bench, _| split(admission::settle(bench, number, &with, by))).await
    };
    match settled.await {
        Ok(Ok(())) => Redirect::to(&format!("/machines/{}", number.0)).into_response(),
        Ok(Err(error)) => {
            let (sentence, verbatim) = visitor.lang.admission_error(&error);
            let sentence = [Some(sentence), verbatim].into_iter().flatten().collect::<Vec<_>>();
            let conflict = StatusCode::CONFLICT;
            refusal_page(visitor.lang, conflict, &sentence.join(": ")).into_response()
        }
        Err(error) => broken(&visitor, &error).into_response(),
    }
}

/// A copy, so that nobody waits while the page is written.
fn find(desk: &Desk, number: &str) -> Option<Machine> {
    let number = MachineNumber(number.parse().ok()?);
    desk.coordinator.journal.published().bench.numbered(number).cloned()
}

fn whole(desk: &Arc<Desk>, visitor: &Visitor, machine: &Machine, lines: &[Line]) -> Page {
    let lang = visitor.lang;
    let title = lang.machine_title(machine.number.0);
    let (now, live) = (desk.coordinator.journal.now(), &desk.coordinator.live);
    let published = desk.coordinator.journal.published();
    let bench: &Bench = &published.bench;
    let content = html! {
        h1 { (title) }
        div .columns {
            div .side {
                ul .grid .single { (tile(bench, live, now, machine).markup(lang)) }
                (sections::certificate(lang, machine))
                (sections::lot(lang, bench, machine))
                (sections::identity(lang, machine, lines))
                (sections::hardware(lang, machine))
            }
            div .main {
                (section(visitor, machine, &concerns(bench, machine)))
                (witness::section(visitor, machine))
                (sections::drives(lang, machine))
                (sections::plan(lang, machine))
                (sections::history(lang, lines))
                (sections::boot_trace(lang, machine, live))
            }
        }
    };
    let path = format!("/machines/{}", machine.number.0);
    // While a person fills in which sectors to show, the page must not load itself again.
    let live = !machine.admission.as_ref().is_some_and(Admission::holds);
    let head = Head { title: &title, place: Place::Bench, path: &path, live };
    page(visitor, head, content)
}

fn unknown(visitor: &Visitor) -> Page {
    let words = visitor.lang.words();
    let content = html! {
        div .empty {
            h1 { (words.unknown_machine) }
            p { (words.unknown_machine_hint) }
            p { a .button href="/bench" { (words.back_to_bench) } }
        }
    };
    let title = words.unknown_machine;
    let head = Head { title, place: Place::Bench, path: "/bench", live: false };
    page(visitor, head, content).with(StatusCode::NOT_FOUND)
}

/// Something failed on our side: the log says what, the page says that nothing happened.
fn broken(visitor: &Visitor, error: &dyn std::error::Error) -> Page {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(target: "dashboard", %error, cause, "a request failed");
    let words = visitor.lang.words().not_recorded;
    refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, words)
}
