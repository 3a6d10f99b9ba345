//! A machine as the journal knows it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::Envelope;
use evidence::chain::ChainHead;
use protocol::event::BootNotice;
use protocol::{
    AgentKey, AgentRecord, DriveIdentity, Inventory, Job, MachineId, MachineIdentity,
    MachineNumber, Plan, Sha256Digest, Step, UnixMillis,
};

use super::drives::{Done, Gone};
use super::{Admission, Consent, FoldError, MachineState, internal_drives};
use crate::enrollment::DRIVES_DIFFER;
use crate::event::AdmittedHow;
use crate::first_of_model::Model;
use crate::panic;

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Its id.
    pub(crate) id: MachineId,
    /// The number on its screen.
    pub(crate) number: MachineNumber,
    /// Who it is, as first seen.
    pub(crate) identity: MachineIdentity,
    /// When that was.
    pub(crate) first_seen: UnixMillis,
    /// Machines whose identity contradicts this one's.
    pub(crate) conflicts: Vec<IdentityConflict>,
    /// Its boots into the appliance, the present one last.
    pub(crate) boots: Vec<AgentBoot>,
    /// What its agent saw last.
    pub(crate) inventory: Option<Inventory>,
    /// When its agent said so; the first sight where it never did.
    pub(crate) seen_at: UnixMillis,
    /// The work it was last admitted to.
    pub(crate) admission: Option<Admission>,
    /// Work from before that which was finished, or begun and given up, the oldest first.
    past: Vec<Admission>,
    /// Why a person must look before work goes on.
    pub(crate) attention: Option<String>,
    /// Why it is never touched, if a person said so.
    pub(super) protected: Option<String>,
    /// Holds, releases and looks, and when a person stopped everything or let it go on, as indices of the journal.
    pub(crate) witnessed: Vec<u64>,
    /// Whether an open lot received it after it was finished: it came back, and nobody knows what is on it now.
    pub(super) came_back: bool,
    /// Every internal drive that was ever seen in it, and when it was seen last.
    pub(super) ever: BTreeMap<DriveIdentity, UnixMillis>,
    /// Drives whose former content was proven gone; also those that earlier work proved, unless that was never finished
    /// or they were in sight when later work began.
    pub(super) gone: BTreeMap<DriveIdentity, Gone>,
    /// The work that sanitized and was finished, the last one last.
    pub(super) done: Vec<Done>,
    /// How its drives' sanitizing ended, every time.
    pub(crate) outcomes: Outcomes,
}

/// How often sanitizing a drive ended which way, by the word of agents that were at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    /// The drive was read and found sanitized.
    pub(crate) sanitized: u64,
    /// It failed.
    pub(crate) failed: u64,
}

/// Another machine whose identity agrees in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityConflict {
    /// The other machine.
    pub(crate) with: MachineId,
    /// What agrees and what does not.
    pub(crate) what: String,
    /// Whether a person has looked.
    pub(crate) settled: bool,
}

/// One boot of the appliance: one agent key, one chain of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentBoot {
    /// The agent's key.
    pub(crate) agent: AgentKey,
    /// The agent's version.
    pub(crate) version: String,
    /// When it enrolled first.
    pub(crate) at: UnixMillis,
    /// Where its chain stands.
    pub(crate) head: ChainHead,
    /// Its records, as indices of the journal.
    pub(crate) records: Vec<u64>,
    /// Whether it took over from an agent that died in the same boot.
    pub(crate) took_over: bool,
}

impl AgentBoot {
    /// When the boot of the agent that wrote `record` began, by its clock. None where it took over from one that died:
    /// its boot is an older one's.
    pub(crate) fn booted_at(&self, record: &AgentRecord) -> Option<UnixMillis> {
        let booted_at = record.at.0.checked_sub(record.uptime_ms).map(UnixMillis);
        booted_at.filter(|_| !self.took_over)
    }
}

