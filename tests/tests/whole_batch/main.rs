//! A batch from the first login to papers that anybody can check, as a technician does it in a browser: 34 rows of a
//! register, 32 laptops that are given an image (one of them in QEMU), one with a failing drive, one that never boots, and
//! one that belongs to somebody else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cast;
mod coordinator;
#[expect(dead_code, reason = "the coordinator's own tests need more of it")]
#[path = "../../../crates/coordinator/tests/bench/hardware.rs"]
mod hardware;
#[expect(dead_code, reason = "the coordinator's own tests need more of it")]
#[path = "../../../crates/coordinator/tests/bench/laptop.rs"]
mod laptop;
#[path = "../../../crates/coordinator/tests/bench/observed.rs"]
mod observed;
mod register;
mod story;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cast::Fate;
use laptop::Laptop;
use register::Asset;
use serde_json::Value;
use story::Technician;
use workshop::coordinator::CoordinatorSpec;
use workshop::dirty::DirtyDisk;
use workshop::main_job::await_admin;
use workshop::site::{appliance, new_site};
use workshop::{Bench, Browser, Coordinator, DriveSpec, LaptopSpec, Workshop};

/// Laptops of the test's own that go the whole way.
const GOOD: u8 = 31;
/// The one whose drive fails.
const FAILING: u8 = 32;
/// The one that somebody plugged in by mistake.
const STRANGER: u8 = 33;

/// Ends the laptops, however the test ends.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The laptop that never boots.
fn dead() -> Asset {
    Asset {
        number: "UM/2014/0134".into(),
        model: "HP ProBook 6560b".into(),
        serial: "5CB1460XLR".into(),
    }
}

/// The 34 laptops of the register.
fn assets(in_qemu: &LaptopSpec) -> Vec<Asset> {
    let number = |n: u8| format!("UM/2014/{:04}", 100 + u32::from(n));
    let of = |n: u8| {
        let inventory = cast::inventory(n);
        Asset {
            number: number(n),
            model: cast::model(&inventory),
            serial: cast::serial(&inventory),
        }
    };
    let mut assets: Vec<_> = (1..=GOOD).chain([FAILING]).map(of).collect();
    let identity = &in_qemu.identity;
    let model = format!("{} {}", identity.manufacturer, identity.product);
    assets.push(Asset { number: number(33), model, serial: identity.serial.clone() });
    assets.push(dead());
    assets
}

#[test]
fn a_technician_does_a_whole_batch_in_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("site");
    new_site(&data).unwrap();
    let disk = dir.path().join("disk.raw");
    DirtyDisk::default().make(&disk, &dir.path().join("markers.txt")).unwrap();
    let spec = LaptopSpec::bios("whole-batch", &dir.path().join("qemu"));
    let spec = spec.drive(DriveSpec::sata(&disk, "SATA0001"));
    let workshop = Workshop::open(&Bench::for_laptops(1)).unwrap();
    // The laptops of the test share one address.
    std::fs::write(data.join("rehome.toml"), "machines_per_address = 64\n").unwrap();
    let args = ["--dhcp", "full", "--site-name", "Workshop"].map(str::to_owned).to_vec();
    let serving = CoordinatorSpec { data, appliance: appliance().unwrap(), args };
    let mut serving = Coordinator::start(&workshop, serving).unwrap();
    await_admin(&mut serving).unwrap();

    let booted = |n| Laptop::booted(cast::inventory(n));
    let mut laptops: Vec<_> = (1..=GOOD).map(|n| (booted(n), Fate::Works)).collect();
    laptops.push((booted(FAILING), Fate::Fails));
    laptops.push((booted(STRANGER), Fate::Works));
    let fingerprints = laptops.iter().map(|(it, _)| it.agent().fingerprint()).collect();
    let status = serving.cli_json(&["--json", "status"]).unwrap();
    let site = serde_json::from_value(status["site"].clone()).unwrap();
    let at = Arc::new(coordinator::Coordinator { site });
    let new = serving.cli_json(&["--json", "dashboard", "password", "--new"]).unwrap();

    let technician = Technician {
        browser: Browser::start(&workshop).unwrap(),
        assets: assets(&spec),
        fingerprints,
        folder: dir.path().to_owned(),
        shots: std::env::var_os("REHOME_SHOTS").map(PathBuf::from),
        lot: String::new(),
    };
    let over = Over(Arc::default());
    std::thread::scope(|scope| {
        let life = |over: Arc<AtomicBool>| {
            let all = cast::live(laptops, at, over);
            workshop.within(|| {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                runtime.enable_all().build()?.block_on(all);
                Ok(())
            })
        };
        let flag = over.0.clone();
        let plug = || drop(scope.spawn(move || life(flag).unwrap()));
        technician.works(&workshop, &serving, spec, new["password"].as_str().unwrap(), plug);
        drop(over);
    });
    everything_checks_out(&serving, dir.path());
}

/// What the technician was given, checked by the command line as well; and the journal behind it.
fn everything_checks_out(serving: &Coordinator<'_>, dir: &Path) {
    let papers = dir.join("papers");
    serving.cli(&["verify", "--key", text(&papers.join("site.pub")), text(&papers)]).unwrap();
    serving.cli(&["journal", "verify"]).unwrap();
    let exported = dir.join("journal.jsonl");
    serving.cli(&["journal", "export", text(&exported)]).unwrap();
    let mut journal = String::new();
    std::fs::File::open(&exported).unwrap().read_to_string(&mut journal).unwrap();
    for person in register::PEOPLE {
        assert!(!journal.contains(person), "{person} of the register is in the journal");
    }
    // Nothing was done to the laptop of somebody else.
    let serial = cast::serial(&cast::inventory(STRANGER));
    let machines = serving.cli_json(&["machine", "list", "--json"]).unwrap();
    let states: Vec<&str> =
        machines.as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|it| **it == "booted").count(), usize::from(GOOD) + 1);
    let stranger = |it: &&Value| it["serial"] == serial.as_str();
    let stranger = machines.as_array().unwrap().iter().find(stranger);
    assert!(stranger.is_none_or(|it| it["state"] != "finished" && it["state"] != "booted"));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
