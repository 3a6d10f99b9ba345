//! The rules of planning as a table: a change to an ordinary laptop, and what the plan makes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use protocol::drive::{Bus, DriveIdentity, DriveUnit, Hold};
use protocol::inventory::{
    BootFacts, Cpu, Firmware, Inventory, MachineIdentity, Power, Product, StorageController,
};
use protocol::job::{Job, JobKind};
use protocol::plan::RefusalCode;
use protocol::{BatchId, ByteLen, ImageId, MachineId, SectorSize, Technique};

fn drive(serial: &str, gigabytes: u64) -> DriveUnit {
    let size = ByteLen(gigabytes * 1_000_000_000);
    DriveUnit {
        kernel_name: "nvme0n1".to_owned(),
        identity: Ok(DriveIdentity {
            model: "Example SSD".to_owned(),
            serial: serial.to_owned(),
            wwn: None,
            size,
        }),
        size,
        sector_size: SectorSize::try_from(512).unwrap(),
        physical_sector_size: 4096,
        bus: Bus::Nvme,
        rotational: false,
        removable: false,
        read_only: false,
        holds: Vec::new(),
        other_namespaces: 0,
    }
}

fn laptop(drives: Vec<DriveUnit>) -> Inventory {
    Inventory {
        identity: MachineIdentity {
            uuid: None,
            system_serial: Some("PF0ABCDE".to_owned()),
            board_serial: None,
            chassis_serial: None,
            macs: BTreeSet::new(),
        },
        product: Product { vendor: None, name: None, version: None, chassis_type: Some(10) },
        cpu: Cpu { model: "Example".to_owned(), threads: 4 },
        memory: ByteLen(8 << 30),
        power: Power { mains_online: Some(true), batteries: 1 },
        nics: Vec::new(),
        controllers: vec![StorageController {
            address: "0000:01:00.0".to_owned(),
            class: "010802".to_owned(),
            id: "144d:a808".to_owned(),
            driver: Some("nvme".to_owned()),
            unexplained: None,
        }],
        drives,
        boot: BootFacts {
            firmware: Firmware::Uefi,
            secure_boot: Some(true),
            lockdown: "integrity".to_owned(),
            boot_mac: None,
            boot_uuid: None,
        },
    }
}

fn job(min_gigabytes: u64) -> Job {
    Job {
        batch: BatchId::from_bytes([3; 16]),
        kind: JobKind::Refurbish {
            image: ImageId::from_bytes([4; 32]),
            image_min_size: ByteLen(min_gigabytes * 1_000_000_000),
            locale: "pl_PL.UTF-8".to_owned(),
        },
        technique: Technique::OverwriteZeros,
    }
}

const MACHINE: MachineId = MachineId::from_bytes([1; 16]);

/// Expects a plan: (serials that are wiped, the one that receives the image, serials left alone).
fn check_planned(inventory: &Inventory, wiped: &[&str], image_on: &str, left_alone: usize) {
    let plan = rehome_plan::plan(MACHINE, inventory, &job(2)).unwrap();
    let serials: Vec<_> = plan.drives.iter().map(|d| d.identity.serial.as_str()).collect();
    assert_eq!(serials, wiped);
    let receivers: Vec<_> = plan.drives.iter().filter(|d| d.receives_image).collect();
    assert_eq!(receivers.len(), 1);
    assert_eq!(receivers[0].identity.serial, image_on);
    assert_eq!(plan.left_alone.len(), left_alone);
}

fn check_refused(inventory: &Inventory, codes: &[RefusalCode]) {
    let refusals = rehome_plan::plan(MACHINE, inventory, &job(2)).unwrap_err();
    assert_eq!(refusals.iter().map(|r| r.code).collect::<Vec<_>>(), codes, "{refusals:?}");
}

fn with(change: impl FnOnce(&mut DriveUnit)) -> DriveUnit {
    let mut drive = drive("B", 64);
    change(&mut drive);
    drive
}

