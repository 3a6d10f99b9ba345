//! A machine's work in one batch, from admission to first boot.

use std::collections::{BTreeMap, BTreeSet};

use evidence::certificate::implausible;
use evidence::{Envelope, EnvelopeError};
use protocol::event::{BootNotice, DriveEvidence, DriveLook};
use protocol::inventory::Product;
use protocol::{
    AgentKey, DriveIdentity, ImageId, Job, JobKind, Plan, Refusal, Sha256Digest, Step, Ticket,
    UnixMillis,
};

use super::{MachineState, Proof};
use crate::event::AdmittedHow;
use crate::panic::Halted;

/// Ranges that a look lists at most: as [`DriveLook::ranges`] says.
const MAX_RANGES: usize = 1_000;

/// A machine's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admission {
    /// What is to be done.
    pub(crate) job: Job,
    /// How it was admitted.
    pub(crate) how: AdmittedHow,
    /// When.
    pub(crate) at: UnixMillis,
    /// The agent that it is bound to now.
    pub(crate) agent: AgentKey,
    /// The agents that worked on it, one a boot, in order.
    pub(crate) agents: Vec<AgentKey>,
    /// The internal drives that were in sight when a person (or the rule) admitted it.
    pub(crate) drives: BTreeSet<DriveIdentity>,
    /// The plans that the site consented to, the present one last.
    pub(crate) consents: Vec<Consent>,
    /// Why there is no ticket at the moment.
    pub(crate) refusals: Vec<Refusal>,
    /// Drives whose verification counts.
    pub(crate) verified: BTreeMap<DriveIdentity, Verified>,
    /// Drives that were verified in an earlier boot: it counts again once a fresh look confirms it.
    pub(crate) before: BTreeMap<DriveIdentity, Verified>,
    /// Drives that a look of this very work has confirmed, in any boot: an image may lie on them.
    confirmed: BTreeSet<DriveIdentity>,
    /// Drives whose former content is proven gone, and that were not found otherwise since.
    pub(crate) proven_gone: BTreeSet<DriveIdentity>,
    /// Drives that have stood still while they sanitize themselves, with what the agent says of it. They are still
    /// waited for.
    pub(crate) stalled: BTreeMap<DriveIdentity, String>,
    /// Whether a person holds it: once its drives are verified, it waits.
    pub(crate) held: bool,
    /// Whether that was asked for when its batch was armed.
    pub(crate) held_from_arming: bool,
    /// Whether it may not go on to its image before a person has said that its model works.
    pub(crate) waits_for_model: bool,
    /// Since when it does not go on, because a person stopped everything.
    pub(crate) halted: Option<Halted>,
    /// When the image was on the drive, this boot.
    pub(crate) imaged: bool,
    /// Whether the machine's own settings are written, this boot.
    pub(crate) personalized: bool,
    /// Whether partition tables are written, this boot.
    pub(crate) bootable: bool,
    /// Notices that were left on its drives.
    pub(crate) notices: BTreeMap<DriveIdentity, BootNotice>,
    /// What was seen of drives that it only reads, this boot, and whether that is blank but for a notice of ours.
    pub(crate) looks: BTreeMap<DriveIdentity, (DriveLook, bool)>,
    /// Whether the stock is recorded that it only has to take, this boot.
    pub(crate) inventoried: bool,
    /// When all was done.
    pub(crate) finished: Option<UnixMillis>,
    /// When the installed system booted.
    pub(crate) booted: Option<UnixMillis>,
}

/// A plan that the site consented to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    /// The ticket.
    pub(crate) ticket: Ticket,
    /// The ticket as it was sent.
    pub(crate) envelope: Envelope,
    /// The plan.
    pub(crate) plan: Plan,
    /// What stands on the lid, by the inventory that the plan was made from.
    pub(crate) product: Product,
    /// SHA-256 of the token that the installed system will show.
    pub(crate) first_boot_token: Sha256Digest,
    /// Whether the agent says that it used the ticket.
    pub(crate) accepted: bool,
}

