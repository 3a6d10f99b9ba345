use protocol::witness::LookRequest;
use protocol::{
    AgentKey, BatchId, ByteLen, Directive, ImageId, JobKind, Nonce, Sha256Digest, Step,
};

use super::*;
use crate::bench::MachineState;
use crate::directive::directive;
use crate::event::{Happening, JournalEvent};
use crate::scene::hardware::{drive, laptop};
use crate::scene::{Agent, HOUR, MANUAL, OLA, Scene};

const BATCH: BatchId = BatchId::from_bytes([1; 16]);

/// A machine with a ticket, and what it reports of the wipe.
fn at_work(witness: bool) -> (Scene, Agent, Vec<Step>) {
    let mut scene = Scene::new();
    let (job, policy) = (JobKind::Wipe {}, plan::policy::default());
    scene.arm_with(BATCH, 1, job, policy, witness);
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    (scene, agent, steps)
}

fn ask(scene: &mut Scene, agent: &Agent) -> Result<(), AdmissionError> {
    hold(&scene.bench, agent.number, OLA).map(|happenings| scene.apply(happenings))
}

fn let_go(scene: &mut Scene, agent: &Agent) -> Result<(), AdmissionError> {
    release(&scene.bench, agent.number, OLA).map(|happening| scene.apply(vec![happening]))
}

#[test]
fn a_machine_that_is_held_waits_once_it_is_verified_and_until_it_is_released() {
    for from_arming in [true, false] {
        let (mut scene, mut agent, steps) = at_work(from_arming);
        scene.report(&mut agent, steps[..2].to_vec());
        if !from_arming {
            ask(&mut scene, &agent).unwrap();
        }
        assert_eq!(scene.state(&agent), MachineState::Sanitizing);
        scene.report(&mut agent, steps[2..].to_vec());
        assert_eq!(scene.state(&agent), MachineState::Held);
        assert_eq!(hold(&scene.bench, agent.number, OLA), Ok(Vec::new()), "it holds already");

        // The batch's end is no person's word.
        scene.apply(vec![Happening::BatchDisarmed { batch: BATCH, by: OLA }]);
        assert_eq!(scene.state(&agent), MachineState::Held);
        let_go(&mut scene, &agent).unwrap();
        assert_eq!(scene.state(&agent), MachineState::Verified);
        assert!(let_go(&mut scene, &agent).is_err(), "released twice");
        scene.report(&mut agent, vec![Step::Finished {}]);
        assert_eq!(scene.state(&agent), MachineState::Finished);
        let shown = scene.machine(&agent).witnessed.len();
        assert_eq!(shown, if from_arming { 1 } else { 2 }, "asked for and released");
    }
}

#[test]
fn a_hold_is_not_promised_where_it_would_come_too_late() {
    let mut scene = Scene::new();
    let stranger = serde_json::from_str("7").unwrap();
    let refused = |scene: &Scene, number| hold(&scene.bench, number, OLA).unwrap_err().to_string();
    assert!(refused(&scene, stranger).contains("nobody has seen"));
    let agent = scene.boot(&laptop(1), MANUAL);
    assert!(refused(&scene, agent.number).contains("admitted to no work"));
    assert!(let_go(&mut scene, &agent).unwrap_err().to_string().contains("nobody holds it"));

    let (mut scene, mut agent, mut steps) = at_work(false);
    scene.report(&mut agent, steps);
    assert!(refused(&scene, agent.number).contains("all verified"));
    steps = vec![Step::Finished {}];
    scene.report(&mut agent, steps);
    assert!(refused(&scene, agent.number).contains("admitted to no work"));

    // A wish that was taken back in time leaves nothing.
    let (mut scene, mut agent, steps) = at_work(true);
    let_go(&mut scene, &agent).unwrap();
    scene.report(&mut agent, steps);
    assert_eq!(scene.state(&agent), MachineState::Verified);
}

#[test]
fn an_agent_that_goes_on_although_it_is_held_is_not_believed() {
    let image = Step::ImageWritten {
        drive: drive("DRIVE001").identity.unwrap(),
        image: ImageId::from_bytes([3; 32]),
        fetched: ByteLen(0),
        written: ByteLen(0),
        read_back: ByteLen(0),
        duration_ms: 1,
    };
    for step in [image, Step::Finished {}] {
        let (mut scene, mut agent, mut steps) = at_work(true);
        steps.push(step);
        scene.report(&mut agent, steps);
        let attention = scene.machine(&agent).attention.clone().unwrap();
        assert!(attention.contains("went on although"), "{attention}");
        assert!(!scene.machine(&agent).is_finished());
    }
}

#[test]
fn a_hold_outlives_a_restart_of_the_machine() {
    let (mut scene, mut first, steps) = at_work(true);
    scene.report(&mut first, steps);
    let mut agent = scene.boot(&laptop(1), MANUAL);
    let machine = scene.machine(&agent);
    assert!(machine.admission.as_ref().unwrap().held, "released by nobody");
    assert_ne!(scene.state(&agent), MachineState::Held, "it has to look again first");
    let why = target(&scene.bench, agent.number, None, (0, 1)).unwrap_err().to_string();
    assert!(why.contains("does not hold yet"), "{why}");
    let told = directive(&scene.bench, scene.now, machine, &agent.public(), MANUAL);
    let Directive::Work { verified_before, .. } = told else { panic!("{told:?}") };
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let ticket = scene.wiped(&agent).remove(0);
    let (drive, record) = (verified_before[0].drive.clone(), verified_before[0].record);
    let confirmed = Step::VerificationConfirmed { drive, record, sectors_sampled: 5 };
    scene.report(&mut agent, vec![ticket, confirmed]);
    assert_eq!(scene.state(&agent), MachineState::Held);
    assert_eq!(target(&scene.bench, agent.number, None, (0, 1)).unwrap().agent, agent.public());
}

