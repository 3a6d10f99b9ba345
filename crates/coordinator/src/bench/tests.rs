use protocol::{ByteLen, ImageId, JobKind, Step};

use super::*;
use crate::scene::hardware::laptop;
use crate::scene::{MANUAL, Scene};

fn refurbish() -> JobKind {
    let image = ImageId::from_bytes([3; 32]);
    JobKind::Refurbish { image, image_min_size: ByteLen(1 << 30), locale: "pl_PL.UTF-8".into() }
}

/// A machine of which consent was given, and what it reports of the wipe.
fn consented(kind: JobKind) -> (Scene, crate::scene::Agent, Vec<Step>) {
    let mut scene = Scene::new();
    scene.arm(1, 1, kind);
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    (scene, agent, steps)
}

#[test]
fn a_refurbished_machine_passes_every_state_in_order() {
    let (mut scene, mut agent, mut steps) = consented(refurbish());
    assert_eq!(scene.state(&agent), MachineState::Planned);
    let drive = scene.machine(&agent).admission.as_ref().unwrap().drives.first().unwrap().clone();
    let zero = ByteLen(0);
    let JobKind::Refurbish { image, .. } = refurbish() else { return };
    let written = Step::ImageWritten {
        drive: drive.clone(),
        image,
        fetched: zero,
        written: zero,
        read_back: zero,
        duration_ms: 1,
    };
    let personalized = Step::Personalized {
        drive: drive.clone(),
        host_name: "laptop-01".into(),
        root_size: zero,
        first_boot_token: Sha256Digest::from_bytes([0; 32]),
    };
    let bootable = Step::MadeBootable { drive, boot_entry: "none".into() };
    steps.extend([written, personalized, bootable, Step::Finished]);
    let expected = [
        MachineState::Sanitizing,
        MachineState::Sanitizing,
        MachineState::Verified,
        MachineState::Imaged,
        MachineState::Personalized,
        MachineState::Bootable,
        MachineState::Finished,
    ];
    for (i, (step, expected)) in steps.into_iter().zip(expected).enumerate() {
        assert_eq!(scene.machine(&agent).data_still_there().len(), usize::from(i <= 2));
        scene.report(&mut agent, vec![step]);
        assert_eq!(scene.state(&agent), expected);
    }
}

#[test]
fn the_end_is_not_believed_before_every_drive_is_verified_and_the_image_bootable() {
    for (kind, n_steps) in [(JobKind::Wipe, 0), (JobKind::Wipe, 2), (refurbish(), 3)] {
        let (mut scene, mut agent, mut steps) = consented(kind);
        steps.truncate(n_steps);
        steps.push(Step::Finished);
        scene.report(&mut agent, steps);
        assert!(!scene.machine(&agent).is_finished());
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }), "{n_steps}");
    }
}

#[test]
fn a_verification_that_does_not_fit_the_plan_does_not_count() {
    type Change = fn(&mut protocol::event::DriveEvidence);
    let changes: [Change; 4] = [
        |it| it.verification.bytes.0 -= 512,
        |it| it.overwrite.bytes.0 += 512,
        |it| it.drive.serial.push('X'),
        |it| it.claim = protocol::Claim::Purge,
    ];
    for change in changes {
        let (mut scene, mut agent, mut steps) = consented(JobKind::Wipe);
        let Some(Step::Verified(evidence)) = steps.last_mut() else { panic!("no evidence") };
        change(evidence);
        scene.report(&mut agent, steps);
        assert_eq!(scene.machine(&agent).data_still_there().len(), 1);
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
    }
}

#[test]
fn a_ticket_that_was_not_given_to_this_agent_is_not_believed() {
    let (mut scene, mut agent, mut steps) = consented(JobKind::Wipe);
    let Step::TicketAccepted { ticket, .. } = &mut steps[0] else { panic!("no ticket") };
    *ticket = protocol::TicketId::from_bytes([0; 16]);
    scene.report(&mut agent, steps);
    let admission = scene.machine(&agent).admission.as_ref().unwrap();
    assert!(admission.accepted_plan().is_none() && admission.verified.is_empty());
    assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
}

#[test]
fn a_drive_that_is_sanitized_again_is_not_verified_meanwhile() {
    let (mut scene, mut agent, steps) = consented(JobKind::Wipe);
    let started = steps[1].clone();
    scene.report(&mut agent, steps);
    assert_eq!(scene.state(&agent), MachineState::Verified);
    scene.report(&mut agent, vec![started]);
    assert_eq!(scene.state(&agent), MachineState::Sanitizing);
    assert!(scene.machine(&agent).data_still_there().is_empty(), "it was proven gone before");
}

#[test]
fn events_out_of_place_are_refused() {
    let event = |happening| JournalEvent { at: UnixMillis(1), happening };
    let site = SiteKey::from_bytes([1; 32]);
    let machine = MachineId::from_bytes([1; 16]);
    let sentence = String::new();
    let unknown = Happening::AttentionNeeded { machine, sentence };
    let mut bench = Bench::default();
    assert!(matches!(bench.apply(&event(unknown.clone())), Err(FoldError::Founding)));
    bench.apply(&event(Happening::Founded { site })).unwrap();
    let twice = bench.clone().apply(&event(Happening::Founded { site }));
    assert!(matches!(twice, Err(FoldError::Founding)));
    assert!(matches!(bench.apply(&event(unknown)), Err(FoldError::UnknownMachine(_))));
}
