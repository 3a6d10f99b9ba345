//! Lots, as the command line asks for them.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::LotId;
use register::Mapping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use crate::access::Actor;
use crate::http::answer::{FromBody, FromPath, Json, Refused};
use crate::lots::actions::{self, LotWish};
use crate::lots::view::{self, LotView};

/// The largest register that is taken: some ten thousand rows.
pub(crate) const MAX_BODY_LEN: usize = 16 << 20;

/// A person opens a lot.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenLot {
    /// The institution that hands it over.
    pub(crate) owner: String,
    /// The owner's paper; may be empty.
    #[serde(default)]
    pub(crate) reference: String,
}

/// A person wants something of a lot.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WishRequest {
    /// What.
    #[schema(value_type = Object)]
    pub(crate) wish: LotWish,
}

/// The lot that was opened or changed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opened {
    /// Its id.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub(crate) lot: LotId,
}

/// All lots, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/lots", tag = "lots",
    responses((status = 200, body = Vec<Object>, description = "The lots."), super::docs::Refusals)
)]
pub(super) async fn list(State(coordinator): Shared) -> Result<Json<Vec<LotView>>, Refused> {
    Ok(Json(coordinator.journal.read(view::all).await?))
}

/// A lot with its register, what was received, and what stands in the way of closing it.
#[utoipa::path(
    get, path = "/api/v1/lots/{id}", tag = "lots",
    params(("id" = String, Path, pattern = "^[0-9a-fA-F]{32}$", description = "The lot's id.")),
    responses((status = 200, body = Object, description = "The lot."), super::docs::Refusals)
)]
pub(super) async fn show(
    State(coordinator): Shared,
    FromPath(id): FromPath<LotId>,
) -> Result<Json<LotView>, Refused> {
    let lot = coordinator.journal.read(move |journal| view::one(journal, &id)).await?;
    let unknown = || {
        let sentence = format!("there is no lot {id}; `rehome lot list` shows them");
        Refused::new(StatusCode::NOT_FOUND, sentence)
    };
    Ok(Json(lot.ok_or_else(unknown)?))
}

/// What columns meant in the registers that were imported, the last first: a person corrects a mapping once.
#[utoipa::path(
    get, path = "/api/v1/lots/mappings", tag = "lots",
    responses((status = 200, body = Vec<Object>, description = "The mappings."), super::docs::Refusals)
)]
pub(super) async fn mappings(State(coordinator): Shared) -> Json<Vec<Mapping>> {
    let published = coordinator.journal.published();
    let mut registers: Vec<_> =
        published.bench.lots().filter_map(|lot| lot.register.as_ref()).collect();
    registers.sort_by_key(|register| std::cmp::Reverse(register.at));
    Json(registers.into_iter().map(|register| register.mapping.clone()).collect())
}

/// Opens a lot for an owner.
#[utoipa::path(
    post, path = "/api/v1/lots", tag = "lots", request_body = OpenLot,
    responses((status = 200, body = Opened, description = "The lot."), super::docs::Refusals)
)]
pub(super) async fn open(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(OpenLot { owner, reference }): FromBody<OpenLot>,
) -> Result<Json<Opened>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let lot = actions::open(&coordinator, by, owner, reference).await?;
    Ok(Json(Opened { lot }))
}

/// Records what a person did or says about a lot; which role that takes depends on what it is.
#[utoipa::path(
    post, path = "/api/v1/lots/{id}/wish", tag = "lots", request_body = WishRequest,
    params(("id" = String, Path, pattern = "^[0-9a-fA-F]{32}$", description = "The lot's id.")),
    responses((status = 200, body = Opened, description = "The lot."), super::docs::Refusals)
)]
pub(super) async fn wish(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(lot): FromPath<LotId>,
    FromBody(WishRequest { wish }): FromBody<WishRequest>,
) -> Result<Json<Opened>, Refused> {
    actions::wish(&coordinator, lot, &by, wish).await?;
    Ok(Json(Opened { lot }))
}
