mod claims;
mod comes_back;
mod inside;

use protocol::{BatchId, ItemId, JobKind, LotId, MachineNumber, PulledId, Sha256Digest, Step};
use register::{Hint, RowNumber, propose, read, rows};

use super::LotError;
use super::decide::{self, Desk, End, Pointed, Pull};
use super::reckoning::{Obstacle, Reckoning, RowStanding, reckon};
use super::step::Sums;
use crate::event::Happening;
use crate::scene::hardware::{disk, laptop};
use crate::scene::{Agent, MANUAL, OLA, Scene};

const LOT: LotId = LotId::from_bytes([1; 16]);
const BATCH: BatchId = BatchId::from_bytes([1; 16]);
const ITEM: ItemId = ItemId::from_bytes([7; 16]);
const BAG: PulledId = PulledId::from_bytes([8; 16]);

/// A scene with a lot of four laptops by its register, and a batch armed for it.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.arm(1, 9, JobKind::Wipe {});
    import(&mut scene, LOT, &[1, 2, 3, 4]);
    scene
}

/// Takes a register with these laptops.
fn import(scene: &mut Scene, lot: LotId, laptops: &[u8]) {
    let mut text = "Nr inw.;Nr seryjny;Model\n".to_owned();
    for n in laptops {
        text += &format!("A/{n};SYS{n:03};Laptop 14\n");
    }
    wish_of(scene, lot, |desk| {
        let sheet = read(text.as_bytes(), &Hint::default()).unwrap();
        let mapping = propose(&sheet);
        let rows = rows(&sheet, &mapping).unwrap();
        desk.import(Sha256Digest::from_bytes([3; 32]), mapping, rows)
    })
    .unwrap();
}