impl Machine {
    pub(super) fn new(
        id: MachineId,
        number: MachineNumber,
        identity: MachineIdentity,
        first_seen: UnixMillis,
    ) -> Self {
        Self {
            id,
            number,
            identity,
            first_seen,
            conflicts: Vec::new(),
            boots: Vec::new(),
            inventory: None,
            seen_at: first_seen,
            admission: None,
            past: Vec::new(),
            attention: None,
            protected: None,
            witnessed: Vec::new(),
            came_back: false,
            ever: BTreeMap::new(),
            gone: BTreeMap::new(),
            done: Vec::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Its model, as it says of itself.
    pub(crate) fn model(&self) -> Model {
        Model::of(self.inventory.as_ref().map(|inventory| &inventory.product))
    }

    /// The agent that is enrolled now.
    pub(crate) fn agent(&self) -> Option<AgentKey> {
        self.boots.last().map(|boot| boot.agent)
    }

    /// The boot of an agent.
    pub(crate) fn boot(&self, agent: &AgentKey) -> Option<&AgentBoot> {
        self.boots.iter().rev().find(|boot| boot.agent == *agent)
    }

    /// Whether all that was planned is done, and it did not come back since.
    pub(crate) fn is_finished(&self) -> bool {
        self.admission.as_ref().is_some_and(|it| it.finished.is_some()) && !self.came_back
    }

    /// Whether an open lot received it after its work was finished for another: it is picked and wiped like a machine
    /// that nobody has seen.
    pub(crate) fn came_back(&self) -> bool {
        self.came_back
    }

    /// The work that it was last admitted to, unless that was done before it came back.
    pub(crate) fn current_work(&self) -> Option<&Admission> {
        self.admission.as_ref().filter(|it| !self.came_back || it.finished.is_none())
    }

    /// The latest of its work that writes, and when that was finished.
    pub(crate) fn finished_work(&self) -> Option<(&Admission, UnixMillis)> {
        let latest = self.works().rfind(|it| it.job.kind.writes())?;
        Some((latest, latest.finished?))
    }

    /// Whether all of its work is done and wrote nothing: another batch may take it as if it had only been seen.
    pub(crate) fn was_only_observed(&self) -> bool {
        self.is_finished() && self.works().all(|it| !it.job.kind.writes())
    }

    /// Whether the latest of its work that writes is finished, and it did not come back since: then it is never wiped
    /// again.
    pub(crate) fn was_worked_on(&self) -> bool {
        self.finished_work().is_some() && !self.came_back
    }

    /// All of its work, the latest last: what is finished, and what it was admitted to since.
    pub(crate) fn works(&self) -> impl DoubleEndedIterator<Item = &Admission> {
        self.past.iter().chain(&self.admission)
    }

    /// The latest work that sanitized its drives, or is to: what a certificate speaks of.
    pub(crate) fn sanitizing_work(&self) -> Option<&Admission> {
        self.works().rfind(|it| it.job.kind.sanitizes())
    }

    /// Whether the latest work that wrote to the drive here left it zero, but for a notice.
    fn was_left_zero(&self, drive: &DriveIdentity) -> bool {
        let mut works = self.works().rev().filter(|it| it.job.kind.writes());
        let latest = works.find(|it| it.drives.contains(drive));
        latest.is_some_and(|it| it.left_zero(drive))
    }

    /// The work whose installed system holds this one-time token.
    pub(super) fn installed_with(&self, token: &Sha256Digest) -> Option<usize> {
        self.works().position(|it| it.consents.iter().any(|it| it.first_boot_token == *token))
    }

    /// Its installed system has started.
    pub(super) fn boot_installed(&mut self, token: &Sha256Digest, at: UnixMillis) -> Option<()> {
        let index = self.installed_with(token)?;
        let work = match self.past.get_mut(index) {
            Some(past) => past,
            None => self.admission.as_mut()?,
        };
        work.booted = Some(at);
        Some(())
    }

    /// Whether work began, or was to begin, and is not done.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.admission.as_ref().is_some_and(|admission| admission.finished.is_none())
    }

    /// The identity conflicts that nobody has looked at.
    pub(crate) fn open_conflicts(&self) -> impl Iterator<Item = &IdentityConflict> {
        self.conflicts.iter().filter(|conflict| !conflict.settled)
    }

    /// Whether a person must look although work goes on: a drive stands still and is waited for, nothing else.
    pub(crate) fn only_stands_still(&self) -> bool {
        self.admission.as_ref().is_some_and(|it| !it.stalled.is_empty() && it.refusals.is_empty())
            && self.attention_reasons().is_empty()
    }

    /// Every reason why a person must look before work goes on.
    pub(crate) fn attention_reasons(&self) -> Vec<String> {
        let conflicts = self.open_conflicts().map(|conflict| {
            format!("the identity is not clear: {} as on another machine", conflict.what)
        });
        let blank = crate::identity::is_blank(&self.identity).then(|| {
            "the machine gives no UUID, serial number or network address to be known by".to_owned()
        });
        let protected = self.protected().map(str::to_owned);
        let halted = self.admission.as_ref().and_then(panic::halted_in_words).map(str::to_owned);
        let all = protected.into_iter().chain(conflicts).chain(blank).chain(halted);
        all.chain(self.attention.clone()).collect()
    }

    /// Why it is never touched, if a person said so. What is done is done: it keeps its certificate.
    pub(crate) fn protected(&self) -> Option<&str> {
        let is_done = self.is_finished() && self.was_worked_on();
        self.protected.as_deref().filter(|_| !is_done)
    }

    /// Where it stands by the journal.
    pub(crate) fn state(&self, something_armed: bool) -> MachineState {
        let mut reasons = self.attention_reasons();
        let admission = self.current_work();
        let refusals = admission.iter().flat_map(|admission| &admission.refusals);
        reasons.extend(refusals.map(|refusal| format!("{}: {}", refusal.what, refusal.sentence)));
        let stalled = admission.iter().flat_map(|admission| &admission.stalled);
        reasons.extend(stalled.map(|(drive, sentence)| format!("{drive}: {sentence}")));
        match admission {
            Some(admission) if admission.finished.is_some() => admission.state(),
            _ if !reasons.is_empty() => MachineState::Attention { reasons },
            Some(admission) => admission.state(),
            None if something_armed => MachineState::Waiting,
            None => MachineState::Seen,
        }
    }

    /// The reasons in words that an agent may be given: not the serial numbers of drives that it may never have seen.
    pub(crate) fn reasons_for_agent(&self) -> Vec<String> {
        let attention = self.attention.as_ref();
        let about_drives = attention.is_some_and(|it| it.starts_with(DRIVES_DIFFER));
        let mut reasons = self.attention_reasons();
        if about_drives && reasons.pop().is_some() {
            reasons
                .push(format!("{DRIVES_DIFFER}; look at number {} on the dashboard", self.number));
        }
        reasons
    }

    /// The drives whose former content is not proven gone: those in sight, those that were in sight when the machine
    /// was admitted, and whatever may be behind a controller that shows nothing.
    pub(crate) fn data_still_there(&self) -> Vec<String> {
        // What was proven before it came back says nothing of what is on it now.
        let admission = self.admission.as_ref().filter(|_| !self.came_back);
        let gone =
            |drive: &DriveIdentity| admission.is_some_and(|it| it.proven_gone.contains(drive));
        let inventory = self.inventory.as_ref();
        let seen: Vec<_> = inventory.iter().flat_map(|inventory| &inventory.drives).collect();
        let in_sight = seen
            .iter()
            .filter(|drive| !drive.identity.as_ref().is_ok_and(gone))
            .map(|drive| drive.label());
        let admitted = admission.iter().flat_map(|admission| &admission.drives);
        let out_of_sight = admitted
            .filter(|drive| !gone(drive))
            .filter(|drive| !seen.iter().any(|unit| unit.identity.as_ref() == Ok(*drive)))
            .map(|drive| format!("{drive}, not visible"));
        let controllers = inventory.iter().flat_map(|inventory| &inventory.controllers);
        let hidden = controllers
            .filter(|controller| controller.unexplained.is_some())
            .map(|it| format!("behind controller {} ({}), not visible", it.address, it.id));
        in_sight.chain(out_of_sight).chain(hidden).collect()
    }

    pub(super) fn consent(
        &mut self,
        plan: &Plan,
        envelope: &Envelope,
        first_boot_token: Sha256Digest,
    ) -> Result<(), FoldError> {
        let unadmitted = FoldError::NotAdmitted(self.id);
        let (Some(admission), Some(inventory)) = (&mut self.admission, &self.inventory) else {
            return Err(unadmitted);
        };
        // The inventory of the request was journaled in the same decision.
        let product = inventory.product.clone();
        let consent = Consent::read(plan, envelope, first_boot_token, product);
        admission.consent(consent.map_err(FoldError::Envelope)?);
        Ok(())
    }

    pub(super) fn add_conflict(&mut self, with: MachineId, what: &str) {
        let what = what.to_owned();
        self.conflicts.push(IdentityConflict { with, what, settled: false });
    }

    /// Settles the conflicts with these machines, or all of them.
    pub(super) fn settle_conflicts(&mut self, with: Option<&BTreeSet<MachineId>>) {
        for conflict in &mut self.conflicts {
            conflict.settled |= with.is_none_or(|with| with.contains(&conflict.with));
        }
    }

    pub(super) fn enroll(
        &mut self,
        agent: AgentKey,
        version: &str,
        inventory: &Inventory,
        at: UnixMillis,
    ) {
        self.inventory = Some(inventory.clone());
        self.seen_at = at;
        self.ever.extend(internal_drives(inventory).into_iter().map(|drive| (drive, at)));
        if self.agent() != Some(agent) {
            let head = ChainHead::start(self.id, agent);
            let version = version.to_owned();
            self.boots.push(AgentBoot {
                agent,
                version,
                at,
                head,
                records: Vec::new(),
                took_over: false,
            });
        }
    }

    pub(super) fn admit(
        &mut self,
        job: Job,
        agent: AgentKey,
        how: &AdmittedHow,
        at: UnixMillis,
    ) -> Result<(), FoldError> {
        let unknown = FoldError::UnknownAgent { machine: self.id, agent };
        let inventory =
            self.inventory.as_ref().filter(|_| self.boot(&agent).is_some()).ok_or(unknown)?;
        match (how, &mut self.admission) {
            (AdmittedHow::Resumed, Some(admission)) => admission.resume(agent),
            (AdmittedHow::Continued { .. }, Some(admission)) => {
                admission.resume(agent);
                admission.halted = None;
                self.attention = None;
            }
            (AdmittedHow::Resumed | AdmittedHow::Continued { .. }, None) => {
                return Err(FoldError::NotAdmitted(self.id));
            }
            (AdmittedHow::Picked { .. } | AdmittedHow::Automatic, _) => {
                let drives = internal_drives(inventory);
                let sanitizes = job.kind.sanitizes();
                let mut work = Admission::new(job, agent, how.clone(), drives, at);
                // Nobody signs for work that was never finished.
                let former = self.admission.take();
                let open = former.iter().filter(|it| it.finished.is_none());
                let broken_off: Vec<_> = open.filter(|it| it.job.kind.sanitizes()).collect();
                self.gone
                    .retain(|drive, _| !broken_off.iter().any(|it| it.proven_gone.contains(drive)));
                if sanitizes {
                    // What is in sight may have been used since: only the new work can say.
                    self.gone.retain(|drive, _| !work.drives.contains(drive));
                    self.came_back = false;
                } else {
                    // What says nothing of them takes nothing away.
                    let known = self.gone.keys().filter(|it| work.drives.contains(it));
                    work.proven_gone = known.cloned().collect();
                }
                self.past.extend(former.filter(|it| it.finished.is_some() || it.has_begun()));
                self.admission = Some(work);
                self.attention = None;
            }
        }
        Ok(())
    }

    pub(super) fn record(
        &mut self,
        index: u64,
        agent: AgentKey,
        envelope: &Envelope,
        at: UnixMillis,
        notice: Option<&BootNotice>,
    ) -> Result<(), FoldError> {
        let machine = self.id;
        let boot = self
            .boots
            .iter_mut()
            .rev()
            .find(|boot| boot.agent == agent)
            .ok_or(FoldError::UnknownAgent { machine, agent })?;
        let record = boot.head.accept(envelope).map_err(FoldError::Chain)?;
        let digest = envelope.digest().map_err(FoldError::Envelope)?;
        boot.records.push(index);
        boot.took_over |= matches!(record.step, Step::AgentDied { .. });
        let booted_at = boot.booted_at(&record);
        // An agent that the work is not bound to, or that has finished, cannot stop it.
        let heard = self.admission.as_ref().is_none_or(|it| it.is_open_to(&agent));
        match &record.step {
            Step::SanitizeFailed { sentence, drive, .. } if heard => {
                self.attention = Some(format!("{drive}: {sentence}"));
            }
            Step::Failed { sentence, stage } if heard => {
                self.attention = Some(format!("stage {stage}: {sentence}"));
            }
            _ => {}
        }
        let working = self.admission.as_ref().filter(|it| it.is_open_to(&agent));
        match (&record.step, working) {
            (Step::Verified(evidence), Some(work)) if work.implausible(evidence).is_none() => {
                self.outcomes.sanitized += 1;
            }
            (Step::SanitizeFailed { .. }, Some(_)) => self.outcomes.failed += 1,
            _ => {}
        }
        let was_zero = match &record.step {
            Step::DriveLookedAt(look) => self.was_left_zero(&look.drive),
            _ => false,
        };
        // Records before an admission (a refusal, a death of the agent) stand in the chain and change nothing.
        if let Some(admission) = &mut self.admission {
            let was_open = admission.finished.is_none();
            admission.step(agent, &record.step, digest, at, booted_at);
            if let (Step::DriveLookedAt(look), true) = (&record.step, heard) {
                let blank = look.is_blank() || notice.is_some_and(|it| look.is_blank_but_for(it));
                admission.judge_look(&look.drive, blank, was_zero && !blank);
            }
            self.gone.retain(|it, _| {
                !admission.drives.contains(it) || admission.proven_gone.contains(it)
            });
            let batch = admission.job.batch;
            for drive in &admission.proven_gone {
                self.gone.entry(drive.clone()).or_insert(Gone { at, batch });
            }
            if was_open && admission.finished.is_some() && admission.job.kind.sanitizes() {
                let planned = admission.accepted_plan().into_iter().flat_map(|it| &it.drives);
                let proven =
                    |drive: &DriveIdentity| Some((drive.clone(), self.gone.get(drive)?.at));
                let drives = planned.filter_map(|it| proven(&it.identity)).collect();
                self.done.push(Done { batch, at, drives });
            }
        }
        Ok(())
    }
}
