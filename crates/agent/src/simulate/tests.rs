//! Simulated laptops beside the real coordinator: what becomes of each, and what survives when it is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{AgentKey, MachineId};
use serde_json::Value;

use super::dice::Dice;
use super::fate::{Fate, Profile};
use super::hardware::Hardware;
use super::{laptop, load};
use crate::work::tests::coordinator::{Coordinator, PATIENCE};

const SEED: u64 = 4;
/// How long a whole stack may take, many times faster than believable.
const STACK: Duration = Duration::from_secs(180);

fn machines(bench: &Coordinator) -> Vec<Value> {
    bench.json(&["machine", "list"]).as_array().unwrap().clone()
}

/// Waits until all are there, arms a batch for them and picks every one.
fn arm_and_pick(bench: &Coordinator, count: usize, policy: &str) {
    bench.papers(policy);
    let arm = format!("batch arm --by Ola --count {count} --for 4h --kind wipe --policy {policy}");
    bench.json(&arm.split(' ').collect::<Vec<_>>());
    let deadline = Instant::now() + PATIENCE;
    while machines(bench).len() < count {
        assert!(Instant::now() < deadline, "only {} enrolled", machines(bench).len());
        std::thread::sleep(Duration::from_millis(200));
    }
    let numbers: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
    let mut words = vec!["machine", "pick"];
    words.extend(numbers.iter().map(String::as_str));
    bench.json(&words);
}

#[test]
fn the_same_seed_gives_the_same_laptops_and_no_two_are_alike() {
    let all = |seed| (0..300).map(move |index| format!("{:?}", Hardware::new(seed, index, None)));
    assert!(all(1).eq(all(1)));
    assert!(!all(1).eq(all(2)));
    let mut parts = std::collections::BTreeSet::new();
    for index in 0..300 {
        let it = Hardware::new(1, index, None);
        let unique =
            [it.uuid, it.mac.to_string(), format!("{} {}", it.drive.model, it.drive.serial)];
        assert!(unique.into_iter().all(|part| parts.insert(part)), "laptop {index}");
    }
    let fates = Profile::Mixed.fates(1, 34);
    for fate in [Fate::Dying, Fate::Lying, Fate::Frozen, Fate::SwitchedOff, Fate::OnBattery] {
        assert_eq!(fates.iter().filter(|it| **it == fate).count(), 2, "{fate:?}");
    }
    assert!(Profile::Healthy.fates(1, 34).iter().all(|fate| *fate == Fate::Good));
}

