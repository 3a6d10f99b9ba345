use protocol::{BatchId, Inventory, JobKind};

use super::*;
use crate::scene::hardware::{disk, drive, laptop, locked};
use crate::scene::{Agent, MANUAL, OLA, Scene};

const SECRET: Sha256Digest = Sha256Digest::from_bytes([1; 32]);

/// A laptop with a disk that takes a password and a drive that takes none.
fn both() -> Inventory {
    let mut inventory = laptop(1);
    inventory.drives = vec![disk("DISK"), drive("NVME")];
    inventory
}

/// Consent is given; the ticket is not used yet.
fn consented(inventory: &Inventory) -> (Scene, Agent) {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let agent = scene.boot(inventory, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, inventory);
    scene.consent(&agent, &request).unwrap();
    (scene, agent)
}

fn accepted(inventory: &Inventory) -> (Scene, Agent) {
    let (mut scene, mut agent) = consented(inventory);
    let ticket = scene.wiped(&agent).remove(0);
    scene.report(&mut agent, vec![ticket]);
    (scene, agent)
}

/// What is journaled and answered; the journal then holds it.
fn ask(scene: &mut Scene, agent: &Agent, serial: &str) -> (usize, Result<(), NotGiven>) {
    let drive = disk(serial).identity.unwrap();
    let machine = scene.machine(agent);
    let asked_of = (SECRET, MANUAL);
    let (happenings, given) =
        give(&scene.bench, scene.now, machine, agent.public(), &drive, asked_of);
    let n = happenings.len();
    scene.apply(happenings);
    (n, given)
}

#[test]
fn a_password_is_given_under_an_accepted_plan_that_needs_it() {
    let (mut scene, agent) = accepted(&both());
    assert!(scene.bench.locks().among(&both()).is_empty());
    assert_eq!(ask(&mut scene, &agent, "DISK"), (1, Ok(())));
    assert_eq!(ask(&mut scene, &agent, "DISK"), (0, Ok(())), "asked again, recorded once");
    let locks = scene.bench.locks();
    assert_eq!(locks.secrets().iter().collect::<Vec<_>>(), [&SECRET]);
    assert_eq!(locks.among(&both()), [disk("DISK").identity.unwrap()].into());

    let (n, why) = ask(&mut scene, &agent, "NVME");
    assert!(n == 0 && matches!(why, Err(NotGiven::NotNeeded(_))), "{why:?}");
    let (n, why) = ask(&mut scene, &agent, "OTHER");
    assert!(n == 0 && matches!(why, Err(NotGiven::NotConsented(_))), "{why:?}");
}

#[test]
fn no_password_is_given_without_a_used_ticket_of_this_agent() {
    let (mut scene, agent) = consented(&both());
    assert!(matches!(ask(&mut scene, &agent, "DISK"), (0, Err(NotGiven::NotConsented(_)))));

    // A later boot of the same machine: the ticket of the earlier one is not its own.
    let (mut scene, first) = accepted(&both());
    let second = scene.boot(&both(), MANUAL);
    assert!(matches!(ask(&mut scene, &first, "DISK"), (0, Err(NotGiven::NoWork(_)))));
    assert!(matches!(ask(&mut scene, &second, "DISK"), (0, Err(NotGiven::NotConsented(_)))));

    // Another machine altogether.
    let (mut scene, _) = accepted(&both());
    let stranger = scene.boot(&laptop(2), MANUAL);
    assert!(matches!(ask(&mut scene, &stranger, "DISK"), (0, Err(NotGiven::NoWork(_)))));

    let (mut scene, agent) = accepted(&both());
    let batch = BatchId::from_bytes([1; 16]);
    scene.apply(vec![Happening::BatchDisarmed { batch, by: OLA }]);
    assert!(matches!(ask(&mut scene, &agent, "DISK"), (0, Err(NotGiven::NoWork(_)))));
}

#[test]
fn a_drive_that_was_left_locked_is_unlocked_in_whatever_machine_it_turns_up() {
    let (mut scene, agent) = accepted(&both());
    ask(&mut scene, &agent, "DISK").1.unwrap();

    // Another laptop, another policy: nothing in it takes a password but that what is locked must be unlocked. A
    // hidden area was set meanwhile, so the disk is smaller.
    let mut elsewhere = laptop(2);
    let mut found = locked(disk("DISK"));
    found.identity.as_mut().unwrap().size.0 -= 512;
    found.size.0 -= 512;
    let identity = found.identity.clone().unwrap();
    elsewhere.drives = vec![found];
    let batch = BatchId::from_bytes([2; 16]);
    scene.apply(vec![Happening::BatchDisarmed { batch: BatchId::from_bytes([1; 16]), by: OLA }]);
    scene.arm_by(plan::policy::overwrite_only(), batch, 1, JobKind::Wipe {});
    let mut agent = scene.boot(&elsewhere, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let directive = crate::directive::directive(
        &scene.bench,
        scene.now,
        scene.machine(&agent),
        &agent.public(),
        MANUAL,
    );
    let protocol::Directive::Work { our_locks, .. } = directive else { panic!("{directive:?}") };
    assert_eq!(our_locks, std::slice::from_ref(&identity));
    let request = scene.request(&agent, &elsewhere);
    assert!(request.plan.as_ref().unwrap().drives[0].unlock);
    scene.consent(&agent, &request).unwrap();
    let ticket = scene.wiped(&agent).remove(0);
    scene.report(&mut agent, vec![ticket]);
    let machine = scene.machine(&agent);
    let asked_of = (SECRET, MANUAL);
    let (happenings, given) =
        give(&scene.bench, scene.now, machine, agent.public(), &identity, asked_of);
    assert_eq!((happenings.len(), given), (1, Ok(())));

    // Locked by somebody else, it is refused, and no agent can claim otherwise.
    let mut stranger = laptop(3);
    stranger.drives = vec![locked(disk("STRANGE"))];
    assert!(scene.bench.locks().among(&stranger).is_empty());
}
