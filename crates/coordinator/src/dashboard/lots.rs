//! Pages about lots.

pub(super) mod certificates;
pub(super) mod list_page;
pub(super) mod lot_page;
mod sections;
pub(super) mod table;
pub(super) mod upload;
pub(super) mod wish;

use axum::http::StatusCode;
use protocol::LotId;

use super::Desk;
use super::guard::Visitor;
use super::page::{Page, refusal_page};
use crate::journal::JournalError;
use crate::lots::view::{self, LotView};

/// A lot as its page shows it; none where there is none.
async fn find(desk: &Desk, id: &str) -> Result<Option<LotView>, JournalError> {
    let Ok(id) = id.parse::<LotId>() else { return Ok(None) };
    desk.coordinator.journal.read(move |journal| view::one(journal, &id)).await
}

fn unknown(visitor: &Visitor) -> Page {
    refusal_page(visitor.lang, StatusCode::NOT_FOUND, visitor.lang.lots().unknown_lot)
}

fn broken(visitor: &Visitor, error: &JournalError) -> Page {
    tracing::error!(target: "dashboard", "{:#}", anyhow::format_err!("{error}"));
    let words = visitor.lang.words().not_recorded;
    refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, words)
}
