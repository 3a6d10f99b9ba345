//! Machines and drives that come back.

use std::time::Duration;

use protocol::{Directive, Inventory};

use super::*;
use crate::bench::MachineState;
use crate::boot_choice::{BootChoice, Caller, choose};
use crate::directive::directive;
use crate::lots::view;
use crate::scene::AUTOMATIC;

const OTHER: LotId = LotId::from_bytes([2; 16]);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Wipes and finishes a machine that was booted.
fn wipe(scene: &mut Scene, agent: &mut Agent, inventory: &Inventory) {
    scene.pick_for(&[agent.number], None, scene.rules).unwrap();
    let request = scene.request(agent, inventory);
    scene.consent(agent, &request).unwrap();
    let mut steps = scene.wiped(agent);
    steps.push(Step::Finished {});
    scene.report(agent, steps);
}

/// Machine 1 was erased in a lot that is closed; a year later another lot is open, whose register has it.
fn a_year_later() -> (Scene, Agent) {
    let mut scene = scene();
    let agent = scene.finish(&laptop(1));
    wish(&mut scene, |desk| desk.close(sums(1, 1, 0, 0), 3, "never handed over")).unwrap();
    scene.later(YEAR);
    scene.next_lot();
    scene.arm(2, 9, JobKind::Wipe {});
    import(&mut scene, OTHER, &[1]);
    (scene, agent)
}

#[test]
fn a_proof_from_an_earlier_lot_counts_for_that_lot_only() {
    let (mut scene, agent) = a_year_later();
    let told = |scene: &Scene, agent: &Agent| {
        let machine = scene.machine(agent);
        directive(&scene.bench, scene.now, machine, &agent.public(), MANUAL)
    };
    assert_eq!(of(&scene, OTHER).missing().len(), 1, "it was not seen since");
    assert!(matches!(told(&scene, &agent), Directive::LocalDisk { .. }), "nobody says it is back");
    let boots = |scene: &Scene| {
        let who = laptop(1).identity;
        let caller = Caller { mac: who.macs.first().copied(), uuid: who.uuid.as_deref() };
        choose(&scene.bench, scene.now, false, caller)
    };
    assert!(matches!(boots(&scene), BootChoice::LocalDisk { .. }));
    let refused = scene.pick(&[agent.number]).unwrap_err().to_string();
    assert!(refused.contains("never wiped twice") && refused.contains("receive"), "{refused}");

    let receive = |desk: &Desk<'_>| desk.receive(agent.number, "the owner handed it over again");
    wish_of(&mut scene, OTHER, receive).unwrap();
    assert_eq!(boots(&scene), BootChoice::Appliance);
    let reckoning = of(&scene, OTHER);
    assert_eq!(reckoning.sums, sums(1, 0, 0, 0), "its proof is the other lot's");
    assert!(matches!(reckoning.received[0].in_the_way[..], [Obstacle::DataThere { .. }]));
    assert_eq!(now(&scene).sums, sums(1, 1, 0, 0), "the closed lot keeps its proof");
    assert!(!scene.machine(&agent).data_still_there().is_empty());

    let mut again = scene.boot(&laptop(1), AUTOMATIC);
    assert_eq!(scene.state(&again), MachineState::Waiting, "it was not picked by itself");
    let Directive::Wait { reason } = told(&scene, &again) else { panic!("it is not to work") };
    assert!(reason.contains("pick number 01"), "{reason}");
    wipe(&mut scene, &mut again, &laptop(1));
    assert_eq!(of(&scene, OTHER).sums, sums(1, 1, 0, 0));
    assert_eq!(now(&scene).sums, sums(1, 1, 0, 0));
}

#[test]
fn what_came_back_may_be_looked_at_before_it_is_wiped_anew() {
    let (mut scene, agent) = a_year_later();
    let receive = |desk: &Desk<'_>| desk.receive(agent.number, "the owner handed it over again");
    wish_of(&mut scene, OTHER, receive).unwrap();
    let look = scene.arm(3, 1, JobKind::InventoryOnly {});
    let mut again = scene.boot(&laptop(1), MANUAL);
    scene.pick_for(&[again.number], Some(look), MANUAL).unwrap();
    let stock = Step::Inventoried { inventory: Box::new(laptop(1)) };
    scene.report(&mut again, vec![stock, Step::Finished {}]);
    assert_eq!(of(&scene, OTHER).sums, sums(1, 0, 0, 0), "a look proves nothing");
    let mut again = scene.boot(&laptop(1), MANUAL);
    let wiping = scene.arm(4, 1, JobKind::Wipe {});
    scene.pick_for(&[again.number], Some(wiping), MANUAL).unwrap();
    let request = scene.request(&again, &laptop(1));
    scene.consent(&again, &request).unwrap();
    let mut steps = scene.wiped(&again);
    steps.push(Step::Finished {});
    scene.report(&mut again, steps);
    assert_eq!(of(&scene, OTHER).sums, sums(1, 1, 0, 0));
}

