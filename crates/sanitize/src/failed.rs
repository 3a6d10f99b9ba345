//! How a drive ends without evidence.

use std::fmt;
use std::io;

use drive::{AdminError, AtaError, IdentityError};
use protocol::event::{BadRange, CommandObservation};
use protocol::features::SanitizeState;
use protocol::{ByteLen, DriveIdentity, SectorSize, Stage, Step, Technique};

use crate::bad_ranges::BadRanges;
use crate::pass::is_gone;

/// A drive of which nothing may be claimed. Its descriptor is closed.
#[derive(Debug)]
pub struct Failed {
    /// The drive, as the plan names it.
    pub drive: DriveIdentity,
    /// In which stage.
    pub stage: Stage,
    /// How far the pass was.
    pub done: ByteLen,
    /// The first [`crate::MAX_LISTED_RANGES`] ranges that could not be written, read or verified.
    pub bad_ranges: Vec<BadRange>,
    /// How many such ranges there are, listed or not.
    pub n_bad_ranges: u64,
    /// Their length together.
    pub bad_bytes: ByteLen,
    /// The commands that were sent to it since the last technique ended.
    pub commands: Vec<CommandObservation>,
    /// Why.
    pub cause: FailureCause,
}

/// Why a drive failed.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// It would not say who it is.
    #[error("it no longer says who it is; check its cable or slot and start again")]
    Identity(#[source] IdentityError),
    /// It is another drive.
    #[error(
        "the drive that answers is {found}; nothing further was written; look at the machine again"
    )]
    OtherDrive {
        /// Who answers.
        found: Box<DriveIdentity>,
    },
    /// The sectors are not those of the plan.
    #[error("its sectors are of {found} bytes, {planned} were planned; look at the machine again", found = found.bytes(), planned = planned.bytes())]
    SectorSize {
        /// In the plan.
        planned: SectorSize,
        /// Of the drive.
        found: SectorSize,
    },
    /// A marked sector did not come back.
    #[error(
        "it acknowledged a write at byte {offset} and does not hold it: a fake or a worn-out drive; take it out and destroy it"
    )]
    NotStored {
        /// Where.
        offset: u64,
    },
    /// Some of it could not be overwritten, or read, or holds something else.
    #[error("some of it is beyond reach; repeat once, then take the drive out and destroy it")]
    BadRanges,
    /// FLUSH failed: what the drive holds is unknown.
    #[error(
        "it failed to make what was written durable; repeat once, then take the drive out and destroy it"
    )]
    Flush(#[source] io::Error),
    /// The kernel would not drop its copies.
    #[error("the kernel failed to drop its copies of the drive's content; start the machine again")]
    DropCaches(#[source] io::Error),
    /// It went away.
    #[error("it went away; check its cable or slot and start again")]
    Gone(#[source] io::Error),
    /// The caller's wish.
    #[error("stopped on request; data may still be on it")]
    Stopped,
    /// It was verified, and then the notice for whoever starts the machine could not be written or read back.
    #[error(
        "it was verified, and then its first sectors failed; the drive is dying: take it out and destroy it"
    )]
    Notice(#[source] io::Error),
    /// The plan is to install only.
    #[error(
        "the plan installs on what earlier work has sanitized, and sanitizes nothing itself; arm refurbish"
    )]
    NotToBeSanitized,
    /// The caller's wish, too late: the drive erases itself.
    #[error(
        "stopped on request, but it goes on erasing itself, and nothing can stop that; leave it plugged in: the next \
         start waits for it"
    )]
    StoppedWhileErasing,
    /// The coordinator's record is of something else.
    #[error("the earlier record is of {recorded} by another technique or claim; sanitize it anew")]
    OtherRecord {
        /// The drive in the record.
        recorded: Box<DriveIdentity>,
    },
    /// What was verified before was not zeros, and only zeros can be confirmed by a sample.
    #[error(
        "the earlier verification did not end in zeros, so a sample cannot confirm it; sanitize it anew"
    )]
    NotOfZeros,
    /// An ATA command failed.
    #[error("the drive refused one of its own erase commands; start again, then take it out")]
    Ata(#[source] AtaError),
    /// An NVMe command failed.
    #[error("the drive refused one of its own erase commands; start again, then take it out")]
    Nvme(#[source] AdminError),
    /// The plan names what the drive does not have.
    #[error("it does not offer {technique:?}, which was planned; look at the machine again")]
    NotOffered {
        /// What was planned.
        technique: Technique,
    },
    /// Security commands are frozen.
    #[error("its security commands are frozen; switch the machine off and on and start again")]
    Frozen,
    /// Sanitize commands are frozen.
    #[error("its sanitize commands are frozen; switch the machine off and on and start again")]
    SanitizeFrozen,
    /// A password that is not ours.
    #[error("it has a password that is not ours; only who set it can take it off")]
    Locked,
    /// It was taken for locked by us, and our password opens it neither way.
    #[error(
        "it takes our password neither to unlock nor to erase: another recovery secret or somebody else locked it; do not \
         start again, take its password off with who set it, or take it out"
    )]
    NotOurPassword(#[source] AtaError),
    /// Too many wrong passwords.
    #[error(
        "it takes no more passwords before it was without power; switch the machine off and on"
    )]
    CountExpired,
    /// A technique that takes a password was planned, and there is none.
    #[error("no password for it is kept anywhere yet, and none is set before that; start again")]
    NoPassword,
    /// The erase is over and the password is not off.
    #[error(
        "it says that it is erased and still has a password; start again: ours is kept by the coordinator"
    )]
    PasswordStays,
    /// It failed while it had our password, which could not be taken off.
    #[error(
        "it is left with our password, which is kept by the coordinator or in the file that was named; start again: {cause}"
    )]
    LeftLocked {
        /// Why it failed.
        cause: Box<FailureCause>,
    },
    /// Its status does not say that the operation was completed.
    #[error(
        "its status does not say that it sanitized itself; start again, then take it out and destroy it"
    )]
    NotCompleted,
    /// It says itself that it failed.
    #[error(
        "it failed to sanitize itself and gives out nothing until it succeeds; start again once, then destroy it"
    )]
    SanitizeFailed,
    /// Whether sanitizing is over cannot be known.
    #[error(
        "it does not say whether it is done ({state:?}); perhaps a bridge is between; attach it directly"
    )]
    SanitizeUnknown {
        /// What it said.
        state: SanitizeState,
    },
    /// It stands still.
    #[error(
        "it has stood at {percent} % for {for_s} s and is still running; leave it plugged in and start the machine again later"
    )]
    StillRunning {
        /// How far it says it is.
        percent: u64,
        /// For how long.
        for_s: u64,
    },
    /// The log speaks of something else than what was asked.
    #[error(
        "its log does not say that our command succeeded (command {command:08x}h, success {has_succeeded})"
    )]
    LogDisagrees {
        /// CDW10 in the log.
        command: u32,
        /// Whether it says success.
        has_succeeded: bool,
    },
    /// Faster than it can be.
    #[error(
        "it says it is done after {took_ms} ms; {least_ms} ms is the least that it can take: it did not do it; take it out and destroy it"
    )]
    TooFast {
        /// How long it took.
        took_ms: u64,
        /// How long it must take.
        least_ms: u64,
    },
    /// Slower than it may be.
    #[error(
        "it was cut off after {limit_s} s: it is too slow to be finished; take it out and destroy it"
    )]
    TooSlow {
        /// The limit.
        limit_s: u64,
    },
    /// Too many sectors fail.
    #[error("only {placed} of {wanted} canaries could be placed; take it out and destroy it")]
    CanariesNotPlaced {
        /// How many.
        placed: u64,
        /// How many were to be placed.
        wanted: u64,
    },
    /// It did not erase what it said it erased.
    #[error(
        "it said that it erased itself, and {found} of {placed} canaries are still there: it lies; take it out and destroy it"
    )]
    CanariesFound {
        /// How many.
        found: u64,
        /// Of how many.
        placed: u64,
    },
    /// Likewise, with what was there before.
    #[error(
        "it said that it erased itself, and {same} of {sampled} sectors are unchanged: it did not; take it out and destroy it"
    )]
    OldContentFound {
        /// How many.
        same: u64,
        /// Of how many.
        sampled: u64,
    },
    /// A place that has to be looked at.
    #[error(
        "byte {offset} cannot be read, so nothing can be said of what stands there; repeat once, then take the drive out and destroy it"
    )]
    Unreadable {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing left to look at.
    #[error(
        "only {available} sectors lie outside the image, {needed} are to be sampled; sanitize it anew"
    )]
    TooFewSectors {
        /// How many there are.
        available: u64,
        /// How many it takes.
        needed: u64,
    },
}

