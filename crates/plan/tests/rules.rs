//! The rules of planning as a table: a change to an ordinary laptop, and what the plan makes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laptop;

use std::collections::BTreeSet;

use laptop::{MACHINE, ata, drive, laptop};
use protocol::drive::{Bus, DriveUnit, Hold};
use protocol::features::Rotation;
use protocol::inventory::Inventory;
use protocol::job::{Job, JobKind};
use protocol::plan::{Media, Plan, PlannedDrive, Refusal, RefusalCode, Technique};
use protocol::policy::Policy;
use protocol::{BatchId, ByteLen, ImageId, SectorSize, Sha256Digest};
use rehome_plan::policy;

fn job(min_gigabytes: u64, policy: Policy) -> Job {
    Job {
        batch: BatchId::from_bytes([3; 16]),
        kind: JobKind::Refurbish {
            image: ImageId::from_bytes([4; 32]),
            image_min_size: ByteLen(min_gigabytes * 1_000_000_000),
            locale: "pl_PL.UTF-8".to_owned(),
        },
        policy,
    }
}

/// These rules hold whatever the policy; overwriting is what any drive can do.
fn planned(inventory: &Inventory) -> Result<Plan, Vec<Refusal>> {
    rehome_plan::plan(MACHINE, inventory, &job(2, policy::overwrite_only()), &BTreeSet::new())
}

/// Expects a plan: (serials that are wiped, the one that receives the image, serials left alone).
fn check_planned(inventory: &Inventory, wiped: &[&str], image_on: &str, left_alone: usize) {
    let plan = planned(inventory).unwrap();
    let serials: Vec<_> = plan.drives.iter().map(|d| d.identity.serial.as_str()).collect();
    assert_eq!(serials, wiped);
    let receivers: Vec<_> = plan.drives.iter().filter(|d| d.receives_image).collect();
    assert_eq!(receivers.len(), 1);
    assert_eq!(receivers[0].identity.serial, image_on);
    assert_eq!(plan.left_alone.len(), left_alone);
}

fn check_refused(inventory: &Inventory, codes: &[RefusalCode]) {
    let refusals = planned(inventory).unwrap_err();
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
fn an_nvme_unit_of_several_namespaces_is_wiped_as_one_and_receives_no_image() {
    let several = |d: &mut DriveUnit| d.more_namespaces = vec!["nvme0n2".to_owned()];
    let mut unit = drive("A", 128);
    several(&mut unit);
    let inventory = laptop(vec![unit.clone(), drive("B", 256)]);
    check_planned(&inventory, &["A", "B"], "B", 0);
    assert_eq!(planned(&inventory).unwrap().drives[0].more_namespaces, 1);
    check_refused(&laptop(vec![unit]), &[RefusalCode::NoImageTarget]);
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
    let digest = |drives| rehome_plan::digest(&planned(&laptop(drives)).unwrap());
    let (a, b) = (drive("A", 128), drive("B", 256));
    assert_eq!(digest(vec![a.clone(), b.clone()]), digest(vec![b.clone(), a.clone()]));
    let mut renamed = a.clone();
    renamed.kernel_name = "nvme7n1".to_owned();
    assert_eq!(digest(vec![a.clone(), b.clone()]), digest(vec![renamed, b.clone()]));
    assert_ne!(digest(vec![a.clone(), b]), digest(vec![a]));
}

#[test]
fn the_digest_follows_the_policy() {
    let disk = || laptop(vec![ata(Rotation::Rpm(5400), |_| ())]);
    let digest = |policy| {
        let plan = rehome_plan::plan(MACHINE, &disk(), &job(2, policy), &BTreeSet::new()).unwrap();
        assert_eq!(plan.drives[0].techniques, [Technique::OverwriteZeros], "all three alike");
        rehome_plan::digest(&plan)
    };
    let [default, overwrite_only, both] = policy::builtin().map(digest);
    assert_ne!(default, overwrite_only);
    assert_ne!(default, both);
    let mut more_canaries = policy::default();
    more_canaries.proof.canaries = 20_000;
    assert_ne!(default, digest(more_canaries));
}

#[test]
fn a_policy_that_contradicts_itself_plans_nothing() {
    let mut policy = policy::default();
    policy.flash.techniques.clear();
    let drives = laptop(vec![ata(Rotation::Rpm(5400), |_| ())]);
    let job = job(2, policy);
    let refusals = rehome_plan::plan(MACHINE, &drives, &job, &BTreeSet::new()).unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].code, RefusalCode::PolicyUnreachable);
    assert_eq!(
        refusals[0].sentence,
        "it contradicts itself: the rule for flash names no technique; correct its file"
    );
}

