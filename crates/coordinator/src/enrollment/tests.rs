use protocol::{Directive, JobKind};

use crate::bench::MachineState;
use crate::directive::directive;
use crate::event::Happening;
use crate::scene::hardware::{drive, laptop};
use crate::scene::{AUTOMATIC, HOUR, MANUAL, Scene};

fn told(scene: &Scene, agent: &crate::scene::Agent) -> Directive {
    let machine = scene.machine(agent);
    directive(&scene.bench, scene.now, machine, &agent.public(), AUTOMATIC)
}

fn is_admitted(scene: &Scene, agent: &crate::scene::Agent) -> bool {
    matches!(told(scene, agent), Directive::Work { .. })
}

#[test]
fn only_full_mode_on_an_isolated_interface_admits_by_itself_and_only_as_many_as_armed() {
    let mut scene = Scene::new();
    let before = scene.boot(&laptop(1), AUTOMATIC);
    assert!(!is_admitted(&scene, &before), "nothing is armed");
    scene.arm(1, 1, JobKind::Wipe {});
    let manual = scene.boot(&laptop(2), MANUAL);
    assert_eq!(scene.state(&manual), MachineState::Waiting);
    let automatic = scene.boot(&laptop(3), AUTOMATIC);
    assert!(is_admitted(&scene, &automatic));
    let full = scene.boot(&laptop(4), AUTOMATIC);
    assert!(!is_admitted(&scene, &full), "the batch takes one");
    scene.arm(2, 5, JobKind::Wipe {});
    scene.arm(3, 5, JobKind::Wipe {});
    let which = scene.boot(&laptop(5), AUTOMATIC);
    assert!(!is_admitted(&scene, &which), "a person has to say which of two batches");
}

#[test]
fn an_expired_batch_admits_nobody_and_gives_no_ticket_but_lets_begun_work_end() {
    let mut scene = Scene::new();
    scene.arm(1, 3, JobKind::Wipe {});
    let waiting = scene.boot(&laptop(1), MANUAL);
    let admitted = scene.boot(&laptop(2), MANUAL);
    let mut begun = scene.boot(&laptop(3), MANUAL);
    scene.pick(&[admitted.number, begun.number]).unwrap();
    let request = scene.request(&begun, &laptop(3));
    scene.consent(&begun, &request).unwrap();
    let steps = scene.wiped(&begun)[..2].to_vec();
    scene.report(&mut begun, steps);

    scene.later(HOUR);
    let batch = scene.bench.batches().next().unwrap();
    assert!(scene.bench.is_needed(batch, scene.now), "its image must not be removed yet");
    assert!(scene.pick(&[waiting.number]).is_err());
    assert!(!is_admitted(&scene, &admitted));
    let request = scene.request(&admitted, &laptop(2));
    assert!(scene.consent(&admitted, &request).is_err());
    let again = scene.boot(&laptop(3), MANUAL);
    assert!(is_admitted(&scene, &again), "a half-wiped drive is finished");
    let request = scene.request(&again, &laptop(3));
    assert!(scene.consent(&again, &request).is_ok());
}

#[test]
fn a_finished_machine_is_never_admitted_again() {
    let mut scene = Scene::new();
    scene.arm(1, 5, JobKind::Wipe {});
    let agent = scene.finish(&laptop(1));
    let again = scene.boot(&laptop(1), AUTOMATIC);
    assert_eq!(again.id, agent.id);
    assert!(!is_admitted(&scene, &again));
    assert!(scene.pick(&[again.number]).is_err());
}

#[test]
fn after_a_failure_or_with_other_drives_a_machine_waits_for_a_person() {
    let failure = protocol::Step::Failed {
        stage: protocol::Stage::Sanitize,
        sentence: "writing failed".into(),
    };
    for (steps, inventory) in [
        (vec![failure], laptop(1)),
        (vec![], {
            let mut other = laptop(1);
            other.drives.push(drive("SECOND"));
            other
        }),
        (vec![], {
            let mut none = laptop(1);
            none.drives.clear();
            none
        }),
    ] {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut agent = scene.boot(&laptop(1), AUTOMATIC);
        scene.report(&mut agent, steps);
        let again = scene.boot(&inventory, AUTOMATIC);
        assert!(!is_admitted(&scene, &again));
        assert!(matches!(scene.state(&again), MachineState::Attention { .. }));
    }
}

#[test]
fn a_stick_that_was_plugged_in_does_not_stop_work_that_goes_on() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    scene.boot(&laptop(1), AUTOMATIC);
    let mut inventory = laptop(1);
    let mut stick = drive("STICK");
    (stick.removable, stick.bus) = (true, protocol::Bus::Usb);
    inventory.drives.push(stick);
    let again = scene.boot(&inventory, AUTOMATIC);
    assert!(is_admitted(&scene, &again));
}

#[test]
fn a_machine_without_any_identity_is_not_worked_on() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let mut blank = laptop(1);
    blank.identity = protocol::MachineIdentity {
        uuid: None,
        system_serial: None,
        board_serial: None,
        chassis_serial: None,
        macs: std::collections::BTreeSet::new(),
    };
    let agent = scene.boot(&blank, AUTOMATIC);
    assert!(!is_admitted(&scene, &agent));
    assert!(scene.pick(&[agent.number]).is_err());
}

