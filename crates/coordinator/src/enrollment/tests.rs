use protocol::{Directive, JobKind};

use crate::bench::MachineState;
use crate::directive::directive;
use crate::scene::hardware::{drive, laptop};
use crate::scene::{AUTOMATIC, HOUR, MANUAL, Scene};

fn is_admitted(scene: &Scene, agent: &crate::scene::Agent) -> bool {
    let machine = scene.machine(agent);
    matches!(directive(&scene.bench, scene.now, machine, &agent.public()), Directive::Work { .. })
}

#[test]
fn only_full_mode_on_an_isolated_interface_admits_by_itself_and_only_as_many_as_armed() {
    let mut scene = Scene::new();
    let before = scene.boot(&laptop(1), AUTOMATIC);
    assert!(!is_admitted(&scene, &before), "nothing is armed");
    scene.arm(1, 1, JobKind::Wipe);
    let manual = scene.boot(&laptop(2), MANUAL);
    assert_eq!(scene.state(&manual), MachineState::Waiting);
    let automatic = scene.boot(&laptop(3), AUTOMATIC);
    assert!(is_admitted(&scene, &automatic));
    let full = scene.boot(&laptop(4), AUTOMATIC);
    assert!(!is_admitted(&scene, &full), "the batch takes one");
    scene.arm(2, 5, JobKind::Wipe);
    scene.arm(3, 5, JobKind::Wipe);
    let which = scene.boot(&laptop(5), AUTOMATIC);
    assert!(!is_admitted(&scene, &which), "a person has to say which of two batches");
}

#[test]
fn an_expired_batch_admits_nobody_and_gives_no_ticket_but_lets_begun_work_end() {
    let mut scene = Scene::new();
    scene.arm(1, 3, JobKind::Wipe);
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
    scene.arm(1, 5, JobKind::Wipe);
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
        scene.arm(1, 1, JobKind::Wipe);
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
    scene.arm(1, 1, JobKind::Wipe);
    scene.boot(&laptop(1), AUTOMATIC);
    let mut inventory = laptop(1);
    let mut stick = drive("STICK");
    (stick.removable, stick.bus) = (true, protocol::Bus::Usb);
    inventory.drives.push(stick);
    let again = scene.boot(&inventory, MANUAL);
    assert!(is_admitted(&scene, &again));
}

#[test]
fn a_machine_without_any_identity_is_not_worked_on() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe);
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
