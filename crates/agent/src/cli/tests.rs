//! What the command line takes, whom the rules let through, and what happens to a drive.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ::sanitize::{ConsentedDrive, Secrets, Watch};
use clap::CommandFactory as _;
use drive::sim::SimDrive;
use protocol::inventory::{BootFacts, Cpu, Firmware, MachineIdentity, Power, Product};
use protocol::job::JobKind;
use protocol::{Bus, ByteLen, DriveIdentity, DriveUnit, EraseFeatures, Hold, SectorSize, TicketId};

use super::judge::Wish;
use super::*;

const SIZE: u64 = 9 << 20;

pub(super) fn identity(serial: &str) -> DriveIdentity {
    let (model, serial) = ("TEST DISK".to_owned(), serial.to_owned());
    DriveIdentity { model, serial, wwn: None, size: ByteLen(SIZE) }
}

fn wipe() -> Wish {
    Wish::new(JobKind::Wipe {}, ::plan::policy::overwrite_only())
}

fn secrets() -> Secrets {
    Secrets::new([7; 32])
}

pub(super) fn unit(kernel_name: &str) -> DriveUnit {
    DriveUnit {
        kernel_name: kernel_name.to_owned(),
        more_namespaces: Vec::new(),
        identity: Ok(identity(&format!("S-{kernel_name}"))),
        size: ByteLen(SIZE),
        sector_size: SectorSize::try_from(512).unwrap(),
        physical_sector_size: 512,
        bus: Bus::Nvme,
        rotational: false,
        removable: false,
        read_only: false,
        holds: Vec::new(),
        features: EraseFeatures::None {},
        other_namespaces: 0,
    }
}

pub(super) fn machine(drives: Vec<DriveUnit>) -> Inventory {
    Inventory {
        identity: MachineIdentity {
            uuid: None,
            system_serial: None,
            board_serial: None,
            chassis_serial: None,
            macs: BTreeSet::new(),
        },
        product: Product { vendor: None, name: None, version: None, chassis_type: None },
        cpu: Cpu { model: "test".to_owned(), threads: 1 },
        memory: ByteLen(1 << 30),
        power: Power { mains_online: None, batteries: 0 },
        nics: Vec::new(),
        controllers: Vec::new(),
        drives,
        boot: BootFacts {
            firmware: Firmware::Uefi,
            secure_boot: None,
            lockdown: "none".to_owned(),
            boot_mac: None,
            boot_uuid: None,
        },
    }
}

#[test]
fn the_command_line_is_consistent_and_has_no_force() {
    Cli::command().debug_assert();
    for mut command in Cli::command().get_subcommands().cloned() {
        let help = command.render_long_help().to_string();
        assert!(!help.contains("--force") && !help.contains("--yes"), "{help}");
    }
}

#[test]
fn destroying_takes_one_drive_by_name() {
    for (arguments, taken) in [
        ("sanitize --drive /dev/sdx", true),
        ("sanitize --drive /dev/sdx --serial S1 --evidence e.json", true),
        ("sanitize", false),
        ("sanitize /dev/sdx", false),
        ("sanitize --drive /dev/sdx --drive /dev/sdy", false),
        ("sanitize --serial S1", false),
        ("verify --drive /dev/sdx", true),
        ("verify --drive /dev/sdx --serial S1", false),
        ("write-image --drive /dev/sdx --manifest m --chunks c --key k", true),
        ("write-image --drive /dev/sdx --manifest m --chunks c", false),
        ("plan --json --roots capture", true),
        ("inventory", true),
        ("", false),
    ] {
        let words = std::iter::once("rehome-agent").chain(arguments.split_ascii_whitespace());
        assert_eq!(Cli::try_parse_from(words).is_ok(), taken, "{arguments:?}");
    }
}

/// `unit` in a machine beside its system's own disk: why it is refused, or nothing if it may be worked on.
fn judged(unit: DriveUnit) -> Option<String> {
    let system = DriveUnit { holds: vec![Hold::Mounted], ..self::unit("nvme9n1") };
    let machine = machine(vec![system, unit.clone()]);
    judge::permitted(&machine, &unit, &wipe()).err().map(|refused| refused.to_string())
}

#[test]
fn the_rules_of_plans_hold_by_hand() {
    assert_eq!(judged(unit("sdx")), None);
    let x = || unit("sdx");
    for (unit, word) in [
        (DriveUnit { holds: vec![Hold::BootMedium], ..x() }, "started from it"),
        (DriveUnit { holds: vec![Hold::Mounted], ..x() }, "mounted"),
        (DriveUnit { holds: vec![Hold::Held("dm-0".into())], ..x() }, "dm-0"),
        (DriveUnit { holds: vec![Hold::Swap], ..x() }, "swap"),
        (DriveUnit { bus: Bus::Usb, ..x() }, "USB"),
        (DriveUnit { bus: Bus::Network, ..x() }, "network"),
        (DriveUnit { bus: Bus::Virtio, ..x() }, "proven yet"),
        (DriveUnit { removable: true, ..x() }, "removable"),
        (DriveUnit { read_only: true, ..x() }, "refuses to write"),
        (DriveUnit { other_namespaces: 1, ..x() }, "namespaces"),
        (DriveUnit { identity: Err("it is shy".into()), ..x() }, "it is shy"),
        (DriveUnit { identity: unit("nvme9n1").identity, ..x() }, "in use"),
    ] {
        let refused = judged(unit.clone()).unwrap_or_else(|| panic!("{unit:?} was let through"));
        assert!(refused.contains(word), "{refused:?} lacks {word:?}");
        assert!(refused.contains(&unit.label()), "{refused:?} does not name the drive");
    }
}

