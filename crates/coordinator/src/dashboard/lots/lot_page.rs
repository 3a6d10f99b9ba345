//! A page per lot: what was received, where it ended, what stands in the way.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::super::guard::Visitor;
use super::super::page::{Head, Page, Place, page, refusal};
use super::super::{Desk, Shared};
use super::{broken, find, sections, unknown};
use crate::calendar::Day;
use crate::lots::view::LotView;

/// `GET /lots/{id}`
pub(in super::super) async fn show(
    State(desk): Shared,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    whole(&desk, &visitor, &id, None).await
}

/// The page, with the reason why something was not done.
pub(super) async fn whole(
    desk: &Desk,
    visitor: &Visitor,
    id: &str,
    problem: Option<&str>,
) -> Response {
    let lot = match find(desk, id).await {
        Ok(Some(lot)) => lot,
        Ok(None) => return unknown(visitor).into_response(),
        Err(error) => return broken(visitor, &error).into_response(),
    };
    let today = Day::of(desk.coordinator.journal.now());
    let today = today.map(|day| day.to_string()).unwrap_or_default();
    let mut response = drawn(visitor, &lot, &today, problem).into_response();
    if problem.is_some() {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    response
}

fn drawn(visitor: &Visitor, lot: &LotView, today: &str, problem: Option<&str>) -> Page {
    let words = visitor.lang.lots();
    let content = html! {
        h1 { (lot.owner) }
        @if let Some(problem) = problem { (refusal(words.not_followed, Some(problem))) }
        p { (sections::sums(visitor.lang, lot)) }
        div .columns {
            div .side {
                (sections::papers(visitor, lot, today))
                (sections::take_in(visitor, lot))
                (sections::close(visitor, lot))
                (sections::take_away(visitor, lot))
            }
            div .main {
                (sections::unknown(visitor, lot))
                (sections::things(visitor, lot))
                (sections::bags(visitor, lot))
                (sections::missing(visitor, lot))
            }
        }
    };
    let path = format!("/lots/{}", lot.id);
    let head = Head { title: &lot.owner, place: Place::Lots, path: &path, live: false };
    page(visitor, head, content)
}
