//! Somebody stops everything, at any command.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use drive::sim::{Command, Kind};
use protocol::Technique;
use sanitize::FailureCause;

use crate::rig::{Eraser, devices, silent, small_eraser};

/// Whether it writes or erases, or leads to that: a password that stays is trouble too.
fn destroys(command: Command) -> bool {
    const SET_PASSWORD: u8 = 0xf1;
    const ERASE_UNIT: u8 = 0xf4;
    const SANITIZE_DEVICE: u8 = 0xb4;
    const FORMAT_NVM: u8 = 0x80;
    const SANITIZE: u8 = 0x84;
    match command {
        Command::Write { .. } => true,
        // Feature 0 asks for the status.
        Command::Ata { command: SANITIZE_DEVICE, feature } => feature != 0,
        Command::Ata { command, .. } => matches!(command, SET_PASSWORD | ERASE_UNIT),
        Command::Nvme { opcode } => matches!(opcode, FORMAT_NVM | SANITIZE),
        Command::Read { .. } | Command::Identify | Command::Flush => false,
    }
}

fn eraser(index: usize) -> Option<Eraser> {
    let overwritten = || {
        let kind = Kind::Ata(devices().0);
        Eraser::sized(kind, &[Technique::OverwriteZeros], 1 << 20, 200)
    };
    match index {
        0 => Some(overwritten()),
        _ => small_eraser(index - 1),
    }
}

/// Which commands destroy, in the order in which an undisturbed run sends them.
fn commands(index: usize) -> Vec<bool> {
    let (eraser, seen) = (eraser(index).unwrap(), Arc::new(Mutex::new(Vec::new())));
    let noted = seen.clone();
    eraser.drive.on_command(move |command| noted.lock().unwrap().push(destroys(command)));
    eraser.sanitize().unwrap();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().any(|it| *it), "nothing destroys");
    seen
}

#[test]
fn no_command_that_writes_or_erases_follows_the_one_that_was_under_way() {
    for index in 0.. {
        if eraser(index).is_none() {
            break;
        }
        let seen = commands(index);
        let near = |n: usize| seen[n] && seen.get(n + 1) != Some(&true);
        let points: Vec<_> = (0..seen.len()).filter(|n| near(*n) || n % 97 == 0).collect();
        for point in points {
            let eraser = eraser(index).unwrap();
            let technique = eraser.planned.techniques[0];
            let (stop, n_seen) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
            let late = Arc::new(AtomicU64::new(0));
            let (say, count) = (stop.clone(), late.clone());
            eraser.drive.on_command(move |command| {
                if say.load(Ordering::SeqCst) {
                    count.fetch_add(u64::from(destroys(command)), Ordering::SeqCst);
                }
                if n_seen.fetch_add(1, Ordering::SeqCst) == point as u64 {
                    say.store(true, Ordering::SeqCst);
                }
            });
            let ended = eraser.sanitize_until(&silent, &stop);
            assert_eq!(late.load(Ordering::SeqCst), 0, "{technique:?}, stopped at {point}");
            // It may have come so late that nothing was left to stop.
            if let Err(failed) = ended {
                assert!(failed.is_stopped(), "{technique:?}, {point}: {}", failed.sentence());
            }
        }
    }
}

#[test]
fn of_a_drive_that_erases_itself_it_is_said_that_nothing_can_stop_it() {
    let mut n_erasing = 0;
    for index in 0.. {
        let Some(eraser) = small_eraser(index) else { break };
        let stop = Arc::new(AtomicBool::new(false));
        let (say, drive) = (stop.clone(), eraser.drive.clone());
        eraser.drive.on_command(move |_| {
            if drive.is_sanitizing() {
                say.store(true, Ordering::SeqCst);
            }
        });
        let ended = eraser.sanitize_until(&silent, &stop);
        if !stop.load(Ordering::SeqCst) {
            continue;
        }
        n_erasing += 1;
        let failed = ended.unwrap_err();
        assert!(matches!(failed.cause, FailureCause::StoppedWhileErasing), "{failed:?}");
        assert!(failed.sentence().contains("nothing can stop that"), "{}", failed.sentence());
        // The next start waits for it and begins anew.
        eraser.drive.on_command(|_| ());
        eraser.sanitize().unwrap();
        assert_eq!(eraser.drive.n_old_sectors(), 0);
    }
    assert!(n_erasing > 0, "none was ever seen erasing itself");
}
