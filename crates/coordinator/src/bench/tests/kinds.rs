//! Work that is not to sanitize: what it may say, and what it leaves as it was.

use protocol::event::{BadCause, BadRange, BootNotice, DriveLook, NOTICE_LEN};
use protocol::plan::RefusalCode;
use protocol::policy::Verification;
use protocol::{BatchId, ByteLen, Directive, ImageId, JobKind, PlanReply, Step};

use crate::bench::MachineState;
use crate::boot_choice::{BootChoice, Caller, choose};
use crate::consent::ConsentError;
use crate::directive::directive;
use crate::scene::hardware::laptop;
use crate::scene::{AUTOMATIC, Agent, MANUAL, OLA, Scene};

fn inventoried() -> Step {
    Step::Inventoried { inventory: Box::new(laptop(1)) }
}

fn told(scene: &Scene, agent: &Agent) -> Directive {
    let machine = scene.machine(agent);
    directive(&scene.bench, scene.now, machine, &agent.public(), scene.rules)
}

fn boots(scene: &Scene) -> BootChoice {
    let who = laptop(1).identity;
    let caller = Caller { mac: who.macs.first().copied(), uuid: who.uuid.as_deref() };
    choose(&scene.bench, scene.now, true, caller)
}

/// A batch that takes stock, with one machine that is done.
fn stock_taken(rules: crate::enrollment::Rules) -> (Scene, Agent) {
    let mut scene = Scene::new();
    scene.rules = rules;
    scene.arm(1, 9, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), rules);
    if !rules.automatic {
        scene.pick(&[agent.number]).unwrap();
    }
    scene.report(&mut agent, vec![inventoried(), Step::Finished {}]);
    (scene, agent)
}

#[test]
fn who_was_only_observed_leaves_and_is_there_again_for_another_batch() {
    for rules in [MANUAL, AUTOMATIC] {
        let (mut scene, agent) = stock_taken(rules);
        assert_eq!(scene.state(&agent), MachineState::Inventoried);
        assert!(matches!(boots(&scene), BootChoice::LocalDisk { .. }), "its batch is armed still");
        assert!(matches!(told(&scene, &agent), Directive::LocalDisk { .. }));
        assert_eq!(scene.machine(&agent).data_still_there().len(), 1);

        scene.arm(2, 1, JobKind::Wipe {});
        let batch = protocol::BatchId::from_bytes([1; 16]);
        scene.apply(vec![crate::event::Happening::BatchDisarmed { batch, by: OLA }]);
        assert_eq!(boots(&scene), BootChoice::Appliance);
        assert!(matches!(told(&scene, &agent), Directive::Wait { .. }));
        let again = scene.boot(&laptop(1), rules);
        if rules.automatic {
            assert_eq!(scene.state(&again), MachineState::Admitted, "as if it was only seen");
        } else {
            assert_eq!(scene.state(&again), MachineState::Inventoried, "nobody picked it");
            scene.pick(&[again.number]).unwrap();
        }
        let request = scene.request(&again, &laptop(1));
        assert!(matches!(scene.consent(&again, &request), Ok(protocol::PlanReply::Ticket { .. })));
    }
}

#[test]
fn who_was_only_observed_and_is_protected_since_is_not_taken_by_another_batch() {
    let (mut scene, agent) = stock_taken(AUTOMATIC);
    let protect = crate::protection::protect(&scene.bench, "SYS001", OLA, "the mayor's own");
    scene.apply(vec![protect.unwrap()]);
    let batch = scene.arm(2, 1, JobKind::Wipe {});
    let key = agent.public();
    let by_itself =
        crate::enrollment::admit_waiting(&scene.bench, scene.now, agent.id, key, AUTOMATIC);
    assert_eq!(by_itself, None);
    let refused = scene.pick_for(&[agent.number], Some(batch), MANUAL).unwrap_err().to_string();
    assert!(refused.contains("protected"), "{refused}");
}

