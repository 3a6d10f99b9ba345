//! What a person may do to the bench, whichever way they say it: command line or dashboard.

use std::time::Duration;

use axum::http::StatusCode;
use protocol::{BatchId, JobKind, MachineNumber};

use super::{ArmRequest, KindName, PickRequest, unseen};
use crate::admission::{self, AdmissionError};
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::http::answer::Refused;
use crate::random;

/// Says that a machine whose identity is not clear was looked at and may be worked on.
///
/// # Errors
/// When nobody has seen it, or nothing can be recorded.
pub(crate) async fn settle(
    coordinator: &Coordinator,
    number: MachineNumber,
    by: String,
) -> Result<(), Refused> {
    let by = coordinator.journal.person(by).await?;
    let known = coordinator
        .journal
        .decide(move |bench, _| match bench.numbered(number) {
            None => (Vec::new(), false),
            Some(machine) => (vec![Happening::ConflictSettled { machine: machine.id, by }], true),
        })
        .await?;
    if known { Ok(()) } else { Err(unseen(number)) }
}

/// Admits all of the picked machines, or none.
///
/// # Errors
/// Why one of them is not admitted, or when nothing can be recorded.
pub(crate) async fn pick(
    coordinator: &Coordinator,
    request: PickRequest,
) -> Result<Vec<MachineNumber>, Refused> {
    let by = coordinator.journal.person(request.by.clone()).await?;
    let numbers = request.machines.iter().map(|machine| machine.number).collect();
    let rules = coordinator.rules();
    let decided = coordinator
        .journal
        .decide(move |bench, now| {
            let picks = request.picks();
            split(admission::pick(bench, now, &picks, request.batch, by, rules))
        })
        .await?;
    decided.map(|()| numbers).map_err(|error| refused(&error))
}

/// Arms a batch.
///
/// # Errors
/// When what is asked for is impossible, or nothing can be recorded.
pub(crate) async fn arm(
    coordinator: &Coordinator,
    request: ArmRequest,
) -> Result<BatchId, Refused> {
    let job = job(coordinator, &request).await?;
    let by = coordinator.journal.person(request.by.clone()).await?;
    let batch = BatchId::from_bytes(random::bytes()?);
    let time = Duration::from_secs(request.seconds);
    let decided = coordinator
        .journal
        .decide(move |_, now| {
            split(admission::arm(now, batch, by, time, request.count, job).map(|it| vec![it]))
        })
        .await?;
    decided.map(|()| batch).map_err(|error| refused(&error))
}

/// Ends a batch.
///
/// # Errors
/// When there is none, or nothing can be recorded.
pub(crate) async fn disarm(
    coordinator: &Coordinator,
    batch: BatchId,
    by: String,
) -> Result<(), Refused> {
    let by = coordinator.journal.person(by).await?;
    let decided = coordinator
        .journal
        .decide(move |bench, _| {
            split(admission::disarm(bench, batch, by).map(|it| it.into_iter().collect()))
        })
        .await?;
    decided.map_err(|error| refused(&error))
}

/// The job that is asked for, with its image looked up.
async fn job(coordinator: &Coordinator, request: &ArmRequest) -> Result<JobKind, Refused> {
    let bad = |sentence: &str| Refused::new(StatusCode::BAD_REQUEST, sentence);
    let wanted = match (request.kind, &request.image) {
        (KindName::Wipe, None) => return Ok(JobKind::Wipe),
        (KindName::Wipe, Some(_)) => return Err(bad("a wipe leaves the machine empty: no image")),
        (KindName::Refurbish, None) => return Err(bad("say which image to install with --image")),
        (KindName::Refurbish, Some(wanted)) => wanted.clone(),
    };
    if !is_locale(&request.locale) {
        return Err(bad("a locale looks like pl_PL.UTF-8"));
    }
    let images = coordinator.images.clone();
    let found = tokio::task::spawn_blocking(move || {
        let image = images.find(&wanted)?;
        Ok::<_, crate::images::ImageError>((image, images.min_size(image)?))
    });
    let found =
        found.await.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let (image, image_min_size) =
        found.map_err(|error| Refused::because(StatusCode::CONFLICT, &error))?;
    Ok(JobKind::Refurbish { image, image_min_size, locale: request.locale.clone() })
}

/// Language, country and encoding, as `locale -a` writes them.
fn is_locale(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-@".contains(c);
    !text.is_empty() && text.len() <= 32 && text.chars().all(plain)
}

/// The events of a decision apart from its answer.
fn split(
    decided: Result<Vec<Happening>, AdmissionError>,
) -> (Vec<Happening>, Result<(), AdmissionError>) {
    match decided {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn refused(error: &AdmissionError) -> Refused {
    Refused::because(StatusCode::CONFLICT, error)
}