fn wish(
    scene: &mut Scene,
    decide: impl FnOnce(&Desk<'_>) -> Result<Vec<Happening>, LotError>,
) -> Result<(), LotError> {
    wish_of(scene, LOT, decide)
}

fn wish_of(
    scene: &mut Scene,
    lot: LotId,
    decide: impl FnOnce(&Desk<'_>) -> Result<Vec<Happening>, LotError>,
) -> Result<(), LotError> {
    let decided = decide(&Desk::at(&scene.bench, lot, OLA)?)?;
    scene.apply(decided);
    Ok(())
}

fn now(scene: &Scene) -> Reckoning {
    of(scene, LOT)
}

fn of(scene: &Scene, lot: LotId) -> Reckoning {
    reckon(&scene.bench, scene.bench.lot(&lot).unwrap())
}

fn number(n: u32) -> MachineNumber {
    MachineNumber(n.try_into().unwrap())
}

fn machine(n: u32) -> Pointed {
    Pointed::Machine(number(n))
}

/// What stands in the way, in words.
fn obstacles(scene: &Scene, i: usize) -> String {
    now(scene).received[i].in_the_way.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn sums(received: u32, erased: u32, pulled: u32, returned: u32) -> Sums {
    Sums { received, erased, pulled, returned }
}

fn pull(from: Pointed, serial: &str, bag: &str) -> Pull {
    let (model, because) = ("example ssd".to_owned(), "it is dying".to_owned());
    Pull { from, model, serial: serial.into(), bag: bag.into(), because }
}

fn destroyed() -> End {
    End::Destroyed { how: "shredded".into(), reference: "P/12".into() }
}

/// A wipe that fails on its only drive.
fn fail(scene: &mut Scene, n: u8) -> Agent {
    let mut agent = scene.boot(&laptop(n), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(n));
    scene.consent(&agent, &request).unwrap();
    let mut steps = scene.wiped(&agent);
    let Step::SanitizeStarted { drive, .. } = steps[1].clone() else { panic!("{steps:?}") };
    steps[2] = Step::SanitizeFailed {
        drive,
        stage: protocol::Stage::Sanitize,
        bad_ranges: Vec::new(),
        commands: Vec::new(),
        sentence: "it does not answer".into(),
    };
    scene.report(&mut agent, steps);
    agent
}

#[test]
fn a_lot_closes_once_everything_received_has_an_end() {
    let mut scene = scene();
    // One is erased, one has a dying drive, one never boots, one was never handed over; a fifth is nobody's.
    scene.finish(&laptop(1));
    fail(&mut scene, 2);
    let because = "the screen stays black";
    wish(&mut scene, |desk| desk.take_in(ITEM, "SYS003", "", because)).unwrap();
    let stranger = scene.boot(&laptop(9), MANUAL);
    let reckoning = now(&scene);
    assert_eq!(reckoning.sums, sums(3, 1, 0, 0));
    assert_eq!(reckoning.unknown.len(), 1);
    assert_eq!(reckoning.missing().len(), 1);
    let refused = wish(&mut scene, |desk| desk.close(sums(3, 1, 1, 1), 1, "")).unwrap_err();
    let said = refused.to_string();
    for words in ["machine 02", "item 0707", "machine 03 (not in the register)"] {
        assert!(said.contains(words), "{said}");
    }

    // The stranger: belongs to somebody else.
    wish(&mut scene, |desk| desk.refuse(stranger.number, "the caretaker's own")).unwrap();
    // The dying drive: pulled, but a bag is no end.
    assert!(obstacles(&scene, 1).contains("DRIVE002"), "{}", obstacles(&scene, 1));
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(2), "drive002", "7"))).unwrap();
    assert!(obstacles(&scene, 1).contains("bag 7"), "{}", obstacles(&scene, 1));
    wish(&mut scene, |desk| desk.fate("7", &destroyed())).unwrap();
    assert_eq!(obstacles(&scene, 1), "");
    // The one that never boots goes back.
    assert_eq!(now(&scene).received[2].in_the_way, [Obstacle::DrivesInside]);
    wish(&mut scene, |desk| desk.give_back(Pointed::Item(ITEM), "taken by the porter")).unwrap();

    let is = sums(3, 1, 1, 1);
    for (said, missing) in [(sums(4, 2, 1, 1), 1), (is, 0)] {
        let refused = wish(&mut scene, |desk| desk.close(said, missing, "lost")).unwrap_err();
        assert!(matches!(refused, LotError::Miscounted { .. }), "{refused}");
    }
    let refused = wish(&mut scene, |desk| desk.close(is, 1, " ")).unwrap_err();
    assert!(refused.to_string().contains("missing ones"), "{refused}");
    wish(&mut scene, |desk| desk.close(is, 1, "never handed over, says the owner")).unwrap();
    assert!(scene.bench.batch(&BATCH).unwrap().disarmed, "a closed lot is not worked on");
    let refused = wish(&mut scene, |desk| desk.give_back(machine(1), "x")).unwrap_err();
    assert!(matches!(refused, LotError::Closed { .. }), "{refused}");
    let reopened = decide::reopen(&scene.bench, LOT, OLA, "one was forgotten").unwrap();
    scene.apply(reopened);
    assert!(now(&scene).may_close());
}

