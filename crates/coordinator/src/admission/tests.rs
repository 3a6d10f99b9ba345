use protocol::{BatchId, JobKind, LotId};

use super::*;
use crate::scene::hardware::laptop;
use crate::scene::{HOUR, MANUAL, OLA, Scene};

#[test]
fn arming_has_bounds() {
    let batch = BatchId::from_bytes([1; 16]);
    let (mut scene, policy) = (Scene::new(), plan::policy::default());
    let lot = scene.open_lot(LotId::from_bytes([1; 16]), &policy);
    let lot = scene.bench.lot(&lot).unwrap();
    let minute = Duration::from_secs(60);
    for (time, count, good) in [
        (minute, 1, true),
        (LONGEST_ARMING, 500, true),
        (HOUR, 0, false),
        (minute / 2, 1, false),
        (LONGEST_ARMING + minute, 1, false),
    ] {
        let (job, policy) = (JobKind::Wipe {}, policy.clone());
        let terms = Terms { job, policy, witness: false, first_of_model: false, lot };
        let armed = arm(UnixMillis(0), batch, OLA, time, count, terms);
        assert_eq!(armed.is_ok(), good, "{time:?} {count}");
    }
}

#[test]
fn picking_twice_or_what_is_not_there_or_at_work_is_refused() {
    let mut scene = Scene::new();
    let first = scene.boot(&laptop(1), MANUAL);
    assert_eq!(scene.pick(&[first.number]), Err(AdmissionError::NothingArmed));
    scene.arm(1, 2, JobKind::Wipe {});
    assert!(scene.pick(&[first.number, first.number]).is_err());
    assert!(scene.pick(&[MachineNumber(99.try_into().unwrap())]).is_err());
    scene.pick(&[first.number]).unwrap();
    let why = scene.pick(&[first.number]).unwrap_err().to_string();
    assert!(why.contains("admitted already"), "{why}");
    scene.arm(2, 2, JobKind::Wipe {});
    let second = scene.boot(&laptop(2), MANUAL);
    assert_eq!(scene.pick(&[second.number]), Err(AdmissionError::SeveralArmed(2)));
}

#[test]
fn a_bare_number_does_not_pick_an_agent_that_nobody_saw() {
    for (boots, minutes, key, good) in [
        (1, 0, false, true),
        (2, 0, false, false),
        (2, 4, false, false),
        (2, 0, true, true),
        (2, 5, false, true),
        (3, 4, false, false),
    ] {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut agent = scene.boot(&laptop(1), MANUAL);
        for _ in 1..boots {
            scene.later(HOUR / 20);
            agent = scene.boot(&laptop(1), MANUAL);
        }
        scene.later(Duration::from_secs(60 * minutes));
        let fingerprint = key.then(|| agent.public().fingerprint());
        let picks = [Pick { number: agent.number, fingerprint }];
        let picked = pick(&scene.bench, scene.now, &picks, None, OLA, MANUAL);
        assert_eq!(picked.is_ok(), good, "{boots} {minutes} {key}: {picked:?}");
        if let Err(error) = picked {
            let text = error.to_string();
            assert!(text.contains("pick 01:KEY") && !text.contains(&agent.public().fingerprint()));
        }
    }
}

#[test]
fn a_person_settles_what_they_compared_and_nothing_else() {
    let mut scene = Scene::new();
    let twin = |serial: &str| {
        let mut inventory = laptop(1);
        inventory.identity.system_serial = Some(serial.into());
        inventory
    };
    let first = scene.boot(&laptop(1), MANUAL);
    let second = scene.boot(&twin("SECOND"), MANUAL);
    let open = |scene: &Scene| scene.machine(&first).open_conflicts().count();
    let settle = |scene: &mut Scene, with: &[MachineNumber]| {
        let decided = settle(&scene.bench, first.number, with, OLA)?;
        let n_events = decided.len();
        scene.apply(decided);
        Ok::<_, AdmissionError>(n_events)
    };
    // While the person walks to the laptops, a third one comes up.
    let third = scene.boot(&twin("THIRD"), MANUAL);
    assert_eq!(open(&scene), 2);
    assert!(settle(&mut scene, &[]).is_err());
    assert!(settle(&mut scene, &[second.number, first.number]).is_err());
    assert_eq!(settle(&mut scene, &[second.number]), Ok(1));
    assert_eq!((open(&scene), settle(&mut scene, &[second.number])), (1, Ok(0)));
    scene.arm(1, 3, JobKind::Wipe {});
    let why = scene.pick(&[first.number]).unwrap_err().to_string();
    assert!(why.contains("settle 01 --with 03") && !why.contains("--with 02"), "{why}");
    assert_eq!((settle(&mut scene, &[third.number]), open(&scene)), (Ok(1), 0));
}

#[test]
fn a_conflict_that_an_old_journal_settled_stays_settled() {
    let mut scene = Scene::new();
    let first = scene.boot(&laptop(1), MANUAL);
    let mut twin = laptop(1);
    twin.identity.system_serial = Some("SECOND".into());
    scene.boot(&twin, MANUAL);
    let settled = Happening::ConflictSettled { machine: first.id, by: OLA, with: None };
    let json = serde_json::to_string(&settled).unwrap();
    let old = format!(r#"{{"kind":"conflict-settled","machine":"{}","by":"{OLA}"}}"#, first.id);
    assert_eq!(json, old);
    scene.apply(vec![serde_json::from_str(&old).unwrap()]);
    assert_eq!(scene.machine(&first).open_conflicts().count(), 0);
}

#[test]
fn a_full_batch_takes_back_its_own_machine_without_counting_it_again() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let sentence = "it smells".to_owned();
    let stage = protocol::Stage::Sanitize;
    scene.report(&mut agent, vec![protocol::Step::Failed { stage, sentence }]);
    scene.pick(&[agent.number]).unwrap();
    let stranger = scene.boot(&laptop(2), MANUAL);
    let why = scene.pick(&[stranger.number]).unwrap_err().to_string();
    assert!(why.contains("is full"), "{why}");
}
