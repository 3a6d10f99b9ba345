//! One drive through all of its techniques, with the canaries before and the first look after.

use std::time::Instant;

use drive::Drive;
use protocol::event::{
    CanaryEvidence, CommandObservation, DeviceReport, OldContentEvidence, TechniqueObservation,
};
use protocol::features::{EraseTime, SanitizeState};
use protocol::{PlannedDrive, Technique, TicketId};

use crate::bad_ranges::BadRanges;
use crate::by_drive;
use crate::canary::Canaries;
use crate::failed::FailureCause;
use crate::look::is_still;
use crate::numbers::derived;
use crate::old_content::OldContent;
use crate::overwrite::{Fill, PassFailure, overwrite};
use crate::pass::elapsed_ms;
use crate::pattern::{KEY_LEN, PatternKey};
use crate::probe::{is_point, probe};
use crate::secrets::Secrets;
use crate::talk::{Talk, reports};
use crate::watch::Watch;

/// What is known of a drive that took all of its techniques.
pub(crate) struct Done {
    pub(crate) observed: Vec<TechniqueObservation>,
    /// To be looked for in the reading pass.
    pub(crate) canaries: Option<Canaries>,
    pub(crate) canary_evidence: Option<CanaryEvidence>,
    pub(crate) old_content: Option<OldContentEvidence>,
    pub(crate) before: Vec<DeviceReport>,
}

/// A run under way.
pub(crate) struct Run<'a> {
    drive: &'a dyn Drive,
    planned: &'a PlannedDrive,
    secrets: &'a Secrets,
    watch: Watch<'a>,
    talk: Talk<'a>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        drive: &'a dyn Drive,
        planned: &'a PlannedDrive,
        secrets: &'a Secrets,
        watch: Watch<'a>,
    ) -> Self {
        Self { drive, planned, secrets, watch, talk: Talk::new(drive) }
    }

    /// The commands since the last technique ended: those that led to a failure.
    pub(crate) fn commands(&mut self) -> Vec<CommandObservation> {
        self.talk.take()
    }

    /// Runs every technique. The drive is asked who it is before each.
    pub(crate) fn sanitize(&mut self, ticket: TicketId) -> Result<Done, PassFailure> {
        self.watch.go_on().map_err(at_start)?;
        self.check_identity().map_err(at_start)?;
        let before = reports(self.drive).map_err(at_start)?;
        self.make_ready().map_err(at_start)?;
        self.check_identity().map_err(at_start)?;
        let is_by_drive = self.planned.techniques.iter().any(|technique| technique.is_by_drive());
        let (canaries, old) = if is_by_drive {
            let (canaries, old) = self.place_canaries(ticket).map_err(at_start)?;
            (Some(canaries), Some(old))
        } else {
            probe(self.drive, ticket, self.watch).map_err(at_start)?;
            (None, None)
        };
        let (mut observed, mut canary_evidence, mut old_content) = (Vec::new(), None, None);
        for (index, &technique) in self.planned.techniques.iter().enumerate() {
            self.check_identity().map_err(at_start)?;
            observed.push(self.run(technique)?);
            let is_last_by_drive = technique.is_by_drive()
                && !self.planned.techniques[index + 1..].iter().any(|next| next.is_by_drive());
            // An overwrite that follows would wipe out what the drive has left, and with it the proof of that.
            if let (true, Some(canaries), Some(old)) = (is_last_by_drive, &canaries, &old) {
                let seen = self.is_gone(canaries, old).map_err(at_start)?;
                (canary_evidence, old_content) = (Some(seen.0), Some(seen.1));
            }
        }
        Ok(Done { observed, canaries, canary_evidence, old_content, before })
    }

    fn check_identity(&self) -> Result<(), FailureCause> {
        is_still(self.drive, &self.planned.identity)
    }

    /// Waits for what an earlier boot began, and takes off what it left.
    fn make_ready(&mut self) -> Result<(), FailureCause> {
        let state = by_drive::wait_until_idle(&mut self.talk, EraseTime::NotReported, self.watch)?;
        if self.planned.unlock {
            let password = self.secrets.password();
            by_drive::take_our_password_off(&mut self.talk, password, self.watch)?;
        }
        // Such a drive takes nothing but another sanitize operation, no canary either: the first one only brings it back
        // to life, and the one that counts follows.
        if state == SanitizeState::Failed
            && let Some(&technique) = self.planned.techniques.first()
        {
            by_drive::run(technique, &mut self.talk, self.secrets.password(), self.watch)?;
        }
        Ok(())
    }

    fn place_canaries(&self, ticket: TicketId) -> Result<(Canaries, OldContent), FailureCause> {
        let (seed, count) = (self.secrets.seed(), self.planned.proof.canaries);
        let mut old = OldContent::remember(self.drive, seed, self.watch)?;
        probe(self.drive, ticket, self.watch)?;
        let canaries = Canaries::place(self.drive, seed, count, self.watch)?;
        let n_sectors = self.drive.size().0 / u64::from(self.drive.sector_size().bytes());
        old.forget(|sector| canaries.is_at(sector) || is_point(sector, n_sectors));
        Ok((canaries, old))
    }

    fn run(&mut self, technique: Technique) -> Result<TechniqueObservation, PassFailure> {
        let began = Instant::now();
        let pass = if technique.is_by_drive() {
            self.run_by_drive(technique, began).map_err(at_start)?;
            None
        } else {
            let key = pattern_key(self.secrets);
            let fill = match technique {
                Technique::OverwritePattern => Fill::Pattern(&key),
                _ => Fill::Zeros,
            };
            Some(overwrite(self.drive, fill, self.watch)?)
        };
        let (duration_ms, commands) = (elapsed_ms(began), self.talk.take());
        Ok(TechniqueObservation { technique, duration_ms, pass, commands })
    }

    fn run_by_drive(&mut self, technique: Technique, began: Instant) -> Result<(), FailureCause> {
        let estimate = by_drive::estimate(technique, &mut self.talk)?;
        by_drive::run(technique, &mut self.talk, self.secrets.password(), self.watch)?;
        let least_ms = if by_drive::turns(&mut self.talk)? {
            by_drive::least_ms(technique, self.drive.size(), estimate)
        } else {
            0
        };
        let took_ms = elapsed_ms(began);
        if took_ms < least_ms {
            return Err(FailureCause::TooFast { took_ms, least_ms });
        }
        Ok(())
    }

    /// Neither a canary nor a remembered sector may still be there.
    fn is_gone(
        &self,
        canaries: &Canaries,
        old: &OldContent,
    ) -> Result<(CanaryEvidence, OldContentEvidence), FailureCause> {
        let evidence = canaries.evidence();
        let found = canaries.count_left(self.drive, self.watch)?;
        if found > 0 {
            return Err(FailureCause::CanariesFound { found, placed: evidence.placed });
        }
        let seen = old.compare(self.drive, self.watch)?;
        if seen.same > 0 {
            return Err(FailureCause::OldContentFound { same: seen.same, sampled: seen.sampled });
        }
        Ok((evidence, seen))
    }
}

/// The key of the pattern, which the reading pass needs again.
pub(crate) fn pattern_key(secrets: &Secrets) -> PatternKey {
    let mut key = [0; KEY_LEN];
    key.copy_from_slice(&derived(secrets.seed(), "pattern")[..KEY_LEN]);
    PatternKey::new(key)
}

fn at_start(cause: FailureCause) -> PassFailure {
    (0, BadRanges::default(), cause)
}
