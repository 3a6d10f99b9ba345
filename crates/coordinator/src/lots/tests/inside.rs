//! What is inside a machine, by its own word and by people's.

use protocol::PulledId;

use super::*;
use crate::lots::LotEvent;
use crate::lots::step::{Fate, LotStep};

const SECOND: PulledId = PulledId::from_bytes([9; 16]);

fn says(scene: &mut Scene, what: LotStep) {
    scene.apply(vec![Happening::Lot(LotEvent { lot: LOT, by: OLA, what })]);
}

#[test]
fn a_drive_in_a_bag_is_answered_for_although_its_machine_is_not() {
    let mut scene = scene();
    let stranger = scene.boot(&laptop(9), MANUAL);
    let number = stranger.number;
    wish(&mut scene, |desk| desk.receive(number, "handed over with the rest")).unwrap();
    let out = pull(Pointed::Machine(number), "DRIVE009", "3");
    wish(&mut scene, |desk| desk.pull(BAG, &out)).unwrap();
    let refused = wish(&mut scene, |desk| desk.refuse(number, "a slip")).unwrap_err();
    assert!(refused.to_string().contains("bag 3"), "{refused}");
    // As a journal of an earlier version may have it.
    let what = LotStep::NotOfThisLot { machine: stranger.id, because: "a slip".into() };
    says(&mut scene, what);
    assert_eq!(now(&scene).sums, sums(0, 0, 0, 0));
    let refused = wish(&mut scene, |desk| desk.close(sums(0, 0, 0, 0), 4, "lost")).unwrap_err();
    assert!(refused.to_string().contains("the drive in bag 3"), "{refused}");
    wish(&mut scene, |desk| desk.fate("3", &destroyed())).unwrap();
    assert!(now(&scene).may_close());
}

#[test]
fn a_drive_without_a_name_is_talked_away_only_by_one_that_nobody_knew() {
    let mut scene = scene();
    let mut mute = laptop(1);
    mute.drives.push(disk("EXTRA001"));
    mute.drives[1].identity = Err("it does not answer".into());
    scene.boot(&mute, MANUAL);
    wish(&mut scene, |desk| desk.nothing_inside(machine(1), "I looked")).unwrap();
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), "DRIVE001", "1"))).unwrap();
    wish(&mut scene, |desk| desk.fate("1", &destroyed())).unwrap();
    assert!(obstacles(&scene, 0).contains("gives no identity"), "{}", obstacles(&scene, 0));
    wish(&mut scene, |desk| desk.pull(SECOND, &pull(machine(1), "X1", "2"))).unwrap();
    wish(&mut scene, |desk| desk.fate("2", &destroyed())).unwrap();
    assert_eq!(obstacles(&scene, 0), "");
    // It is in sight again: it was another one.
    mute.drives.remove(0);
    scene.boot(&mute, MANUAL);
    assert!(obstacles(&scene, 0).contains("gives no identity"), "{}", obstacles(&scene, 0));
}

#[test]
fn what_was_put_in_after_somebody_looked_is_there() {
    for item in [true, false] {
        let mut scene = scene();
        let mut empty = laptop(1);
        empty.drives.clear();
        let thing = if item { Pointed::Item(ITEM) } else { machine(1) };
        if item {
            wish(&mut scene, |desk| desk.take_in(ITEM, "SYS001", "", "black")).unwrap();
        } else {
            scene.boot(&empty, MANUAL);
        }
        assert_eq!(now(&scene).sums, sums(1, 0, 0, 0));
        wish(&mut scene, |desk| desk.nothing_inside(thing, "I looked")).unwrap();
        assert_eq!(now(&scene).sums, sums(1, 0, 1, 0));
        wish(&mut scene, |desk| desk.swap(thing, "example ssd", "NEW1", "for the test")).unwrap();
        assert!(obstacles(&scene, 0).contains("NEW1 is not proven erased"), "{item}");
        wish(&mut scene, |desk| desk.pull(BAG, &pull(thing, "new1", "1"))).unwrap();
        wish(&mut scene, |desk| desk.fate("1", &destroyed())).unwrap();
        assert_eq!(now(&scene).sums, sums(1, 0, 1, 0));
        let back = End::PutBack { because: "it is needed".into() };
        wish(&mut scene, |desk| desk.fate("1", &back)).unwrap();
        assert!(obstacles(&scene, 0).contains("new1 is not proven erased"), "{item}");
    }
}

