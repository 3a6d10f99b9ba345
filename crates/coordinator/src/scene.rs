//! A bench for tests of decisions: events are applied as the journal would, without one.

use std::time::Duration;

use evidence::chain::ChainWriter;
use evidence::{Envelope, SigningKey};
use protocol::{
    AgentKey, BatchId, Enrollment, Inventory, JobKind, LotId, MachineId, MachineNumber, Nonce,
    PersonId, PlanRequest, Policy, SiteKey, Step, Ticket, TicketId, UnixMillis,
};

use crate::admission::{self, AdmissionError, Pick, Terms};
use crate::bench::{Bench, Machine, MachineState};
use crate::consent::{ConsentError, Desk, consent};
use crate::enrollment::{self, Rules};
use crate::event::{Happening, JournalEvent};
use crate::lots::LotEvent;
use crate::lots::step::LotStep;
use crate::records::{self, RecordsError};
use crate::site::Site;

#[path = "../tests/bench/hardware.rs"]
pub(crate) mod hardware;
#[path = "../tests/bench/observed.rs"]
pub(crate) mod observed;

pub(crate) const OLA: PersonId = PersonId::from_bytes([9; 16]);
pub(crate) const MANUAL: Rules = Rules { automatic: false, room: true };
pub(crate) const AUTOMATIC: Rules = Rules { automatic: true, room: true };
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) now: UnixMillis,
    pub(crate) site: Site,
    /// What holds when consent is asked for and machines are picked.
    pub(crate) rules: Rules,
    /// The lot that batches are armed for.
    lot: Option<LotId>,
    /// Whether batches are armed so that the first machine of each model goes first.
    pub(crate) first_of_model: bool,
    _data: tempfile::TempDir,
}

/// An agent of one boot.
pub(crate) struct Agent {
    pub(crate) key: SigningKey,
    pub(crate) id: MachineId,
    pub(crate) number: MachineNumber,
    chain: ChainWriter,
}

impl Agent {
    pub(crate) fn public(&self) -> AgentKey {
        AgentKey::from_bytes(self.key.public())
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let site = Site::open(data.path()).unwrap();
        let (bench, now) = (Bench::default(), UnixMillis(1_000_000));
        let first_of_model = false;
        let (rules, lot) = (AUTOMATIC, None);
        let mut scene = Self { bench, now, site, rules, lot, first_of_model, _data: data };
        scene.apply(vec![Happening::Founded {
            site: SiteKey::from_bytes([1; 32]),
            simulated: false,
        }]);
        scene
    }

    pub(crate) fn apply(&mut self, happenings: Vec<Happening>) {
        for happening in happenings {
            self.now.0 += 1;
            self.bench.apply(&JournalEvent { at: self.now, happening }).unwrap();
        }
    }

    pub(crate) fn later(&mut self, time: Duration) {
        self.now = crate::clock::after(self.now, time);
    }

    /// A machine boots the appliance.
    pub(crate) fn boot(&mut self, inventory: &Inventory, rules: Rules) -> Agent {
        let key = SigningKey::generate().unwrap();
        let agent = AgentKey::from_bytes(key.public());
        let enrollment = Enrollment {
            agent,
            version: "0.1.0".into(),
            inventory: inventory.clone(),
            simulated: false,
        };
        let fresh = MachineId::from_bytes(crate::random::bytes().unwrap());
        let (happenings, known) =
            enrollment::enroll(&self.bench, self.now, &enrollment, fresh, rules);
        self.apply(happenings);
        let (id, number) = known.unwrap();
        Agent { key, id, number, chain: ChainWriter::start(id, agent) }
    }

    pub(crate) fn arm(&mut self, batch: u8, count: u32, kind: JobKind) -> BatchId {
        let id = BatchId::from_bytes([batch; 16]);
        self.arm_by(plan::policy::default(), id, count, kind);
        id
    }

    pub(crate) fn arm_by(&mut self, policy: Policy, id: BatchId, count: u32, kind: JobKind) {
        self.arm_with(id, count, kind, policy, false);
    }

    /// What is armed from here on is for another lot.
    pub(crate) fn next_lot(&mut self) {
        self.lot = None;
    }

    /// Arms for the present lot, whose owner accepts that policy. Where there is none, it is opened under the batch's id.
    pub(crate) fn arm_with(
        &mut self,
        id: BatchId,
        count: u32,
        job: JobKind,
        policy: Policy,
        witness: bool,
    ) {
        let lot = match self.lot {
            Some(lot) => {
                self.open_lot_papers(lot, &policy);
                lot
            }
            None => self.open_lot(LotId::from_bytes(*id.as_bytes()), &policy),
        };
        self.lot = Some(lot);
        let lot = self.bench.lot(&lot).unwrap();
        let first_of_model = self.first_of_model;
        let terms = Terms { job, policy, witness, first_of_model, lot };
        let armed = admission::arm(self.now, id, OLA, HOUR, count, terms).unwrap();
        self.apply(vec![armed]);
    }

    /// A lot whose owner accepted and stated what is needed.
    pub(crate) fn open_lot(&mut self, lot: LotId, policy: &Policy) -> LotId {
        let what = LotStep::Opened { owner: "Town hall".into(), reference: String::new() };
        self.apply(vec![Happening::Lot(LotEvent { lot, by: OLA, what })]);
        self.open_lot_papers(lot, policy);
        lot
    }