#[test]
fn the_medium_is_what_the_drive_says_and_only_then_what_the_kernel_says() {
    let check = |rotation, rotational, expected| {
        let drive = DriveUnit { rotational, ..ata(rotation, |_| ()) };
        assert_eq!(rehome_plan::media(&drive), expected, "{rotation:?} {rotational}");
    };
    check(Rotation::NonRotating, true, Media::Flash);
    check(Rotation::Rpm(5400), false, Media::Magnetic);
    check(Rotation::NotReported, true, Media::Magnetic);
    check(Rotation::NotReported, false, Media::Flash);
    let nvme = DriveUnit { rotational: true, ..drive("A", 128) };
    assert_eq!(rehome_plan::media(&nvme), Media::Flash);
}

#[test]
fn work_that_only_installs_takes_what_is_proven_and_refuses_the_rest_by_name() {
    let JobKind::Refurbish { image, image_min_size, locale } = job(2, policy::default()).kind
    else {
        panic!("another job")
    };
    let kind = JobKind::ImageOnly { image, image_min_size, locale };
    let job = Job { kind, ..job(2, policy::overwrite_only()) };
    let inventory = laptop(vec![drive("A", 128), drive("B", 64)]);
    let proven_as = |serial: &str| {
        let sanitized = planned(&inventory).unwrap().drives;
        let planned = sanitized.into_iter().find(|it| it.identity.serial == serial).unwrap();
        PlannedDrive { proven_by: Some(Sha256Digest::from_bytes([8; 32])), ..planned }
    };
    let plan = |proven: &[(&str, Result<PlannedDrive, String>)]| {
        let proven = proven.iter().map(|(serial, it)| (proven_as(serial).identity, it.clone()));
        rehome_plan::plan_with(MACHINE, &inventory, &job, &BTreeSet::new(), &proven.collect())
    };
    let both = [("A", Ok(proven_as("A"))), ("B", Ok(proven_as("B")))];
    let good = plan(&both).unwrap();
    assert!(good.drives.iter().all(|it| it.proven_by.is_some()));
    let receives: Vec<_> = good.drives.iter().map(|it| it.receives_image).collect();
    assert_eq!(receives, [false, true]);
    let merely_planned = PlannedDrive { proven_by: None, ..proven_as("A") };
    let other_sectors = SectorSize::try_from(4096).unwrap();
    let other_sectors = PlannedDrive { sector_size: other_sectors, ..proven_as("A") };
    for (name, of_a) in [
        ("nothing known", None),
        ("refuted", Some(Err("a later look found data".to_owned()))),
        ("no record", Some(Ok(merely_planned))),
        ("other sectors", Some(Ok(other_sectors))),
    ] {
        let known = of_a.map(|it| ("A", it)).into_iter().chain([both[1].clone()]);
        let refusals = plan(&known.collect::<Vec<_>>()).unwrap_err();
        assert_eq!(refusals.len(), 1, "{name}: {refusals:?}");
        assert_eq!(refusals[0].code, RefusalCode::NotProven, "{name}");
        assert!(refusals[0].what.contains("serial A"), "{name}: {refusals:?}");
    }
    // Without anything proven there is no plan either, by the door that all other work takes.
    let refusals = rehome_plan::plan(MACHINE, &inventory, &job, &BTreeSet::new()).unwrap_err();
    assert!(refusals.iter().all(|it| it.code == RefusalCode::NotProven), "{refusals:?}");
}
