//! What is never touched, and who said so.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::guard::{Submission, Visitor};
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::page::{Head, Page, Place, moment, page, refusal, refusal_page, token};
use super::{Desk, Shared};
use crate::access::Action;
use crate::admin::protection::{Decide, ProtectedView, change, rows};
use crate::journal::JournalError;
use crate::lots::actions::Named;
use crate::protection::{protect, unprotect};

/// `GET /protected`
pub(super) async fn show(State(desk): Shared, visitor: Visitor) -> Response {
    whole(&desk, &visitor, None).await
}

/// `POST /protected`
pub(super) async fn add(State(desk): Shared, form: Submission) -> Response {
    after(&desk, form, protect).await
}

/// `POST /protected/remove`
pub(super) async fn remove(State(desk): Shared, form: Submission) -> Response {
    after(&desk, form, unprotect).await
}

async fn after(desk: &Desk, form: Submission, decide: Decide) -> Response {
    let Submission { visitor, fields } = form;
    let journal = &desk.coordinator.journal;
    let (mark, because) = (fields.get("mark").to_owned(), fields.get("because").to_owned());
    match change(journal, visitor.by, mark, because, decide).await {
        Ok(Ok(())) => Redirect::to("/protected").into_response(),
        Ok(Err(why)) => whole(desk, &visitor, Some(visitor.lang.not_protected(&why))).await,
        Err(error) => broken(&visitor, &error),
    }
}

async fn whole(desk: &Desk, visitor: &Visitor, problem: Option<&str>) -> Response {
    let listed = match rows(&desk.coordinator.journal).await {
        Ok(listed) => listed,
        Err(error) => return broken(visitor, &error),
    };
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    drawn(visitor, &listed, problem).with(status).into_response()
}

fn broken(visitor: &Visitor, error: &JournalError) -> Response {
    tracing::error!(target: "dashboard", %error, "the protected are not listed or changed");
    let words = visitor.lang.words().not_recorded;
    refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

fn drawn(visitor: &Visitor, listed: &[ProtectedView], problem: Option<&str>) -> Page {
    let words = visitor.lang.protect();
    let content = html! {
        h1 { (words.title) }
        @if let Some(problem) = problem { (refusal(problem, None)) }
        p { (words.meaning) }
        div .columns .even {
            @if visitor.may(Action::Protect) { (form(visitor)) }
            section aria-labelledby="protected" {
                h2 #protected { (words.listed) }
                @if listed.is_empty() { p .hint { (words.none) } }
                @for it in listed { (entry(visitor, it)) }
            }
        }
    };
    let head =
        Head { title: words.title, place: Place::Protected, path: "/protected", live: false };
    page(visitor, head, content)
}

fn form(visitor: &Visitor) -> Markup {
    let words = visitor.lang.protect();
    html! {
        form .card method="post" action="/protected" aria-labelledby="add-title" {
            (token(visitor))
            h2 #add-title { (words.add) }
            label for="mark" { (words.mark) }
            input #mark name="mark" required maxlength="300" autocomplete="off" aria-describedby="mark-hint";
            p #mark-hint .hint { (words.mark_hint) }
            label for="because" { (words.because) }
            input #because name="because" required maxlength="300";
            button .primary { (words.add_now) }
        }
    }
}

fn entry(visitor: &Visitor, it: &ProtectedView) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.protect());
    html! {
        div .planned {
            h3 { code { (it.mark) } }
            p { (it.because) }
            p .hint { (it.by) ", " (moment(it.at)) }
            (bearers(lang, it))
            @if visitor.may(Action::Protect) {
                details { summary { (words.remove) }
                    form .small method="post" action="/protected/remove" {
                        (token(visitor))
                        input type="hidden" name="mark" value=(it.mark);
                        label { (words.because) input name="because" required maxlength="300"; }
                        button { (words.remove_now) }
                    }
                }
            }
        }
    }
}

/// Whom it protects: a slip of the finger protects nobody.
fn bearers(lang: Lang, it: &ProtectedView) -> Markup {
    html! {
        p {
            @if it.machines.is_empty() { (icon(Icon::Alert)) " " (lang.protect().nobody) }
            @for (i, number) in it.machines.iter().enumerate() {
                @if i > 0 { ", " }
                a href={ "/machines/" (number.0) } { (lang.named(&Named::Machine(*number))) }
            }
        }
    }
}
