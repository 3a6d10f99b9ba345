//! A person's word on a model, for programs and the command line.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::{BatchId, MachineNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use crate::access::Actor;
use crate::bench::Bench;
use crate::first_of_model::{ModelError, ModelRow, Word, judge, rows};
use crate::http::answer::{FromBody, Json, Refused};

/// A person says whether a model works.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgeRequest {
    /// Its name, as the list shows it.
    pub(crate) model: String,
    /// Whether it works.
    pub(crate) works: bool,
    /// Why; may be empty.
    #[serde(default)]
    pub(crate) because: String,
    /// In which batch; the only one that asks for it if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
    pub(crate) batch: Option<BatchId>,
}

/// A model in a batch in which the first machine of each model goes first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelView {
    /// Its name.
    pub(crate) model: String,
    #[schema(value_type = String)]
    pub(crate) batch: BatchId,
    /// The machine that goes first, or went.
    #[schema(value_type = Option<u32>)]
    pub(crate) first: Option<MachineNumber>,
    /// Name of that machine's state.
    pub(crate) first_state: Option<String>,
    /// Whether its installed system has reported its first boot.
    pub(crate) booted: bool,
    /// A person's word, the last one.
    pub(crate) works: Option<bool>,
    /// Why, in that person's words.
    pub(crate) because: Option<String>,
    /// The machines that wait, erased and checked.
    #[schema(value_type = Vec<u32>)]
    pub(crate) waiting: Vec<MachineNumber>,
}

/// Every model of every batch in which the first machine of each goes first.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "batches",
    responses((status = 200, body = Vec<ModelView>, description = "The models."), super::docs::Refusals)
)]
pub(super) async fn list(State(coordinator): Shared) -> Json<Vec<ModelView>> {
    Json(rows(&coordinator.journal.published().bench).into_iter().map(view).collect())
}

/// Takes a person's word on a model: the machines of it that wait go on, or stay as they are.
#[utoipa::path(
    post, path = "/api/v1/models", tag = "batches", request_body = JudgeRequest,
    responses((status = 200, body = Vec<ModelView>, description = "The models."), super::docs::Refusals)
)]
pub(super) async fn say(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(JudgeRequest { model, works, because, batch }): FromBody<JudgeRequest>,
) -> Result<Json<Vec<ModelView>>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let word = Word { by, model, batch, works, because };
    let decide = move |bench: &Bench, _| match judge(bench, word) {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    // A yes lets machines be written to.
    let decided = match works {
        true => coordinator.journal.grant(decide).await?,
        false => coordinator.journal.decide(decide).await?,
    };
    decided.map_err(|error| refused(&error))?;
    Ok(list(State(coordinator)).await)
}

fn refused(error: &ModelError) -> Refused {
    let status = match error {
        ModelError::NoSuch(_) => StatusCode::NOT_FOUND,
        ModelError::Several(..) => StatusCode::CONFLICT,
    };
    Refused::because(status, error)
}

fn view(row: ModelRow) -> ModelView {
    ModelView {
        booted: row.has_booted(),
        model: row.model.to_string(),
        batch: row.batch,
        first: row.first.as_ref().map(|(number, _)| *number),
        first_state: row.first.map(|(_, state)| state.name().to_owned()),
        works: row.verdict.as_ref().map(|verdict| verdict.works),
        because: row.verdict.map(|verdict| verdict.because),
        waiting: row.waiting,
    }
}
