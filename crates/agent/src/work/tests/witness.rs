//! A person holds the machine once its drive is verified, looks at it, and lets it go.

use std::time::Duration;

use serde_json::Value;

use super::coordinator::Coordinator;
use super::laptop::{Gate, Laptop};
use super::{N_RECORDS, assert_done, cable, records};

const ARM: &str = "batch arm --by Ola --count 1 --for 4h --kind wipe --policy overwrite-only";
/// Sectors of the laptop's drive.
const N_SECTORS: u64 = (32 << 20) / 512;

fn json(bench: &Coordinator, words: &str) -> Value {
    bench.json(&words.split(' ').collect::<Vec<_>>())
}

/// What a person is shown of `count` sectors from `sector`.
fn look(bench: &Coordinator, sector: u64, count: u32) -> String {
    let words = format!("machine look 1 --by Jan --sector {sector} --count {count}");
    json(bench, &words)["bytes"].as_str().unwrap().to_owned()
}

/// Lets the agent use its ticket and waits until it holds.
fn held(bench: &Coordinator, gate: Gate) {
    gate.open();
    bench.wait("held", |machine| machine["state"] == "held" && says_so(machine));
}

/// What the laptop's own screen says.
fn says_so(machine: &Value) -> bool {
    machine["doing"].as_str().is_some_and(|doing| doing.contains("waits to be released"))
}

#[test]
fn a_machine_that_was_armed_with_a_hold_shows_its_drive_and_goes_on_when_released() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.papers("overwrite-only");
    let batch = json(&bench, &format!("{ARM} --witness"))["batch"].as_str().unwrap().to_owned();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    held(&bench, gate);
    assert_eq!(laptop.drive.n_old_sectors(), 0);
    let n_commands = laptop.drive.n_commands();
    let zeros = "00".repeat(512);
    assert_eq!(look(&bench, 0, 1), zeros);
    assert_eq!(look(&bench, N_SECTORS - 1, 1), zeros);
    assert_eq!(look(&bench, 5, 8), zeros.repeat(8));
    assert!(laptop.drive.n_commands() > n_commands, "the drive itself was asked");

    // What is there is what is shown, wherever it came from.
    laptop.drive.plant(77 * 512 + 3, b"old");
    let shown = look(&bench, 77, 1);
    assert_eq!(shown[..12], *"0000006f6c64");
    assert_eq!(laptop.drive.peek(77 * 512, 6), b"\0\0\0old", "nothing was written");

    // Nobody's word but a person's ends it.
    json(&bench, &format!("batch disarm {batch}"));
    let n_records = records(&bench.machine());
    std::thread::sleep(Duration::from_secs(4));
    agent.assert_running();
    let machine = bench.machine();
    assert!(machine["state"] == "held" && says_so(&machine), "{machine}");
    assert_eq!(records(&machine), n_records, "it records nothing while it waits");
    json(&bench, "machine release 1");
    assert_done(&agent, &laptop, &bench, &[N_RECORDS]);
}

#[test]
fn a_hold_outlives_the_agent_and_the_coordinator() {
    let (mut bench, laptop) = (Coordinator::start(), Laptop::new());
    let (former, cable) = (cable(&bench), cable(&bench));
    bench.papers("overwrite-only");
    json(&bench, ARM);
    let (_former, gate) = laptop.boot(&bench, &former, None);
    bench.pick(1);
    gate.reached();
    json(&bench, "machine hold 1");
    held(&bench, gate);

    // It is switched off and on: it looks whether the drive is still empty, and waits again.
    former.pull(true);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    gate.reached();
    held(&bench, gate);
    bench.kill();
    std::thread::sleep(Duration::from_secs(3));
    agent.assert_running();
    bench.restart();
    bench.wait("held", |machine| machine["state"] == "held" && says_so(machine));
    assert_eq!(look(&bench, 0, 1), "00".repeat(512));
    json(&bench, "machine release 1");
    // All but notice and end; then ticket, confirmation, notice, end.
    assert_done(&agent, &laptop, &bench, &[N_RECORDS - 2, 4]);
}
