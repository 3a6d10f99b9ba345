//! People whose names are in the side table, and how a name is deleted.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::PersonId;

use super::{ForgetRequest, PersonView, Shared};
use crate::access::Actor;
use crate::http::answer::{FromBody, FromPath, Json, Refused};
use crate::journal::JournalError;

/// People whose names are, or were, on record.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "people",
    responses((status = 200, body = Vec<PersonView>, description = "The people."), super::docs::Refusals)
)]
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

/// Deletes a person's name for good; what the person did stays.
#[utoipa::path(
    post, path = "/api/v1/people/{id}/forget", tag = "people", request_body = ForgetRequest,
    params(("id" = String, Path, pattern = "^[0-9a-fA-F]{32}$", description = "The person's id.")),
    responses((status = 200, body = PersonView, description = "The person."), super::docs::Refusals)
)]
pub(super) async fn forget(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(id): FromPath<String>,
    FromBody(ForgetRequest { because }): FromBody<ForgetRequest>,
) -> Result<Json<PersonView>, Refused> {
    let id: PersonId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    if because.trim().is_empty() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "say why with --because"));
    }
    let forgotten = coordinator.journal.forget(id, by, because).await;
    forgotten.map_err(|error| match error {
        JournalError::NoName { .. } => Refused::because(StatusCode::NOT_FOUND, &error),
        JournalError::StillUser { .. } => Refused::because(StatusCode::CONFLICT, &error),
        JournalError::NameInReason => Refused::because(StatusCode::BAD_REQUEST, &error),
        error => error.into(),
    })?;
    Ok(Json(PersonView { id, name: None, forgotten: true }))
}