#[test]
fn sanitized_elsewhere_is_believed_under_the_owners_policy_only_and_judged_again() {
    let mut scene = scene();
    fail(&mut scene, 1);
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), "DRIVE001", "1"))).unwrap();
    let mut dock = laptop(8);
    dock.drives = laptop(1).drives;
    scene.next_lot();
    let batch = BatchId::from_bytes([3; 16]);
    scene.arm_by(plan::policy::overwrite_only(), batch, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&dock, MANUAL);
    scene.pick_for(&[agent.number], Some(batch), scene.rules).unwrap();
    let request = scene.request(&agent, &dock);
    scene.consent(&agent, &request).unwrap();
    let mut steps = scene.wiped(&agent);
    steps.push(Step::Finished {});
    scene.report(&mut agent, steps);
    assert!(scene.machine(&agent).is_finished());
    let end = End::SanitizedIn { number: agent.number };
    let refused = wish(&mut scene, |desk| desk.fate("1", &end)).unwrap_err();
    assert!(matches!(refused, LotError::NotSanitized { .. }), "{refused}");
    // As a journal of an earlier version may have it.
    says(&mut scene, LotStep::Fate { drive: BAG, fate: Fate::SanitizedIn { machine: agent.id } });
    assert!(obstacles(&scene, 0).contains("no finished work proves"), "{}", obstacles(&scene, 0));
    scene.open_lot_papers(LOT, &plan::policy::overwrite_only());
    assert_eq!(obstacles(&scene, 0), "");
}

#[test]
fn what_gets_no_certificate_is_not_erased() {
    let mut scene = scene();
    scene.finish(&laptop(1));
    assert_eq!(now(&scene).sums, sums(1, 1, 0, 0));
    let mut clone = laptop(7);
    clone.identity.uuid = laptop(1).identity.uuid;
    scene.boot(&clone, MANUAL);
    assert!(obstacles(&scene, 0).contains("a person must look"), "{}", obstacles(&scene, 0));
}

#[test]
fn two_drives_of_one_name_are_two() {
    let mut scene = scene();
    let mut twins = laptop(1);
    twins.drives.push(twins.drives[0].clone());
    for (unit, wwn) in twins.drives.iter_mut().zip(["eui.0000000000000001", "eui.0000000000000002"])
    {
        unit.identity.as_mut().unwrap().wwn = Some(wwn.into());
    }
    scene.boot(&twins, MANUAL);
    let second = twins.drives.pop().unwrap().identity.unwrap();
    scene.finish(&twins);
    let lost = [Obstacle::DriveGone { drive: second.to_string() }];
    assert_eq!(now(&scene).received[0].in_the_way, lost);
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), "DRIVE001", "1"))).unwrap();
    wish(&mut scene, |desk| desk.fate("1", &destroyed())).unwrap();
    assert_eq!(now(&scene).sums.received, 1);
    // One drive in a bag is one drive: two of the name need two bags, where neither was seen since.
    wish(&mut scene, |desk| desk.pull(SECOND, &pull(machine(1), "DRIVE001", "2"))).unwrap();
    let third = PulledId::from_bytes([10; 16]);
    let refused = wish(&mut scene, |desk| desk.pull(third, &pull(machine(1), "DRIVE001", "3")));
    assert!(matches!(refused.unwrap_err(), LotError::Twice(..)));
}
