//! Holding a machine, looking at its drives, letting it go.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::MachineNumber;

use super::{LookAt, Shared, WhoRequest};
use crate::http::answer::{FromBody, Json, Refused};
use crate::witness::{Look, Wish, WitnessError, ask_for_hold, let_go, look_at};

/// `POST /machines/{number}/hold`
pub(super) async fn hold(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
    FromBody(WhoRequest { by }): FromBody<WhoRequest>,
) -> Result<Json<MachineNumber>, Refused> {
    ask_for_hold(&coordinator, number, by).await.map_err(refused)?;
    Ok(Json(number))
}

/// `POST /machines/{number}/release`
pub(super) async fn release(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
    FromBody(WhoRequest { by }): FromBody<WhoRequest>,
) -> Result<Json<MachineNumber>, Refused> {
    let_go(&coordinator, number, by).await.map_err(refused)?;
    Ok(Json(number))
}

/// `POST /machines/{number}/look`
pub(super) async fn look(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
    FromBody(LookAt { by, drive, sector, count }): FromBody<LookAt>,
) -> Result<Json<Look>, Refused> {
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
