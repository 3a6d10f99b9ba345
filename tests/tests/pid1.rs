//! Everything but PID 1 is killed, from outside and by the kernel itself: the boot goes on, and so does the work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workshop::direct::DirectBench;
use workshop::dirty::DirtyDisk;
use workshop::laptop::{DriveSpec, Laptop};
use workshop::main_job::{Serving, certify, pick, state};
use workshop::scan;

const STAGE: Duration = Duration::from_secs(150);
const RESTART: Duration = Duration::from_secs(60);
/// What PID 1 says of an agent that was killed, before it starts the next.
const DEATH: &str = "the agent died: killed by SIGKILL; starting it again in";

/// Alt-SysRq-i on the laptop's keyboard: the kernel sends SIGKILL to every process but PID 1.
fn kill_all_but_pid_1(laptop: &mut Laptop<'_>) {
    let keys = ["alt", "sysrq", "i"].map(|key| json!({"type": "qcode", "data": key}));
    laptop.qmp().unwrap().execute("send-key", &json!({"keys": keys})).unwrap();
    laptop.wait_serial(DEATH, RESTART).unwrap();
}

/// The only machine in full, once `is_it` holds; a second machine is an error.
fn wait_machine(serving: &Serving<'_>, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + STAGE;
    loop {
        let row = serving.machine().unwrap().unwrap_or_default();
        if let Some(number) = row["number"].as_u64() {
            let number = number.to_string();
            let detail = serving.coordinator.cli_json(&["machine", "show", &number]).unwrap();
            if is_it(&detail) {
                return detail;
            }
        }
        assert!(Instant::now() < deadline, "not {what} after {STAGE:?}: {row}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// How many records each agent of the machine has handed in, in the order in which they enrolled.
fn records(machine: &Value) -> Vec<u64> {
    let boots = machine["boots"].as_array().unwrap();
    boots.iter().map(|boot| boot["records"].as_u64().unwrap()).collect()
}

#[test]
fn pid_1_outlives_its_agent_and_the_next_one_takes_up_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.raw");
    let dirty = DirtyDisk { size: 1 << 30, ..DirtyDisk::default() };
    let markers = dirty.make(&disk, &dir.path().join("markers.txt")).unwrap();
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(false).unwrap();
    serving.arm_wipe().unwrap();
    // Debian's kernel does not let the keyboard send signals unless it is told so.
    let spec = bench.laptop_with("laptop", "sysrq_always_enabled=1").unwrap();
    let spec = spec.drive(DriveSpec::nvme(&disk, "NVME0001"));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    let waits = |machine: &Value| state(machine) == "waiting" && machine["heard"] == true;
    let first = wait_machine(&serving, "waiting", waits);
    assert_eq!(records(&first), [0], "{first}");

    // While it waits: the next agent enrolls as the same machine, with a key of its own, and reports the death.
    kill_all_but_pid_1(&mut laptop);
    let second = wait_machine(&serving, "back", |it| waits(it) && records(it) == [0, 1]);
    assert_eq!((&second["number"], &second["id"]), (&first["number"], &first["id"]));
    assert_ne!(second["fingerprint"], first["fingerprint"]);

    // While it sanitizes: without a person, the next agent begins again and comes to the end.
    pick(&serving, &second).unwrap();
    laptop.wait_serial("stage=sanitize", STAGE).unwrap();
    kill_all_but_pid_1(&mut laptop);
    laptop.wait_serial("stage=sanitize", STAGE).unwrap();
    let last = wait_machine(&serving, "finished", |it| state(it) == "finished");
    assert_eq!((&last["number"], records(&last).len()), (&first["number"], 3), "{last}");
    assert_eq!(last["data_still_there"].as_array().map(Vec::len), Some(0), "{last}");
    laptop.power_off().unwrap();
    certify(&serving, dir.path(), &bench.site_key(), 4).unwrap();
    assert!(scan(&disk, &markers).unwrap().is_clean());
}
