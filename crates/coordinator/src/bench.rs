//! The bench: what follows from the journal's events. Pure; the same events give the same bench.

mod admission;
mod batch;
mod drives;
mod floor;
mod locks;
mod machine;
mod people;
mod proof;
mod state;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use evidence::chain::ChainError;
use evidence::site_keys::SiteKeysError;
use evidence::{Envelope, EnvelopeError, SiteKeys};
use protocol::{
    AgentKey, AgentRecord, BatchId, Inventory, Job, LotId, MachineId, MachineIdentity,
    MachineNumber, PersonId, Sha256Digest, SiteKey, Step, UnixMillis,
};

pub(crate) use admission::{Admission, Consent, Verified, internal_drives};
pub(crate) use batch::Batch;
pub(crate) use drives::Gone;
pub(crate) use locks::{Adopted, Locks, Ours};
pub(crate) use machine::{AgentBoot, Machine};
pub(crate) use people::People;
pub(crate) use proof::{Proof, Proofs};
pub(crate) use state::MachineState;

use crate::access::Role;
use crate::clock;
use crate::drive_name::DriveName;
use crate::event::{AdmittedHow, Happening, JournalEvent};
use crate::first_of_model::Verdict;
use crate::lots::lot::StepError;
use crate::lots::step::LotStep;
use crate::lots::{Lot, LotEvent, claim};
use crate::panic::Panic;
use crate::protection::{Mark, Protected};

