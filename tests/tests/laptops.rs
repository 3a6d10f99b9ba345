//! The emulated laptops by themselves: firmware, network boot attempt, screen, power.
#![allow(clippy::unwrap_used, reason = "a test's own helper functions may fail loudly")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use workshop::{Bench, DirtyDisk, DriveSpec, Laptop, LaptopSpec, Workshop};

const FIRMWARE: Duration = Duration::from_secs(120);
const MIB: u64 = 1 << 20;

fn small_disk(dir: &Path) -> std::path::PathBuf {
    let disk = dir.join("disk.raw");
    let dirty = DirtyDisk { size: 64 * MIB, n_markers: 10, ..DirtyDisk::default() };
    dirty.make(&disk, &dir.join("markers.txt")).unwrap();
    disk
}

/// Powers on, waits for the network boot attempt, takes a picture, pulls the plug, and again.
fn check_netboot_attempt(spec: LaptopSpec, attempt: &str) {
    let png = spec.dir.join("screen.png");
    let serial_log = spec.serial_log();
    let workshop = Workshop::open(&Bench::for_laptops(1)).unwrap();
    let mut laptop = Laptop::power_on(&workshop, spec).unwrap();
    laptop.wait_serial(attempt, FIRMWARE).unwrap();
    laptop.screendump(&png).unwrap();
    laptop.power_cycle().unwrap();
    laptop.wait_serial(attempt, FIRMWARE).unwrap();
    laptop.power_off().unwrap();
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    let log = String::from_utf8_lossy(&fs::read(&serial_log).unwrap()).into_owned();
    assert!(log.contains("power on, time 1") && log.contains("power on, time 2"), "{log}");
}

#[test]
fn the_uefi_laptop_asks_the_network_first() {
    let dir = tempfile::tempdir().unwrap();
    let drive = DriveSpec::nvme(&small_disk(dir.path()), "S4DXNF0M1").wwn(0x0025_3859_71b0_c1d2);
    let spec = LaptopSpec::uefi("uefi", dir.path()).drive(drive);
    check_netboot_attempt(spec, "Start PXE over IPv4");
}

#[test]
fn the_bios_laptop_asks_the_network_first() {
    let dir = tempfile::tempdir().unwrap();
    let drive = DriveSpec::sata(&small_disk(dir.path()), "Y5TESERIAL");
    let spec = LaptopSpec::bios("bios", dir.path()).drive(drive);
    check_netboot_attempt(spec, "iPXE (");
}