/// A machine that a person picked and whose drive is half wiped.
fn begun() -> (Scene, crate::scene::Agent) {
    let mut scene = Scene::new();
    scene.arm(1, 2, JobKind::Wipe {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent)[..2].to_vec();
    scene.report(&mut agent, steps);
    (scene, agent)
}

#[test]
fn work_begun_long_ago_or_whose_system_has_started_waits_for_a_person() {
    for (time, booted, goes_on) in [
        (HOUR * 24, false, true),
        (HOUR * 25, false, false),
        (HOUR / 2, true, false),
        (HOUR * 25, true, false),
    ] {
        let (mut scene, agent) = begun();
        scene.later(time);
        if booted {
            let consents = &scene.machine(&agent).admission.as_ref().unwrap().consents;
            let first_boot_token = consents[0].first_boot_token;
            scene.apply(vec![Happening::Booted { machine: agent.id, first_boot_token }]);
        }
        let machine = scene.machine(&agent);
        assert_eq!(scene.bench.has_work(machine, scene.now), goes_on, "{time:?} {booted}");
        let again = scene.boot(&laptop(1), MANUAL);
        assert_eq!(is_admitted(&scene, &again), goes_on, "{time:?} {booted}");
        let reasons = scene.machine(&again).attention_reasons();
        assert_eq!(reasons.iter().any(|it| it.contains("begun long ago")), !goes_on);
        if !goes_on {
            scene.arm(2, 1, JobKind::Wipe {});
            let batch = Some(protocol::BatchId::from_bytes([2; 16]));
            scene.pick_for(&[again.number], batch, MANUAL).unwrap();
            assert!(is_admitted(&scene, &again), "a person may still say so");
        }
    }
}

#[test]
fn an_admission_by_the_rule_ends_with_the_rule_unless_work_began() {
    for begins in [false, true] {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut agent = scene.boot(&laptop(1), AUTOMATIC);
        let request = scene.request(&agent, &laptop(1));
        scene.rules = MANUAL;
        if begins {
            scene.rules = AUTOMATIC;
            scene.consent(&agent, &request).unwrap();
            let steps = scene.wiped(&agent)[..2].to_vec();
            scene.report(&mut agent, steps);
            scene.rules = MANUAL;
        }
        let machine = scene.machine(&agent);
        let told = directive(&scene.bench, scene.now, machine, &agent.public(), MANUAL);
        let waits = matches!(&told, Directive::Wait { reason } | Directive::LocalDisk { reason, .. }
            if reason.contains("another DHCP server"));
        assert_eq!(waits, !begins, "{told:?}");
        assert_eq!(scene.consent(&agent, &request).is_ok(), begins);
        let again = scene.boot(&laptop(1), MANUAL);
        assert_eq!(is_admitted(&scene, &again), begins);
        assert_eq!(scene.pick_for(&[again.number], None, MANUAL).is_ok(), !begins);
    }
}

#[test]
fn what_an_agent_is_told_of_a_machine_that_needs_a_person() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let first = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[first.number]).unwrap();
    let mut other = laptop(1);
    other.drives = vec![drive("OTHER")];
    // Another agent, as which anybody may pass: it learns nothing.
    let stranger = scene.boot(&other, MANUAL);
    let Directive::Wait { reason } = told(&scene, &stranger) else { panic!("no wait") };
    assert_eq!(reason, format!("a person must look at number {} on the dashboard", first.number));
    assert!(scene.machine(&first).attention.as_ref().unwrap().contains("DRIVE001"));
    // The agent that the work is bound to, with another drive.
    scene.pick(&[stranger.number]).unwrap();
    let mut third = laptop(1);
    third.drives = vec![drive("THIRD")];
    let request = scene.request(&stranger, &third);
    let reply = format!("{:?}", scene.consent(&stranger, &request).unwrap());
    assert!(reply.contains("THIRD") && !reply.contains("OTHER"), "{reply}");
    let again = scene.consent(&stranger, &request).unwrap_err().to_string();
    let Directive::Wait { reason } = told(&scene, &stranger) else { panic!("no wait") };
    for text in [again, reason] {
        assert!(text.contains("on the dashboard") && !text.contains("OTHER"), "{text}");
    }
    assert!(scene.machine(&stranger).attention.as_ref().unwrap().contains("OTHER"));
}

#[test]
fn a_machine_picked_by_mistake_goes_back_to_its_disk_and_may_be_picked_anew() {
    for disarms in [true, false] {
        let mut scene = Scene::new();
        let batch = scene.arm(1, 1, JobKind::Wipe {});
        let agent = scene.boot(&laptop(1), MANUAL);
        scene.pick(&[agent.number]).unwrap();
        let by = crate::scene::OLA;
        let end = Happening::BatchDisarmed { batch, by };
        if disarms {
            scene.apply(vec![end]);
        } else {
            scene.later(HOUR);
        }
        // A reason to look does not hold back what nothing was done to.
        let sentence = "it smells".to_owned();
        scene.apply(vec![Happening::AttentionNeeded { machine: agent.id, sentence }]);
        assert!(matches!(told(&scene, &agent), Directive::LocalDisk { .. }));
        assert!(!scene.bench.has_work(scene.machine(&agent), scene.now));
        let again = scene.boot(&laptop(1), MANUAL);
        assert!(matches!(told(&scene, &again), Directive::LocalDisk { .. }));
        scene.arm(2, 1, JobKind::Wipe {});
        assert!(matches!(told(&scene, &again), Directive::Wait { .. }));
        scene.pick(&[again.number]).unwrap();
        assert!(is_admitted(&scene, &again));
    }
    let (mut scene, agent) = begun();
    scene.later(HOUR);
    assert!(is_admitted(&scene, &agent), "what has begun goes on");
}