#[test]
fn work_that_writes_nothing_gets_no_ticket_and_proves_nothing() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let wiped = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[wiped.number]).unwrap();
    let request = scene.request(&wiped, &laptop(1));
    scene.consent(&wiped, &request).unwrap();
    let steps = scene.wiped(&wiped);

    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let asked = scene.request(&agent, &laptop(1));
    let refusals = asked.plan.clone().unwrap_err();
    assert_eq!(refusals[0].code, protocol::plan::RefusalCode::WritesNothing);
    // An agent that asks all the same, with a plan of its own making.
    for plan in [asked.plan.clone(), request.plan] {
        let asked = protocol::PlanRequest { plan, ..asked.clone() };
        let Err(ConsentError::NoWork(why)) = scene.consent(&agent, &asked) else {
            panic!("it was answered")
        };
        assert!(why.contains("inventory-only"), "{why}");
    }
    // What it says of drives is not believed, and the end is not before the stock.
    scene.report(&mut agent, vec![steps[1].clone(), steps[2].clone(), Step::Finished {}]);
    let machine = scene.machine(&agent);
    assert!(!machine.is_finished() && machine.drives(|_| true).gone.is_empty());
    assert!(machine.attention.is_some());
}

#[test]
fn taking_stock_of_what_was_erased_takes_nothing_from_it() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    scene.finish(&laptop(1));
    scene.arm(2, 2, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    let inventory = protocol::BatchId::from_bytes([2; 16]);
    scene.pick_for(&[agent.number], Some(inventory), MANUAL).unwrap();
    assert_eq!(scene.machine(&agent).drives(|_| true).gone.len(), 1);
    scene.report(&mut agent, vec![inventoried(), Step::Finished {}]);
    let machine = scene.machine(&agent);
    assert_eq!((machine.drives(|_| true).gone.len(), machine.data_still_there().len()), (1, 0));
    let certified = machine.sanitizing_work().unwrap();
    assert!(certified.job.kind.sanitizes() && certified.finished.is_some());
    assert_eq!(machine.works().count(), 2);
    // Finished is finished: no batch wipes it again.
    scene.arm(3, 1, JobKind::Wipe {});
    let wipe = protocol::BatchId::from_bytes([3; 16]);
    let refused = scene.pick_for(&[agent.number], Some(wipe), MANUAL).unwrap_err();
    assert!(refused.to_string().contains("never wiped twice"), "{refused}");
}

fn image_only() -> JobKind {
    let image = ImageId::from_bytes([3; 32]);
    JobKind::ImageOnly { image, image_min_size: ByteLen(1 << 30), locale: "pl_PL.UTF-8".into() }
}

fn batch(n: u8) -> BatchId {
    BatchId::from_bytes([n; 16])
}

/// A wiped machine that was picked for an image and has accepted its ticket.
fn picked_for_an_image() -> (Scene, Agent, Vec<Step>) {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    scene.finish(&laptop(1));
    scene.arm(2, 9, image_only());
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap();
    let Directive::Work { verified_before, .. } = told(&scene, &agent) else { panic!("no work") };
    let [before] = &verified_before[..] else { panic!("{verified_before:?}") };
    let earlier = before.earlier_work.clone().unwrap();
    assert!(!earlier.confirmed && earlier.planned.proven_by == Some(before.record));
    let request = scene.request(&agent, &laptop(1));
    let plan = request.plan.clone().unwrap();
    assert!(plan.drives[0].receives_image && plan.drives[0].proven_by == Some(before.record));
    assert!(matches!(scene.consent(&agent, &request), Ok(PlanReply::Ticket { .. })));
    let ticket = scene.wiped(&agent).remove(0);
    let drive = before.drive.clone();
    let confirmed =
        Step::VerificationConfirmed { drive, record: before.record, sectors_sampled: 5_000 };
    (scene, agent, vec![ticket, confirmed])
}

