//! What a person may do to the bench, whichever way they say it: command line or dashboard.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use protocol::{BatchId, MachineId, MachineNumber, PersonId};

use super::{AcceptClockRequest, ArmRequest, KindName, PickRequest, SettleRequest};
use crate::access::Actor;
use crate::admission::{self, AdmissionError, split};
use crate::arming::{self, ArmError, WantedImage, WantedWork, Wish};
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::forecast::Forecast;
use crate::http::answer::Refused;
use crate::journal::{ClockAcceptance, Journal, JournalError};

/// Says that a machine whose identity is not clear was compared with others and may be worked on.
///
/// # Errors
/// When nobody has seen it, it has no such conflict, or nothing can be recorded.
pub(crate) async fn settle(
    coordinator: &Coordinator,
    number: MachineNumber,
    SettleRequest { with }: SettleRequest,
    by: &Actor,
) -> Result<(), Refused> {
    let by = by.person(&coordinator.journal).await?;
    let decide = move |bench: &_, _| split(admission::settle(bench, number, &with, by));
    let decided = coordinator.journal.decide(decide).await?;
    decided.map_err(|error| refused(&error))
}

/// Takes the clock for right although it was set.
///
/// # Errors
/// When it is not in doubt, there is no reason given, or nothing can be recorded.
pub(crate) async fn accept_clock(
    coordinator: &Coordinator,
    AcceptClockRequest { because }: AcceptClockRequest,
    by: &Actor,
) -> Result<(), Refused> {
    if because.trim().is_empty() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "say why with --because"));
    }
    let acceptance = ClockAcceptance { by: by.name.clone(), because };
    match coordinator.journal.accept_clock(acceptance).await {
        Err(error @ JournalError::ClockEven) => Err(Refused::because(StatusCode::CONFLICT, &error)),
        done => Ok(done?),
    }
}

/// Admits all of the picked machines, or none.
///
/// # Errors
/// Why one of them is not admitted, or when nothing can be recorded.
pub(crate) async fn pick(
    coordinator: &Coordinator,
    request: PickRequest,
    by: &Actor,
) -> Result<Vec<MachineNumber>, Refused> {
    let by = by.person(&coordinator.journal).await?;
    let numbers = request.machines.iter().map(|machine| machine.number).collect();
    let rules = coordinator.rules();
    let decided = coordinator
        .journal
        .grant(move |bench, now| {
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
    coordinator: &Arc<Coordinator>,
    request: ArmRequest,
    by: &Actor,
) -> Result<BatchId, Refused> {
    let work = work(request.kind, request.image, request.locale)?;
    let by = by.person(&coordinator.journal).await?;
    let (count, time) = (request.count, Duration::from_secs(request.seconds));
    let ArmRequest { policy, witness, first_of_model, lot, .. } = request;
    let wish = Wish { by, count, time, work, policy, witness, first_of_model, lot };
    let armed = arming::arm(coordinator, wish).await;
    armed.map_err(|error| not_armed(&error))
}

/// When a batch would be done; nothing is armed.
///
/// # Errors
/// When what is asked for is impossible.
pub(crate) async fn preview(
    coordinator: &Arc<Coordinator>,
    request: ArmRequest,
) -> Result<Forecast, Refused> {
    let work = work(request.kind, request.image, request.locale)?;
    let previewed = arming::preview(coordinator, (work, request.policy), request.count).await;
    previewed.map_err(|error| not_armed(&error))
}

fn work(kind: KindName, image: Option<String>, locale: String) -> Result<WantedWork, Refused> {
    let bad = |sentence: &str| Refused::new(StatusCode::BAD_REQUEST, sentence);
    Ok(match (kind, image) {
        (KindName::Wipe, None) => WantedWork::Wipe,
        (KindName::InventoryOnly, None) => WantedWork::Inventory,
        (KindName::VerifyOnly, None) => WantedWork::Verify,
        (KindName::Wipe | KindName::InventoryOnly | KindName::VerifyOnly, Some(_)) => {
            return Err(bad("this kind of work installs nothing: no image"));
        }
        (KindName::Refurbish | KindName::ImageOnly, None) => {
            return Err(bad("say which image to install with --image"));
        }
        (KindName::Refurbish, Some(image)) => {
            WantedWork::Refurbish { image: WantedImage::Named(image), locale }
        }
        (KindName::ImageOnly, Some(image)) => {
            WantedWork::Image { image: WantedImage::Named(image), locale }
        }
    })
}

/// Records that somebody takes a machine's certificate along.
///
/// # Errors
/// When it cannot be recorded; then it is not given out.
pub(crate) async fn exported(
    journal: &Journal,
    machine: MachineId,
    by: PersonId,
) -> Result<(), JournalError> {
    let exported = Happening::CertificateExported { machine, by };
    journal.decide(move |_, _| (vec![exported], ())).await
}

/// Ends a batch.
///
/// # Errors
/// When there is none, or nothing can be recorded.
pub(crate) async fn disarm(
    coordinator: &Arc<Coordinator>,
    batch: BatchId,
    by: &Actor,
) -> Result<(), Refused> {
    let by = by.person(&coordinator.journal).await?;
    arming::disarm(coordinator, batch, by).await.map_err(|error| not_armed(&error))
}

fn not_armed(error: &ArmError) -> Refused {
    let status = match error {
        ArmError::Locale | ArmError::NothingToShow | ArmError::Policy(_) => StatusCode::BAD_REQUEST,
        ArmError::Simulated
        | ArmError::Image(_)
        | ArmError::NotInstallable { .. }
        | ArmError::Disk(_)
        | ArmError::Admission(_) => StatusCode::CONFLICT,
        ArmError::Journal(_) | ArmError::Random(_) => StatusCode::SERVICE_UNAVAILABLE,
        ArmError::Interrupted(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refused::because(status, error)
}

fn refused(error: &AdmissionError) -> Refused {
    Refused::because(StatusCode::CONFLICT, error)
}
