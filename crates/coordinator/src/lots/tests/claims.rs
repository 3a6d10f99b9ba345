//! Whose a machine is.

use std::time::Duration;

use register::{AssetRow, Hint};

use super::*;
use crate::enrollment::admit_waiting;
use crate::event::AdmittedHow;
use crate::lots::LotEvent;
use crate::lots::step::LotStep;
use crate::scene::{AUTOMATIC, HOUR};

const OTHER: LotId = LotId::from_bytes([2; 16]);

#[test]
fn what_is_not_of_the_lot_is_not_wiped_for_it() {
    let mut scene = scene();
    let stranger = scene.boot(&laptop(9), MANUAL);
    let waiting = |scene: &Scene, agent: &Agent| {
        admit_waiting(&scene.bench, scene.now, agent.id, agent.public(), AUTOMATIC)
    };
    assert!(waiting(&scene, &stranger).is_some(), "nobody said anything yet");
    wish(&mut scene, |desk| desk.refuse(stranger.number, "the caretaker's own")).unwrap();
    assert_eq!(waiting(&scene, &stranger), None);
    let again = scene.boot(&laptop(9), AUTOMATIC);
    assert!(scene.machine(&again).admission.is_none(), "it was admitted by itself");
    let refused = scene.pick(&[stranger.number]).unwrap_err().to_string();
    assert!(refused.contains("not to be of lot") && refused.contains("caretaker"), "{refused}");
    // As a journal of an earlier version may have it: what was worked on is answered for.
    let (machine, agent) = (again.id, again.public());
    let how = AdmittedHow::Automatic;
    scene.apply(vec![Happening::Admitted { machine, batch: BATCH, agent, how }]);
    assert_eq!(now(&scene).sums, sums(1, 0, 0, 0));
}

#[test]
fn a_batch_takes_no_machine_that_another_open_lot_answers_for() {
    for known_by in ["register", "word", "work"] {
        let mut scene = scene();
        let inventory = laptop(if known_by == "register" { 1 } else { 9 });
        let agent = scene.boot(&inventory, MANUAL);
        match known_by {
            "word" => wish(&mut scene, |desk| desk.receive(agent.number, "theirs")).unwrap(),
            "work" => scene.pick(&[agent.number]).unwrap(),
            _ => {}
        }
        scene.later(HOUR);
        scene.next_lot();
        let batch = scene.arm(2, 9, JobKind::Wipe {});
        let refused = scene.pick_for(&[agent.number], Some(batch), MANUAL).unwrap_err().to_string();
        assert!(refused.contains(&LOT.to_string()), "{known_by}: {refused}");
        if known_by != "work" {
            let key = agent.public();
            assert_eq!(admit_waiting(&scene.bench, scene.now, agent.id, key, AUTOMATIC), None);
        }
        let receive = |desk: &Desk<'_>| desk.receive(agent.number, "ours");
        let received = wish_of(&mut scene, OTHER, receive);
        assert_eq!(received.is_ok(), known_by == "register", "{known_by}");
        assert_eq!(of(&scene, OTHER).sums.received, u32::from(received.is_ok()));
        // A person's word goes before a register.
        assert_eq!(scene.pick_for(&[agent.number], Some(batch), MANUAL).is_ok(), received.is_ok());
        assert_eq!(of(&scene, LOT).sums.received, u32::from(received.is_err()));
    }
}

#[test]
fn a_row_is_assigned_to_what_may_be_of_the_lot_only() {
    let mut scene = scene();
    let stranger = scene.boot(&laptop(9), MANUAL);
    let row = *now(&scene).rows.keys().next().unwrap();
    wish(&mut scene, |desk| desk.refuse(stranger.number, "not ours")).unwrap();
    let assign = |desk: &Desk<'_>| desk.assign(Pointed::Machine(stranger.number), row, "so it is");
    let refused = wish(&mut scene, assign).unwrap_err();
    assert!(matches!(refused, LotError::NotOurs { .. }), "{refused}");
    // As a journal of an earlier version may have it.
    let subject = crate::lots::step::Subject::Machine(stranger.id);
    let what = LotStep::RowAssigned { subject, row, because: "so it is".into() };
    scene.apply(vec![Happening::Lot(LotEvent { lot: LOT, by: OLA, what })]);
    assert_eq!(now(&scene).rows[&row], RowStanding::Missing);
}

