//! Two laptops behind one dock: the same network address, one of them finished, the other dirty.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use serde_json::Value;
use workshop::direct::DirectBench;
use workshop::dirty::{DirtyDisk, digest};
use workshop::laptop::{DriveSpec, Laptop};
use workshop::main_job::{Serving, state};
use workshop::process::run;

const DOCK: &str = "54:e1:ad:00:d0:c0";

fn wait(serving: &Serving<'_>, number: u64, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let rows = serving.coordinator.cli_json(&["machine", "list", "--json"]).unwrap();
        let rows = rows.as_array().cloned().unwrap_or_default();
        let row = rows.iter().find(|row| row["number"] == number).cloned().unwrap_or(Value::Null);
        if state(&row) == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "machine {number} is not {wanted}: {rows:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn menu(bench: &DirectBench, uuid: &str) -> String {
    let mut curl = bench.workshop.command("curl");
    curl.args(["--fail", "--silent", "--show-error", "--max-time", "20"]);
    run(curl.arg(format!("http://10.76.0.1/grub/machine/{DOCK}/{uuid}"))).unwrap()
}

#[test]
fn the_finished_laptop_gets_its_disk_and_the_dirty_one_the_appliance() {
    let dir = tempfile::tempdir().unwrap();
    let disk = |name: &str, seed| {
        let path = dir.path().join(format!("{name}.raw"));
        let small = DirtyDisk { size: 256 << 20, seed, ..DirtyDisk::default() };
        small.make(&path, &dir.path().join(format!("{name}.txt"))).unwrap();
        path
    };
    let (disk_a, disk_b) = (disk("a", 1), disk("b", 2));
    let before = digest(&disk_b).unwrap();
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(true).unwrap();
    serving.arm_wipe().unwrap();

    let a = bench.laptop("a").unwrap().mac(DOCK).drive(DriveSpec::nvme(&disk_a, "NVME000A"));
    let uuid_a = a.identity.uuid.clone();
    let mut laptop = Laptop::power_on(&bench.workshop, a).unwrap();
    wait(&serving, 1, "finished");
    laptop.power_off().unwrap();
    drop(laptop);

    // Another batch, so that there is work for whoever comes.
    serving.arm_wipe().unwrap();
    let b = bench.laptop("b").unwrap().mac(DOCK).drive(DriveSpec::nvme(&disk_b, "NVME000B"));
    let uuid_b = b.identity.uuid.clone();
    assert_ne!(uuid_a, uuid_b);
    let (menu_a, menu_b) = (menu(&bench, &uuid_a), menu(&bench, &uuid_b));
    assert!(
        !menu_a.contains("vmlinuz"),
        "the finished laptop was offered the appliance:\n{menu_a}"
    );
    assert!(menu_b.contains("vmlinuz"), "the dirty laptop was offered its disk:\n{menu_b}");
    assert_eq!(digest(&disk_b).unwrap(), before);

    let mut laptop = Laptop::power_on(&bench.workshop, b).unwrap();
    wait(&serving, 2, "finished");
    laptop.power_off().unwrap();
    assert_ne!(digest(&disk_b).unwrap(), before, "the second laptop was taken for the first");
}