#[test]
fn a_machine_that_boots_after_its_lot_was_closed_is_the_next_ones_by_its_register() {
    let (mut scene, _) = a_year_later();
    scene.boot(&laptop(1), MANUAL);
    let reckoning = of(&scene, OTHER);
    assert_eq!((reckoning.sums, reckoning.missing().len()), (sums(1, 0, 0, 0), 0));
}

#[test]
fn a_machine_that_died_after_its_lot_was_closed_is_taken_in_by_hand() {
    let (mut scene, agent) = a_year_later();
    wish_of(&mut scene, OTHER, |desk| desk.take_in(ITEM, "SYS001", "", "black")).unwrap();
    assert_eq!(of(&scene, OTHER).sums, sums(1, 0, 0, 0));
    // Once it has come back, two are the row, and a person says which.
    wish_of(&mut scene, OTHER, |desk| desk.receive(agent.number, "it is alive")).unwrap();
    let two = of(&scene, OTHER);
    assert!(two.received.iter().all(|it| it.in_the_way.contains(&Obstacle::RegisterAmbiguous)));
}

#[test]
fn a_machine_that_did_not_come_back_after_all_stays_finished() {
    let (mut scene, agent) = a_year_later();
    wish_of(&mut scene, OTHER, |desk| desk.receive(agent.number, "a slip")).unwrap();
    assert!(!scene.machine(&agent).is_finished());
    wish_of(&mut scene, OTHER, |desk| desk.refuse(agent.number, "the slip")).unwrap();
    assert!(scene.machine(&agent).is_finished());
}

#[test]
fn a_drive_that_is_seen_after_it_was_pulled_is_there() {
    let mut scene = scene();
    fail(&mut scene, 1);
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), "DRIVE001", "7"))).unwrap();
    wish(&mut scene, |desk| desk.fate("7", &destroyed())).unwrap();
    assert_eq!(obstacles(&scene, 0), "");
    scene.boot(&laptop(1), MANUAL);
    assert!(obstacles(&scene, 0).contains("bag 7, but the machine has seen it since"));
    let back = End::PutBack { because: "it was another one".into() };
    wish(&mut scene, |desk| desk.fate("7", &back)).unwrap();
    assert!(obstacles(&scene, 0).contains("not proven erased"), "{}", obstacles(&scene, 0));
}

#[test]
fn what_boots_after_it_was_returned_is_here() {
    let mut scene = scene();
    fail(&mut scene, 1);
    wish(&mut scene, |desk| desk.give_back(machine(1), "the porter")).unwrap();
    assert_eq!(now(&scene).sums, sums(1, 0, 0, 1));
    scene.boot(&laptop(1), MANUAL);
    assert!(obstacles(&scene, 0).contains("booted here since"), "{}", obstacles(&scene, 0));
    assert!(!now(&scene).may_close());
    // What was signed for stays what it was, whatever boots later.
    let because = "it stays";
    wish(&mut scene, |desk| desk.not_given_back(machine(1), because)).unwrap();
    wish(&mut scene, |desk| desk.give_back(machine(1), "the porter")).unwrap();
    wish(&mut scene, |desk| desk.close(sums(1, 0, 0, 1), 3, "lost")).unwrap();
    scene.boot(&laptop(1), MANUAL);
    scene.boot(&laptop(2), MANUAL);
    let shown = view::lot(&scene.bench, scene.bench.lot(&LOT).unwrap(), &[]);
    assert_eq!((shown.sums, shown.missing.len()), (sums(1, 0, 0, 1), 3));
    assert!(shown.unknown.is_empty());
}

#[test]
fn a_drive_of_work_that_was_broken_off_is_asked_for_once_it_is_taken_out() {
    let mut scene = scene();
    let mut two = laptop(1);
    two.drives.push(disk("EXTRA001"));
    let mut agent = scene.boot(&two, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &two);
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    let Step::Verified(evidence) = &steps[2] else { panic!("{steps:?}") };
    let verified = evidence.drive.clone();
    scene.report(&mut agent, steps);
    // Verified, and taken out; the rest is done in another batch, whose certificate does not name it.
    two.drives.retain(|unit| unit.identity.as_ref() != Ok(&verified));
    scene.later(crate::scene::HOUR);
    scene.arm(2, 9, JobKind::Wipe {});
    let mut agent = scene.boot(&two, MANUAL);
    wipe(&mut scene, &mut agent, &two);
    assert!(scene.machine(&agent).is_finished());
    let lost = [Obstacle::DriveGone { drive: verified.to_string() }];
    assert_eq!(now(&scene).received[0].in_the_way, lost);
}
