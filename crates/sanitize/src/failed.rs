//! How a drive ends without evidence.

use std::fmt;
use std::io;

use drive::IdentityError;
use protocol::event::BadRange;
use protocol::{ByteLen, DriveIdentity, SectorSize, Stage, Step};

use crate::bad_ranges::BadRanges;

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
    /// The coordinator's record is of something else.
    #[error("the earlier record is of {recorded} by another technique or claim; sanitize it anew")]
    OtherRecord {
        /// The drive in the record.
        recorded: Box<DriveIdentity>,
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

impl Failed {
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
