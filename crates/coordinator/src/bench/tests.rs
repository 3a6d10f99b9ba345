mod kinds;

use protocol::{ByteLen, ImageId, JobKind, Step};

use super::*;
use crate::event::{AdmittedHow, Happening, JournalEvent};
use crate::scene::hardware::laptop;
use crate::scene::{MANUAL, Scene};

fn refurbish() -> JobKind {
    let image = ImageId::from_bytes([3; 32]);
    JobKind::Refurbish { image, image_min_size: ByteLen(1 << 30), locale: "pl_PL.UTF-8".into() }
}

/// A machine of which consent was given, and what it reports of the wipe.
fn consented(kind: JobKind) -> (Scene, crate::scene::Agent, Vec<Step>) {
    let mut scene = Scene::new();
    scene.arm(1, 1, kind);
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    (scene, agent, steps)
}

#[test]
fn a_refurbished_machine_passes_every_state_in_order() {
    let (mut scene, mut agent, mut steps) = consented(refurbish());
    assert_eq!(scene.state(&agent), MachineState::Planned);
    let drive = scene.machine(&agent).admission.as_ref().unwrap().drives.first().unwrap().clone();
    let zero = ByteLen(0);
    let JobKind::Refurbish { image, .. } = refurbish() else { return };
    let written = Step::ImageWritten {
        drive: drive.clone(),
        image,
        fetched: zero,
        written: zero,
        read_back: zero,
        duration_ms: 1,
    };
    let personalized = Step::Personalized {
        drive: drive.clone(),
        host_name: "laptop-01".into(),
        root_size: zero,
        first_boot_token: Sha256Digest::from_bytes([0; 32]),
    };
    let bootable = Step::MadeBootable { drive, boot_entry: "none".into() };
    steps.extend([written, personalized, bootable, Step::Finished {}]);
    let expected = [
        MachineState::Sanitizing,
        MachineState::Sanitizing,
        MachineState::Verified,
        MachineState::Imaged,
        MachineState::Personalized,
        MachineState::Bootable,
        MachineState::Finished,
    ];
    for (i, (step, expected)) in steps.into_iter().zip(expected).enumerate() {
        assert_eq!(scene.machine(&agent).data_still_there().len(), usize::from(i <= 2));
        scene.report(&mut agent, vec![step]);
        assert_eq!(scene.state(&agent), expected);
    }
}

#[test]
fn the_end_is_not_believed_before_every_drive_is_verified_and_the_image_bootable() {
    for (kind, n_steps) in [(JobKind::Wipe {}, 0), (JobKind::Wipe {}, 2), (refurbish(), 3)] {
        let (mut scene, mut agent, mut steps) = consented(kind);
        steps.truncate(n_steps);
        steps.push(Step::Finished {});
        scene.report(&mut agent, steps);
        assert!(!scene.machine(&agent).is_finished());
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }), "{n_steps}");
    }
}

#[test]
fn a_verification_that_does_not_fit_the_plan_does_not_count() {
    type Change = fn(&mut protocol::event::DriveEvidence);
    let changes: [Change; 5] = [
        |it| it.verification.bytes.0 -= 512,
        |it| it.canaries.as_mut().unwrap().found = 1,
        |it| it.techniques[0].commands.clear(),
        |it| it.drive.serial.push('X'),
        |it| it.claim = protocol::Claim::Clear,
    ];
    for change in changes {
        let (mut scene, mut agent, mut steps) = consented(JobKind::Wipe {});
        let Some(Step::Verified(evidence)) = steps.last_mut() else { panic!("no evidence") };
        change(evidence);
        scene.report(&mut agent, steps);
        assert_eq!(scene.machine(&agent).data_still_there().len(), 1);
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
    }
}

#[test]
fn a_ticket_that_was_not_given_to_this_agent_is_not_believed() {
    let (mut scene, mut agent, mut steps) = consented(JobKind::Wipe {});
    let Step::TicketAccepted { ticket, .. } = &mut steps[0] else { panic!("no ticket") };
    *ticket = protocol::TicketId::from_bytes([0; 16]);
    let refused = scene.try_report(&mut agent, steps);
    assert!(matches!(refused, Some(crate::records::RecordsError::Void(_))), "{refused:?}");
    let admission = scene.machine(&agent).admission.as_ref().unwrap();
    assert!(admission.accepted_plan().is_none() && admission.verified.is_empty());
    assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
}