fn installed(scene: &Scene, agent: &Agent) -> Vec<Step> {
    let drive = scene.machine(agent).admission.as_ref().unwrap().drives.first().unwrap().clone();
    let (zero, image) = (ByteLen(0), ImageId::from_bytes([3; 32]));
    vec![
        Step::ImageWritten {
            drive: drive.clone(),
            image,
            fetched: zero,
            written: zero,
            read_back: zero,
            duration_ms: 1,
        },
        Step::MadeBootable { drive, boot_entry: "none".into() },
        Step::Finished {},
    ]
}

#[test]
fn what_is_proven_gets_an_image_once_a_fresh_look_confirms_it() {
    let (mut scene, mut agent, mut steps) = picked_for_an_image();
    assert_eq!(scene.state(&agent), MachineState::Planned);
    scene.report(&mut agent, steps.drain(..1).collect());
    assert_eq!(scene.state(&agent), MachineState::Looking);
    // Not before the look.
    assert!(!scene.machine(&agent).admission.as_ref().unwrap().may_finish());
    scene.report(&mut agent, steps);
    let Directive::Work { verified_before, .. } = told(&scene, &agent) else { panic!("no work") };
    assert!(verified_before[0].earlier_work.as_ref().unwrap().confirmed);
    let steps = installed(&scene, &agent);
    scene.report(&mut agent, steps);
    let machine = scene.machine(&agent);
    assert_eq!(scene.state(&agent), MachineState::Finished);
    assert_eq!(machine.drives(|_| true).gone.len(), 1);
    // The certificate speaks of the work that sanitized.
    assert_eq!(machine.sanitizing_work().unwrap().job.batch, batch(1));
    // What has a system now is not blank.
    let refused = scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap_err().to_string();
    assert!(refused.contains("DRIVE001") && refused.contains("system was installed"), "{refused}");
}

#[test]
fn an_image_never_goes_to_a_drive_that_is_not_proven() {
    let mut scene = Scene::new();
    scene.rules = AUTOMATIC;
    scene.arm(2, 9, image_only());
    // By itself, where a person is not asked: admitted, and refused by name at the plan.
    let agent = scene.boot(&laptop(1), AUTOMATIC);
    let request = scene.request(&agent, &laptop(1));
    let Ok(PlanReply::Refused { refusals }) = scene.consent(&agent, &request) else {
        panic!("it has a ticket")
    };
    assert_eq!(refusals[0].code, RefusalCode::NotProven);
    let sentence = &refusals[0].sentence;
    assert!(sentence.contains("arm refurbish"), "{sentence}");
    assert!(refusals[0].what.contains("DRIVE001"));
    // By a person: not even admitted.
    let agent = scene.boot(&laptop(2), MANUAL);
    let refused = scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap_err().to_string();
    assert!(refused.contains("DRIVE002") && refused.contains("refurbish"), "{refused}");
}

#[test]
fn a_look_that_finds_something_else_ends_the_proof_and_leads_to_wiping() {
    let (mut scene, mut agent, mut steps) = picked_for_an_image();
    let Step::VerificationConfirmed { drive, .. } = steps.remove(1) else { panic!("{steps:?}") };
    let sentence = "7 of the sampled sectors are not zero any more".to_owned();
    steps.push(Step::VerificationNotConfirmed { drive, sentence: sentence.clone() });
    steps.push(Step::Failed { stage: protocol::Stage::Verify, sentence });
    scene.report(&mut agent, steps);
    assert_eq!(scene.machine(&agent).data_still_there().len(), 1);
    assert!(
        scene.machine(&agent).drives(|_| true).gone.is_empty(),
        "the lot says that data is there"
    );
    assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
    let refused = scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap_err().to_string();
    assert!(refused.contains("not finished"), "{refused}");
    scene.arm(3, 1, JobKind::Wipe {});
    scene.pick_for(&[agent.number], Some(batch(3)), MANUAL).unwrap();
}

