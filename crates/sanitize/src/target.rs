//! The states of a drive on its way to evidence. Transitions consume the state before.

use std::fmt;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use drive::Drive;
use protocol::api::VerifiedBefore;
use protocol::event::{DriveEvidence, PassObservation};
use protocol::{DriveIdentity, Stage, Step, Technique, UnixMillis};

use crate::bad_ranges::BadRanges;
use crate::confirm::{Confirmation, sample_zeros};
use crate::consent::ConsentedDrive;
use crate::failed::{Failed, FailureCause};
use crate::look::{Seen, is_still, look};
use crate::overwrite::{PassFailure, overwrite};
use crate::proven::ProvenZero;
use crate::verify::verify_zeros;
use crate::watch::Watch;

/// A drive that may be destroyed: it said who it is, and a consent names it.
pub struct Target {
    drive: Box<dyn Drive>,
    consent: ConsentedDrive,
}

/// A drive that took the whole technique. Nothing may be claimed yet.
pub struct Sanitized {
    target: Target,
    observed: PassObservation,
}

/// A drive whose medium was looked at and holds what the technique must leave. Still open.
pub struct Verified {
    drive: Box<dyn Drive>,
    evidence: DriveEvidence,
    proven_zero: ProvenZero,
    confirmation: Option<Confirmation>,
    receives_image: bool,
}

/// A drive of which this process read nothing but zeros, whoever made it so. Nothing may be claimed of it: it was
/// not seen being sanitized. An image may be put on it.
pub struct Blank {
    drive: Box<dyn Drive>,
    identity: DriveIdentity,
    proven_zero: ProvenZero,
    receives_image: bool,
}

/// What a drive that was not sanitized in this run turns out to be.
#[derive(Debug)]
pub enum Looked {
    /// Zeros throughout.
    Blank(Blank),
    /// Anything else; nothing was written, and the drive is closed.
    NotBlank(Seen),
}

impl Target {
    /// Takes the drive in hand, unless it is another one than consented to. Nothing is written.
    pub fn claim(drive: Box<dyn Drive>, consent: ConsentedDrive) -> Result<Self, Box<Failed>> {
        let target = Self { drive, consent };
        let is_it = target.check_identity().and_then(|()| target.check_sectors());
        is_it.map_err(|cause| target.failed(Stage::Sanitize, cause))?;
        Ok(target)
    }

    /// The drive.
    pub fn identity(&self) -> &DriveIdentity {
        self.consent.identity()
    }

    /// The record that destruction begins.
    pub fn to_step(&self) -> Step {
        let technique = self.consent.technique();
        Step::SanitizeStarted { drive: self.identity().clone(), technique }
    }

    /// Destroys what is on the drive, by the technique that was consented to. Takes minutes to hours.
    ///
    /// The drive is asked once more who it is, just before the first write.
    pub fn overwrite(self, watch: Watch<'_>) -> Result<Sanitized, Box<Failed>> {
        self.check_identity().map_err(|cause| self.failed(Stage::Sanitize, cause))?;
        let passed = match self.consent.technique() {
            Technique::OverwriteZeros => overwrite(&*self.drive, self.consent.ticket(), watch),
        };
        let observed = passed.map_err(|failure| self.pass_failed(Stage::Sanitize, failure))?;
        Ok(Sanitized { target: self, observed })
    }

    /// Confirms after a restart what the coordinator's journal holds of this drive, by sampling sectors.
    ///
    /// `written` are byte ranges where the image may have been written since. `seed` is random and new. Nothing is
    /// proven zero by this: whoever writes an image now writes its zeros too.
    pub fn confirm(
        self,
        previous: VerifiedBefore,
        written: &[Range<u64>],
        seed: &[u8; 32],
        watch: Watch<'_>,
    ) -> Result<Verified, Box<Failed>> {
        let evidence = previous.evidence;
        let is_ours = evidence.drive == *self.identity()
            && evidence.technique == self.consent.technique()
            && evidence.claim == self.consent.claim();
        if !is_ours {
            let cause = FailureCause::OtherRecord { recorded: Box::new(evidence.drive) };
            return Err(self.failed(Stage::Verify, cause));
        }
        let sectors_sampled = sample_zeros(&*self.drive, written, seed, watch)
            .map_err(|failure| self.pass_failed(Stage::Verify, failure))?;
        self.check_identity().map_err(|cause| self.failed(Stage::Verify, cause))?;
        let confirmation = Some(Confirmation { record: previous.record, sectors_sampled });
        Ok(self.verified(evidence, ProvenZero::nothing(), confirmation))
    }

