//! A second pair of eyes, on a real kernel: a verified laptop waits for a person, who looks at its drive and lets it go.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use workshop::direct::DirectBench;
use workshop::dirty::{DirtyDisk, digest};
use workshop::laptop::{DriveSpec, Laptop};
use workshop::main_job::{Serving, certify, state, watch};
use workshop::scan;

const ARM: &str = "batch arm --by Ola --count 1 --for 2h --kind wipe --witness";
const SECTOR_LEN: u64 = 512;
const N_SECTORS: u64 = (64 << 20) / SECTOR_LEN;
/// What a boot notice takes, from the first byte on.
const NOTICE_LEN: usize = 32 << 10;
/// Several times what an agent that holds sleeps before it asks again.
const WAITING: Duration = Duration::from_secs(5);
/// Sectors that a fresh look after a restart samples at least.
const MIN_SAMPLED: u64 = 4096;

/// An argument each.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Waits until an agent other than `former` says on its screen that it holds the only machine, and returns its key.
fn wait_held(serving: &Serving<'_>, laptop: &Laptop<'_>, former: &Value) -> Value {
    let says_so = |row: &Value| {
        let doing = row["doing"].as_str().unwrap_or_default();
        state(row) == "held" && row["heard"] == true && doing.contains("waits to be released")
    };
    let is_it = |row: &Value| row["fingerprint"] != *former && says_so(row);
    let done = |row: &Value| is_it(row) || state(row) == "finished";
    let row = watch(serving, laptop, &mut |_| {}, &done).unwrap();
    assert!(is_it(&row), "it did not wait for anybody: {row}");
    row["fingerprint"].clone()
}

/// Content and last write of the drive's image: writing zeros over zeros changes the second alone.
fn image(disk: &Path) -> (blake3::Hash, SystemTime) {
    (digest(disk).unwrap(), fs::metadata(disk).unwrap().modified().unwrap())
}

/// How many events the journal has.
fn events(serving: &Serving<'_>) -> u64 {
    serving.coordinator.cli_json(&["status", "--json"]).unwrap()["events"].as_u64().unwrap()
}

/// Looks as a person does, at the drive's ends and at `sector`: all zero. Meanwhile and a while longer nothing is written,
/// and nothing recorded but the looks.
fn look_around(serving: &Serving<'_>, disk: &Path, sector: u64) {
    // The first that somebody does puts their name on record too.
    let first = words("machine look 1 --by Jan --sector 0 --count 1 --json");
    serving.coordinator.cli_json(&first).unwrap();
    let (before, n_events) = (image(disk), events(serving));
    let looks = [(0, 1), (N_SECTORS - 1, 1), (sector, 8)];
    for (sector, count) in looks {
        let look = format!("machine look 1 --by Jan --sector {sector} --count {count} --json");
        let shown = serving.coordinator.cli_json(&words(&look)).unwrap();
        let digits = shown["bytes"].as_str().unwrap();
        assert_eq!(digits.len() as u64, 2 * count * SECTOR_LEN, "{look}");
        assert!(digits.bytes().all(|digit| digit == b'0'), "{look}: {digits}");
    }
    let behind = format!("machine look 1 --sector {N_SECTORS}");
    let (_, why) = serving.coordinator.cli_refused(&words(&behind)).unwrap();
    assert!(why.contains("are not there"), "{why}");
    std::thread::sleep(WAITING);
    assert_eq!(image(disk), before, "the drive was written to while a person looked");
    assert_eq!(events(serving), n_events + looks.len() as u64);
    serving.coordinator.cli_refused(&["certificate", "show", "1"]).unwrap();
}

/// What a signed envelope holds; `rehome verify` looks at the signature.
fn payload(envelope: &Value) -> Value {
    let bytes = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// What the agents of this certificate recorded, in order.
fn steps(certificate: &Path) -> Vec<Value> {
    let statement = payload(&serde_json::from_slice(&fs::read(certificate).unwrap()).unwrap());
    let step = |record: &Value| {
        let event: Value = serde_json::from_str(record["leaf"].as_str().unwrap()).unwrap();
        payload(&event["envelope"])["step"].clone()
    };
    statement["records"].as_array().unwrap().iter().map(step).collect()
}

#[test]
fn a_held_laptop_shows_zeros_writes_nothing_and_holds_again_after_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.raw");
    let dirty = DirtyDisk { size: N_SECTORS * SECTOR_LEN, ..DirtyDisk::default() };
    let markers = dirty.make(&disk, &dir.path().join("markers.txt")).unwrap();
    let dirty_sector = markers[markers.len() / 2].offset / SECTOR_LEN;

    let bench = DirectBench::open(dir.path()).unwrap();
    let serving = bench.serve(true).unwrap();
    serving.coordinator.papers().unwrap();
    serving.coordinator.cli(&words(ARM)).unwrap();
    let spec = bench.laptop("laptop").unwrap().drive(DriveSpec::nvme(&disk, "NVME0001"));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    let first = wait_held(&serving, &laptop, &Value::Null);
    let verified = image(&disk);
    look_around(&serving, &disk, dirty_sector);

    // The next boot looks whether the drive is still empty, and waits again.
    laptop.power_cycle().unwrap();
    wait_held(&serving, &laptop, &first);
    look_around(&serving, &disk, dirty_sector);

    serving.coordinator.cli(&words("machine release 1 --by Ola")).unwrap();
    watch(&serving, &laptop, &mut |_| {}, &|row| state(row) == "finished").unwrap();
    laptop.power_off().unwrap();
    let (_, why) = serving.coordinator.cli_refused(&words("machine look 1 --sector 0")).unwrap();
    assert!(why.contains("it was released"), "{why}");
    assert!(scan(&disk, &markers).unwrap().is_clean());
    // Nothing was written after verification but the boot notice, once a person had let the machine go.
    let mut whole = fs::OpenOptions::new().write(true).open(&disk).unwrap();
    whole.write_all(&[0; NOTICE_LEN]).unwrap();
    assert_eq!(digest(&disk).unwrap(), verified.0, "more than the notice was written");

    // Sanitized once, in the first boot; the second one confirmed that by a sample, and ended when it was released.
    let steps = steps(&certify(&serving, dir.path(), &bench.site_key(), 4).unwrap());
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    let second_boot = ["ticket-accepted", "verification-confirmed", "notice-written", "finished"];
    assert!(names.ends_with(&second_boot), "{names:?}");
    let of = |name| names.iter().filter(|it| **it == name).count();
    assert_eq!((of("sanitize-started"), of("verified")), (1, 1), "{names:?}");
    let sampled = steps[steps.len() - 3]["sectors_sampled"].as_u64();
    assert!(sampled >= Some(MIN_SAMPLED), "{sampled:?} sectors were sampled");
}
