//! People whose names are in the side table, and how a name is deleted.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::PersonId;

use super::{ForgetRequest, PersonView, Shared};
use crate::http::answer::{FromBody, Json, Refused};
use crate::journal::JournalError;

/// `GET /people`
pub(super) async fn people(State(coordinator): Shared) -> Result<Json<Vec<PersonView>>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let published = coordinator.journal.published();
    let rows = published.bench.people().all().map(|(id, known)| PersonView {
        id,
        name: names.iter().find(|(named, _)| *named == id).map(|(_, name)| name.clone()),
        forgotten: known.forgotten,
    });
    Ok(Json(rows.collect()))
}

/// `POST /people/{id}/forget`
pub(super) async fn forget(
    State(coordinator): Shared,
    Path(id): Path<String>,
    FromBody(ForgetRequest { by, because }): FromBody<ForgetRequest>,
) -> Result<Json<PersonView>, Refused> {
    let id: PersonId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    if because.trim().is_empty() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "say why with --because"));
    }
    let forgotten = coordinator.journal.forget(id, by, because).await;
    forgotten.map_err(|error| match error {
        JournalError::NoName { .. } => Refused::because(StatusCode::NOT_FOUND, &error),
        JournalError::NameInReason => Refused::because(StatusCode::BAD_REQUEST, &error),
        error => error.into(),
    })?;
    Ok(Json(PersonView { id, name: None, forgotten: true }))
}