    /// Reads the whole drive and writes nothing. Takes minutes to hours. There is no way from here to [`Verified`].
    pub fn look(self, watch: Watch<'_>) -> Result<Looked, Box<Failed>> {
        let seen = look(&*self.drive, self.identity(), watch)?;
        if !seen.is_zero() {
            return Ok(Looked::NotBlank(seen));
        }
        let proven_zero = ProvenZero::whole(self.drive.size().0);
        let receives_image = self.consent.receives_image();
        Ok(Looked::Blank(Blank {
            drive: self.drive,
            identity: seen.drive,
            proven_zero,
            receives_image,
        }))
    }

    fn check_identity(&self) -> Result<(), FailureCause> {
        is_still(&*self.drive, self.identity())
    }

    fn check_sectors(&self) -> Result<(), FailureCause> {
        let (planned, found) = (self.consent.sector_size(), self.drive.sector_size());
        if planned == found { Ok(()) } else { Err(FailureCause::SectorSize { planned, found }) }
    }

    fn failed(&self, stage: Stage, cause: FailureCause) -> Box<Failed> {
        self.pass_failed(stage, (0, BadRanges::default(), cause))
    }

    fn pass_failed(&self, stage: Stage, (done, bad, cause): PassFailure) -> Box<Failed> {
        Failed::new(self.identity(), stage, done, bad, cause)
    }

    fn verified(
        self,
        evidence: DriveEvidence,
        proven_zero: ProvenZero,
        confirmation: Option<Confirmation>,
    ) -> Verified {
        let receives_image = self.consent.receives_image();
        Verified { drive: self.drive, evidence, proven_zero, confirmation, receives_image }
    }
}

impl Sanitized {
    /// The drive.
    pub fn identity(&self) -> &DriveIdentity {
        self.target.identity()
    }

    /// The record of what was done. It claims nothing.
    pub fn to_step(&self) -> Step {
        Step::Sanitized { drive: self.identity().clone(), observed: self.observed.clone() }
    }

    /// Reads the whole drive in a pass of its own and compares every byte. Takes minutes to hours.
    ///
    /// The drive is asked who it is once more after the last read.
    pub fn verify(self, watch: Watch<'_>) -> Result<Verified, Box<Failed>> {
        let Self { target, observed: overwrite } = self;
        let passed = match target.consent.technique() {
            Technique::OverwriteZeros => verify_zeros(&*target.drive, watch),
        };
        let verification = passed.map_err(|failure| target.pass_failed(Stage::Verify, failure))?;
        target.check_identity().map_err(|cause| target.failed(Stage::Verify, cause))?;
        let evidence = DriveEvidence {
            drive: target.identity().clone(),
            technique: target.consent.technique(),
            claim: target.consent.claim(),
            overwrite,
            verification,
            verified_at: now(),
        };
        let proven_zero = ProvenZero::whole(target.drive.size().0);
        Ok(target.verified(evidence, proven_zero, None))
    }
}

impl Verified {
    /// What was seen.
    pub fn evidence(&self) -> &DriveEvidence {
        &self.evidence
    }

    /// Where this rests on an earlier boot's record: which one and how it was confirmed.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Whether the consent includes writing the image to this drive.
    pub fn receives_image(&self) -> bool {
        self.receives_image
    }

    /// The record of it: verified now, or an earlier record confirmed.
    pub fn to_step(&self) -> Step {
        match self.confirmation {
            None => Step::Verified(self.evidence.clone()),
            Some(Confirmation { record, sectors_sampled }) => {
                let drive = self.evidence.drive.clone();
                Step::VerificationConfirmed { drive, record, sectors_sampled }
            }
        }
    }

    /// The open drive, what may be claimed of it, and where this boot saw nothing but zeros.
    pub fn into_parts(self) -> (Box<dyn Drive>, DriveEvidence, ProvenZero) {
        (self.drive, self.evidence, self.proven_zero)
    }
}

impl Blank {
    /// The drive.
    pub fn identity(&self) -> &DriveIdentity {
        &self.identity
    }

    /// Whether the consent includes writing the image to this drive.
    pub fn receives_image(&self) -> bool {
        self.receives_image
    }

    /// The open drive, and where this boot saw nothing but zeros.
    pub fn into_parts(self) -> (Box<dyn Drive>, ProvenZero) {
        (self.drive, self.proven_zero)
    }
}

/// By the clock that the agent has set from the coordinator's.
fn now() -> UnixMillis {
    // A clock before 1970 is a dead one; its time is said as zero, as it would be by the machine itself.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

macro_rules! debug_as_drive {
    ($($state:ident),*) => {$(
        impl fmt::Debug for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($state), "({})"), self.identity())
            }
        }
    )*};
}
debug_as_drive!(Target, Sanitized, Blank);

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("evidence", &self.evidence).finish_non_exhaustive()
    }
}
