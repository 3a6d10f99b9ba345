//! Everything goes wrong once: the clock is dead, power goes in each stage at a seeded random instant, and so does the
//! coordinator. Without a person it ends as it would have ended on a good day.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use workshop::direct::DirectBench;
use workshop::dirty::DirtyDisk;
use workshop::laptop::{DriveSpec, Laptop};
use workshop::main_job::{Kind, Serving, certify, state, watch};
use workshop::scan;

/// What a finished machine says that starts the appliance all the same.
const DONE: &str = "Nothing to do here";
const STAGE: Duration = Duration::from_secs(200);

/// How often each stage is cut.
fn rounds() -> usize {
    if std::env::var_os("REHOME_LONG").is_some() { 5 } else { 1 }
}

/// A seed that is printed, and can be given again to repeat a failure.
fn seed() -> u64 {
    let given = std::env::var("REHOME_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into()
    })
}

/// A stage to be cut.
struct Cut {
    /// What the console says when it begins.
    sign: &'static str,
    /// What the console says when it is over: on a fast host that may be before the instant that was chosen.
    over: &'static str,
    /// The coordinator is killed within so many milliseconds.
    kill_within: u64,
    /// And the power cut within so many more.
    cut_within: u64,
}

const CUTS: [Cut; 3] = [
    Cut { sign: "stage=sanitize", over: "stage=image", kill_within: 1500, cut_within: 1500 },
    Cut { sign: "stage=image", over: "stage=personalize", kill_within: 6000, cut_within: 6000 },
    // A short stage, which cannot end while nobody acknowledges it.
    Cut { sign: "stage=personalize", over: "stage=report", kill_within: 60, cut_within: 1500 },
];
/// Anywhere from personalizing to the end, or just after it.
const LAST: Cut = Cut { sign: "stage=personalize", over: DONE, kill_within: 500, cut_within: 200 };

/// Cuts the laptop's power and kills the coordinator, each at its own instant after the stage began, and before it is
/// over. `false`: the machine had finished before.
fn cut(laptop: &mut Laptop<'_>, serving: &mut Serving<'_>, cut: &Cut, random: &mut u64) -> bool {
    let &Cut { sign, over, kill_within, cut_within } = cut;
    let mut instant = |within| {
        // Knuth's MMIX generator: seeded, and good enough to choose instants.
        *random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((*random >> 33) % within)
    };
    let (until_kill, until_cut) = (instant(kill_within), instant(cut_within));
    // A cut that came after the last step was no cut: the job is done, and there is nothing left to disturb.
    if laptop.wait_serial_any(&[sign, DONE], STAGE).unwrap() == 1 {
        return false;
    }
    let began = Instant::now();
    while began.elapsed() < until_kill && !laptop.serial_shows(over).unwrap() {
        std::thread::sleep(Duration::from_millis(20));
    }
    serving.coordinator.kill().unwrap();
    // Without a coordinator no stage but the first comes to its end.
    std::thread::sleep(until_cut);
    laptop.power_cycle().unwrap();
    serving.kill_and_restart().unwrap();
    true
}

#[test]
fn power_cuts_a_dead_clock_and_coordinator_kills_end_in_the_same_good_result() {
    let mut random = seed();
    println!("REHOME_SEED={random}");
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.raw");
    let dirty = DirtyDisk { size: 1 << 30, ..DirtyDisk::default() };
    let markers = dirty.make(&disk, &dir.path().join("markers.txt")).unwrap();
    assert_eq!(scan(&disk, &markers).unwrap().n_whole(), markers.len());

    let bench = DirectBench::open(dir.path()).unwrap();
    let mut serving = bench.serve(true).unwrap();
    serving.arm().unwrap();
    let spec = bench.laptop("laptop").unwrap().clock("2009-01-01T00:00:00");
    let spec = spec.drive(DriveSpec::nvme(&disk, "NVME0001"));
    let mut laptop = Laptop::power_on(&bench.workshop, spec).unwrap();
    for stage in &CUTS {
        let cuts = (0..rounds())
            .take_while(|_| cut(&mut laptop, &mut serving, stage, &mut random))
            .count();
        println!("{cuts} of {} cuts in {}", rounds(), stage.sign);
        assert_eq!(cuts, rounds(), "{} ended before it was cut", stage.sign);
    }
    cut(&mut laptop, &mut serving, &LAST, &mut random);
    let row = watch(&serving, &laptop, &mut |_| {}, &|row| state(row) == "finished").unwrap();
    assert_eq!(row["data_still_there"].as_array().map(Vec::len), Some(0), "{row}");
    laptop.power_off().unwrap();

    certify(&serving, dir.path(), &bench.site_key(), 4).unwrap();
    assert!(scan(&disk, &markers).unwrap().is_clean());
    let certificate = serving
        .coordinator
        .cli_json(&["certificate", "show", &row["number"].to_string(), "--json"])
        .unwrap();
    let at = certificate["drives"][0]["evidence"]["verified_at"].as_u64().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert!(now - u128::from(at) < 3_600_000, "the evidence is dated {at}, by the dead clock");
    drop(laptop);

    let alone = Kind::Bios.laptop(&dir.path().join("alone"), &disk).no_nic();
    let mut laptop = Laptop::power_on(&bench.workshop, alone).unwrap();
    laptop.wait_serial("login:", Duration::from_secs(280)).unwrap();
}