#[test]
fn a_drive_that_was_wiped_in_another_machine_is_proven_in_this_one() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    scene.finish(&laptop(1));
    scene.arm(2, 9, image_only());
    let mut moved = laptop(2);
    moved.drives = laptop(1).drives;
    let agent = scene.boot(&moved, MANUAL);
    scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap();
    assert_eq!(scene.machine(&agent).data_still_there().len(), 1, "not before it was looked at");
    let request = scene.request(&agent, &moved);
    assert!(matches!(scene.consent(&agent, &request), Ok(PlanReply::Ticket { .. })));
    // One more drive, of which nothing is known, and nothing is installed.
    moved.drives.extend(laptop(3).drives);
    let third = scene.boot(&moved, MANUAL);
    assert!(matches!(scene.state(&third), MachineState::Attention { .. }));
}

/// What an agent says that has read its only drive.
fn look(blank: bool, read: u64) -> DriveLook {
    let drive = laptop(1).drives[0].identity.clone().unwrap();
    let found = BadRange { offset: 0, length: ByteLen(512), cause: BadCause::OldContent };
    let ranges: Vec<_> = (!blank).then_some(found).into_iter().collect();
    DriveLook {
        method: Verification::Full,
        read: ByteLen(read.min(drive.size.0)),
        duration_ms: 1,
        filling: 0,
        n_ranges: ranges.len() as u64,
        bytes: ByteLen(512 * ranges.len() as u64),
        ranges,
        head: None,
        looked_at: protocol::UnixMillis(1),
        drive,
    }
}

