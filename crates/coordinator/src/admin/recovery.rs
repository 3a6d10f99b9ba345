//! Drives whose locks people adopt.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::PersonId;

use super::{AdoptRequest, AdoptedLock, Shared};
use crate::access::Actor;
use crate::adoption::{Adoption, AdoptionError, adopt as decide, seen_in};
use crate::bench::{Adopted, Bench};
use crate::drive_name::DriveName;
use crate::http::answer::{FromBody, Json, Refused};
use crate::view::name_of;

/// Drives whose locks were adopted, the first one first.
#[utoipa::path(
    get, path = "/api/v1/recovery/adopted", tag = "recovery",
    responses((status = 200, body = Vec<AdoptedLock>, description = "The locks."), super::docs::Refusals)
)]
pub(super) async fn adopted(State(coordinator): Shared) -> Result<Json<Vec<AdoptedLock>>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let published = coordinator.journal.published();
    let bench = &published.bench;
    let mut rows: Vec<_> =
        bench.locks().adopted().map(|(drive, it)| row(bench, drive, it, &names)).collect();
    rows.sort_by_key(|row| row.at);
    Ok(Json(rows))
}

/// Says that a drive's lock is ours although the journal here does not know it.
#[utoipa::path(
    post, path = "/api/v1/recovery/adopted", tag = "recovery", request_body = AdoptRequest,
    responses((status = 200, body = AdoptedLock, description = "The lock."), super::docs::Refusals)
)]
pub(super) async fn adopt(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(AdoptRequest { model, serial, because }): FromBody<AdoptRequest>,
) -> Result<Json<AdoptedLock>, Refused> {
    // Before the person's name is put on record.
    let adoption = Adoption::typed(&model, &serial, &because).map_err(|why| refused(&why))?;
    let drive = adoption.drive.clone();
    let person = by.person(&coordinator.journal).await?;
    let decided = coordinator
        .journal
        .grant(move |bench, _| match decide(bench, adoption, person) {
            Ok(happening) => (vec![happening], Ok(())),
            Err(why) => (Vec::new(), Err(why)),
        })
        .await?;
    decided.map_err(|why| refused(&why))?;
    let Json(rows) = adopted(State(coordinator)).await?;
    let row = rows.into_iter().find(|row| row.drive == drive);
    let lost =
        || Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "it was adopted and is not listed");
    row.map(Json).ok_or_else(lost)
}

fn row(
    bench: &Bench,
    drive: &DriveName,
    Adopted { by, because, at }: &Adopted,
    names: &[(PersonId, String)],
) -> AdoptedLock {
    AdoptedLock {
        drive: drive.clone(),
        machines: seen_in(bench, drive),
        by: name_of(names, *by),
        because: because.clone(),
        at: *at,
    }
}

fn refused(why: &AdoptionError) -> Refused {
    let status = match why {
        AdoptionError::Name(_) | AdoptionError::Reason => StatusCode::BAD_REQUEST,
        AdoptionError::Given(_) | AdoptionError::Twice(_) => StatusCode::CONFLICT,
    };
    Refused::because(status, why)
}
