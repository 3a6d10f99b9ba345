use protocol::features::{AtaFeatures, EraseFeatures};
use protocol::policy::Policy;
use protocol::{BatchId, ByteLen, ImageId, Inventory, JobKind};

use super::*;
use crate::scene::hardware::{disk, laptop};
use crate::scene::{MANUAL, Scene, observed};

const GB: u64 = 1_000_000_000;

fn policy(verification: Verification) -> Policy {
    let mut policy = plan::policy::default();
    policy.proof.verification = verification;
    policy
}

fn job(policy: Policy) -> Job {
    Job { batch: BatchId::from_bytes([1; 16]), kind: JobKind::Wipe {}, policy }
}

/// A laptop with a disk of that size that says how long its own erase takes.
fn with_disk(n: u8, gigabytes: u64, own: EraseTime) -> Inventory {
    let mut inventory = laptop(n);
    let mut unit = disk(&format!("DISK{n:03}"));
    let size = ByteLen(gigabytes * GB / 512 * 512);
    unit.size = size;
    if let Ok(identity) = &mut unit.identity {
        (identity.size, identity.model) = (size, format!("DISK {gigabytes}"));
    }
    if let EraseFeatures::Ata(AtaFeatures { security, .. }) = &mut unit.features {
        security.enhanced = own != EraseTime::NotReported;
        security.enhanced_time = own;
    }
    inventory.drives = vec![unit];
    inventory
}

fn asked(scene: &Scene, job: &Job, count: u32, ports: Option<u32>) -> Forecast {
    let question = Question { job, count, ports, image: None };
    forecast(&scene.bench, scene.now, scene.bench.machines(), &question)
}

#[test]
fn the_slowest_drive_by_its_own_estimate_says_when_it_ends() {
    let mut scene = Scene::new();
    scene.boot(&with_disk(1, 80, EraseTime::Seconds(7200)), MANUAL);
    scene.boot(&with_disk(2, 8, EraseTime::Seconds(600)), MANUAL);
    let job = job(policy(Verification::Full));
    let forecast = asked(&scene, &job, 2, None);
    let [slowest, quick] = &forecast.machines[..] else { panic!("{forecast:?}") };
    assert_eq!((slowest.number.0.get(), quick.number.0.get()), (1, 2));
    // A minute to begin, five for canaries, two hours of its own, 80 GB at 80 MB/s.
    assert_eq!(slowest.full_seconds, 60 + 300 + 7200 + 1000);
    assert_eq!(slowest.sampled_seconds, 60 + 300 + 7200 + 100 + 30);
    assert_eq!(slowest.basis, Basis::Drive);
    assert_eq!(forecast.full_seconds, slowest.full_seconds);
    assert_eq!(forecast.full_seconds - forecast.sampled_seconds, 870, "what reading it all costs");
    assert_eq!(forecast.end, Some(UnixMillis(scene.now.0 + slowest.full_seconds * 1000)));
}

#[test]
fn the_end_is_that_of_what_the_policy_has_read() {
    let mut scene = Scene::new();
    scene.boot(&with_disk(1, 80, EraseTime::NotReported), MANUAL);
    for verification in [Verification::Full, Verification::Sampled] {
        let forecast = asked(&scene, &job(policy(verification)), 1, None);
        let seconds = forecast.machines[0].by(verification);
        assert_eq!(forecast.end, Some(UnixMillis(scene.now.0 + seconds * 1000)));
        // Overwritten and read at what disks usually do.
        assert_eq!(forecast.machines[0].full_seconds, 60 + 1000 + 1000);
        assert_eq!(forecast.machines[0].basis, Basis::Assumed);
    }
}