/// A drive that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// What was observed.
    pub(crate) evidence: DriveEvidence,
    /// The record that says so.
    pub(crate) record: Sha256Digest,
    /// Whose record it is.
    pub(crate) agent: AgentKey,
    /// Whether an agent of a later boot confirmed it.
    pub(crate) seen_again: bool,
    /// The agent whose last word since is that it switches the machine off.
    pub(crate) off_by: Option<AgentKey>,
}

impl Consent {
    pub(super) fn read(
        plan: &Plan,
        envelope: &Envelope,
        first_boot_token: Sha256Digest,
        product: Product,
    ) -> Result<Self, EnvelopeError> {
        // Our own envelope, from our own journal: whoever can change that can change the plan beside it as well.
        let ticket = envelope.peek()?;
        let (plan, envelope) = (plan.clone(), envelope.clone());
        Ok(Self { ticket, envelope, plan, product, first_boot_token, accepted: false })
    }
}

impl Admission {
    pub(super) fn new(
        job: Job,
        agent: AgentKey,
        how: AdmittedHow,
        drives: BTreeSet<DriveIdentity>,
        at: UnixMillis,
    ) -> Self {
        Self {
            job,
            how,
            at,
            agent,
            agents: vec![agent],
            drives,
            consents: Vec::new(),
            refusals: Vec::new(),
            verified: BTreeMap::new(),
            before: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            proven_gone: BTreeSet::new(),
            stalled: BTreeMap::new(),
            held: false,
            held_from_arming: false,
            waits_for_model: false,
            halted: None,
            imaged: false,
            personalized: false,
            bootable: false,
            notices: BTreeMap::new(),
            looks: BTreeMap::new(),
            inventoried: false,
            finished: None,
            booted: None,
        }
    }

    /// The plan under which data was last destroyed.
    pub(crate) fn accepted_plan(&self) -> Option<&Plan> {
        self.accepted_consent().map(|consent| &consent.plan)
    }

    /// The consent under which data was last destroyed.
    pub(crate) fn accepted_consent(&self) -> Option<&Consent> {
        self.consents.iter().rev().find(|consent| consent.accepted)
    }

    /// Whether data was destroyed already, by any agent's word.
    pub(crate) fn has_begun(&self) -> bool {
        self.accepted_consent().is_some()
    }

    /// Whether the admission is bound to `agent` and not done: only then may its records change the work.
    pub(crate) fn is_open_to(&self, agent: &AgentKey) -> bool {
        self.agent == *agent && self.finished.is_none()
    }

    /// Whether `agent` says that it used a ticket it was given.
    pub(crate) fn used_ticket(&self, agent: &AgentKey) -> bool {
        self.consents.iter().any(|it| it.accepted && it.ticket.agent == *agent)
    }

    /// Whether every drive of the plan is verified.
    pub(crate) fn all_verified(&self) -> bool {
        self.accepted_plan().is_some_and(|plan| {
            plan.drives.iter().all(|drive| self.verified.contains_key(&drive.identity))
        })
    }

    /// Whether a look of this very work has confirmed the drive.
    pub(crate) fn was_confirmed(&self, drive: &DriveIdentity) -> bool {
        self.confirmed.contains(drive)
    }

    /// The verifications that count, and those of earlier boots that may count again.
    pub(crate) fn all_verifications(&self) -> impl Iterator<Item = &Verified> {
        self.before.values().chain(self.verified.values())
    }

    /// Whether every drive is verified, and looked at again where the policy demands it: from here on the agent goes on
    /// unless a person holds the machine.
    pub(crate) fn is_proven(&self) -> bool {
        self.all_verified() && self.all_seen_again()
    }

    /// Whether it waits for a person to look at its drives and to release it.
    pub(crate) fn holds(&self) -> bool {
        self.held && self.finished.is_none() && self.is_proven()
    }

