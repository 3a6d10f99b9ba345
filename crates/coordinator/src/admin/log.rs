//! The log of actions.

use axum::extract::State;
use protocol::{MachineNumber, PersonId};
use serde::Deserialize;

use super::{Shared, unseen};
use crate::config::Language;
use crate::dashboard::{Log, read_log};
use crate::deeds::Wanted;
use crate::http::answer::{FromQuery, Json, Refused};

/// Actions in an answer where no number is asked for.
const USUAL: u32 = 100;
/// Actions in an answer at most.
const MOST: u32 = 1000;

/// What of the log is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only of this person: 32 hexadecimal digits.
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{32}$")]
    person: Option<PersonId>,
    /// Only about the machine of this number.
    #[param(value_type = Option<u32>, minimum = 1)]
    machine: Option<MachineNumber>,
    /// Only before the action of this index.
    before: Option<u64>,
    /// How many at most: up to 1000, 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    most: Option<u32>,
}

/// Who did what and when, the last action first. Each has its place in the journal.
#[utoipa::path(
    get, path = "/api/v1/log", tag = "log", params(Filter),
    responses((status = 200, body = Log, description = "Actions, the last one first."), super::docs::Refusals)
)]
pub(super) async fn log(
    State(coordinator): Shared,
    FromQuery(Filter { person, machine, before, most }): FromQuery<Filter>,
) -> Result<Json<Log>, Refused> {
    let most = most.unwrap_or(USUAL);
    if !(1..=MOST).contains(&most) {
        let sentence = format!("an answer has 1 to {MOST} actions, not {most}");
        return Err(Refused::new(axum::http::StatusCode::BAD_REQUEST, sentence));
    }
    if before.is_some_and(|before| i64::try_from(before).is_err()) {
        let sentence = "no journal has so many actions: leave out `before` for the last ones";
        return Err(Refused::new(axum::http::StatusCode::BAD_REQUEST, sentence));
    }
    let machine = match machine {
        None => None,
        Some(number) => {
            let published = coordinator.journal.published();
            Some(published.bench.numbered(number).ok_or_else(|| unseen(number))?.id)
        }
    };
    let wanted = Wanted { person, machine, before };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let read = move |journal: &_| read_log(journal, wanted, most, Language::En);
    Ok(Json(coordinator.journal.read(read).await?))
}
