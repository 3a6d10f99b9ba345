//! The panic button, for programs and the command line.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::{MachineNumber, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use crate::access::Actor;
use crate::coordinator::Coordinator;
use crate::http::answer::{FromBody, Json, Refused};
use crate::panic::{self, AtWork, PanicError};

/// A person stops everything, or takes that back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanicRequest {
    /// Why; may be empty. The first 200 characters are kept.
    #[serde(default)]
    pub(crate) because: String,
}

/// Everything is stopped.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanicView {
    /// The name of who stopped it, or the bare id where the name is gone.
    pub(crate) by: String,
    /// Why, in the person's words; may be empty.
    pub(crate) because: String,
    /// Since when.
    #[schema(value_type = u64)]
    pub(crate) at: UnixMillis,
}

/// A machine that was at work when everything was stopped.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoppedMachine {
    /// Its number.
    #[schema(value_type = u32, minimum = 1)]
    pub(crate) number: MachineNumber,
    /// Whether its agent was heard within the last seconds: one that is not cannot be told.
    pub(crate) heard: bool,
    /// Its drives that erase themselves by their firmware: nothing can stop them.
    pub(crate) unstoppable: Vec<String>,
}

/// Stops everything: no ticket is given any more, and every agent that is heard sends its drives no further command
/// that writes or erases. A drive that erases itself by its firmware goes on; the answer names it.
#[utoipa::path(
    post, path = "/api/v1/panic", tag = "bench", request_body = PanicRequest,
    responses((status = 200, body = Vec<StoppedMachine>, description = "The machines that were at work."), super::docs::Refusals)
)]
pub(super) async fn stop(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(PanicRequest { because }): FromBody<PanicRequest>,
) -> Result<Json<Vec<StoppedMachine>>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let stopped = panic::stop(&coordinator, by, &because).await.map_err(|it| refused(&it))?;
    let one = |AtWork { number, heard, unstoppable }| StoppedMachine { number, heard, unstoppable };
    Ok(Json(stopped.into_iter().map(one).collect()))
}

/// Takes that back. No machine goes on by it: each has to be picked again.
#[utoipa::path(
    post, path = "/api/v1/panic/over", tag = "bench", request_body = PanicRequest,
    responses((status = 200, description = "It is over.", content_type = "application/json"), super::docs::Refusals)
)]
pub(super) async fn end(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(PanicRequest { because }): FromBody<PanicRequest>,
) -> Result<Json<()>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    panic::end(&coordinator.journal, by, &because).await.map_err(|it| refused(&it))?;
    Ok(Json(()))
}

/// Who stopped everything, while it is so.
///
/// # Errors
/// When the names cannot be read.
pub(super) async fn view(coordinator: &Coordinator) -> Result<Option<PanicView>, Refused> {
    let panic = coordinator.journal.published().bench.panic().cloned();
    let Some(panic::Panic { by, because, at }) = panic else { return Ok(None) };
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let name = names.into_iter().find(|(id, _)| *id == by).map(|(_, name)| name);
    Ok(Some(PanicView { by: name.unwrap_or_else(|| by.to_string()), because, at }))
}

fn refused(error: &PanicError) -> Refused {
    let status = match error {
        PanicError::NotOn => StatusCode::CONFLICT,
        PanicError::NotRecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Refused::because(status, error)
}
