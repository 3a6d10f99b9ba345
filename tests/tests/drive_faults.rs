//! Drives that change, appear or fail between inventory and evidence, on a real kernel.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use workshop::direct::DirectBench;
use workshop::dirty::{DirtyDisk, digest};
use workshop::laptop::{DriveSpec, Laptop};
use workshop::main_job::{Serving, pick, state};
use workshop::marker::read_list;
use workshop::scan;

fn dirty(dir: &Path, name: &str, seed: u64) -> std::path::PathBuf {
    let disk = dir.join(format!("{name}.raw"));
    let size = 256 << 20;
    DirtyDisk { size, seed, ..DirtyDisk::default() }
        .make(&disk, &dir.join(format!("{name}.txt")))
        .unwrap();
    disk
}

fn wait_state(serving: &Serving<'_>, wanted: &str) -> Value {
    wait(serving, wanted, |row| state(row) == wanted)
}

fn wait(serving: &Serving<'_>, wanted: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let row = serving.machine().unwrap().unwrap_or_default();
        if is_it(&row) {
            return row;
        }
        assert!(Instant::now() < deadline, "not {wanted} after 150 s: {row}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// No certificate can be had, and the reason for it is shown.
fn assert_uncertified(serving: &Serving<'_>, row: &Value) {
    let number = row["number"].to_string();
    serving.coordinator.cli_refused(&["certificate", "show", &number]).unwrap();
    let detail = serving.coordinator.cli_json(&["machine", "show", &number]).unwrap();
    assert!(detail["attention"].as_array().is_some_and(|it| !it.is_empty()), "{detail}");
}

#[test]
fn a_drive_swapped_while_the_machine_waits_is_refused_and_keeps_every_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dirty(dir.path(), "first", 1), dirty(dir.path(), "second", 2));
    let before = digest(&second).unwrap();
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(false).unwrap();
    serving.arm_wipe().unwrap();
    let spec = bench.laptop("laptop").unwrap().drive(DriveSpec::nvme(&first, "NVME0001"));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    let row = wait_state(&serving, "waiting");
    laptop.swap_drive(0, DriveSpec::nvme(&second, "NVME0002")).unwrap();
    pick(&serving, &row).unwrap();
    let row = wait_state(&serving, "attention");
    assert!(row.to_string().contains("NVME0002"), "{row}");
    assert_uncertified(&serving, &row);
    laptop.power_off().unwrap();
    assert_eq!(digest(&second).unwrap(), before, "the swapped-in drive was written to");
}

#[test]
fn a_second_drive_that_appears_voids_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dirty(dir.path(), "first", 1), dirty(dir.path(), "second", 2));
    let before = (digest(&first).unwrap(), digest(&second).unwrap());
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(false).unwrap();
    serving.arm_wipe().unwrap();
    let spec = bench.laptop("laptop").unwrap().drive(DriveSpec::nvme(&first, "NVME0001"));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    let row = wait_state(&serving, "waiting");
    laptop.plug_drive(DriveSpec::nvme(&second, "NVME0002")).unwrap();
    pick(&serving, &row).unwrap();
    let row = wait_state(&serving, "attention");
    assert_uncertified(&serving, &row);
    laptop.power_off().unwrap();
    assert_eq!((digest(&first).unwrap(), digest(&second).unwrap()), before);
}

#[test]
fn unreadable_sectors_end_in_attention_without_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dirty(dir.path(), "failing", 3);
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(true).unwrap();
    serving.arm_wipe().unwrap();
    let drive = DriveSpec::sata(&disk, "SATA0001").bad_sectors(&[300_000]);
    let spec = bench.laptop("laptop").unwrap().drive(drive);
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    let row = wait_state(&serving, "attention");
    assert_eq!(row["data_still_there"].as_array().map(Vec::len), Some(1), "{row}");
    assert_uncertified(&serving, &row);
    let number = row["number"].to_string();
    let detail = serving.coordinator.cli_json(&["machine", "show", &number]).unwrap();
    let reason = detail["attention"].to_string();
    assert!(reason.contains("SATA0001"), "{reason}");
    laptop.power_off().unwrap();
}

#[test]
fn a_failing_drive_keeps_no_other_from_being_sanitized_and_the_machine_from_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dirty(dir.path(), "good", 4), dirty(dir.path(), "bad", 5));
    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(true).unwrap();
    serving.arm_wipe().unwrap();
    let spec = bench.laptop("laptop").unwrap().drive(DriveSpec::nvme(&good, "NVME0001"));
    let spec = spec.drive(DriveSpec::sata(&bad, "SATA0001").bad_sectors(&[200_000]));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    wait_state(&serving, "attention");
    // The good one may take longer: the bad one's failure stops it no more than it waits for it.
    let still_there = |row: &Value| row["data_still_there"].to_string();
    let row = wait(&serving, "rid of the good one", |row| !still_there(row).contains("NVME0001"));
    assert!(still_there(&row).contains("SATA0001") && state(&row) == "attention", "{row}");
    assert_uncertified(&serving, &row);
    laptop.power_off().unwrap();
    let planted = |name: &str| read_list(&dir.path().join(format!("{name}.txt"))).unwrap();
    assert!(scan(&good, &planted("good")).unwrap().is_clean());
    // All but what could not be reached: the sector with the error holds no marker's whole.
    assert!(scan(&bad, &planted("bad")).unwrap().n_whole() <= 1);
}
