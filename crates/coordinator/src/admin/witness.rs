//! Holding a machine, looking at its drives, letting it go.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::MachineNumber;

use super::{LookAt, Shared};
use crate::access::Actor;
use crate::http::answer::{FromBody, FromPath, Json, Refused};
use crate::witness::{Look, Wish, WitnessError, ask_for_hold, let_go, look_at};

/// Has a machine wait once its drives are verified, before anything new is written to them.
#[utoipa::path(
    post, path = "/api/v1/machines/{number}/hold", tag = "machines",
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = u32, content_type = "application/json", description = "The machine's number."), super::docs::Refusals)
)]
pub(super) async fn hold(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(number): FromPath<MachineNumber>,
) -> Result<Json<MachineNumber>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    ask_for_hold(&coordinator, number, by).await.map_err(refused)?;
    Ok(Json(number))
}

/// Lets a machine go on that is held.
#[utoipa::path(
    post, path = "/api/v1/machines/{number}/release", tag = "machines",
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = u32, content_type = "application/json", description = "The machine's number."), super::docs::Refusals)
)]
pub(super) async fn release(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(number): FromPath<MachineNumber>,
) -> Result<Json<MachineNumber>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let_go(&coordinator, number, by).await.map_err(refused)?;
    Ok(Json(number))
}

/// Shows sectors of a held machine's drive, read-only. Who looked where is recorded, the bytes are not. Waits up to 25
/// seconds for the machine.
#[utoipa::path(
    post, path = "/api/v1/machines/{number}/look", tag = "machines", request_body = LookAt,
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = Object, description = "The sectors."), super::docs::Refusals)
)]
pub(super) async fn look(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(number): FromPath<MachineNumber>,
    FromBody(LookAt { drive, sector, count }): FromBody<LookAt>,
) -> Result<Json<Look>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let wish = Wish { by, drive, sector, count };
    look_at(&coordinator, number, wish).await.map(Json).map_err(refused)
}

fn refused(error: WitnessError) -> Refused {
    let status = match error {
        WitnessError::Journal(error) => return error.into(),
        WitnessError::Random(error) => return error.into(),
        WitnessError::Count(_) => StatusCode::BAD_REQUEST,
        WitnessError::Full(_) => StatusCode::TOO_MANY_REQUESTS,
        WitnessError::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
        WitnessError::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
        WitnessError::Refused(_) | WitnessError::Silent | WitnessError::Unreadable(_) => {
            StatusCode::CONFLICT
        }
    };
    Refused::because(status, &error)
}
