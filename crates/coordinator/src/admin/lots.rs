//! Lots, as the command line asks for them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::LotId;
use register::Mapping;
use serde::{Deserialize, Serialize};

use super::Shared;
use crate::http::answer::{FromBody, Json, Refused};
use crate::lots::actions::{self, LotWish};
use crate::lots::view::{self, LotView};

/// The largest register that is taken: some ten thousand rows.
pub(crate) const MAX_BODY_LEN: usize = 16 << 20;

/// A person opens a lot.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenLot {
    /// Who.
    pub(crate) by: String,
    /// The institution that hands it over.
    pub(crate) owner: String,
    /// The owner's paper; may be empty.
    #[serde(default)]
    pub(crate) reference: String,
}

/// A person wants something of a lot.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WishRequest {
    /// Who.
    pub(crate) by: String,
    /// What.
    pub(crate) wish: LotWish,
}

/// The lot that was opened or changed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opened {
    /// Its id.
    pub(crate) lot: LotId,
}

pub(super) async fn list(State(coordinator): Shared) -> Result<Json<Vec<LotView>>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let published = coordinator.journal.published();
    let bench = &published.bench;
    let mut lots: Vec<_> = bench.lots().map(|lot| view::lot(bench, lot, &names)).collect();
    lots.sort_by_key(|lot| lot.opened_at);
    Ok(Json(lots))
}

pub(super) async fn show(
    State(coordinator): Shared,
    Path(id): Path<LotId>,
) -> Result<Json<LotView>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let published = coordinator.journal.published();
    let lot = published.bench.lot(&id).ok_or_else(|| {
        Refused::new(
            StatusCode::NOT_FOUND,
            format!("there is no lot {id}; `rehome lot list` shows them"),
        )
    })?;
    Ok(Json(view::lot(&published.bench, lot, &names)))
}

/// What columns meant in the registers that were imported, the last first: a person corrects a mapping once.
pub(super) async fn mappings(State(coordinator): Shared) -> Json<Vec<Mapping>> {
    let published = coordinator.journal.published();
    let mut registers: Vec<_> =
        published.bench.lots().filter_map(|lot| lot.register.as_ref()).collect();
    registers.sort_by_key(|register| std::cmp::Reverse(register.at));
    Json(registers.into_iter().map(|register| register.mapping.clone()).collect())
}

pub(super) async fn open(
    State(coordinator): Shared,
    FromBody(OpenLot { by, owner, reference }): FromBody<OpenLot>,
) -> Result<Json<Opened>, Refused> {
    let lot = actions::open(&coordinator, by, owner, reference).await?;
    Ok(Json(Opened { lot }))
}

pub(super) async fn wish(
    State(coordinator): Shared,
    Path(lot): Path<LotId>,
    FromBody(WishRequest { by, wish }): FromBody<WishRequest>,
) -> Result<Json<Opened>, Refused> {
    actions::wish(&coordinator, lot, by, wish).await?;
    Ok(Json(Opened { lot }))
}
