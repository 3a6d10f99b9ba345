//! All lots, and the form that opens one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::super::guard::{Submission, Visitor};
use super::super::page::{Head, Page, Place, moment, page, refusal, token};
use super::super::{Desk, Shared};
use super::broken;
use crate::access::Action;
use crate::lots::actions;
use crate::lots::view::{self, LotView};

/// `GET /lots`
pub(in super::super) async fn show(State(desk): Shared, visitor: Visitor) -> Response {
    whole(&desk, &visitor, None).await
}

/// `POST /lots`
pub(in super::super) async fn open(State(desk): Shared, form: Submission) -> Response {
    let Submission { visitor, fields } = form;
    let (owner, reference) = (fields.get("owner").to_owned(), fields.get("reference").to_owned());
    let by = visitor.by;
    match actions::open(&desk.coordinator, by, owner, reference).await {
        Ok(lot) => Redirect::to(&format!("/lots/{lot}")).into_response(),
        Err(refused) => {
            let mut response = whole(&desk, &visitor, Some(refused.sentence())).await;
            *response.status_mut() = StatusCode::CONFLICT;
            response
        }
    }
}

async fn whole(desk: &Desk, visitor: &Visitor, problem: Option<&str>) -> Response {
    let mut lots = match desk.coordinator.journal.read(view::all).await {
        Ok(lots) => lots,
        Err(error) => return broken(visitor, &error).into_response(),
    };
    lots.sort_by_key(|lot| (lot.closed.is_some(), std::cmp::Reverse(lot.opened_at)));
    drawn(visitor, &lots, problem).into_response()
}

fn drawn(visitor: &Visitor, lots: &[LotView], problem: Option<&str>) -> Page {
    let words = visitor.lang.lots();
    let content = html! {
        h1 { (words.title) }
        @if let Some(problem) = problem { (refusal(words.not_followed, Some(problem))) }
        div .columns .even {
            @if visitor.may(Action::OpenLot) { (form(visitor)) }
            div {
                @if lots.is_empty() {
                    section { h2 { (words.none) } p { (words.none_hint) } }
                }
                @for lot in lots { (card(visitor, lot)) }
            }
        }
    };
    let head = Head { title: words.title, place: Place::Lots, path: "/lots", live: false };
    page(visitor, head, content)
}

fn form(visitor: &Visitor) -> Markup {
    let words = visitor.lang.lots();
    html! {
        form .card method="post" action="/lots" aria-labelledby="open-title" {
            (token(visitor))
            h2 #open-title { (words.open_title) }
            label for="owner" { (words.owner) }
            input #owner name="owner" required maxlength="300" aria-describedby="owner-hint";
            p #owner-hint .hint { (words.owner_hint) }
            label for="reference" { (words.reference) }
            input #reference name="reference" maxlength="300" aria-describedby="reference-hint";
            p #reference-hint .hint { (words.reference_optional) }
            button .primary { (words.open_now) }
        }
    }
}

fn card(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    let state = match (&lot.closed, lot.may_close && lot.sums.received > 0) {
        (Some(_), _) => words.state_closed,
        (None, true) => words.state_may_close,
        (None, false) => words.state_open,
    };
    html! {
        section .batch {
            h2 { a href={ "/lots/" (lot.id) } { (lot.owner) } " · " (state) }
            dl {
                dt { (words.opened) } dd { (moment(lot.opened_at)) }
                @if !lot.reference.is_empty() { dt { (words.reference) } dd { (lot.reference) } }
                dt { (words.reckoning) } dd { (super::sections::sums(visitor.lang, lot)) }
            }
        }
    }
}
