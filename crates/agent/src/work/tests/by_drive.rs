//! Drives that erase themselves, beside the real coordinator: passwords, and the look with fresh power.

use std::sync::atomic::{AtomicBool, Ordering};

use drive::sim::{AtaDevice, Command, Kind, Lie};

use super::coordinator::Coordinator;
use super::laptop::Laptop;
use super::{assert_done, cable};
use crate::init::power::Ending;

const ERASE_UNIT: u8 = 0xf4;

#[test]
fn a_disk_that_an_interrupted_erase_left_locked_is_opened_and_erased_to_the_end() {
    let disk = AtaDevice { security: true, enhanced: true, ..AtaDevice::default() };
    let (bench, laptop) = (Coordinator::start(), Laptop::with(Kind::Ata(disk)));
    let cable = cable(&bench);
    bench.arm();
    let (drive, is_first) = (laptop.drive.clone(), AtomicBool::new(true));
    laptop.drive.on_command(move |command| {
        if matches!(command, Command::Ata { command: ERASE_UNIT, .. })
            && is_first.swap(false, Ordering::SeqCst)
        {
            drive.power_cut();
        }
    });
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    bench.wait("in need of a person", |machine| {
        machine["attention"].as_array().is_some_and(|all| !all.is_empty())
    });
    agent.assert_running();
    // Off and on: the disk is locked, and its password is not in the machine.
    laptop.drive.power_on();
    assert!(laptop.is_locked());
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    // It had failed: a person has to look, and picks it again.
    bench.pick(2);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    assert_eq!(laptop.drive.n_old_sectors(), 0);
    assert!(!laptop.is_locked());
    assert_eq!(bench.machine()["state"], "finished");
}

/// Arms with a policy that demands a look after the power was off, and boots.
fn look_twice(lie: Lie) -> (Coordinator, Laptop) {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let policy = tempfile::NamedTempFile::new().unwrap();
    let text = include_str!("../../../../../policies/overwrite-only.toml");
    let text = text
        .replace("power_cycle = false", "power_cycle = true")
        .replace("name = \"overwrite-only\"", "name = \"two-looks\"");
    std::fs::write(policy.path(), text).unwrap();
    bench.arm_with(policy.path().to_str().unwrap());
    laptop.drive.lie(lie);
    let cable = cable(&bench);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    assert_eq!(agent.end().unwrap(), Ending::PowerOff);
    assert_ne!(bench.machine()["state"], "finished");
    laptop.drive.power_cut();
    laptop.drive.power_on();
    (bench, laptop)
}

#[test]
fn a_second_look_with_fresh_power_ends_the_work() {
    let (bench, laptop) = look_twice(Lie::Honest);
    let cable = cable(&bench);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    // Ticket, started, sanitized, verified, off; then ticket, confirmed, notice, finished.
    assert_done(&agent, &laptop, &bench, &[5, 4]);
}

#[test]
fn what_a_drive_forgets_without_power_is_found_and_ends_without_a_certificate() {
    let (bench, laptop) = look_twice(Lie::ForgetsAtPowerCycle);
    let cable = cable(&bench);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.wait("in need of a person", |machine| {
        machine["attention"].as_array().is_some_and(|all| !all.is_empty())
    });
    agent.assert_running();
    let machine = bench.machine().to_string();
    assert!(machine.contains("answered out of memory"), "{machine}");
    assert!(laptop.drive.n_old_sectors() > 0, "the liar has kept it all");
}