    /// Its owner accepts and states.
    pub(crate) fn open_lot_papers(&mut self, lot: LotId, policy: &Policy) {
        let on = "2026-11-22".parse().unwrap();
        let (policy, reference) = (policy.clone(), String::new());
        let steps = [
            LotStep::PolicyAccepted { policy, accepted_by: OLA, on, reference: reference.clone() },
            LotStep::NothingUnique { stated_by: OLA, on, reference },
        ];
        self.apply(steps.map(|what| Happening::Lot(LotEvent { lot, by: OLA, what })).into());
    }

    pub(crate) fn pick(&mut self, numbers: &[MachineNumber]) -> Result<(), AdmissionError> {
        self.pick_for(numbers, None, self.rules)
    }

    pub(crate) fn pick_for(
        &mut self,
        numbers: &[MachineNumber],
        batch: Option<BatchId>,
        rules: Rules,
    ) -> Result<(), AdmissionError> {
        // The person compares the key with the screen, as they should.
        let shown = |number| Some(self.bench.numbered(number)?.agent()?.fingerprint());
        let picks: Vec<_> =
            numbers.iter().map(|&number| Pick { number, fingerprint: shown(number) }).collect();
        let happenings = admission::pick(&self.bench, self.now, &picks, batch, OLA, rules)?;
        self.apply(happenings);
        Ok(())
    }

    pub(crate) fn machine(&self, agent: &Agent) -> &Machine {
        self.bench.machine(&agent.id).unwrap()
    }

    pub(crate) fn state(&self, agent: &Agent) -> MachineState {
        self.machine(agent).state(!self.bench.armed(self.now).is_empty())
    }

    /// What an agent asks that sees `inventory`.
    pub(crate) fn request(&self, agent: &Agent, inventory: &Inventory) -> PlanRequest {
        let job = &self.machine(agent).admission.as_ref().unwrap().job;
        let our_locks = self.bench.locks().among(inventory);
        let proofs = self.bench.proofs_for(self.machine(agent)).into_iter();
        let proven = proofs.map(|(drive, it)| (drive, it.map(|it| it.planned))).collect();
        let plan = plan::plan_with(agent.id, inventory, job, &our_locks, &proven);
        let nonce = Nonce::from_bytes(crate::random::bytes().unwrap());
        PlanRequest { nonce, inventory: inventory.clone(), plan }
    }

    /// The events and the answer to a request, which is then journaled.
    pub(crate) fn consent(
        &mut self,
        agent: &Agent,
        request: &PlanRequest,
    ) -> Result<protocol::PlanReply, ConsentError> {
        let fresh = TicketId::from_bytes(crate::random::bytes().unwrap());
        let first_boot_url = "http://10.0.0.1:80/booted".to_owned();
        let desk = Desk { site: &self.site, first_boot_url, rules: self.rules, fresh };
        let machine = self.machine(agent);
        let (happenings, reply) =
            consent(&self.bench, self.now, machine, agent.public(), request, &desk);
        self.apply(happenings);
        reply
    }

    /// The ticket that was given last.
    pub(crate) fn ticket(&self, agent: &Agent) -> Ticket {
        let admission = self.machine(agent).admission.as_ref().unwrap();
        admission.consents.last().unwrap().ticket.clone()
    }

    pub(crate) fn report(&mut self, agent: &mut Agent, steps: Vec<Step>) {
        let refused = self.try_report(agent, steps);
        assert!(refused.is_none(), "{refused:?}");
    }

    /// What stopped the taking of these records, those before it are journaled.
    pub(crate) fn try_report(
        &mut self,
        agent: &mut Agent,
        steps: Vec<Step>,
    ) -> Option<RecordsError> {
        let envelopes: Vec<Envelope> = steps
            .into_iter()
            .map(|step| agent.chain.append(step, self.now, 0, &agent.key).unwrap())
            .collect();
        let (happenings, (_, refused)) =
            records::take(&self.bench, self.now, self.machine(agent), agent.public(), envelopes);
        self.apply(happenings);
        refused
    }

    /// Accepted ticket, started, verified: what an agent says of its only drive.
    pub(crate) fn wiped(&self, agent: &Agent) -> Vec<Step> {
        let ticket = self.ticket(agent);
        let admission = self.machine(agent).admission.as_ref().unwrap();
        let planned = admission.consents.last().unwrap().plan.drives[0].clone();
        vec![
            Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan },
            Step::SanitizeStarted {
                drive: planned.identity.clone(),
                techniques: planned.techniques.clone(),
            },
            Step::Verified(observed::evidence(&planned, self.now)),
        ]
    }

    /// A machine that was wiped and is done.
    pub(crate) fn finish(&mut self, inventory: &Inventory) -> Agent {
        let mut agent = self.boot(inventory, MANUAL);
        self.pick(&[agent.number]).unwrap();
        let request = self.request(&agent, inventory);
        self.consent(&agent, &request).unwrap();
        let mut steps = self.wiped(&agent);
        steps.push(Step::Finished {});
        self.report(&mut agent, steps);
        assert_eq!(self.state(&agent), MachineState::Finished);
        agent
    }
}