    /// Whether all that is missing to its image is a person's word on its model.
    pub(crate) fn awaits_verdict(&self) -> bool {
        self.waits_for_model && self.finished.is_none() && !self.imaged && self.is_proven()
    }

    /// Where the work stands.
    pub(crate) fn state(&self) -> MachineState {
        let consent = self.consents.last().filter(|consent| consent.ticket.agent == self.agent);
        match consent {
            _ if self.booted.is_some() && self.finished.is_some() => MachineState::Booted,
            _ if self.finished.is_some() => match self.job.kind {
                JobKind::InventoryOnly {} => MachineState::Inventoried,
                JobKind::VerifyOnly {} if self.found_blank() => MachineState::FoundBlank,
                JobKind::VerifyOnly {} => MachineState::FoundData,
                JobKind::Wipe {} | JobKind::Refurbish { .. } | JobKind::ImageOnly { .. } => {
                    MachineState::Finished
                }
            },
            None if self.job.kind == (JobKind::VerifyOnly {}) => MachineState::Looking,
            None => MachineState::Admitted,
            Some(consent) if !consent.accepted => MachineState::Planned,
            Some(_) if self.bootable => MachineState::Bootable,
            Some(_) if self.personalized => MachineState::Personalized,
            Some(_) if self.imaged => MachineState::Imaged,
            Some(_) if self.holds() => MachineState::Held,
            Some(_) if self.awaits_verdict() => MachineState::AwaitsVerdict,
            Some(_) if self.all_verified() => MachineState::Verified,
            Some(_) if !self.job.kind.sanitizes() => MachineState::Looking,
            Some(_) => MachineState::Sanitizing,
        }
    }

    /// The consent that `agent` says it used, if this agent was given that ticket for that plan.
    pub(crate) fn given(&self, agent: &AgentKey, step: &Step) -> Option<&Consent> {
        let Step::TicketAccepted { ticket, plan } = step else { return None };
        self.consents.iter().find(|consent| {
            let ours = &consent.ticket;
            ours.ticket == *ticket && ours.plan == *plan && ours.agent == *agent
        })
    }

    /// Why a verification does not count, if it does not.
    pub(crate) fn implausible(&self, evidence: &DriveEvidence) -> Option<String> {
        let plan = self.accepted_plan()?;
        let drive = &evidence.drive;
        let Some(planned) = plan.drives.iter().find(|planned| planned.identity == *drive) else {
            return Some(format!("{drive} is reported as verified but is not in the plan"));
        };
        implausible(planned, evidence)
    }

    pub(super) fn resume(&mut self, agent: AgentKey) {
        if self.agents.last() != Some(&agent) {
            self.agents.push(agent);
        }
        self.agent = agent;
        self.refusals.clear();
        self.stalled.clear();
        // What was proven in an earlier boot needs a fresh look: who knows what the machine did meanwhile?
        self.before.append(&mut self.verified);
        (self.imaged, self.personalized, self.bootable) = (false, false, false);
        self.inventoried = false;
        self.looks.clear();
    }

    /// What earlier work proved of its drives: it counts once a fresh look confirms it.
    pub(super) fn rest_on(&mut self, proofs: impl Iterator<Item = Proof>) {
        let verified = |it: Proof| Verified {
            evidence: it.evidence,
            record: it.record,
            agent: it.agent,
            seen_again: false,
            off_by: None,
        };
        self.before = proofs.map(|it| (it.planned.identity.clone(), verified(it))).collect();
    }

    /// Its batch was armed with a hold for each machine, or without.
    pub(super) fn hold_from_arming(&mut self, witness: bool) {
        (self.held, self.held_from_arming) = (witness, witness);
    }

    pub(super) fn consent(&mut self, consent: Consent) {
        self.refusals.clear();
        self.consents.push(consent);
    }