#[test]
fn a_drive_that_is_sanitized_again_is_not_verified_meanwhile() {
    let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
    let started = steps[1].clone();
    scene.report(&mut agent, steps);
    assert_eq!(scene.state(&agent), MachineState::Verified);
    scene.report(&mut agent, vec![started]);
    assert_eq!(scene.state(&agent), MachineState::Sanitizing);
    assert_eq!(scene.machine(&agent).data_still_there().len(), 1, "a look failed");
}

#[test]
fn a_ticket_is_not_used_late_or_against_a_person() {
    type Change = fn(&mut Scene, &crate::scene::Agent);
    let seconds = std::time::Duration::from_secs;
    let cases: [(&str, Change, u64, bool); 6] = [
        ("at once", |_, _| (), 0, true),
        ("a little late", |_, _| (), 80, true),
        ("late", |_, _| (), 90, false),
        (
            "disarmed",
            |scene, _| {
                let batch = protocol::BatchId::from_bytes([1; 16]);
                let by = crate::scene::OLA;
                scene.apply(vec![Happening::BatchDisarmed { batch, by }]);
            },
            0,
            false,
        ),
        (
            "attention",
            |scene, agent| {
                let sentence = "it smells".to_owned();
                scene.apply(vec![Happening::AttentionNeeded { machine: agent.id, sentence }]);
            },
            0,
            false,
        ),
        (
            "picked anew",
            |scene, agent| {
                let by = crate::scene::OLA;
                let batch = protocol::BatchId::from_bytes([1; 16]);
                let (machine, agent) = (agent.id, agent.public());
                let how = AdmittedHow::Picked { by };
                scene.apply(vec![Happening::Admitted { machine, batch, agent, how }]);
            },
            0,
            false,
        ),
    ];
    for (name, change, late, good) in cases {
        let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
        change(&mut scene, &agent);
        scene.later(seconds(late));
        let n_records = |scene: &Scene, agent| scene.machine(agent).boots[0].records.len();
        let refused = scene.try_report(&mut agent, steps);
        let void = matches!(refused, Some(crate::records::RecordsError::Void(_)));
        assert_eq!(void, !good, "{name}: {refused:?}");
        assert_eq!(n_records(&scene, &agent), if good { 3 } else { 0 }, "{name}");
    }
}

#[test]
fn records_that_are_not_the_admitted_agents_or_come_after_the_end_change_nothing() {
    let stage = protocol::Stage::Report;
    let failed = Step::Failed { stage, sentence: "so it says".into() };
    let (mut scene, mut agent, mut steps) = consented(JobKind::Wipe {});
    let started = steps[1].clone();
    steps.push(Step::Finished {});
    scene.report(&mut agent, steps);
    let before = scene.machine(&agent).clone();
    scene.report(&mut agent, vec![failed.clone(), started.clone()]);
    let after = scene.machine(&agent);
    assert_eq!((&after.admission, &after.attention), (&before.admission, &None));

    // Somebody else with other drives passes for the machine.
    let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
    scene.report(&mut agent, steps[..2].to_vec());
    let mut other = laptop(1);
    other.drives.clear();
    let mut stranger = scene.boot(&other, MANUAL);
    let before = scene.machine(&agent).admission.clone();
    let attention = scene.machine(&agent).attention.clone();
    scene.report(&mut stranger, vec![failed, Step::Finished {}]);
    assert_eq!(scene.machine(&agent).attention, attention);
    scene.report(&mut stranger, vec![steps[2].clone()]);
    assert_eq!(scene.machine(&agent).admission, before);
    let attention = scene.machine(&agent).attention.clone().unwrap();
    assert!(attention.contains("without a ticket"), "{attention}");
}

#[test]
fn data_out_of_sight_is_still_there() {
    let (mut scene, agent, _) = consented(JobKind::Wipe {});
    let mut hidden = laptop(1);
    hidden.drives.clear();
    hidden.controllers[0].unexplained = Some("RAID".into());
    scene.boot(&hidden, MANUAL);
    let there = scene.machine(&agent).data_still_there();
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there[0].contains("DRIVE001") && there[0].ends_with("not visible"), "{there:?}");
    assert!(there[1].starts_with("behind controller 0000:01:00.0"), "{there:?}");
}

