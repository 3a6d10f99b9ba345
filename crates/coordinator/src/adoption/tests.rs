use protocol::{DriveIdentity, Inventory, JobKind, Sha256Digest, UnixMillis};

use super::*;
use crate::bench::FoldError;
use crate::drive_password::{NotGiven, give};
use crate::event::JournalEvent;
use crate::scene::hardware::{disk, laptop, locked};
use crate::scene::{Agent, MANUAL, OLA, Scene};

const SECRET: Sha256Digest = Sha256Digest::from_bytes([1; 32]);

/// A laptop with a disk that is locked.
fn holding(laptop_serial: u8, disk_serial: &str) -> Inventory {
    Inventory { drives: vec![locked(disk(disk_serial))], ..laptop(laptop_serial) }
}

fn adoption(serial: &str) -> Adoption {
    Adoption::typed("Example NVMe", serial, "locked in March, the old server burned").unwrap()
}

#[test]
fn an_adopted_drive_is_planned_and_its_password_given_as_of_any_lock_of_ours() {
    let mut scene = Scene::new();
    let found = holding(1, "DISK");
    let identity = found.drives[0].identity.clone().unwrap();
    scene.arm(1, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&found, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    assert!(scene.request(&agent, &found).plan.is_err(), "locked by nobody knows whom");

    let happening = adopt(&scene.bench, adoption("DISK"), OLA).unwrap();
    scene.apply(vec![happening]);
    let request = scene.request(&agent, &found);
    assert!(request.plan.as_ref().unwrap().drives[0].unlock);
    scene.consent(&agent, &request).unwrap();
    let ask = |scene: &Scene, agent: &Agent| {
        let (machine, of) = (scene.machine(agent), (SECRET, MANUAL));
        give(&scene.bench, scene.now, machine, agent.public(), &identity, of)
    };
    assert!(matches!(ask(&scene, &agent), (_, Err(NotGiven::NotConsented(_)))), "no ticket used");
    let ticket = scene.wiped(&agent).remove(0);
    scene.report(&mut agent, vec![ticket]);
    let (happenings, given) = ask(&scene, &agent);
    assert_eq!((happenings.len(), given), (1, Ok(())), "recorded as given, adopted or not");
}

#[test]
fn it_is_known_again_by_model_and_serial_number_and_nothing_else() {
    let mut scene = Scene::new();
    let agent = scene.boot(&holding(1, "DISK"), MANUAL);
    assert_eq!(seen_in(&scene.bench, &adoption("DISK").drive), [agent.number]);
    assert_eq!(seen_in(&scene.bench, &adoption("OTHER").drive), []);
    let happening = adopt(&scene.bench, adoption("DISK"), OLA).unwrap();
    scene.apply(vec![happening]);
    let locks = scene.bench.locks();
    assert!(locks.secrets().is_empty(), "the sheet may still be restored");
    let [(drive, word)] = locks.adopted().collect::<Vec<_>>()[..] else { panic!("{locks:?}") };
    assert_eq!((drive, word.by, word.at), (&adoption("DISK").drive, OLA, scene.now));

    type Change = fn(&mut DriveIdentity);
    let cases: [(&str, Change, bool); 6] = [
        ("the same", |_| (), true),
        ("a hidden area was set", |it| it.size.0 -= 512, true),
        ("it says more", |it| it.wwn = Some("5000c500a1b2c3d4".into()), true),
        ("another serial number", |it| it.serial.push('2'), false),
        ("small letters", |it| it.serial.make_ascii_lowercase(), false),
        ("another model", |it| it.model.push('2'), false),
    ];
    for (name, change, is_ours) in cases {
        let mut elsewhere = holding(2, "DISK");
        change(elsewhere.drives[0].identity.as_mut().unwrap());
        let among = scene.bench.locks().among(&elsewhere);
        let found = elsewhere.drives[0].identity.clone().ok();
        assert_eq!(among, found.filter(|_| is_ours).into_iter().collect(), "{name}");
    }
}

#[test]
fn what_is_known_as_ours_is_not_adopted_again() {
    let mut scene = Scene::new();
    let agent = scene.boot(&holding(1, "GIVEN"), MANUAL);
    let drive = disk("GIVEN").identity.unwrap();
    scene.apply(vec![Happening::DrivePasswordGiven { machine: agent.id, drive, secret: SECRET }]);
    let given = adopt(&scene.bench, adoption("GIVEN"), OLA);
    assert!(matches!(given, Err(AdoptionError::Given(_))), "{given:?}");

    let happening = adopt(&scene.bench, adoption("DISK"), OLA).unwrap();
    scene.apply(vec![happening.clone()]);
    let twice = adopt(&scene.bench, adoption("DISK"), OLA);
    assert!(matches!(twice, Err(AdoptionError::Twice(_))), "{twice:?}");
    // Nor does a journal hold that.
    let event = JournalEvent { at: UnixMillis(2_000_000), happening };
    let folded = scene.bench.clone().apply(&event);
    assert!(matches!(folded, Err(FoldError::LockTwice(_))), "{folded:?}");

    // The other way around: a password is given out for what was adopted.
    let drive = disk("DISK").identity.unwrap();
    scene.apply(vec![Happening::DrivePasswordGiven { machine: agent.id, drive, secret: SECRET }]);
    let twice = adopt(&scene.bench, adoption("DISK"), OLA);
    assert!(matches!(twice, Err(AdoptionError::Twice(_))), "{twice:?}");
}

#[test]
fn a_word_without_a_name_or_a_reason_is_none() {
    for (model, serial, because, said) in [
        ("", "S", "why", "model is empty"),
        ("M", " ", "why", "serial number is empty"),
        ("M", "S", " \n", "--because"),
    ] {
        let why = Adoption::typed(model, serial, because).unwrap_err().to_string();
        assert!(why.contains(said), "{why}");
    }
    let Adoption { drive, because } = Adoption::typed(" M ", "S\n", " why ").unwrap();
    assert_eq!((drive.to_string(), because), ("M serial S".to_owned(), "why".to_owned()));
}

#[test]
fn the_event_names_no_machine_and_reads_back() {
    let Adoption { drive, because } = adoption("DISK");
    let happening = Happening::LockAdopted { drive, by: OLA, because };
    let event = JournalEvent { at: UnixMillis(7), happening };
    let json = serde_json::to_string(&event).unwrap();
    let expected = format!(
        r#"{{"at":7,"kind":"lock-adopted","drive":{{"model":"Example NVMe","serial":"DISK"}},"by":"{OLA}","because":"locked in March, the old server burned"}}"#
    );
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<JournalEvent>(&json).unwrap(), event);
}
