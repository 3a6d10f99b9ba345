//! One laptop's way through the demo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use workshop::dashboard_shot::dashboard_shot;
use workshop::dirty::{DirtyDisk, Filesystem, PartitionTable};
use workshop::laptop::Laptop;
use workshop::main_job::{Kind, Serving, Setting, certify, state, watch};
use workshop::marker::{Marker, read_list};
use workshop::process::run as run_command;
use workshop::sample::sample;
use workshop::scan::{ScanReport, scan};

use super::arguments::Arguments;
use super::papers;
use super::table::Table;

const LOGIN: Duration = Duration::from_secs(300);
/// The laptop's screen is drawn a few times a second; the coordinator may know of a stage before it shows.
const SCREEN: Duration = Duration::from_secs(1);
/// A given disk must hold the image and leave room for it to grow.
const MIN_DISK_LEN: u64 = 3 << 30;
/// So many single bytes of the certificate are changed, each of which must be noticed.
const CHANGED_BYTES: usize = 16;

/// Runs it and gives what was seen, for `summary.json`.
pub(crate) fn run(kind: Kind, arguments: &Arguments, table: &Table) -> Result<Value> {
    let started = Instant::now();
    let dir = arguments.out.join(kind.name());
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("failed to empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir)?;
    let disk = dir.join("disk.raw");
    table.say(kind, "making a dirty disk");
    let setting = Setting::open(kind, &dir.join("bench"))?;
    let markers = make_dirty(arguments, &setting, &dir, &disk)?;
    let before = scan(&disk, &markers)?.n_whole();
    ensure!(before == markers.len(), "the scanner finds {before} of {} markers", markers.len());

    let serving = setting.start()?;
    serving.arm()?;
    table.say(kind, "power on; booting from the network");
    let mut laptop = Laptop::power_on(&setting.workshop, kind.laptop(&dir, &disk))?;
    let is = |wanted: &'static [&'static str]| move |row: &Value| wanted.contains(&state(row));
    let mut see = |row: &Value| table.row(kind, row);
    watch(&serving, &laptop, &mut see, &is(&["sanitizing", "verified"]))?;
    std::thread::sleep(SCREEN);
    laptop.screendump(&dir.join("appliance.png"))?;
    if kind == Kind::Uefi {
        photograph(&setting, &serving, &arguments.out.join("dashboard.png"))?;
    }
    watch(&serving, &laptop, &mut see, &is(&["finished", "booted"]))?;
    laptop.wait_serial("login:", LOGIN)?;
    watch(&serving, &laptop, &mut see, &is(&["booted"]))?;
    laptop.screendump(&dir.join("booted.png"))?;
    laptop.power_off()?;

    table.say(kind, "checking the certificate");
    let key = setting.data.join("site.pub");
    let public = arguments.out.join("site.pub");
    fs::copy(&key, &public).context("failed to copy the site's public key")?;
    let sanitized = papers::sanitized(&certify(&serving, &dir, &public, CHANGED_BYTES)?)?;
    table.say(kind, "looking for the markers on the installed disk");
    let after = scan(&disk, &markers)?;
    let survivors = n_survivors(arguments, kind, &after);
    ensure!(survivors == 0, "something survived: {}", after.to_json());
    table.say(kind, "booting once more: no network card, new firmware variables");
    boot_alone(kind, &setting, &dir, &disk)?;
    let serial = String::from_utf8_lossy(&fs::read(dir.join("serial.log"))?).into_owned();
    let (secure_boot, lockdown) = (serial.contains("Secure boot enabled"), locked_down(&serial));
    if kind == Kind::Uefi {
        ensure!(secure_boot && lockdown, "the console does not show Secure Boot and lockdown");
    }
    table.say(kind, "done");
    Ok(json!({
        "markers_before": before,
        "markers_after": survivors,
        "sanitized": sanitized,
        "certificate": "accepted",
        "changed_certificates_rejected": CHANGED_BYTES,
        "booted_into_installed_system": true,
        "boots_without_network": true,
        "secure_boot": secure_boot,
        "lockdown": lockdown,
        "seconds": started.elapsed().as_secs(),
    }))
}

fn make_dirty(
    arguments: &Arguments,
    setting: &Setting,
    dir: &Path,
    disk: &Path,
) -> Result<Vec<Marker>> {
    let list = dir.join("markers.txt");
    let Some(given) = arguments.disk(setting.kind) else {
        return dirty_disk(setting.kind).make(disk, &list);
    };
    let len =
        fs::metadata(given).with_context(|| format!("failed to read {}", given.display()))?.len();
    ensure!(
        len >= MIN_DISK_LEN && len.is_multiple_of(512),
        "{} has {len} bytes; the demo needs a raw disk of at least {MIN_DISK_LEN}, in whole sectors",
        given.display()
    );
    run_command(Command::new("cp").arg("--sparse=always").arg(given).arg(disk))?;
    // A list beside the given disk says what to look for; without one, pieces of what is on it are looked for.
    if let Some(known) = known_list(given) {
        fs::copy(&known, &list)?;
        return read_list(&list);
    }
    sample(disk, &setting.data, &list)
}

/// The list beside a disk that was given.
fn known_list(given: &Path) -> Option<PathBuf> {
    Some(given.with_file_name("markers.txt")).filter(|list| list.exists())
}

/// What is left of the markers. Planted ones are like nothing else, so a piece of one is a trace; of what was taken from a
/// given disk only a whole piece is, since file systems share short runs of bytes.
fn n_survivors(arguments: &Arguments, kind: Kind, after: &ScanReport) -> usize {
    let is_sampled = arguments.disk(kind).is_some_and(|given| known_list(given).is_none());
    after.n_whole() + if is_sampled { 0 } else { after.n_fragments() }
}

/// Two disks as different as retired ones are.
fn dirty_disk(kind: Kind) -> DirtyDisk {
    match kind {
        Kind::Uefi => DirtyDisk::default(),
        Kind::Bios => DirtyDisk {
            table: PartitionTable::Mbr,
            filesystem: Filesystem::Fat32,
            seed: 2,
            ..DirtyDisk::default()
        },
    }
}

/// The dashboard while the laptop is at work, as a person sees it after logging in.
fn photograph(setting: &Setting, serving: &Serving<'_>, png: &Path) -> Result<()> {
    let new = serving.coordinator.cli_json(&["--json", "dashboard", "password", "--new"])?;
    let password = new["password"].as_str().context("no password was printed")?;
    dashboard_shot(&setting.workshop, "https://10.76.0.1/", password, png)
}

/// A copy of the disk in the same laptop with virgin firmware variables and no network card.
fn boot_alone(kind: Kind, setting: &Setting, dir: &Path, disk: &Path) -> Result<()> {
    let alone = dir.join("alone");
    fs::create_dir_all(&alone)?;
    let copy = alone.join("disk.raw");
    run_command(Command::new("cp").arg("--sparse=always").arg(disk).arg(&copy))?;
    let spec = kind.laptop(&alone, &copy).no_nic();
    let mut laptop = Laptop::power_on(&setting.workshop, spec)?;
    laptop.wait_serial("login:", LOGIN)?;
    laptop.screendump(&alone.join("booted.png"))?;
    laptop.power_off()?;
    fs::remove_file(&copy).context("failed to remove the copy of the disk")
}

fn locked_down(serial: &str) -> bool {
    serial.contains("Kernel is locked down from EFI Secure Boot")
}