#[test]
fn after_a_restart_a_verification_counts_once_a_fresh_look_confirms_it() {
    for (good_digest, uses_ticket, counts) in
        [(true, true, true), (false, true, false), (true, false, false)]
    {
        let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
        scene.report(&mut agent, steps);
        let mut again = scene.boot(&laptop(1), MANUAL);
        let work =
            |scene: &Scene| scene.bench.machine(&agent.id).unwrap().admission.clone().unwrap();
        assert!(work(&scene).verified.is_empty() && !work(&scene).all_verified());
        let (drive, before) = work(&scene).before.pop_first().unwrap();
        let request = scene.request(&again, &laptop(1));
        scene.consent(&again, &request).unwrap();
        if uses_ticket {
            let accepted = scene.wiped(&again)[..1].to_vec();
            scene.report(&mut again, accepted);
        }
        let record = if good_digest { before.record } else { Sha256Digest::from_bytes([7; 32]) };
        let confirmed = Step::VerificationConfirmed { drive, record, sectors_sampled: 5 };
        scene.report(&mut again, vec![confirmed]);
        assert_eq!(work(&scene).all_verified(), counts, "{good_digest} {uses_ticket}");
    }
}

#[test]
fn an_image_is_believed_only_if_it_is_the_planned_one_on_the_planned_drive() {
    let JobKind::Refurbish { image, .. } = refurbish() else { return };
    for (right_image, right_drive) in [(true, true), (false, true), (true, false)] {
        let (mut scene, mut agent, mut steps) = consented(refurbish());
        let admission = scene.machine(&agent).admission.as_ref().unwrap();
        let mut drive = admission.drives.first().unwrap().clone();
        if !right_drive {
            drive.serial.push('X');
        }
        let zero = ByteLen(0);
        let image = if right_image { image } else { ImageId::from_bytes([4; 32]) };
        steps.push(Step::ImageWritten {
            drive: drive.clone(),
            image,
            fetched: zero,
            written: zero,
            read_back: zero,
            duration_ms: 1,
        });
        steps.push(Step::MadeBootable { drive, boot_entry: "none".into() });
        scene.report(&mut agent, steps);
        let admission = scene.machine(&agent).admission.as_ref().unwrap();
        assert_eq!(admission.bootable, right_image && right_drive);
        assert_eq!(admission.consents[0].product, laptop(1).product);
    }
}

#[test]
fn events_out_of_place_are_refused() {
    let event = |happening| JournalEvent { at: UnixMillis(1), happening };
    let site = SiteKey::from_bytes([1; 32]);
    let machine = MachineId::from_bytes([1; 16]);
    let sentence = String::new();
    let unknown = Happening::AttentionNeeded { machine, sentence };
    let mut bench = Bench::default();
    assert!(matches!(bench.apply(&event(unknown.clone())), Err(FoldError::Founding)));
    bench.apply(&event(Happening::Founded { site, simulated: false })).unwrap();
    let twice = bench.clone().apply(&event(Happening::Founded { site, simulated: false }));
    assert!(matches!(twice, Err(FoldError::Founding)));
    assert!(matches!(bench.apply(&event(unknown)), Err(FoldError::UnknownMachine(_))));
}

#[test]
fn a_drive_that_stands_still_is_shown_and_waited_for() {
    let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
    let drive = laptop(1).drives[0].identity.clone().unwrap();
    let stalled = Step::Stalled { drive, sentence: "at 12 % for an hour".into() };
    scene.report(&mut agent, vec![steps[0].clone(), steps[1].clone(), stalled.clone()]);
    let MachineState::Attention { reasons } = scene.state(&agent) else { panic!("not shown") };
    assert!(reasons[0].contains("DRIVE001") && reasons[0].contains("12 %"), "{reasons:?}");
    let machine = scene.machine(&agent);
    assert!(machine.only_stands_still() && machine.attention_reasons().is_empty());
    let directive =
        crate::directive::directive(&scene.bench, scene.now, machine, &agent.public(), MANUAL);
    assert!(matches!(directive, protocol::Directive::Work { .. }), "{directive:?}");

    // It moves again.
    scene.report(&mut agent, vec![steps[2].clone(), Step::Finished {}]);
    assert_eq!(scene.state(&agent), MachineState::Finished);

    // Or the machine is switched off and on.
    let (mut scene, mut agent, steps) = consented(JobKind::Wipe {});
    scene.report(&mut agent, vec![steps[0].clone(), steps[1].clone(), stalled]);
    let again = scene.boot(&laptop(1), MANUAL);
    assert!(!matches!(scene.state(&again), MachineState::Attention { .. }));
}

