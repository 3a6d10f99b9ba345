//! The states of a drive on its way to evidence. Transitions consume the state before.

use std::fmt;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use drive::Drive;
use protocol::api::VerifiedBefore;
use protocol::event::DriveEvidence;
use protocol::policy::Verification;
use protocol::{ByteLen, DriveIdentity, PlannedDrive, Stage, Step, Technique, UnixMillis};

use crate::bad_ranges::BadRanges;
use crate::canary::Canaries;
use crate::confirm::{Confirmation, EDGE_LEN, sample_zeros};
use crate::consent::ConsentedDrive;
use crate::failed::{Failed, FailureCause};
use crate::look::{Seen, is_still, look};
use crate::numbers::derived;
use crate::overwrite::PassFailure;
use crate::proven::ProvenZero;
use crate::run::{Done, Run, pattern_key};
use crate::secrets::Secrets;
use crate::talk::reports;
use crate::verify::{Expect, Extent, ReadBack, read_back};
use crate::watch::Watch;

/// A drive that may be destroyed: it said who it is, and a consent names it.
pub struct Target {
    drive: Box<dyn Drive>,
    consent: ConsentedDrive,
}

/// A drive that took the whole technique. Nothing may be claimed yet.
pub struct Sanitized {
    target: Target,
    secrets: Secrets,
    done: Done,
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
        let techniques = self.planned().techniques.clone();
        Step::SanitizeStarted { drive: self.identity().clone(), techniques }
    }

    /// Destroys what is on the drive, by the techniques that were consented to and no other. Takes seconds to days.
    ///
    /// The drive is asked who it is before each. Where it is to erase itself, canaries are placed first and looked for
    /// afterwards; where an overwrite follows, that look comes before it.
    pub fn sanitize(self, secrets: Secrets, watch: Watch<'_>) -> Result<Sanitized, Box<Failed>> {
        if self.planned().proven_by.is_some() {
            return Err(self.failed(Stage::Sanitize, FailureCause::NotToBeSanitized));
        }
        let mut run = Run::new(&*self.drive, self.planned(), &secrets, watch);
        match run.sanitize(self.consent.ticket()) {
            Ok(done) => Ok(Sanitized { target: self, secrets, done }),
            Err(failure) => {
                let commands = run.commands();
                let failed = self.pass_failed(Stage::Sanitize, failure);
                Err(Box::new(Failed { commands, ..*failed }))
            }
        }
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
            && self.planned().proven_by.is_none_or(|record| record == previous.record)
            && evidence.techniques.iter().map(|it| it.technique).eq(self
                .planned()
                .techniques
                .iter()
                .copied())
            && evidence.claim == self.planned().claim;
        if !is_ours {
            let cause = FailureCause::OtherRecord { recorded: Box::new(evidence.drive) };
            return Err(self.failed(Stage::Verify, cause));
        }
        if evidence.zeros != evidence.drive.size {
            return Err(self.failed(Stage::Verify, FailureCause::NotOfZeros));
        }
        // What was finished may have been used since: file systems begin and end at a drive's edges.
        let edges = if self.planned().proven_by.is_some() { EDGE_LEN } else { 0 };
        let sectors_sampled = sample_zeros(&*self.drive, written, (seed, edges), watch)
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
        let receives_image = self.planned().receives_image;
        Ok(Looked::Blank(Blank {
            drive: self.drive,
            identity: seen.drive,
            proven_zero,
            receives_image,
        }))
    }

    fn planned(&self) -> &PlannedDrive {
        self.consent.planned()
    }

    fn check_identity(&self) -> Result<(), FailureCause> {
        is_still(&*self.drive, self.identity())
    }

    fn check_sectors(&self) -> Result<(), FailureCause> {
        let (planned, found) = (self.planned().sector_size, self.drive.sector_size());
        if planned == found { Ok(()) } else { Err(FailureCause::SectorSize { planned, found }) }
    }

    fn failed(&self, stage: Stage, cause: FailureCause) -> Box<Failed> {
        self.pass_failed(stage, (0, BadRanges::default(), cause))
    }

    fn pass_failed(&self, stage: Stage, (done, bad, cause): PassFailure) -> Box<Failed> {
        Failed::new(self.identity(), stage, done, bad, cause)
    }

    fn read_back(
        &self,
        secrets: &Secrets,
        canaries: Option<&Canaries>,
        watch: Watch<'_>,
    ) -> Result<ReadBack, PassFailure> {
        let seed = derived(secrets.seed(), "sampled stretches");
        let extent = match self.planned().proof.verification {
            Verification::Full => Extent::Full,
            Verification::Sampled => Extent::Sampled(&seed),
        };
        let key = pattern_key(secrets);
        let find = |_, content: &[u8], found: &mut Vec<Range<usize>>| {
            if let Some(canaries) = canaries {
                canaries.find(content, found);
            }
        };
        let expect = match self.planned().techniques.last() {
            Some(Technique::OverwritePattern) => Expect::Pattern(&key),
            Some(technique) if technique.is_by_drive() => Expect::Judge(&find),
            // A plan without any technique would have left everything: nothing but zeros may pass.
            Some(_) | None => Expect::Zeros,
        };
        read_back(&*self.drive, extent, expect, watch)
    }

    fn verified(
        self,
        evidence: DriveEvidence,
        proven_zero: ProvenZero,
        confirmation: Option<Confirmation>,
    ) -> Verified {
        let receives_image = self.planned().receives_image;
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
        Step::Sanitized { drive: self.identity().clone(), observed: self.done.observed.clone() }
    }

    /// Reads the drive in a pass of its own, as much of it as was planned, and looks at every byte that it read: for what
    /// the last technique must leave, or for canaries anywhere. Takes minutes to hours.
    ///
    /// The drive is asked who it is once more after the last read.
    pub fn verify(self, watch: Watch<'_>) -> Result<Verified, Box<Failed>> {
        let Self { target, secrets, done } = self;
        let read = target.read_back(&secrets, done.canaries.as_ref(), watch);
        let read = read.map_err(|failure| target.pass_failed(Stage::Verify, failure))?;
        // Before the drive says for the last time who it is: a report of another drive would be in the evidence.
        let after = reports(&*target.drive);
        let after = after.map_err(|cause| target.failed(Stage::Verify, cause))?;
        target.check_identity().map_err(|cause| target.failed(Stage::Verify, cause))?;
        let planned = target.planned();
        let evidence = DriveEvidence {
            drive: planned.identity.clone(),
            techniques: done.observed,
            claim: planned.claim,
            canaries: done.canary_evidence,
            old_content: done.old_content,
            method: planned.proof.verification,
            verification: read.observed,
            zeros: ByteLen(read.zeros),
            before: done.before,
            after,
            verified_at: now(),
        };
        Ok(target.verified(evidence, ProvenZero::of(read.zero_extents), None))
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

    /// As [`crate::head`]: what stands where an earlier notice was left.
    pub fn head(&self) -> Option<protocol::Sha256Digest> {
        crate::notice::head(&*self.drive)
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