#[test]
fn what_booted_before_the_lot_was_opened_is_found_in_its_register() {
    let mut scene = Scene::new();
    let days = |n: u64| Duration::from_secs(n * 24 * 3600);
    scene.boot(&laptop(1), MANUAL);
    scene.boot(&laptop(5), MANUAL);
    scene.later(days(2));
    // Still on when the lot is opened an hour later, as far as the journal can tell.
    let late = scene.boot(&laptop(6), MANUAL);
    scene.later(HOUR);
    scene.arm(1, 9, JobKind::Wipe {});
    import(&mut scene, LOT, &[1, 2]);
    let reckoning = now(&scene);
    assert_eq!((reckoning.sums.received, reckoning.missing().len()), (1, 1));
    let unknown: Vec<_> = reckoning.unknown.iter().map(|it| it.machine).collect();
    assert_eq!(unknown, [late.id]);
}

#[test]
fn what_is_armed_under_a_policy_that_is_no_longer_accepted_ends() {
    let mut scene = scene();
    let on = "2026-11-22".parse().unwrap();
    for (policy, ended) in
        [(plan::policy::default(), false), (plan::policy::overwrite_only(), true)]
    {
        let reference = " U/7 ".to_owned();
        let paper = LotStep::PolicyAccepted { policy, accepted_by: OLA, on, reference };
        wish(&mut scene, |desk| desk.paper(paper)).unwrap();
        assert_eq!(scene.bench.batch(&BATCH).unwrap().disarmed, ended);
    }
    let accepted = scene.bench.lot(&LOT).unwrap().accepted.clone().unwrap();
    assert_eq!(accepted.reference, "U/7");
}

#[test]
fn names_and_numbers_are_lines_too() {
    let mut scene = scene();
    scene.finish(&laptop(1));
    let long = "x".repeat(301);
    for text in ["two\nlines", "bell\u{7}1", &long] {
        let refused = |refused: Result<(), LotError>| {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, LotError::Text { .. }), "{text:?}: {refused}");
        };
        refused(wish(&mut scene, |desk| desk.swap(machine(1), "example ssd", text, "spare")));
        refused(wish(&mut scene, |desk| desk.pull(BAG, &pull(machine(1), text, "1"))));
        refused(wish(&mut scene, |desk| desk.take_in(ITEM, "", text, "dead")));
    }
}

#[test]
fn rows_are_held_to_what_a_file_could_have_given() {
    let rows_of = |text: &str| -> Vec<AssetRow> {
        let sheet = read(text.as_bytes(), &Hint::default()).unwrap();
        rows(&sheet, &propose(&sheet)).unwrap()
    };
    let sheet = "Nr inw.;Nr seryjny;Model\nA/1;SYS001;Laptop 14\nA/2;SYS002;Laptop 14\n";
    for (spoil, said) in [
        ("row", "row 2 is there twice"),
        ("serial", "rows 2 and 3"),
        ("asset", "too long"),
        ("person", "population register"),
    ] {
        let mut scene = scene();
        let mut bad = rows_of(sheet);
        match spoil {
            "row" => bad[1].row = bad[0].row,
            "serial" => bad[1].serial = bad[0].serial.clone(),
            "asset" => bad[1].asset = register::AssetNumber::parse(&"9".repeat(81)),
            _ => bad[1].note = Some("jan@example.com".to_owned().try_into().unwrap()),
        }
        let read_it = read(sheet.as_bytes(), &Hint::default()).unwrap();
        let mapping = propose(&read_it);
        let file = Sha256Digest::from_bytes([5; 32]);
        let refused = wish(&mut scene, |desk| desk.import(file, mapping, bad)).unwrap_err();
        assert!(refused.to_string().contains(said), "{spoil}: {refused}");
    }
}
