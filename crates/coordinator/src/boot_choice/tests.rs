use protocol::JobKind;

use super::*;
use crate::scene::hardware::laptop;
use crate::scene::{HOUR, MANUAL, Scene};

const UUID_1: &str = "4C4C4544-0038-4710-8052-000000000001";
const UUID_2: &str = "4C4C4544-0038-4710-8052-000000000002";
const MAC_1: MacAddr = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
const MAC_2: MacAddr = MacAddr([0x52, 0x54, 0, 0, 0, 2]);

fn check(scene: &Scene, discovery: bool, mac: MacAddr, uuid: Option<&str>, appliance: bool) {
    let caller = Caller { mac: Some(mac), uuid };
    let choice = choose(&scene.bench, scene.now, discovery, caller);
    assert_eq!(choice == BootChoice::Appliance, appliance, "{caller:?}: {choice:?}");
}

fn answered(scene: &Scene, mac: MacAddr) -> bool {
    is_answered(&scene.bench, scene.now, false, Caller { mac: Some(mac), uuid: None })
}

#[test]
fn strangers_get_the_appliance_only_when_something_is_armed_or_discovery_is_on() {
    let mut scene = Scene::new();
    check(&scene, false, MAC_1, Some(UUID_1), false);
    check(&scene, true, MAC_1, Some(UUID_1), true);
    assert!(!answered(&scene, MAC_1), "nothing armed: not answered at all");
    scene.arm(1, 1, JobKind::Wipe {});
    check(&scene, false, MAC_1, None, true);
    assert!(answered(&scene, MAC_1));
    scene.later(HOUR);
    check(&scene, false, MAC_1, None, false);
    assert!(!answered(&scene, MAC_1));
}

#[test]
fn a_machine_that_was_taken_stock_of_is_not_held_up_again_by_discovery() {
    let mut scene = Scene::new();
    scene.boot(&laptop(1), MANUAL);
    check(&scene, true, MAC_1, Some(UUID_1), false);
}

#[test]
fn a_finished_machine_gets_its_disk_only_when_uuid_and_address_are_both_its_own() {
    let mut scene = Scene::new();
    scene.arm(1, 2, JobKind::Wipe {});
    scene.finish(&laptop(1));
    check(&scene, false, MAC_1, Some(UUID_1), false);
    check(&scene, false, MAC_1, Some(&UUID_1.to_ascii_lowercase()), false);
    // Behind a shared dock: another UUID, or none.
    check(&scene, false, MAC_1, Some(UUID_2), true);
    check(&scene, false, MAC_1, None, true);
    check(&scene, false, MAC_2, Some(UUID_1), true);
}

#[test]
fn a_machine_picked_by_mistake_is_let_go_after_the_batch() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    assert!(answered(&scene, MAC_1));
    scene.later(HOUR);
    assert!(!answered(&scene, MAC_1));
    check(&scene, false, MAC_1, Some(UUID_1), false);
    check(&scene, false, MAC_1, None, false);
}

#[test]
fn begun_work_is_answered_even_after_the_batch_for_a_day() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent)[..1].to_vec();
    scene.report(&mut agent, steps);
    scene.later(HOUR);
    assert!(answered(&scene, MAC_1));
    assert!(!answered(&scene, MAC_2));
    check(&scene, false, MAC_1, Some(UUID_1), true);
    check(&scene, false, MAC_1, None, true);
    scene.later(HOUR * 24);
    assert!(!answered(&scene, MAC_1));
    check(&scene, false, MAC_1, Some(UUID_1), false);
}