impl FailureCause {
    /// Of an ATA command: refused, or never answered because the drive went away.
    pub(crate) fn of_ata(error: AtaError) -> Self {
        match error {
            AtaError::Submit { source, .. } if is_gone(&source.source) => Self::Gone(source.source),
            error => Self::Ata(error),
        }
    }

    /// Of an NVMe command, likewise.
    pub(crate) fn of_nvme(error: AdminError) -> Self {
        match error {
            AdminError::Submit { source, .. } if is_gone(&source.source) => {
                Self::Gone(source.source)
            }
            error => Self::Nvme(error),
        }
    }
}

impl Failed {
    /// Whether nothing is wrong with it: who called has stopped it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.cause, FailureCause::Stopped | FailureCause::StoppedWhileErasing)
    }

    pub(crate) fn new(
        drive: &DriveIdentity,
        stage: Stage,
        done: u64,
        bad: BadRanges,
        cause: FailureCause,
    ) -> Box<Self> {
        Box::new(Self {
            drive: drive.clone(),
            stage,
            done: ByteLen(done),
            n_bad_ranges: bad.n_ranges(),
            bad_bytes: bad.bytes(),
            bad_ranges: bad.into_listed(),
            commands: Vec::new(),
            cause,
        })
    }

    /// One sentence for a technician: operation, drive, numbers, causes, what to do next.
    pub fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            sentence.push_str(" (");
            sentence.push_str(&cause.to_string());
            sentence.push(')');
            source = cause.source();
        }
        sentence
    }

    /// The record of it.
    pub fn to_step(&self) -> Step {
        Step::SanitizeFailed {
            drive: self.drive.clone(),
            stage: self.stage,
            bad_ranges: self.bad_ranges.clone(),
            commands: self.commands.clone(),
            sentence: self.sentence(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drive, stage, done, n_bad_ranges, bad_bytes, cause, .. } = self;
        write!(f, "{stage} of {drive} failed after {done}")?;
        if *n_bad_ranges > 0 {
            write!(f, ", {bad_bytes} bad in {n_bad_ranges} range{}", plural(*n_bad_ranges))?;
        }
        write!(f, ": {cause}")
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.cause)
    }
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}
