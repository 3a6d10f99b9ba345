//! A model of which the first machine went first: a person looks at that one and says whether the others go on.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::Shared;
use super::guard::{Submission, Visitor};
use super::icon::{Icon, icon};
use super::page::{refusal_page, token};
use crate::access::Action;
use crate::bench::Bench;
use crate::first_of_model::{ModelRow, Word, judge, rows};
use crate::journal::JournalError;

/// The models whose machines wait.
pub(super) fn waiting(bench: &Bench) -> Vec<ModelRow> {
    rows(bench).into_iter().filter(|row| !row.waiting.is_empty()).collect()
}

/// One of them, with the two answers that a person can give.
pub(super) fn markup(visitor: &Visitor, row: &ModelRow) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let waiting: Vec<_> = row.waiting.iter().map(ToString::to_string).collect();
    html! {
        form .banner .armed method="post" action="/models" {
            (token(visitor))
            input type="hidden" name="model" value=(row.model);
            input type="hidden" name="batch" value=(row.batch);
            (icon(Icon::Alert))
            span {
                b { (words.model_asks) " " (row.model) "?" } " "
                @match &row.first {
                    Some((number, state)) => {
                        (words.model_first) " " a href={ "/machines/" (number.0) } { (number.to_string()) }
                        " (" (lang.state(state)) "). "
                    }
                    None => {}
                }
                (words.model_waiting) ": " (waiting.join(", "))
            }
            @if visitor.may(Action::JudgeModel) {
                button name="works" value="yes" { (words.model_ok) }
                button .quiet name="works" value="no" { (words.model_no) }
            }
        }
    }
}

/// `POST /models`
pub(super) async fn say(State(desk): Shared, form: Submission) -> Response {
    let Submission { visitor, fields } = form;
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let works = match fields.get("works") {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let (Some(works), Ok(batch)) = (works, fields.get("batch").parse()) else {
        let bad = StatusCode::BAD_REQUEST;
        return refusal_page(lang, bad, words.unreadable_form).into_response();
    };
    let model = fields.get("model").to_owned();
    let word = Word { by: visitor.by, model, batch: Some(batch), works, because: String::new() };
    let decide = move |bench: &Bench, _| match judge(bench, word) {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let journal = &desk.coordinator.journal;
    let decided = if works { journal.grant(decide).await } else { journal.decide(decide).await };
    let refuse = |status, sentence: &str| refusal_page(lang, status, sentence).into_response();
    match decided {
        Ok(Ok(())) => Redirect::to("/bench").into_response(),
        Ok(Err(_)) => refuse(StatusCode::NOT_FOUND, words.unreadable_form),
        Err(JournalError::Stopped) => refuse(StatusCode::CONFLICT, words.panic_on),
        Err(error) => {
            tracing::error!(target: "dashboard", %error, "failed to record a word on a model");
            refuse(StatusCode::SERVICE_UNAVAILABLE, words.not_recorded)
        }
    }
}