#[test]
fn a_second_look_that_the_policy_demands_is_one_of_a_later_boot_with_fresh_power() {
    let off = Step::PoweringOff {};
    let refused = || Step::Refused { refusals: Vec::new() };
    for (last_words, counts) in [
        (vec![off.clone()], true),
        (vec![refused(), off.clone()], true),
        // A reset, or a crash of the kernel.
        (vec![], false),
        (vec![off, refused()], false),
    ] {
        let mut policy = plan::policy::overwrite_only();
        (policy.name, policy.proof.power_cycle) = ("twice".into(), true);
        let mut scene = Scene::new();
        let batch = protocol::BatchId::from_bytes([1; 16]);
        scene.arm_by(policy, batch, 1, JobKind::Wipe {});
        let mut first = scene.boot(&laptop(1), MANUAL);
        scene.pick(&[first.number]).unwrap();
        let consent = |scene: &mut Scene, agent: &crate::scene::Agent| {
            let request = scene.request(agent, &laptop(1));
            scene.consent(agent, &request).unwrap();
        };
        consent(&mut scene, &first);
        let mut steps = scene.wiped(&first);
        steps.extend(last_words.clone());
        scene.report(&mut first, steps);
        assert_eq!(scene.state(&first), MachineState::Verified);

        let mut second = scene.boot(&laptop(1), MANUAL);
        let machine = scene.machine(&second);
        let key = second.public();
        let told = crate::directive::directive(&scene.bench, scene.now, machine, &key, MANUAL);
        let protocol::Directive::Work { verified_before, .. } = told else { panic!("{told:?}") };
        assert_eq!(verified_before[0].was_off, counts, "{last_words:?}");
        consent(&mut scene, &second);
        let ticket = scene.wiped(&second).remove(0);
        let work = scene.machine(&second).admission.clone().unwrap();
        let (drive, before) = work.before.first_key_value().unwrap();
        let (drive, record) = (drive.clone(), before.record);
        let confirmed = Step::VerificationConfirmed { drive, record, sectors_sampled: 5 };
        scene.report(&mut second, vec![ticket, confirmed, Step::Finished {}]);
        assert_eq!(scene.machine(&second).is_finished(), counts, "{last_words:?}");
    }
}

#[test]
fn a_second_look_of_an_agent_that_took_over_in_the_same_boot_does_not_count() {
    let mut policy = plan::policy::overwrite_only();
    (policy.name, policy.proof.power_cycle) = ("twice".into(), true);
    let mut scene = Scene::new();
    scene.arm_by(policy, protocol::BatchId::from_bytes([1; 16]), 1, JobKind::Wipe {});
    let mut first = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[first.number]).unwrap();
    let request = scene.request(&first, &laptop(1));
    scene.consent(&first, &request).unwrap();
    let mut steps = scene.wiped(&first);
    steps.push(Step::PoweringOff {});
    scene.report(&mut first, steps);

    let mut heir = scene.boot(&laptop(1), MANUAL);
    let request = scene.request(&heir, &laptop(1));
    scene.consent(&heir, &request).unwrap();
    let ticket = scene.wiped(&heir).remove(0);
    let work = scene.machine(&heir).admission.clone().unwrap();
    let (drive, before) = work.before.first_key_value().unwrap();
    let (drive, record) = (drive.clone(), before.record);
    let died = Step::AgentDied { how: "signal 9".into() };
    let confirmed = Step::VerificationConfirmed { drive, record, sectors_sampled: 5 };
    scene.report(&mut heir, vec![died, ticket, confirmed, Step::Finished {}]);
    assert!(!scene.machine(&heir).is_finished());
}

#[test]
fn the_end_is_not_believed_before_the_second_look_that_the_policy_demands() {
    let mut policy = plan::policy::overwrite_only();
    (policy.name, policy.proof.power_cycle) = ("twice".into(), true);
    let mut scene = Scene::new();
    scene.arm_by(policy, protocol::BatchId::from_bytes([1; 16]), 1, JobKind::Wipe {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let mut steps = scene.wiped(&agent);
    steps.push(Step::Finished {});
    scene.report(&mut agent, steps);
    assert!(!scene.machine(&agent).is_finished());
    let attention = scene.machine(&agent).attention.clone().unwrap();
    assert!(attention.contains("looked at again"), "{attention}");
}
