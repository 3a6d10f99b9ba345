use protocol::{BatchId, JobKind};

use super::*;
use crate::scene::hardware::laptop;
use crate::scene::{HOUR, MANUAL, OLA, Scene};

#[test]
fn arming_has_bounds() {
    let batch = BatchId::from_bytes([1; 16]);
    let minute = Duration::from_secs(60);
    for (time, count, good) in [
        (minute, 1, true),
        (LONGEST_ARMING, 500, true),
        (HOUR, 0, false),
        (minute / 2, 1, false),
        (LONGEST_ARMING + minute, 1, false),
    ] {
        let armed = arm(UnixMillis(0), batch, OLA, time, count, JobKind::Wipe);
        assert_eq!(armed.is_ok(), good, "{time:?} {count}");
    }
}

#[test]
fn picking_twice_or_what_is_not_there_or_at_work_is_refused() {
    let mut scene = Scene::new();
    let first = scene.boot(&laptop(1), MANUAL);
    assert_eq!(scene.pick(&[first.number]), Err(AdmissionError::NothingArmed));
    scene.arm(1, 2, JobKind::Wipe);
    assert!(scene.pick(&[first.number, first.number]).is_err());
    assert!(scene.pick(&[MachineNumber(99.try_into().unwrap())]).is_err());
    scene.pick(&[first.number]).unwrap();
    let why = scene.pick(&[first.number]).unwrap_err().to_string();
    assert!(why.contains("admitted already"), "{why}");
    scene.arm(2, 2, JobKind::Wipe);
    let second = scene.boot(&laptop(2), MANUAL);
    assert_eq!(scene.pick(&[second.number]), Err(AdmissionError::SeveralArmed(2)));
}

#[test]
fn a_full_batch_takes_back_its_own_machine_without_counting_it_again() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe);
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