#[test]
fn each_laptop_of_a_stack_ends_as_it_must_and_nobody_else_is_let_in() {
    let fates = [
        Fate::Good,
        Fate::Dying,
        Fate::Lying,
        Fate::Frozen,
        Fate::SwitchedOff,
        Fate::OnBattery,
        Fate::Good,
        Fate::NeverEnds,
    ];
    let (bench, real) = (Coordinator::simulated(), Coordinator::start());
    let trees = tempfile::tempdir().unwrap();
    let switch_on = |at: &Coordinator, index, fate| {
        let plan = laptop::Plan { seed: SEED, index, fate, speed: 20.0 };
        let root = trees.path().join(format!("{index} {}", at.site.api_port));
        laptop::switch_on(plan, root, Arc::new(at.site.clone())).unwrap()
    };
    let _running: Vec<_> =
        (0..).zip(fates).map(|(index, fate)| switch_on(&bench, index, fate)).collect();
    let _refused = switch_on(&real, 0, Fate::Good);
    arm_and_pick(&bench, fates.len(), "default");

    let deadline = Instant::now() + STACK;
    loop {
        let states = states(&bench);
        let is_over = (0..).zip(fates).all(|(index, fate)| {
            let uuid = Hardware::new(SEED, index, fate.medium()).uuid;
            let (state, why) = &states[&uuid];
            match fate {
                Fate::Good | Fate::SwitchedOff | Fate::OnBattery => state == "finished",
                Fate::Dying => state == "attention" && why.contains("writ"),
                Fate::Lying => state == "attention" && why.contains("hold"),
                Fate::Frozen => state == "attention" && why.contains("frozen"),
                Fate::NeverEnds => state == "sanitizing",
            }
        });
        if is_over {
            break;
        }
        assert!(Instant::now() < deadline, "not as they must: {states:#?}");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(machines(&real).len(), 0, "a simulated machine passed for a real one");
    let events = bench.json(&["status"]);
    assert_eq!(events["simulated"], true);
}

/// State and sentence of each machine by its UUID.
fn states(bench: &Coordinator) -> BTreeMap<String, (String, String)> {
    let of = |row: Value| {
        let shown = bench.json(&["machine", "show", &row["number"].to_string()]);
        let uuid = shown["identity"]["uuid"].as_str().unwrap().to_owned();
        (uuid, (row["state"].as_str().unwrap().to_owned(), shown.to_string()))
    };
    machines(bench).into_iter().map(of).collect()
}

type Accepted = BTreeMap<(MachineId, AgentKey), u64>;

/// How many agents have had something acknowledged since.
fn moved(before: &Accepted, now: &Accepted) -> usize {
    now.iter().filter(|(who, n)| before.get(*who).is_none_or(|then| *n > then)).count()
}

/// The coordinator's answer to records names how many it holds: an agent of which it has lost an acknowledged one gives
/// up and says so. Each restart reads every event again, checks the signature and the place of every record in its
/// chain, and refuses a row that is missing.
#[test]
fn nothing_acknowledged_is_lost_when_the_coordinator_is_killed_under_fifty_agents() {
    const AGENTS: usize = 50;
    let n_kills = if std::env::var_os("REHOME_LONG").is_some() { 200 } else { 25 };
    let mut bench = Coordinator::simulated();
    let trees = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = Arc::new(bench.site.clone());
    let measured = load::start(&runtime, SEED, AGENTS as u64, &site, trees.path()).unwrap();
    arm_and_pick(&bench, AGENTS, "overwrite-only");
    let wait = |what: &str, is_it: &dyn Fn() -> bool| {
        let deadline = Instant::now() + PATIENCE;
        while !is_it() {
            assert_eq!(measured.failures(), Vec::<String>::new());
            assert!(Instant::now() < deadline, "never {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait("all at work", &|| measured.working() == AGENTS as u64);

    let mut dice = Dice::new(SEED, 0);
    let mut n_events = bench.n_events();
    for _ in 0..n_kills {
        std::thread::sleep(Duration::from_millis(dice.below(1500)));
        bench.kill();
        let acknowledged = measured.accepted();
        bench.restart();
        let held = bench.n_events();
        assert!(held >= n_events, "{held} events after {n_events}");
        n_events = held;
        wait("going on", &|| moved(&acknowledged, &measured.accepted()) >= AGENTS / 2);
    }
    let last = measured.accepted();
    wait("all going on", &|| moved(&last, &measured.accepted()) == AGENTS);
    let acknowledged = measured.accepted();
    runtime.shutdown_background();

    let mut held = Accepted::new();
    for number in 1..=AGENTS {
        let machine = bench.json(&["machine", "show", &number.to_string()]);
        assert_ne!(machine["state"], "seen", "{machine}");
        for boot in machine["boots"].as_array().unwrap() {
            let id = machine["id"].as_str().unwrap().parse().unwrap();
            let agent = boot["agent"].as_str().unwrap().parse().unwrap();
            held.insert((id, agent), boot["records"].as_u64().unwrap());
        }
    }
    // Signatures, chains, the tree and its checkpoints, over the whole of it; it exits with 0 only if all holds.
    bench.json(&["journal", "verify"]);
    for (who, n) in &acknowledged {
        assert!(held[who] >= *n, "{who:?}: {} of {n} acknowledged records", held[who]);
    }
}
