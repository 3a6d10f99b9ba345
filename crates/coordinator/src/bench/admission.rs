//! A machine's work in one batch, from admission to first boot.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Envelope, EnvelopeError};
use protocol::event::DriveEvidence;
use protocol::{
    AgentKey, Bus, DriveIdentity, Inventory, Job, JobKind, Plan, Refusal, Sha256Digest, Step,
    Ticket, UnixMillis,
};

use super::MachineState;
use crate::event::AdmittedHow;

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
    /// Drives whose former content was proven gone at some time of this work.
    pub(crate) proven_gone: BTreeSet<DriveIdentity>,
    /// When the image was on the drive, this boot.
    pub(crate) imaged: bool,
    /// Whether the machine's own settings are written, this boot.
    pub(crate) personalized: bool,
    /// Whether partition tables are written, this boot.
    pub(crate) bootable: bool,
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
}

impl Consent {
    pub(super) fn read(
        plan: &Plan,
        envelope: &Envelope,
        first_boot_token: Sha256Digest,
    ) -> Result<Self, EnvelopeError> {
        // Our own envelope, from our own journal: whoever can change that can change the plan beside it as well.
        let ticket = envelope.peek()?;
        let (plan, envelope) = (plan.clone(), envelope.clone());
        Ok(Self { ticket, envelope, plan, first_boot_token, accepted: false })
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
            proven_gone: BTreeSet::new(),
            imaged: false,
            personalized: false,
            bootable: false,
            finished: None,
            booted: None,
        }
    }

    /// The plan under which data was last destroyed.
    pub(crate) fn accepted_plan(&self) -> Option<&Plan> {
        self.consents.iter().rev().find(|consent| consent.accepted).map(|consent| &consent.plan)
    }

    /// Whether every drive of the plan is verified.
    pub(crate) fn all_verified(&self) -> bool {
        self.accepted_plan().is_some_and(|plan| {
            plan.drives.iter().all(|drive| self.verified.contains_key(&drive.identity))
        })
    }

    /// Where the work stands.
    pub(crate) fn state(&self) -> MachineState {
        let consent = self.consents.last().filter(|consent| consent.ticket.agent == self.agent);
        match consent {
            _ if self.booted.is_some() && self.finished.is_some() => MachineState::Booted,
            _ if self.finished.is_some() => MachineState::Finished,
            None => MachineState::Admitted,
            Some(consent) if !consent.accepted => MachineState::Planned,
            Some(_) if self.bootable => MachineState::Bootable,
            Some(_) if self.personalized => MachineState::Personalized,
            Some(_) if self.imaged => MachineState::Imaged,
            Some(_) if self.all_verified() => MachineState::Verified,
            Some(_) => MachineState::Sanitizing,
        }
    }

    /// The ticket that `agent` says it used, if it is one that this agent was given for that plan.
    pub(crate) fn names_our_ticket(&self, agent: &AgentKey, step: &Step) -> bool {
        let Step::TicketAccepted { ticket, plan } = step else { return false };
        self.consents.iter().any(|consent| {
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
        if planned.technique != evidence.technique || planned.claim != evidence.claim {
            return Some(format!("{drive} was not verified as it was planned"));
        }
        let passes = [("overwritten", &evidence.overwrite), ("read", &evidence.verification)];
        passes
            .into_iter()
            .find(|(_, pass)| pass.bytes != drive.size)
            .map(|(what, pass)| format!("only {} of {drive} were {what}", pass.bytes))
    }

    pub(super) fn resume(&mut self, agent: AgentKey) {
        if self.agents.last() != Some(&agent) {
            self.agents.push(agent);
        }
        self.agent = agent;
        self.refusals.clear();
        (self.imaged, self.personalized, self.bootable) = (false, false, false);
    }

    pub(super) fn consent(&mut self, consent: Consent) {
        self.refusals.clear();
        self.consents.push(consent);
    }

    /// Takes what an agent observed.
    pub(crate) fn step(
        &mut self,
        agent: AgentKey,
        step: &Step,
        record: Sha256Digest,
        at: UnixMillis,
    ) {
        match step {
            Step::TicketAccepted { ticket, .. } if self.names_our_ticket(&agent, step) => {
                let used = self.consents.iter_mut().find(|it| it.ticket.ticket == *ticket);
                if let Some(consent) = used {
                    consent.accepted = true;
                }
            }
            Step::SanitizeStarted { drive, .. } => drop(self.verified.remove(drive)),
            Step::Verified(evidence) => {
                if self.accepted_plan().is_some() && self.implausible(evidence).is_none() {
                    let verified = Verified { evidence: evidence.clone(), record };
                    self.verified.insert(evidence.drive.clone(), verified);
                    self.proven_gone.insert(evidence.drive.clone());
                }
            }
            Step::SanitizeFailed { drive, .. } => drop(self.verified.remove(drive)),
            Step::ImageWritten { .. } => self.imaged = true,
            Step::Personalized { .. } => self.personalized = true,
            Step::MadeBootable { .. } => self.bootable = true,
            Step::Finished if self.may_finish() => self.finished = Some(at),
            Step::Refused { refusals } => self.refusals.clone_from(refusals),
            Step::TicketAccepted { .. }
            | Step::Sanitized { .. }
            | Step::VerificationConfirmed { .. }
            | Step::Finished
            | Step::Failed { .. }
            | Step::AgentDied { .. } => {}
        }
    }

    /// Whether an agent's word that it has finished can be taken.
    pub(crate) fn may_finish(&self) -> bool {
        let installed = matches!(self.job.kind, JobKind::Wipe) || self.bootable;
        self.all_verified() && installed
    }
}

/// What a person who picks a machine consents to lose: the drives that are neither on USB, removable, nor far
/// away. Compared as a whole: a drive more or less voids the consent.
pub(crate) fn internal_drives(inventory: &Inventory) -> BTreeSet<DriveIdentity> {
    let internal = |drive: &&protocol::DriveUnit| {
        !drive.removable && !matches!(drive.bus, Bus::Usb | Bus::Network)
    };
    let drives = inventory.drives.iter().filter(internal);
    drives.filter_map(|drive| drive.identity.clone().ok()).collect()
}