#[test]
fn a_drive_that_was_seen_once_is_asked_for_although_the_machine_goes_on_without_it() {
    let mut scene = scene();
    let mut two = laptop(1);
    two.drives.push(disk("EXTRA001"));
    let agent = scene.boot(&two, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    // Somebody takes the disk out, says nothing, and has the rest done.
    scene.later(crate::scene::HOUR);
    scene.arm(2, 9, JobKind::Wipe {});
    let agent = scene.boot(&laptop(1), MANUAL);
    let second = Some(BatchId::from_bytes([2; 16]));
    scene.pick_for(&[agent.number], second, scene.rules).unwrap();
    let mut agent = agent;
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let mut steps = scene.wiped(&agent);
    steps.push(Step::Finished {});
    scene.report(&mut agent, steps);
    assert!(scene.machine(&agent).is_finished());
    let lost = [Obstacle::DriveGone { drive: disk("EXTRA001").label() }];
    assert_eq!(now(&scene).received[0].in_the_way, lost);
    let named = pull(machine(1), "EXTRA001", "1");
    wish(&mut scene, |desk| desk.pull(BAG, &named)).unwrap();
    assert_eq!(obstacles(&scene, 0).matches("bag 1").count(), 1);
    // What became of it is not believed without proof.
    let dock = End::SanitizedIn { number: number(1) };
    let refused = wish(&mut scene, |desk| desk.fate("1", &dock)).unwrap_err();
    assert!(refused.to_string().contains("does not prove"), "{refused}");
    // In another machine it is sanitized, under a job of its own.
    let mut bench_pc = laptop(8);
    bench_pc.drives = vec![disk("EXTRA001")];
    scene.next_lot();
    scene.arm_by(plan::policy::default(), BatchId::from_bytes([3; 16]), 1, JobKind::Wipe {});
    let mut agent = scene.boot(&bench_pc, MANUAL);
    let third = Some(BatchId::from_bytes([3; 16]));
    scene.pick_for(&[agent.number], third, scene.rules).unwrap();
    let request = scene.request(&agent, &bench_pc);
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    scene.report(&mut agent, steps);
    let dock = End::SanitizedIn { number: agent.number };
    let refused = wish(&mut scene, |desk| desk.fate("1", &dock)).unwrap_err();
    assert!(refused.to_string().contains("finished"), "{refused}");
    scene.report(&mut agent, vec![Step::Finished {}]);
    wish(&mut scene, |desk| desk.fate("1", &dock)).unwrap();
    assert_eq!(obstacles(&scene, 0), "");
    assert_eq!(now(&scene).sums, sums(1, 1, 0, 0), "the other machine belongs to another lot");
}

#[test]
fn a_drive_without_a_name_is_not_talked_away() {
    let mut scene = scene();
    let mut mute = laptop(1);
    mute.drives[0].identity = Err("it does not answer".into());
    scene.boot(&mute, MANUAL);
    let inside = |desk: &Desk<'_>| desk.nothing_inside(machine(1), "I looked");
    wish(&mut scene, inside).unwrap();
    assert!(obstacles(&scene, 0).contains("gives no identity"), "{}", obstacles(&scene, 0));
    wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), "X1", "1"))).unwrap();
    wish(&mut scene, |desk| desk.fate("1", &destroyed())).unwrap();
    assert_eq!(now(&scene).sums, sums(1, 0, 1, 0));
}

#[test]
fn what_was_erased_before_it_was_pulled_is_no_proof() {
    let mut scene = scene();
    let agent = scene.finish(&laptop(1));
    let out = pull(Pointed::Machine(agent.number), "DRIVE001", "1");
    wish(&mut scene, |desk| desk.pull(BAG, &out)).unwrap();
    let dock = End::SanitizedIn { number: agent.number };
    let refused = wish(&mut scene, |desk| desk.fate("1", &dock)).unwrap_err();
    assert!(matches!(refused, LotError::NotSanitized { .. }), "{refused}");
    let back = End::PutBack { because: "the wrong screwdriver".into() };
    wish(&mut scene, |desk| desk.fate("1", &back)).unwrap();
    assert_eq!(now(&scene).sums, sums(1, 1, 0, 0));
}

