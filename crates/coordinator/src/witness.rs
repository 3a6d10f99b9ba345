//! A second pair of eyes: a person has a verified machine wait, looks at sectors of its drives, and lets it go on.
//!
//! A hold is no part of the plan: it destroys nothing. It stands in the journal, so it outlives restarts on both sides,
//! and nothing but a person's word ends it.

mod decision;
mod look;
mod looks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::witness::{LookRequest, MAX_LOOK_SECTORS, Seen};
use protocol::{MachineNumber, Nonce, PersonId};

pub(crate) use decision::{Target, hold, release, target};
pub(crate) use look::{Content, Look, Row};
pub(crate) use looks::{Answered, Asked, Looks, Taken};

use crate::admission::{AdmissionError, split};
use crate::coordinator::Coordinator;
use crate::journal::JournalError;
use crate::random::{self, RandomError};

/// How long a person waits for the answer to a look: a drive may need some seconds to wake up, or to give up.
const LOOK_TIME: Duration = Duration::from_secs(25);

/// Why a machine is not held or let go, or a sector not shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    #[error(transparent)]
    Refused(AdmissionError),
    #[error("a look shows 1 to {MAX_LOOK_SECTORS} sectors, not {0}")]
    Count(u32),
    #[error("its agent has not been heard for some seconds; is the machine on, and its cable in?")]
    Silent,
    #[error("{0} looks wait for this machine already; ask again when they are answered")]
    Full(usize),
    #[error("no answer came within {} s; the drive may hang: look at the machine", LOOK_TIME.as_secs())]
    NoAnswer,
    /// The drive or the agent says no.
    #[error("{0}")]
    Unreadable(String),
    #[error("the look could not be recorded, so nothing is shown")]
    NotRecorded,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// What a person wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Who.
    pub(crate) by: PersonId,
    /// Serial number of the drive; the only one if absent.
    pub(crate) drive: Option<String>,
    /// The first sector.
    pub(crate) sector: u64,
    /// How many.
    pub(crate) count: u32,
}

/// Has a machine wait before anything new is written to its drives.
///
/// # Errors
/// When it has no work, is past that point, or nothing can be recorded.
pub(crate) async fn ask_for_hold(
    coordinator: &Coordinator,
    number: MachineNumber,
    by: PersonId,
) -> Result<(), WitnessError> {
    let decide = move |bench: &_, _| split(hold(bench, number, by));
    coordinator.journal.decide(decide).await?.map_err(WitnessError::Refused)
}

/// Lets a machine go on.
///
/// # Errors
/// When nobody holds it, or nothing can be recorded.
pub(crate) async fn let_go(
    coordinator: &Coordinator,
    number: MachineNumber,
    by: PersonId,
) -> Result<(), WitnessError> {
    let decide = move |bench: &_, _| split(release(bench, number, by).map(|it| vec![it]));
    coordinator.journal.decide(decide).await?.map_err(WitnessError::Refused)
}

/// Asks the agent of a held machine for some sectors, and waits until it has answered and that is journaled.
///
/// # Errors
/// When the machine does not hold, there are no such sectors, they cannot be read, or nothing can be recorded.
pub(crate) async fn look_at(
    coordinator: &Arc<Coordinator>,
    number: MachineNumber,
    wish: Wish,
) -> Result<Look, WitnessError> {
    let Wish { by, drive, sector, count } = wish;
    if !(1..=MAX_LOOK_SECTORS).contains(&count) {
        return Err(WitnessError::Count(count));
    }
    let Target { machine, agent, drive, sector_size } = {
        let published = coordinator.journal.published();
        let sectors = (sector, count);
        target(&published.bench, number, drive.as_deref(), sectors)
            .map_err(WitnessError::Refused)?
    };
    let look = Nonce::from_bytes(random::bytes()?);
    let request = LookRequest { look, drive: drive.clone(), sector, count };
    let asked = Asked { machine, agent, by, request, sector_size };
    let answer = coordinator.looks.ask(asked, Instant::now())?;
    let answered = tokio::time::timeout(LOOK_TIME, answer).await;
    let answered = answered.map_err(|_| WitnessError::NoAnswer)?;
    let Answered { seen, sha256 } = answered.map_err(|_| WitnessError::NotRecorded)?;
    match (seen, sha256) {
        (Seen::Content { bytes }, Some(sha256)) => {
            Ok(Look { machine: number, drive, sector, count, sector_size, bytes, sha256 })
        }
        (Seen::Content { .. }, None) => Err(WitnessError::NotRecorded),
        (Seen::Unreadable { sentence }, _) => Err(WitnessError::Unreadable(sentence)),
    }
}

#[cfg(test)]
mod tests;
