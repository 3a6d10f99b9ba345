//! The panic button on every page, and what takes its place once it was pressed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::Shared;
use super::guard::{Submission, Visitor};
use super::icon::{Icon, icon};
use super::page::{moment, refusal_page, token};
use crate::access::Action;
use crate::panic::{self, MAX_REASON, Panic, PanicError};

/// The button; or that everything is stopped, with what takes it back.
pub(super) fn markup(visitor: &Visitor, panic: Option<&Panic>) -> Markup {
    let words = visitor.lang.words();
    let Some(Panic { because, at, .. }) = panic else {
        return html! {
            @if visitor.may(Action::Panic) {
                form .panic method="post" action="/panic" {
                    (token(visitor))
                    input type="text" name="because" maxlength=(MAX_REASON) autocomplete="off"
                        aria-label=(words.panic_why) placeholder=(words.panic_why);
                    button .danger { (icon(Icon::Alert)) (words.panic_now) }
                }
            }
        };
    };
    html! {
        section .panicked role="alert" aria-labelledby="panicked" {
            h2 #panicked { (icon(Icon::Alert)) (words.panic_on) }
            p { (moment(*at)) @if !because.is_empty() { ": " q { (because) } } }
            p { (words.panic_meaning) }
            @if visitor.may(Action::EndPanic) {
                form method="post" action="/panic/over" {
                    (token(visitor))
                    input type="text" name="because" maxlength=(MAX_REASON) autocomplete="off"
                        aria-label=(words.panic_why) placeholder=(words.panic_why);
                    button { (words.panic_over) }
                }
                p .hint { (words.panic_over_hint) }
            }
        }
    }
}

/// `POST /panic`
pub(super) async fn stop(State(desk): Shared, form: Submission) -> Response {
    let Submission { visitor, fields } = form;
    let stopped = panic::stop(&desk.coordinator, visitor.by, fields.get("because")).await;
    answer(&visitor, stopped.map(|_| ()))
}

/// `POST /panic/over`
pub(super) async fn end(State(desk): Shared, form: Submission) -> Response {
    let Submission { visitor, fields } = form;
    let ended = panic::end(&desk.coordinator.journal, visitor.by, fields.get("because")).await;
    answer(&visitor, ended)
}

fn answer(visitor: &Visitor, done: Result<(), PanicError>) -> Response {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    match done {
        // Taken back by somebody else meanwhile: the page shows it.
        Ok(()) | Err(PanicError::NotOn) => Redirect::to("/bench").into_response(),
        Err(error @ PanicError::NotRecorded(_)) => {
            tracing::error!(target: "dashboard", %error, "failed to record the panic button");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            refusal_page(lang, status, words.panic_not_recorded).into_response()
        }
    }
}