#[test]
fn a_register_that_contradicts_is_settled_by_a_person() {
    let mut scene = scene();
    let mut other = laptop(2);
    other.product.vendor = Some("Dell Inc.".into());
    other.product.name = Some("Latitude E6440".into());
    let text = "Nr inw.;Nr seryjny;Model\nA/1;SYS001;HP EliteBook 840 G3\nA/2;SYS002;HP EliteBook 840 G3\n";
    let import = |desk: &Desk<'_>| {
        let sheet = read(text.as_bytes(), &Hint::default()).unwrap();
        let mapping = propose(&sheet);
        let rows = rows(&sheet, &mapping).unwrap();
        desk.import(Sha256Digest::from_bytes([4; 32]), mapping, rows)
    };
    wish(&mut scene, import).unwrap();
    let agent = scene.finish(&other);
    assert!(obstacles(&scene, 0).contains("describes something else"), "{}", obstacles(&scene, 0));
    let row = *now(&scene).rows.keys().next_back().unwrap();
    assert!(matches!(now(&scene).rows[&row], RowStanding::Conflicting { .. }));
    let pointed = Pointed::Machine(agent.number);
    let nowhere = RowNumber(77.try_into().unwrap());
    let refused = wish(&mut scene, |desk| desk.assign(pointed, nowhere, "I say so")).unwrap_err();
    assert_eq!(refused, LotError::NoRow(nowhere));
    wish(&mut scene, |desk| desk.assign(pointed, row, "the clerk mistyped the model")).unwrap();
    assert_eq!((obstacles(&scene, 0), now(&scene).sums), (String::new(), sums(1, 1, 0, 0)));
    assert_eq!(now(&scene).received[0].row, Some(row));
}

#[test]
fn nothing_is_armed_without_the_owners_papers() {
    let mut scene = Scene::new();
    let policy = plan::policy::default();
    let opened = decide::open(LOT, OLA, "Town hall", "").unwrap();
    scene.apply(opened);
    let may = |scene: &Scene, policy: &protocol::Policy| {
        let (lot, wipe) = (scene.bench.lot(&LOT).unwrap(), JobKind::Wipe {});
        decide::may_arm(lot, policy, &wipe).map_err(|error| error.to_string())
    };
    assert!(may(&scene, &policy).unwrap_err().contains("has not accepted"));
    scene.open_lot_papers(LOT, &policy);
    may(&scene, &policy).unwrap();
    // The same name for one that demands less.
    let mut lax = policy.clone();
    lax.proof.canaries = 1_000;
    let refused = may(&scene, &lax).unwrap_err();
    assert!(refused.contains("an older"), "{refused}");
}

#[test]
fn what_people_write_is_held_to_one_line() {
    let mut scene = scene();
    scene.finish(&laptop(1));
    let long = "x".repeat(301);
    for text in ["", "  ", "two\nlines", "bell\u{7}", &long] {
        let refused = wish(&mut scene, |desk| desk.receive(number(1), text)).unwrap_err();
        assert!(matches!(refused, LotError::Text { .. }), "{refused}");
    }
    for (serial, asset) in [("", ""), ("brak", "brak"), ("To be filled by O.E.M.", "")] {
        let refused = wish(&mut scene, |desk| desk.take_in(ITEM, serial, asset, "dead"));
        assert_eq!(refused.unwrap_err(), LotError::Nameless, "{serial} {asset}");
    }
    let refused = wish(&mut scene, |desk| desk.take_in(ITEM, "sys001", "", "dead")).unwrap_err();
    assert!(refused.to_string().contains("machine 01, which has booted"), "{refused}");
}

#[test]
fn an_item_is_its_row_by_serial_or_by_the_owners_sticker() {
    for (serial, asset) in [("SYS004", ""), ("", "a/4"), ("SYS004", "A/4")] {
        let mut scene = scene();
        wish(&mut scene, |desk| desk.take_in(ITEM, serial, asset, "dead")).unwrap();
        let row = now(&scene).received[0].row.unwrap();
        let lot = scene.bench.lot(&LOT).unwrap();
        assert_eq!(lot.row(row).unwrap().asset.as_ref().unwrap().as_str(), "A/4");
        wish(&mut scene, |desk| desk.nothing_inside(Pointed::Item(ITEM), "it was empty")).unwrap();
        assert_eq!(now(&scene).sums, sums(1, 0, 1, 0));
    }
}