/// Why an event cannot follow those before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("the journal does not begin with its founding, or was founded twice")]
    Founding,
    #[error("machine {0} was never seen")]
    UnknownMachine(MachineId),
    #[error("machine {0} or its number {1} is there already")]
    MachineTwice(MachineId, MachineNumber),
    #[error("batch {0} was never armed, or was armed twice")]
    Batch(BatchId),
    #[error("{0} is protected already, or was never")]
    Mark(Mark),
    #[error("lot {0} cannot take this step: {1}")]
    Lot(LotId, StepError),
    #[error("everything is stopped already, or nothing was")]
    Panic,
    #[error("machine {0} is not admitted")]
    NotAdmitted(MachineId),
    #[error("the lock of {0} is ours already")]
    LockTwice(DriveName),
    #[error("person {0} was named already")]
    PersonTwice(PersonId),
    #[error("person {0} was never named, or the name was deleted already")]
    NoName(PersonId),
    #[error("agent {agent} never enrolled as machine {machine}")]
    UnknownAgent { machine: MachineId, agent: AgentKey },
    #[error("user {0} is there already, or was never added")]
    User(PersonId),
    #[error("an agent's record does not join its chain")]
    Chain(#[source] ChainError),
    #[error("a rotation of the site's key does not follow")]
    Rotation(#[source] SiteKeysError),
    #[error("an agent's record cannot be read")]
    Envelope(#[source] EnvelopeError),
}

/// How long after its batch begun work still goes on by itself: a power cut over night, not a machine that somebody
/// found again and uses.
const WORK_GOES_ON: Duration = Duration::from_secs(24 * 3600);

/// All machines and batches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bench {
    site: Option<SiteKeys>,
    simulated: bool,
    last_at: UnixMillis,
    n_events: u64,
    // Shared between the writer's bench and the published one: a copy costs only the machines that changed.
    machines: BTreeMap<MachineId, Arc<Machine>>,
    batches: BTreeMap<BatchId, Batch>,
    locks: Locks,
    lots: BTreeMap<LotId, Arc<Lot>>,
    people: People,
    protected: BTreeMap<Mark, Protected>,
    panic: Option<Panic>,
    users: BTreeMap<PersonId, Role>,
    /// Which password each of them has, where an event said it.
    passwords: BTreeMap<PersonId, Sha256Digest>,
}

impl Bench {
    /// The site that the journal belongs to, by its present key; none before the first event.
    pub(crate) fn site(&self) -> Option<SiteKey> {
        self.site.as_ref().map(SiteKeys::present)
    }

    /// Its keys since the journal began; none before the first event.
    pub(crate) fn site_keys(&self) -> Option<&SiteKeys> {
        self.site.as_ref()
    }

    /// Whether its machines are made up.
    pub(crate) fn simulated(&self) -> bool {
        self.simulated
    }

    /// When the last event happened.
    pub(crate) fn last_at(&self) -> UnixMillis {
        self.last_at
    }

    /// All machines.
    pub(crate) fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values().map(Arc::as_ref)
    }

    /// A machine.
    pub(crate) fn machine(&self, id: &MachineId) -> Option<&Machine> {
        self.machines.get(id).map(Arc::as_ref)
    }

    /// The machine with this number on its screen.
    pub(crate) fn numbered(&self, number: MachineNumber) -> Option<&Machine> {
        self.machines().find(|machine| machine.number == number)
    }

    /// The number for the next new machine.
    pub(crate) fn next_number(&self) -> MachineNumber {
        let last = self.machines().map(|machine| machine.number.0).max();
        MachineNumber(last.map_or(NonZeroU32::MIN, |number| number.saturating_add(1)))
    }

    /// All batches.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.values()
    }

    /// A batch.
    pub(crate) fn batch(&self, id: &BatchId) -> Option<&Batch> {
        self.batches.get(id)
    }

    /// The batches that still admit machines, the one that ends first in front.
    pub(crate) fn armed(&self, now: UnixMillis) -> Vec<&Batch> {
        let mut armed: Vec<_> = self.batches().filter(|batch| batch.admits(now)).collect();
        armed.sort_by_key(|batch| (batch.until, batch.id));
        armed
    }

    /// Whether a batch is armed that could take a machine which was only observed: not the one that did so.
    pub(crate) fn is_awaited(&self, machine: &Machine, now: UnixMillis) -> bool {
        let own = machine.admission.as_ref().map(|it| it.job.batch);
        machine.was_only_observed() && self.armed(now).iter().any(|batch| Some(batch.id) != own)
    }

    /// Whether machines may still need what a batch's job names: it gives tickets, or work of it is under way.
    pub(crate) fn is_needed(&self, batch: &Batch, now: UnixMillis) -> bool {
        let under_way = |machine: &Machine| {
            let admission = machine.admission.as_ref().filter(|_| machine.is_unfinished());
            admission.is_some_and(|it| it.job.batch == batch.id && it.accepted_plan().is_some())
        };
        batch.gives_tickets(now) || (!batch.disarmed && self.machines().any(under_way))
    }

    /// Whether work that began may no longer go on without a person: its installed system has been in use, or nobody
    /// knows any more what the machine has been used for.
    pub(crate) fn is_stale(&self, admission: &Admission, now: UnixMillis) -> bool {
        let long_ago = |batch: &Batch| clock::after(batch.until, WORK_GOES_ON) <= now;
        admission.finished.is_none()
            && admission.has_begun()
            && (admission.booted.is_some() || self.batch(&admission.job.batch).is_none_or(long_ago))
    }

    /// Whether there is something to do for a machine that comes back: its work began and may go on, or may begin.
    pub(crate) fn has_work(&self, machine: &Machine, now: UnixMillis) -> bool {
        let admission = machine.admission.as_ref().filter(|_| machine.is_unfinished());
        admission.is_some_and(|it| {
            let open = self.batch(&it.job.batch).is_some_and(|batch| batch.gives_tickets(now));
            (it.has_begun() || open) && !self.is_stale(it, now)
        })
    }

    /// All lots.
    pub(crate) fn lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.values().map(Arc::as_ref)
    }

    /// All lots, to be looked at when the bench has gone on.
    pub(crate) fn shared_lots(&self) -> BTreeMap<LotId, Arc<Lot>> {
        self.lots.clone()
    }

    /// A lot.
    pub(crate) fn lot(&self, id: &LotId) -> Option<&Lot> {
        self.lots.get(id).map(Arc::as_ref)
    }

    /// Who may log in, as far as the journal was told.
    pub(crate) fn users(&self) -> &BTreeMap<PersonId, Role> {
        &self.users
    }

    /// SHA-256 of the hash of a user's password, as the last event said that named one.
    pub(crate) fn password_of(&self, user: &PersonId) -> Option<&Sha256Digest> {
        self.passwords.get(user)
    }

    /// Who stopped everything, while it is so.
    pub(crate) fn panic(&self) -> Option<&Panic> {
        self.panic.as_ref()
    }

    /// The drives whose lock may be ours.
    pub(crate) fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Everything that is never touched.
    pub(crate) fn all_protected(&self) -> impl Iterator<Item = (&Mark, &Protected)> {
        self.protected.iter()
    }

    /// Why what says this of itself is never touched, if a person said so.
    pub(crate) fn protection(
        &self,
        who: &MachineIdentity,
        inventory: Option<&Inventory>,
    ) -> Option<String> {
        let mut found = self.protected.iter().filter(|(mark, _)| mark.fits(who, inventory));
        let (mark, it) = found.next()?;
        Some(format!("{mark} is protected ({}), so it is never touched", it.because))
    }

    /// Who protects it, if it is.
    pub(crate) fn protected(&self, mark: &Mark) -> Option<&Protected> {
        self.protected.get(mark)
    }

    /// Everybody to whose name the journal is committed.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// The machine whose installed system holds this one-time token.
    pub(crate) fn by_first_boot_token(&self, token: &Sha256Digest) -> Option<&Machine> {
        self.machines().find(|machine| machine.installed_with(token).is_some())
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// When it contradicts those before it. The bench is then not to be used any further.
    pub(crate) fn apply(&mut self, event: &JournalEvent) -> Result<(), FoldError> {
        if self.site.is_none() != matches!(event.happening, Happening::Founded { .. }) {
            return Err(FoldError::Founding);
        }
        let index = self.n_events;
        let at = event.at;
        match &event.happening {
            Happening::Founded { site, simulated } => {
                (self.site, self.simulated) = (Some(SiteKeys::from(*site)), *simulated);
            }
            Happening::KeyRotated { rotation, .. } => {
                let keys = self.site.as_mut().ok_or(FoldError::Founding)?;
                keys.follow(rotation.clone()).map_err(FoldError::Rotation)?;
            }
            Happening::MachineSeen { machine, number, identity } => {
                if self.machines.contains_key(machine) || self.numbered(*number).is_some() {
                    return Err(FoldError::MachineTwice(*machine, *number));
                }
                let seen = Machine::new(*machine, *number, identity.clone(), at);
                self.machines.insert(*machine, Arc::new(seen));
            }
            Happening::IdentityConflict { machine, with, what } => {
                for (one, other) in [(machine, with), (with, machine)] {
                    self.change(one)?.add_conflict(*other, what);
                }
            }
            Happening::ConflictSettled { machine, with, .. } => {
                self.change(machine)?.settle_conflicts(with.as_ref());
            }
            // The time itself is the event's own; batches that it would bring back are ended beside it.
            Happening::ClockAccepted { .. } => {}
            Happening::Enrolled { machine, agent, version, inventory } => {
                self.change(machine)?.enroll(*agent, version, inventory, at);
                self.look_for_marks(machine);
            }
            Happening::Protected { mark, by, because } => {
                let protected = Protected { by: *by, because: because.clone(), at };
                if self.protected.insert(mark.clone(), protected).is_some() {
                    return Err(FoldError::Mark(mark.clone()));
                }
                self.look_for_marks_everywhere();
            }
            Happening::Unprotected { mark, .. } => {
                self.protected.remove(mark).ok_or_else(|| FoldError::Mark(mark.clone()))?;
                self.look_for_marks_everywhere();
            }
            Happening::BatchArmed {
                batch,
                by,
                until,
                count,
                job,
                policy,
                witness,
                lot,
                first_of_model,
            } => {
                let job = Job { batch: *batch, kind: job.clone(), policy: policy.clone() };
                if let Some(lot) = lot.filter(|lot| !self.lots.contains_key(lot)) {
                    return Err(FoldError::Lot(lot, StepError::Opening));
                }
                let batch_of = Batch::new(job, *by, at, *until, *count);
                let (witness, first_of_model) = (*witness, *first_of_model);
                let armed = Batch { witness, first_of_model, lot: *lot, ..batch_of };
                if self.batches.insert(*batch, armed).is_some() {
                    return Err(FoldError::Batch(*batch));
                }
            }
            Happening::FirstOfModel { machine, batch, model } => {
                self.goes_first(machine, batch, model)?;
            }
            Happening::ModelJudged { batch, model, works, by, because } => {
                let (works, by, because) = (*works, *by, because.clone());
                self.judge_model(batch, model, Verdict { works, by, because, at })?;
            }
            Happening::BatchDisarmed { batch, .. } => {
                self.batches.get_mut(batch).ok_or(FoldError::Batch(*batch))?.disarmed = true;
            }
            Happening::Lot(event) => self.change_lot(index, event, at)?,
            Happening::Panicked { by, because } => {
                let panic = Panic { by: *by, because: because.clone(), at };
                if self.panic.replace(panic).is_some() {
                    return Err(FoldError::Panic);
                }
                self.halt(index, at);
            }
            Happening::PanicOver { .. } => {
                self.panic.take().ok_or(FoldError::Panic)?;
            }
            Happening::Admitted { machine, batch, agent, how } => {
                self.admit(machine, batch, *agent, how, at)?;
                if matches!(how, AdmittedHow::Continued { .. }) {
                    self.change(machine)?.witnessed.push(index);
                }
            }
            Happening::AttentionNeeded { machine, sentence } => {
                self.change(machine)?.attention = Some(sentence.clone());
            }
            Happening::PlanRefused { machine, refusals, .. } => {
                self.work(machine)?.refusals.clone_from(refusals);
            }
            Happening::TicketIssued { machine, plan, envelope, first_boot_token, .. } => {
                self.change(machine)?.consent(plan, envelope, *first_boot_token)?;
            }
            Happening::DrivePasswordGiven { machine, drive, secret } => {
                if !self.machines.contains_key(machine) {
                    return Err(FoldError::UnknownMachine(*machine));
                }
                self.locks.give(*machine, drive, *secret);
            }
            Happening::LockAdopted { drive, by, because } => {
                if self.locks.ours(drive).is_some() {
                    return Err(FoldError::LockTwice(drive.clone()));
                }
                let adopted = Adopted { by: *by, because: because.clone(), at };
                self.locks.adopt(drive.clone(), adopted);
            }
            Happening::PersonNamed { person, commitment } => {
                self.people.name(*person, *commitment)?;
            }
            Happening::PersonForgotten { person, .. } => self.people.forget(*person)?,
            Happening::HoldAsked { machine, .. } => self.witnessed(index, machine)?.held = true,
            Happening::HoldReleased { machine, .. } => self.witnessed(index, machine)?.held = false,
            Happening::Looked { machine, .. } => drop(self.witnessed(index, machine)?),
            Happening::AgentRecord { envelope } => self.record(index, envelope, at)?,
            Happening::Booted { machine, first_boot_token } => {
                let booted = self.change(machine)?.boot_installed(first_boot_token, at);
                booted.ok_or(FoldError::NotAdmitted(*machine))?;
            }
            Happening::UserAdded { person, role, hash, .. } => {
                self.passwords.extend(hash.map(|hash| (*person, hash)));
                if self.users.insert(*person, *role).is_some() {
                    return Err(FoldError::User(*person));
                }
            }
            Happening::UserChanged { person, role, hash, .. } => {
                self.passwords.extend(hash.map(|hash| (*person, hash)));
                *self.users.get_mut(person).ok_or(FoldError::User(*person))? = *role;
            }
            Happening::UserRemoved { person, .. } => {
                self.users.remove(person).ok_or(FoldError::User(*person))?;
                self.passwords.remove(person);
            }
            // What people did without a change of the bench: see `crate::deeds`.
            Happening::LoggedIn { .. }
            | Happening::LoggedOut { .. }
            | Happening::LoginsRefused { .. } => {}
            Happening::CertificateExported { machine, .. } => {
                self.machine(machine).ok_or(FoldError::UnknownMachine(*machine))?;
            }
        }
        self.n_events += 1;
        self.last_at = at;
        Ok(())
    }

    fn look_for_marks_everywhere(&mut self) {
        let ids: Vec<_> = self.machines.keys().copied().collect();
        ids.iter().for_each(|id| self.look_for_marks(id));
    }

    /// Whether the machine is protected now, by what it says of itself and what its drives say.
    fn look_for_marks(&mut self, id: &MachineId) {
        let Some(machine) = self.machines.get(id) else { return };
        let found = self.protection(&machine.identity, machine.inventory.as_ref());
        let Some(machine) = self.machines.get_mut(id) else { return };
        if machine.protected != found {
            Arc::make_mut(machine).protected = found;
        }
    }

    fn change_lot(
        &mut self,
        index: u64,
        event: &LotEvent,
        at: UnixMillis,
    ) -> Result<(), FoldError> {
        let LotEvent { lot: id, by, what } = event;
        let failed = |source| FoldError::Lot(*id, source);
        match self.lots.get_mut(id) {
            Some(lot) => Arc::make_mut(lot).apply(index, *by, what, at).map_err(failed)?,
            None => {
                let lot = Lot::open(*id, index, what, at).map_err(failed)?;
                self.lots.insert(*id, Arc::new(lot));
            }
        }
        self.look_who_came_back(*id, what);
        Ok(())
    }

    /// Which finished machines came back, once a lot says something about what it received.
    fn look_who_came_back(&mut self, lot: LotId, what: &LotStep) {
        let about: Vec<MachineId> = match what {
            LotStep::Received { machine, .. } | LotStep::NotOfThisLot { machine, .. } => {
                vec![*machine]
            }
            LotStep::Closed { .. } | LotStep::Reopened { .. } => {
                self.lot(&lot).into_iter().flat_map(|it| it.received.keys()).copied().collect()
            }
            _ => Vec::new(),
        };
        for id in about {
            let Some(machine) = self.machine(&id) else { continue };
            let came_back = claim::came_back(self, machine);
            if machine.came_back() != came_back
                && let Some(machine) = self.machines.get_mut(&id)
            {
                Arc::make_mut(machine).came_back = came_back;
            }
        }
    }

    fn change(&mut self, id: &MachineId) -> Result<&mut Machine, FoldError> {
        self.machines.get_mut(id).map(Arc::make_mut).ok_or(FoldError::UnknownMachine(*id))
    }

    fn work(&mut self, id: &MachineId) -> Result<&mut Admission, FoldError> {
        self.change(id)?.admission.as_mut().ok_or(FoldError::NotAdmitted(*id))
    }

    fn admit(
        &mut self,
        machine: &MachineId,
        batch: &BatchId,
        agent: AgentKey,
        how: &AdmittedHow,
        at: UnixMillis,
    ) -> Result<(), FoldError> {
        let batch = self.batches.get_mut(batch).ok_or(FoldError::Batch(*batch))?;
        let model = self.machines.get(machine).map(|machine| machine.model());
        let works = model.is_some_and(|model| batch.works(&model));
        let waits_for_model = batch.first_of_model && !works;
        let (job, witness) = (batch.job.clone(), batch.witness);
        let is_new = !matches!(how, AdmittedHow::Resumed | AdmittedHow::Continued { .. });
        if is_new {
            batch.admitted.insert(*machine);
        }
        self.change(machine)?.admit(job, agent, how, at)?;
        // One that comes back is held or was released already.
        if is_new {
            let work = self.work(machine)?;
            work.hold_from_arming(witness);
            work.waits_for_model = waits_for_model;
            let proofs = self.machine(machine).map(|it| self.proofs_for(it)).unwrap_or_default();
            self.work(machine)?.rest_on(proofs.into_values().filter_map(Result::ok));
        }
        Ok(())
    }

    /// The work that a person holds, releases or looks at; that stands in the machine's history.
    fn witnessed(&mut self, index: u64, id: &MachineId) -> Result<&mut Admission, FoldError> {
        self.change(id)?.witnessed.push(index);
        self.work(id)
    }

    fn record(&mut self, index: u64, envelope: &Envelope, at: UnixMillis) -> Result<(), FoldError> {
        let named: AgentRecord = envelope.peek().map_err(FoldError::Envelope)?;
        // A notice of ours is no data: it may have been left in another machine.
        let notice = match &named.step {
            Step::DriveLookedAt(look) => self.notice_on(&look.drive),
            _ => None,
        };
        self.change(&named.machine)?.record(index, named.agent, envelope, at, notice.as_ref())
    }
}

#[cfg(test)]
mod tests;