    /// Takes what an agent observed, as far as the work is this agent's and open. `booted_at` as of
    /// [`AgentBoot::booted_at`](super::AgentBoot::booted_at).
    pub(crate) fn step(
        &mut self,
        agent: AgentKey,
        step: &Step,
        record: Sha256Digest,
        at: UnixMillis,
        booted_at: Option<UnixMillis>,
    ) {
        if !self.is_open_to(&agent) {
            return;
        }
        self.still_stalled(step);
        self.note_power(step);
        match step {
            Step::TicketAccepted { ticket, .. } if self.given(&agent, step).is_some() => {
                let used = self.consents.iter_mut().find(|it| it.ticket.ticket == *ticket);
                if let Some(consent) = used {
                    consent.accepted = true;
                }
            }
            // Within one admission, sanitizing again means that a look at the drive failed.
            Step::SanitizeStarted { drive, .. }
            | Step::SanitizeFailed { drive, .. }
            | Step::VerificationNotConfirmed { drive, .. } => {
                self.forget(drive);
            }
            Step::Refused { refusals } => self.refusals.clone_from(refusals),
            _ if !self.job.kind.writes() => self.observing_step(step, at),
            _ if self.used_ticket(&agent) => self.consented_step(step, record, at, booted_at),
            _ => {}
        }
    }

    /// What says more after its last word has not switched the machine off.
    fn note_power(&mut self, step: &Step) {
        let is_off = matches!(step, Step::PoweringOff {});
        for verified in self.verified.values_mut().chain(self.before.values_mut()) {
            if is_off {
                verified.off_by = Some(self.agent);
            } else if verified.off_by == Some(self.agent) {
                verified.off_by = None;
            }
        }
    }

    /// A drive that stood still is no longer a person's business once it is heard of again.
    fn still_stalled(&mut self, step: &Step) {
        match step {
            Step::Stalled { drive, sentence } => {
                self.stalled.insert(drive.clone(), sentence.clone());
            }
            Step::SanitizeStarted { drive, .. }
            | Step::Sanitized { drive, .. }
            | Step::Verified(DriveEvidence { drive, .. })
            | Step::SanitizeFailed { drive, .. } => drop(self.stalled.remove(drive)),
            Step::Failed { .. } | Step::Finished {} => self.stalled.clear(),
            _ => {}
        }
    }

    /// Whether it verified this drive as zero throughout and installed nothing on it.
    pub(crate) fn left_zero(&self, drive: &DriveIdentity) -> bool {
        let verified = self.verified.get(drive);
        verified.is_some_and(|it| it.evidence.zeros == it.evidence.drive.size)
            && !self.installs(drive, None)
    }

    /// Whether each of its drives was read and found blank.
    pub(crate) fn found_blank(&self) -> bool {
        let blank = |drive| self.looks.get(drive).is_some_and(|(_, blank)| *blank);
        !self.drives.is_empty() && self.drives.iter().all(blank)
    }

    /// A look has this word: blank, but for a notice of ours; or not, and what was proven of the drive is refuted.
    pub(super) fn judge_look(&mut self, drive: &DriveIdentity, blank: bool, is_refuted: bool) {
        if let Some((_, word)) = self.looks.get_mut(drive) {
            *word = blank;
        }
        if is_refuted {
            self.proven_gone.remove(drive);
        }
    }

    /// Whether the plan leaves a notice on this drive, which is verified.
    fn may_be_noticed(&self, drive: &DriveIdentity) -> bool {
        let planned = self.accepted_plan().and_then(|plan| {
            let mut drives = plan.drives.iter();
            drives.find(|it| it.identity == *drive)
        });
        planned.is_some_and(|it| it.leaves_notice) && self.verified.contains_key(drive)
    }

    /// Takes what work may say that has no ticket, since it writes nothing.
    fn observing_step(&mut self, step: &Step, at: UnixMillis) {
        match (step, &self.job.kind) {
            (Step::Inventoried { .. }, JobKind::InventoryOnly {}) => self.inventoried = true,
            // Of what it was admitted with, and no longer than agreed: kept in memory for good.
            (Step::DriveLookedAt(look), JobKind::VerifyOnly {})
                if self.drives.contains(&look.drive) && look.ranges.len() <= MAX_RANGES =>
            {
                self.looks.insert(look.drive.clone(), (look.clone(), look.is_blank()));
            }
            (Step::Finished {}, _) if self.may_finish() => self.finished = Some(at),
            _ => {}
        }
    }

