//! What monitors ask: whether the coordinator lives and is ready, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use protocol::api::ApiError;

use super::{Shared, door};
use crate::access::{Action, Need, Ruled};
use crate::coordinator::Coordinator;
use crate::http::answer::{Json, Refused};
use crate::metrics;

/// Where the metrics are: the one thing that a monitor's token opens.
pub(super) const METRICS: &str = "/metrics";

/// The routes, for both doors.
pub(super) fn routes() -> Ruled<Arc<Coordinator>> {
    // Whether something answers, anybody who reaches the port can see; load balancers have no session.
    Ruled::new(door::deny)
        .get("/health/live", Need::Nothing, live)
        .get("/health/ready", Need::Nothing, ready)
        .get(METRICS, Need::May(Action::Read), page)
}

/// Whether the coordinator answers.
#[utoipa::path(
    get, path = "/health/live", tag = "monitoring",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8", description = "It does."), super::docs::Refusals),
    security(())
)]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether something new may be begun. Why not, only `GET /api/v1/status` says.
#[utoipa::path(
    get, path = "/health/ready", tag = "monitoring",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8", description = "It may."), super::docs::Refusals),
    security(())
)]
pub(super) async fn ready(State(coordinator): Shared) -> Result<Response, Refused> {
    if super::obstacles(&coordinator).await?.is_empty() {
        return Ok("ok\n".into_response());
    }
    // No refusal: those are logged, and a monitor asks every few seconds.
    let mut not_ready = Json(ApiError { error: "not ok".to_owned() }).into_response();
    *not_ready.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    Ok(not_ready)
}

/// Counts and sizes in Prometheus' text format, for users and for the token in `metrics.token`.
#[utoipa::path(
    get, path = "/metrics", tag = "monitoring",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4; charset=utf-8", description = "The metrics."), super::docs::Refusals)
)]
pub(super) async fn page(State(coordinator): Shared) -> Result<Response, Refused> {
    let page = tokio::task::spawn_blocking(move || metrics::page(&coordinator)).await;
    let page = page.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let page = page.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response())
}