#[test]
fn only_sectors_of_verified_drives_of_a_held_machine_can_be_looked_at() {
    let (mut scene, mut agent, steps) = at_work(true);
    let number = agent.number;
    let refused = |scene: &Scene, drive, sectors| {
        target(&scene.bench, number, drive, sectors).unwrap_err().to_string()
    };
    assert!(refused(&scene, None, (0, 1)).contains("does not hold yet"));
    scene.report(&mut agent, steps);
    let identity = drive("DRIVE001").identity.unwrap();
    let n_sectors = identity.size.0 / 512;
    for (serial, sectors) in
        [(None, (0, 8)), (Some("DRIVE001"), (n_sectors - 1, 1)), (None, (n_sectors - 8, 8))]
    {
        let found = target(&scene.bench, agent.number, serial, sectors).unwrap();
        assert_eq!((found.machine, found.agent), (agent.id, agent.public()));
        assert_eq!((found.drive, found.sector_size.bytes()), (identity.clone(), 512));
    }
    for sectors in [(n_sectors, 1), (n_sectors - 7, 8), (u64::MAX, 1)] {
        let why = refused(&scene, None, sectors);
        assert!(why.contains("counted from 0"), "{sectors:?}: {why}");
    }
    assert!(refused(&scene, Some("DRIVE002"), (0, 1)).contains("serial number: DRIVE001"));
    let_go(&mut scene, &agent).unwrap();
    assert!(refused(&scene, None, (0, 1)).contains("was released"));
}

fn asked(machine: u8, agent: u8, look: u8) -> Asked {
    Asked {
        machine: protocol::MachineId::from_bytes([machine; 16]),
        agent: AgentKey::from_bytes([agent; 32]),
        by: OLA,
        request: LookRequest {
            look: Nonce::from_bytes([look; 32]),
            drive: drive("DRIVE001").identity.unwrap(),
            sector: 0,
            count: 1,
        },
        sector_size: 512.try_into().unwrap(),
    }
}

#[test]
fn looks_wait_for_the_agent_that_holds_and_for_no_other() {
    let (looks, now) = (Looks::default(), Instant::now());
    let one = asked(1, 1, 1);
    let (machine, agent, look) = (one.machine, one.agent, one.request.look);
    let silent =
        |asked: &Asked, now| matches!(looks.ask(asked.clone(), now), Err(WitnessError::Silent));
    assert!(silent(&one, now), "it never asked");
    assert!(looks.of(machine, agent, now).is_empty());
    assert!(silent(&asked(1, 2, 1), now) && silent(&asked(2, 1, 1), now), "another agent");
    assert!(silent(&one, now + Duration::from_secs(16)), "it was switched off");

    let mut answer = looks.ask(one.clone(), now).unwrap();
    assert_eq!(looks.of(machine, agent, now), std::slice::from_ref(&one.request));
    let (other, stranger) = (asked(2, 1, 1).machine, asked(1, 2, 1).agent);
    assert!(looks.take(&machine, &stranger, look).is_none());
    assert!(looks.take(&other, &agent, look).is_none());
    assert!(looks.take(&machine, &agent, Nonce::from_bytes([9; 32])).is_none());
    assert!(answer.try_recv().is_err());
    assert_eq!(looks.take(&machine, &agent, look).unwrap().asked, one);
    assert!(looks.take(&machine, &agent, look).is_none(), "answered twice");

    // A restarted agent is not asked what the one before it was.
    let _answer = looks.ask(one, now).unwrap();
    assert!(looks.of(machine, stranger, now).is_empty());
    assert!(looks.take(&machine, &agent, look).is_none());
}

#[test]
fn the_queue_of_a_machine_is_short_and_who_leaves_makes_room() {
    let (looks, now) = (Looks::default(), Instant::now());
    let first = asked(1, 1, 0);
    looks.of(first.machine, first.agent, now);
    let mut waiting: Vec<_> = (0..16).map(|look| looks.ask(asked(1, 1, look), now)).collect();
    assert!(waiting.iter().all(Result::is_ok));
    assert!(matches!(looks.ask(asked(1, 1, 16), now), Err(WitnessError::Full(16))));
    waiting.pop();
    assert!(looks.ask(asked(1, 1, 16), now).is_ok());
    drop(waiting);
    assert!(looks.of(first.machine, first.agent, now).is_empty());
}

#[test]
fn the_journal_of_before_reads_as_armed_without_a_hold_and_a_look_holds_no_bytes() {
    let (job, policy) = (JobKind::Wipe {}, plan::policy::default());
    let at = protocol::UnixMillis(1);
    let (by, until, count) = (OLA, crate::clock::after(at, HOUR), 1);
    let (batch, witness, lot) = (BATCH, false, None);
    let happening = Happening::BatchArmed {
        batch,
        by,
        until,
        count,
        job,
        policy,
        witness,
        lot,
        first_of_model: false,
    };
    let event = JournalEvent { at, happening };
    let text = serde_json::to_string(&event).unwrap();
    assert!(!text.contains("witness") && !text.contains("lot"), "{text}");
    assert_eq!(serde_json::from_str::<JournalEvent>(&text).unwrap(), event);

    let saw = crate::event::Saw::Content { sha256: Sha256Digest::from_bytes([1; 32]), zero: true };
    let text = serde_json::to_value(saw).unwrap();
    let mut keys: Vec<_> = text.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["saw", "sha256", "zero"]);
}