    /// Takes what can only be true after a ticket was used.
    fn consented_step(
        &mut self,
        step: &Step,
        record: Sha256Digest,
        at: UnixMillis,
        booted_at: Option<UnixMillis>,
    ) {
        match step {
            Step::Verified(evidence) if self.implausible(evidence).is_none() => {
                let (evidence, agent) = (evidence.clone(), self.agent);
                let (seen_again, off_by) = (false, None);
                self.count(Verified { evidence, record, agent, seen_again, off_by });
            }
            Step::VerificationConfirmed { drive, record, sectors_sampled } => {
                let same = |it: &&Verified| {
                    it.record == *record && self.implausible(&it.evidence).is_none()
                };
                if let Some(mut verified) = self.before.get(drive).filter(same).cloned() {
                    let verified_at = verified.evidence.verified_at;
                    let is_fresh_boot = booted_at.is_some_and(|it| it > verified_at);
                    let was_off = verified.off_by.is_some_and(|agent| agent != self.agent);
                    verified.seen_again |= is_fresh_boot && was_off && *sectors_sampled > 0;
                    self.confirmed.insert(drive.clone());
                    self.count(verified);
                }
            }
            Step::NoticeWritten(notice) if self.may_be_noticed(&notice.drive) => {
                self.notices.insert(notice.drive.clone(), notice.clone());
            }
            Step::ImageWritten { drive, image, .. } if self.installs(drive, Some(*image)) => {
                self.imaged = true;
            }
            Step::Personalized { drive, .. } if self.imaged && self.installs(drive, None) => {
                self.personalized = true;
            }
            Step::MadeBootable { drive, .. } if self.imaged && self.installs(drive, None) => {
                self.bootable = true;
            }
            Step::Finished {} if self.may_finish() => self.finished = Some(at),
            _ => {}
        }
    }

    fn count(&mut self, verified: Verified) {
        let drive = verified.evidence.drive.clone();
        self.before.remove(&drive);
        self.proven_gone.insert(drive.clone());
        self.verified.insert(drive, verified);
    }

    fn forget(&mut self, drive: &DriveIdentity) {
        self.verified.remove(drive);
        self.before.remove(drive);
        self.proven_gone.remove(drive);
        self.notices.remove(drive);
    }

    /// Whether the plan puts an image on this drive, and this one where it is named.
    fn installs(&self, drive: &DriveIdentity, image: Option<ImageId>) -> bool {
        self.accepted_plan().is_some_and(|plan| {
            let mut drives = plan.drives.iter();
            plan.image.is_some()
                && image.is_none_or(|image| plan.image == Some(image))
                && drives.any(|planned| planned.receives_image && planned.identity == *drive)
        })
    }

    /// Whether an agent's word that it has finished can be taken.
    pub(crate) fn may_finish(&self) -> bool {
        match self.job.kind {
            JobKind::Wipe {} => self.is_proven() && !self.held,
            JobKind::Refurbish { .. } | JobKind::ImageOnly { .. } => {
                self.is_proven() && !self.held && self.bootable
            }
            JobKind::InventoryOnly {} => self.inventoried,
            JobKind::VerifyOnly {} => {
                !self.drives.is_empty() && self.drives.iter().all(|it| self.looks.contains_key(it))
            }
        }
    }

    /// Whether every drive of which the policy demands it was looked at again by a later boot, with fresh power.
    fn all_seen_again(&self) -> bool {
        self.accepted_plan().is_some_and(|plan| {
            let mut demanded = plan.drives.iter().filter(|drive| drive.proof.power_cycle);
            demanded.all(|drive| self.verified.get(&drive.identity).is_some_and(|it| it.seen_again))
        })
    }
}
