//! How each event changes the bench.

use std::sync::Arc;

use evidence::{Envelope, SiteKeys};
use protocol::{AgentKey, AgentRecord, BatchId, Job, LotId, MachineId, Step, UnixMillis};

use super::{Admission, Adopted, Batch, Bench, FoldError, Machine};
use crate::event::{AdmittedHow, Happening, JournalEvent};
use crate::first_of_model::Verdict;
use crate::lots::lot::StepError;
use crate::lots::step::LotStep;
use crate::lots::{Lot, LotEvent, claim};
use crate::panic::Panic;
use crate::protection::Protected;

impl Bench {
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

    pub(super) fn work(&mut self, id: &MachineId) -> Result<&mut Admission, FoldError> {
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