#[test]
fn two_drives_of_one_name_and_a_machine_on_battery_are_refused() {
    let twin = DriveUnit { kernel_name: "sdy".into(), ..unit("sdx") };
    let twins = machine(vec![unit("sdx"), twin]);
    let refused = judge::permitted(&twins, &unit("sdx"), &wipe()).unwrap_err();
    assert!(refused.to_string().contains("two drives say the same"), "{refused}");

    let mut on_battery = machine(vec![unit("sdx")]);
    on_battery.power.mains_online = Some(false);
    let refused = judge::permitted(&on_battery, &unit("sdx"), &wipe()).unwrap_err();
    assert!(refused.to_string().contains("mains"), "{refused}");
}

#[test]
fn the_table_has_every_drive_and_says_what_would_come_of_it() {
    let usb = DriveUnit { bus: Bus::Usb, ..unit("sdu") };
    let mounted = DriveUnit { holds: vec![Hold::Mounted], ..unit("sdm") };
    let show = |drives| {
        let machine = machine(drives);
        let plan = judge::whole(&machine, &wipe());
        plan::describe(&Roots::default(), &machine, &wipe(), plan.as_ref())
    };
    let text = show(vec![unit("sdx"), usb.clone()]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("NODE"), "{text}");
    for part in ["/dev/sdx", "serial S-sdx", "overwrite with zeros", "Clear", "flash"] {
        assert!(lines[1].contains(part), "{text}");
    }
    assert!(lines[2].contains("left alone: it is attached by USB"), "{text}");
    assert!(text.ends_with("sanitize drives: 1, and leave alone: 1.\n"), "{text}");

    let text = show(vec![unit("sdx"), mounted]);
    assert!(text.contains("refused: it is in use: mounted"), "{text}");
    assert!(text.contains("would do nothing to this machine:\n"), "{text}");
}

#[test]
fn only_whole_drives_of_this_machine_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let roots = captured(&directory.path().canonicalize().unwrap());
    fs::create_dir(&roots.dev).unwrap();
    for name in ["sdx", "sdx1"] {
        fs::write(roots.dev.join(name), "").unwrap();
    }
    std::os::unix::fs::symlink("sdx", roots.dev.join("by-id")).unwrap();
    let machine = machine(vec![unit("sdx")]);
    let find = |name: &str| judge::find(&roots, &machine, &roots.dev.join(name));
    assert_eq!(find("sdx").unwrap(), &unit("sdx"));
    assert_eq!(find("by-id").unwrap(), &unit("sdx"));
    let partition = find("sdx1").unwrap_err();
    assert!(partition.is::<Refused>() && format!("{partition}").contains("sdx1"), "{partition}");
    let missing = find("sdz").unwrap_err();
    assert!(missing.is::<Refused>() && format!("{missing}").contains("sdz"), "{missing}");
}

#[test]
fn a_drive_is_destroyed_after_its_serial_alone() {
    let drive = SimDrive::new(identity("S-sdx"), unit("sdx").sector_size);
    drive.fill_with_old_data();
    let dirty = drive.n_old_sectors();
    let machine = machine(vec![unit("sdx")]);
    let planned = judge::permitted(&machine, &unit("sdx"), &wipe()).unwrap();
    for wrong in ["", "S", "s-sdx", "S-sdx\n"] {
        let refused = serial::consent(&planned, Some(wrong), "?").unwrap_err();
        assert!(refused.is::<Refused>() && format!("{refused}").contains("S-sdx"), "{refused}");
    }
    assert_eq!((drive.n_old_sectors(), drive.n_commands()), (dirty, 0));

    let consent = serial::consent(&planned, Some("S-sdx"), "?").unwrap();
    let (stop, silent) = (AtomicBool::new(false), |_: _, _: _, _: _| {});
    let watch = Watch::new(&silent, &stop);
    let verified = sanitize::destroy(Box::new(drive.clone()), consent, secrets(), watch).unwrap();
    assert_eq!(drive.n_old_sectors(), 0);
    let json = output::to_json(&verified.to_step()).unwrap();
    assert!(json.contains("\"step\": \"verified\"") && json.contains("S-sdx"), "{json}");
}

#[test]
fn stopping_says_how_far_it_was() {
    let drive = SimDrive::new(identity("S-sdx"), unit("sdx").sector_size);
    let machine = machine(vec![unit("sdx")]);
    let planned = judge::permitted(&machine, &unit("sdx"), &wipe()).unwrap();
    let run = TicketId::from_bytes([1; 16]);
    let consent = ConsentedDrive::by_hand(&planned, "S-sdx", run).unwrap();
    let stop = AtomicBool::new(false);
    let raise = |_: _, _: _, _: _| stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let failed = sanitize::destroy(Box::new(drive), consent, secrets(), Watch::new(&raise, &stop))
        .unwrap_err();
    let sentence = failed.sentence();
    assert!(sentence.contains("after 4.19 MB: stopped on request"), "{sentence}");
}

#[test]
fn the_appliance_never_consents_by_hand() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut stack = vec![sources.clone()];
    let mut callers: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(directory) = stack.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else if fs::read_to_string(&path).unwrap_or_default().contains("by_hand(") {
                callers.insert(path.strip_prefix(&sources).unwrap().to_owned());
            }
        }
    }
    assert!(callers.contains(Path::new("cli/serial.rs")), "{callers:?}");
    // The simulator's drives are memory, and the appliance is built without it (`graph.rs`).
    let may = |path: &PathBuf| path.starts_with("cli") || path.starts_with("simulate");
    assert!(callers.iter().all(may), "{callers:?}");
}
