//! A person says that the lock of a drive is ours although the journal here knows nothing of it. Pure.
//!
//! That is a new data directory with the recovery secret from its sheet. What follows is no more than what follows for
//! any lock of ours: a plan may name the drive, and under a plan that was consented to its password is tried. If it is
//! not ours after all, the drive refuses, and so does the agent.

use protocol::{MachineNumber, PersonId};

use crate::bench::{Bench, Ours};
use crate::drive_name::{DriveName, NoName};
use crate::event::Happening;

/// Why a drive is not adopted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdoptionError {
    #[error(transparent)]
    Name(#[from] NoName),
    #[error("say with --because why the lock is ours")]
    Reason,
    #[error(
        "the lock of {0} is known as ours already, because a password was given out for it here; nothing was changed"
    )]
    Given(DriveName),
    #[error("the lock of {0} was adopted before, see `rehome recovery list`; nothing was changed")]
    Twice(DriveName),
}

/// What a person says, once there is something to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adoption {
    /// The drive.
    pub(crate) drive: DriveName,
    /// Why, in the person's words.
    pub(crate) because: String,
}

impl Adoption {
    /// Reads what a person typed.
    ///
    /// # Errors
    /// When a part of the drive's name, or the reason, is empty.
    pub(crate) fn typed(model: &str, serial: &str, because: &str) -> Result<Self, AdoptionError> {
        let drive = DriveName::typed(model, serial)?;
        match because.trim() {
            "" => Err(AdoptionError::Reason),
            because => Ok(Self { drive, because: because.to_owned() }),
        }
    }
}

/// Takes the lock of a drive for ours.
///
/// # Errors
/// When it is known as ours already.
pub(crate) fn adopt(
    bench: &Bench,
    Adoption { drive, because }: Adoption,
    by: PersonId,
) -> Result<Happening, AdoptionError> {
    match bench.locks().ours(&drive) {
        Some(Ours::Given) => Err(AdoptionError::Given(drive)),
        Some(Ours::Adopted) => Err(AdoptionError::Twice(drive)),
        None => Ok(Happening::LockAdopted { drive, by, because }),
    }
}

/// The machines that showed a drive of this name when they were last heard.
pub(crate) fn seen_in(bench: &Bench, drive: &DriveName) -> Vec<MachineNumber> {
    let shows = |machine: &&crate::bench::Machine| {
        let drives = machine.inventory.iter().flat_map(|inventory| &inventory.drives);
        let mut named = drives.filter_map(|unit| unit.identity.as_ref().ok());
        named.any(|identity| DriveName::of(identity) == *drive)
    };
    let mut numbers: Vec<_> = bench.machines().filter(shows).map(|it| it.number).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests;