#[test]
fn every_internal_drive_is_wiped_and_the_smallest_flash_that_fits_gets_the_image() {
    check_planned(&laptop(vec![drive("A", 128)]), &["A"], "A", 0);
    check_planned(&laptop(vec![drive("B", 256), drive("A", 128)]), &["A", "B"], "A", 0);
    check_planned(&laptop(vec![drive("B", 256), drive("A", 1)]), &["A", "B"], "B", 0);
    let disk = with(|d| (d.rotational, d.bus) = (true, Bus::Ata));
    check_planned(&laptop(vec![disk, drive("C", 512)]), &["B", "C"], "C", 0);
    let large_sectors = with(|d| d.sector_size = SectorSize::try_from(4096).unwrap());
    check_planned(&laptop(vec![large_sectors, drive("C", 512)]), &["B", "C"], "C", 0);
}

#[test]
fn protected_drives_are_left_alone_and_named() {
    for protect in [
        (|d| d.holds = vec![Hold::BootMedium]) as fn(&mut DriveUnit),
        |d| d.removable = true,
        |d| d.bus = Bus::Usb,
        |d| d.bus = Bus::Network,
        |d| (d.bus, d.identity) = (Bus::Usb, Err("bridge".to_owned())),
        |d| (d.bus, d.read_only) = (Bus::Network, true),
    ] {
        check_planned(&laptop(vec![drive("A", 128), with(protect)]), &["A"], "A", 1);
        check_refused(&laptop(vec![with(protect)]), &[RefusalCode::NoDrive]);
    }
}

#[test]
fn an_internal_drive_that_cannot_be_worked_on_stops_the_plan() {
    for (change, code) in [
        ((|d| d.read_only = true) as fn(&mut DriveUnit), RefusalCode::ReadOnly),
        (|d| d.holds = vec![Hold::Mounted], RefusalCode::InUse),
        (|d| d.holds = vec![Hold::Held("dm-0".to_owned())], RefusalCode::InUse),
        (|d| d.identity = Err("no answer".to_owned()), RefusalCode::NoIdentity),
        (|d| d.other_namespaces = 1, RefusalCode::OtherNamespaces),
        (|d| d.bus = Bus::Mmc, RefusalCode::UnknownBus),
        (|d| d.identity = drive("A", 128).identity, RefusalCode::SameIdentity),
    ] {
        check_refused(&laptop(vec![drive("A", 128), with(change)]), &[code]);
    }
}

#[test]
fn the_machine_itself_can_stop_the_plan() {
    let mut on_battery = laptop(vec![drive("A", 128)]);
    on_battery.power.mains_online = Some(false);
    check_refused(&on_battery, &[RefusalCode::OnBattery]);
    let mut raid = laptop(vec![drive("A", 128)]);
    raid.controllers[0].unexplained = Some("RAID mode".to_owned());
    check_refused(&raid, &[RefusalCode::UnexplainedController]);
    check_refused(&laptop(Vec::new()), &[RefusalCode::NoDrive]);
    check_refused(&laptop(vec![drive("A", 1)]), &[RefusalCode::NoImageTarget]);
}

#[test]
fn a_twin_of_a_drive_that_is_left_alone_is_not_touched() {
    // Cloned serials: the wrong one of the two might be opened.
    for protect in [
        (|d| d.removable = true) as fn(&mut DriveUnit),
        |d| d.holds = vec![Hold::BootMedium],
        |d| d.bus = Bus::Network,
    ] {
        let twin = with(|d| {
            d.identity = drive("A", 128).identity;
            protect(d);
        });
        check_refused(&laptop(vec![twin, drive("A", 128)]), &[RefusalCode::SameIdentity]);
    }
}

#[test]
fn the_digest_follows_the_content_and_not_the_order_of_probing() {
    let digest = |drives| {
        rehome_plan::digest(&rehome_plan::plan(MACHINE, &laptop(drives), &job(2)).unwrap())
    };
    let (a, b) = (drive("A", 128), drive("B", 256));
    assert_eq!(digest(vec![a.clone(), b.clone()]), digest(vec![b.clone(), a.clone()]));
    let mut renamed = a.clone();
    renamed.kernel_name = "nvme7n1".to_owned();
    assert_eq!(digest(vec![a.clone(), b.clone()]), digest(vec![renamed, b.clone()]));
    assert_ne!(digest(vec![a.clone(), b]), digest(vec![a]));
}