/// Reads the only drive of a machine that was wiped before, or was not.
fn looked_at(wiped: bool, look: DriveLook) -> (Scene, Agent) {
    let mut scene = Scene::new();
    if wiped {
        scene.arm(1, 1, JobKind::Wipe {});
        scene.finish(&laptop(1));
    }
    scene.arm(2, 9, JobKind::VerifyOnly {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap();
    assert_eq!(scene.state(&agent), MachineState::Looking);
    scene.report(&mut agent, vec![Step::DriveLookedAt(look), Step::Finished {}]);
    (scene, agent)
}

#[test]
fn a_look_is_no_erasure_however_blank_and_ends_a_proof_that_it_contradicts() {
    let whole = u64::MAX;
    for (wiped, blank, read, state, gone) in [
        (false, true, whole, MachineState::FoundBlank, 0),
        (false, false, whole, MachineState::FoundData, 0),
        (true, true, whole, MachineState::FoundBlank, 1),
        (true, false, whole, MachineState::FoundData, 0),
        // Less was read than was to be read: nothing is said by that.
        (false, true, 512, MachineState::FoundData, 0),
    ] {
        let (mut scene, agent) = looked_at(wiped, look(blank, read));
        let machine = scene.machine(&agent);
        let case = format!("wiped {wiped}, blank {blank}, read {read}");
        assert_eq!(scene.state(&agent), state, "{case}");
        assert_eq!(machine.drives(|_| true).gone.len(), gone, "{case}");
        assert_eq!(machine.data_still_there().len(), 1 - gone, "{case}");
        // Whether an image may go there is decided by the proof, and not by the look.
        scene.arm(3, 9, image_only());
        let picked = scene.pick_for(&[agent.number], Some(batch(3)), MANUAL);
        assert_eq!(picked.is_ok(), gone == 1, "{case}: {picked:?}");
        if wiped && !blank {
            let why = picked.unwrap_err().to_string();
            assert!(why.contains("a later look"), "{why}");
        }
    }
}

#[test]
fn reading_ends_once_every_drive_was_read_by_the_present_boot() {
    let mut scene = Scene::new();
    scene.arm(2, 9, JobKind::VerifyOnly {});
    let mut first = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[first.number]).unwrap();
    scene.report(&mut first, vec![Step::DriveLookedAt(look(true, u64::MAX))]);
    let mut second = scene.boot(&laptop(1), MANUAL);
    assert_eq!(scene.state(&second), MachineState::Looking);
    scene.report(&mut second, vec![Step::Finished {}]);
    assert!(!scene.machine(&second).is_finished(), "what happened between the boots?");
}

/// A machine that was wiped and left with a notice.
fn noticed() -> (Scene, BootNotice) {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    assert!(request.plan.as_ref().unwrap().drives[0].leaves_notice);
    scene.consent(&agent, &request).unwrap();
    let notice = BootNotice {
        drive: laptop(1).drives[0].identity.clone().unwrap(),
        certificate: evidence::certificate::id_of(&agent.id, &batch(1)),
        length: ByteLen(NOTICE_LEN),
        sha256: evidence::sha256(b"notice"),
    };
    let mut steps = scene.wiped(&agent);
    steps.extend([Step::NoticeWritten(notice.clone()), Step::Finished {}]);
    scene.report(&mut agent, steps);
    assert_eq!(scene.state(&agent), MachineState::Finished);
    let work = scene.machine(&agent).sanitizing_work().unwrap();
    assert_eq!(work.notices.values().collect::<Vec<_>>(), [&notice]);
    (scene, notice)
}

#[test]
fn our_own_notice_is_no_data_and_anything_else_in_its_place_is() {
    let beyond = BadRange { offset: NOTICE_LEN, length: ByteLen(512), cause: BadCause::OldContent };
    let unread = BadRange { offset: 512, length: ByteLen(512), cause: BadCause::ReadError };
    for (head, more, blank) in [
        (Some(evidence::sha256(b"notice")), None, true),
        (Some(evidence::sha256(b"something else")), None, false),
        (None, None, false),
        (Some(evidence::sha256(b"notice")), Some(beyond), false),
        (Some(evidence::sha256(b"notice")), Some(unread), false),
    ] {
        let (mut scene, notice) = noticed();
        scene.arm(2, 9, JobKind::VerifyOnly {});
        let mut agent = scene.boot(&laptop(1), MANUAL);
        scene.pick_for(&[agent.number], Some(batch(2)), MANUAL).unwrap();
        let mut seen = DriveLook { head, ..look(false, u64::MAX) };
        seen.ranges.extend(more);
        seen.n_ranges = seen.ranges.len() as u64;
        let case = format!("{head:?} {more:?}");
        assert_eq!(seen.is_blank_but_for(&notice), blank, "{case}");
        scene.report(&mut agent, vec![Step::DriveLookedAt(seen), Step::Finished {}]);
        let state = if blank { MachineState::FoundBlank } else { MachineState::FoundData };
        assert_eq!(scene.state(&agent), state, "{case}");
        assert_eq!(scene.machine(&agent).drives(|_| true).gone.len(), usize::from(blank), "{case}");
        // Who installs there is told of the notice.
        scene.arm(3, 9, image_only());
        if scene.pick_for(&[agent.number], Some(batch(3)), MANUAL).is_err() {
            assert!(!blank, "{case}");
            continue;
        }
        let Directive::Work { verified_before, .. } = told(&scene, &agent) else {
            panic!("{case}")
        };
        let earlier = verified_before[0].earlier_work.as_ref().unwrap();
        assert_eq!((earlier.notice.as_ref(), blank), (Some(&notice), true), "{case}");
    }
}

#[test]
fn a_notice_is_believed_on_a_verified_drive_of_a_plan_that_leaves_one() {
    let (mut scene, mut agent, steps) = picked_for_an_image();
    let drive = laptop(1).drives[0].identity.clone().unwrap();
    let certificate = evidence::certificate::id_of(&agent.id, &batch(2));
    let sha256 = evidence::sha256(b"notice");
    let notice = BootNotice { drive, certificate, length: ByteLen(NOTICE_LEN), sha256 };
    scene.report(&mut agent, steps);
    scene.report(&mut agent, vec![Step::NoticeWritten(notice)]);
    assert!(scene.machine(&agent).admission.as_ref().unwrap().notices.is_empty());
}
