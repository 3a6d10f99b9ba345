//! The list of what is never touched.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::{MachineNumber, PersonId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use crate::access::Actor;
use crate::bench::Bench;
use crate::event::Happening;
use crate::http::answer::{FromBody, Json, Refused};
use crate::journal::{Journal, JournalError};
use crate::protection::{self, ProtectError};
use crate::view::name_of;

/// A person protects something, or takes it off the list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtectRequest {
    /// A serial number, UUID, network address or World Wide Name of a machine or a drive.
    pub(crate) mark: String,
    /// Why.
    pub(crate) because: String,
}

/// What is never touched.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtectedView {
    /// By which it is known.
    pub(crate) mark: String,
    /// The machines that bear it, or have a drive that does.
    #[schema(value_type = Vec<u32>)]
    pub(crate) machines: Vec<MachineNumber>,
    /// The name of who protects it, or the bare id where the name is gone.
    pub(crate) by: String,
    /// Why, in the person's words.
    pub(crate) because: String,
    /// Since when.
    #[schema(value_type = u64)]
    pub(crate) at: UnixMillis,
}

/// What is never touched.
#[utoipa::path(
    get, path = "/api/v1/protected", tag = "protection",
    responses((status = 200, body = Vec<ProtectedView>, description = "The list."), super::docs::Refusals)
)]
pub(super) async fn list(State(coordinator): Shared) -> Result<Json<Vec<ProtectedView>>, Refused> {
    Ok(Json(rows(&coordinator.journal).await?))
}

/// What is never touched, as people are shown it.
///
/// # Errors
/// When the names cannot be read.
pub(crate) async fn rows(journal: &Journal) -> Result<Vec<ProtectedView>, JournalError> {
    let names = journal.read(|journal| journal.names()).await?;
    let published = journal.published();
    let bench = &published.bench;
    let rows = bench.all_protected().map(|(mark, it)| {
        let bears = |machine: &&crate::bench::Machine| {
            mark.fits(&machine.identity, machine.inventory.as_ref())
        };
        let mut machines: Vec<_> = bench.machines().filter(bears).map(|it| it.number).collect();
        machines.sort_unstable();
        let (by, because) = (name_of(&names, it.by), it.because.clone());
        ProtectedView { mark: mark.to_string(), machines, by, because, at: it.at }
    });
    Ok(rows.collect())
}

/// Protects what bears this mark: it is never picked, gets no ticket, and a ticket that it has is void.
#[utoipa::path(
    post, path = "/api/v1/protected", tag = "protection", request_body = ProtectRequest,
    responses((status = 200, body = Vec<ProtectedView>, description = "The list."), super::docs::Refusals)
)]
pub(super) async fn add(
    state: Shared,
    by: Extension<Actor>,
    request: FromBody<ProtectRequest>,
) -> Result<Json<Vec<ProtectedView>>, Refused> {
    asked(state, by, request, protection::protect).await
}

/// Takes a mark off the list.
#[utoipa::path(
    post, path = "/api/v1/protected/remove", tag = "protection", request_body = ProtectRequest,
    responses((status = 200, body = Vec<ProtectedView>, description = "The list."), super::docs::Refusals)
)]
pub(super) async fn remove(
    state: Shared,
    by: Extension<Actor>,
    request: FromBody<ProtectRequest>,
) -> Result<Json<Vec<ProtectedView>>, Refused> {
    asked(state, by, request, protection::unprotect).await
}

async fn asked(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(ProtectRequest { mark, because }): FromBody<ProtectRequest>,
    decide: Decide,
) -> Result<Json<Vec<ProtectedView>>, Refused> {
    let journal = &coordinator.journal;
    let person = by.person(journal).await?;
    change(journal, person, mark, because, decide).await?.map_err(|why| refused(&why))?;
    list(State(coordinator)).await
}

/// What is decided of a mark, with the reason.
pub(crate) type Decide = fn(&Bench, &str, PersonId, &str) -> Result<Happening, ProtectError>;

/// Puts something on the list, or takes it off.
///
/// # Errors
/// When it could not be recorded; inside, why it is not done.
pub(crate) async fn change(
    journal: &Journal,
    by: PersonId,
    mark: String,
    because: String,
    decide: Decide,
) -> Result<Result<(), ProtectError>, JournalError> {
    let decide = move |bench: &Bench, _| match decide(bench, &mark, by, &because) {
        Ok(happening) => (vec![happening], Ok(())),
        Err(why) => (Vec::new(), Err(why)),
    };
    journal.decide(decide).await
}

fn refused(why: &ProtectError) -> Refused {
    let status = match why {
        ProtectError::Mark | ProtectError::Reason => StatusCode::BAD_REQUEST,
        ProtectError::Twice(_) | ProtectError::Not(_) => StatusCode::CONFLICT,
    };
    Refused::because(status, why)
}