#[test]
fn what_was_measured_here_on_the_same_model_counts_before_any_estimate() {
    let mut scene = Scene::new();
    scene.arm(1, 2, JobKind::Wipe {});
    let before = with_disk(1, 80, EraseTime::Seconds(7200));
    let mut agent = scene.boot(&before, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &before);
    scene.consent(&agent, &request).unwrap();
    let mut steps = scene.wiped(&agent);
    if let Some(protocol::Step::Verified(evidence)) = steps.last_mut() {
        evidence.techniques[0].duration_ms = 3_600_000;
        evidence.verification.duration_ms = 2_000_000;
    }
    scene.report(&mut agent, [&steps[..], &[protocol::Step::Finished {}]].concat());
    scene.boot(&with_disk(2, 80, EraseTime::Seconds(7200)), MANUAL);
    let job = job(policy(Verification::Full));
    let waiting = scene.bench.machines().filter(|machine| !machine.is_finished());
    let question = Question { job: &job, count: 1, ports: None, image: None };
    let forecast = forecast(&scene.bench, scene.now, waiting, &question);
    assert_eq!(forecast.machines[0].full_seconds, 60 + 300 + 3600 + 2000);
    assert_eq!(forecast.machines[0].basis, Basis::Measured);
}

#[test]
fn fewer_ports_than_machines_work_one_after_the_other() {
    let time = |number: u32, seconds| MachineTime {
        number: MachineNumber(std::num::NonZeroU32::new(number).unwrap()),
        drive: String::new(),
        full_seconds: seconds,
        sampled_seconds: seconds,
        basis: Basis::Assumed,
    };
    let times = [time(1, 300), time(2, 200), time(3, 100), time(4, 100)];
    for (count, not_in_sight, ports, expected) in [
        (4, 0, None, 300),
        (4, 0, Some(9), 300),
        (4, 0, Some(2), 400),
        (4, 0, Some(1), 700),
        // Those that are not in sight are taken to be as slow as the slowest.
        (6, 2, Some(2), 700),
        // A batch takes no more than its count; which is not known, so the slowest.
        (1, 0, None, 300),
    ] {
        let seconds = total(&times, Verification::Full, (count, not_in_sight), ports);
        assert_eq!(seconds, expected, "{count} {not_in_sight} {ports:?}");
    }
    assert_eq!(total(&[], Verification::Full, (5, 5), None), 0, "nothing is known");
}

#[test]
fn an_image_travels_to_all_over_one_network() {
    let mut scene = Scene::new();
    let inventory = with_disk(1, 80, EraseTime::NotReported);
    scene.boot(&inventory, MANUAL);
    let kind = JobKind::Refurbish {
        image: ImageId::from_bytes([3; 32]),
        image_min_size: ByteLen(GB),
        locale: "pl_PL.UTF-8".into(),
    };
    let job = Job { kind, ..job(policy(Verification::Full)) };
    let image = Some(ImageLoad { data: ByteLen(8 * GB), stored: ByteLen(11 * GB) });
    for (count, written) in [(1, 100), (30, 3000)] {
        let question = Question { job: &job, count, ports: None, image };
        let machines = scene.bench.machines();
        let forecast = forecast(&scene.bench, scene.now, machines, &question);
        let expected = 60 + 1000 + 1000 + written + 100 + SETTLING_S;
        assert_eq!(forecast.machines[0].full_seconds, expected, "{count}");
    }
}

#[test]
fn who_would_be_refused_is_named_with_the_reason() {
    let mut scene = Scene::new();
    let mut on_battery = with_disk(1, 80, EraseTime::NotReported);
    on_battery.power.mains_online = Some(false);
    scene.boot(&on_battery, MANUAL);
    let forecast = asked(&scene, &job(policy(Verification::Full)), 1, None);
    assert!(forecast.machines.is_empty() && forecast.end.is_none());
    assert!(forecast.unable[0].because.contains("mains"), "{:?}", forecast.unable);
}

#[test]
fn a_rate_is_that_of_the_whole_pass_and_of_the_middle_drive() {
    let mut scene = Scene::new();
    let inventory = with_disk(1, 80, EraseTime::NotReported);
    let agent = scene.boot(&inventory, MANUAL);
    let job = job(policy(Verification::Full));
    let plan = plan::plan(agent.id, &inventory, &job, &Default::default()).unwrap();
    let mut rates = Rates::default();
    for seconds in [800, 1000, 4000] {
        let mut evidence = observed::evidence(&plan.drives[0], scene.now);
        evidence.verification.duration_ms = seconds * 1000;
        rates.note(&evidence);
    }
    assert_eq!(rates.read("DISK 80"), Some(80_000_000));
    assert_eq!(rates.read("another"), None);
}
