//! Sectors, cache, power, and the drive that takes another's place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use drive::ata::AtaCommand;
use drive::nvme::{NvmeCommand, SanitizeAction};
use drive::sim::{Command, Kind, SimDrive};
use drive::{AdminError, AlignedBuf, Drive};
use protocol::SectorSize;

use crate::{
    N_SECTORS, ata, capable_ata, capable_nvme, drive, identity, is_old, nvme, of_kind, password,
    read, write,
};

#[test]
fn what_is_not_flushed_is_lost_and_what_is_flushed_stays() {
    let drive = drive();
    write(&drive, 0, 4, 1).unwrap();
    drive.flush().unwrap();
    write(&drive, 2, 4, 2).unwrap();
    assert_eq!(read(&drive, 2, 1).unwrap()[0], 2, "the cache answers");
    drive.power_cut();
    assert!(read(&drive, 0, 1).is_err() && write(&drive, 0, 1, 3).is_err());
    assert!(drive.flush().is_err() && drive.identity().is_err());
    drive.power_on();
    assert_eq!(drive.peek(0, 4 * 512), [1; 4 * 512]);
    assert!(is_old(&drive, 4) && is_old(&drive, 5));
    assert_eq!(drive.n_old_sectors(), N_SECTORS - 4);
}

#[test]
fn requests_that_the_kernel_would_refuse_are_refused() {
    let drive = drive();
    let buffer = AlignedBuf::zeroed(2048);
    for (offset, range) in
        [(1, 0..512), (0, 0..100), (0, 1..513), (0, 0..0), (N_SECTORS * 512, 0..512)]
    {
        assert!(drive.write_at(offset, &buffer[range.clone()]).is_err(), "{offset} {range:?}");
    }
    assert!(write(&drive, N_SECTORS - 1, 2, 0).is_err());
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn another_drive_takes_over_after_that_many_commands() {
    let (first, second) =
        (drive(), SimDrive::new(identity("B"), SectorSize::try_from(512).unwrap()));
    first.swap_after(2, &second);
    assert_eq!(first.identity().unwrap().serial, "A");
    write(&first, 0, 1, 1).unwrap();
    assert_eq!(first.identity().unwrap().serial, "B");
    write(&first, 0, 1, 2).unwrap();
    first.flush().unwrap();
    assert_eq!(second.peek(0, 1), [2]);
    assert_eq!(first.n_old_sectors(), N_SECTORS, "what it had in its cache was not flushed");
}

#[test]
fn power_goes_at_the_command_that_was_named() {
    let drive = drive();
    drive.cut_power_after(1);
    write(&drive, 0, 1, 1).unwrap();
    assert!(drive.flush().is_err());
    drive.power_on();
    assert!(is_old(&drive, 0));
    assert!(drive.flush().is_ok(), "once only");
}

#[test]
fn the_hook_sees_every_command_and_may_use_the_drive() {
    let drive = drive();
    let (n, seen_by) = (Arc::new(AtomicU64::new(0)), drive.clone());
    let count = Arc::clone(&n);
    drive.on_command(move |command| {
        assert!(matches!(command, Command::Identify | Command::Flush));
        assert_eq!(seen_by.n_commands(), count.fetch_add(1, Ordering::Relaxed));
    });
    drive.identity().unwrap();
    drive.flush().unwrap();
    assert_eq!(n.load(Ordering::Relaxed), 2);
}

#[test]
fn planted_bytes_lie_where_they_were_planted() {
    let drive = drive();
    drive.plant(510, &[1, 2, 3, 4]);
    assert_eq!(drive.peek(510, 4), [1, 2, 3, 4]);
    assert_eq!(read(&drive, 1, 1).unwrap()[..2], [3, 4]);
    assert_eq!(drive.n_old_sectors(), N_SECTORS - 2);
}

#[test]
fn commands_of_either_set_count_and_are_seen_like_the_others() {
    let ssd = of_kind(Kind::Ata(capable_ata()));
    let other = of_kind(Kind::Ata(capable_ata()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let by_hook = Arc::clone(&seen);
    ssd.on_command(move |command| by_hook.lock().unwrap().push(command));
    ssd.swap_after(1, &other);
    ata(&ssd, AtaCommand::SanitizeFreezeLock).unwrap();
    ata(&ssd, AtaCommand::BlockErase).unwrap();
    let expected = [0x20, 0x12].map(|feature| Command::Ata { command: 0xb4, feature });
    assert_eq!((&seen.lock().unwrap()[..], ssd.n_commands()), (&expected[..], 2));
    assert!(read(&other, 0, 1).is_err(), "the other one is sanitizing");

    let ssd = of_kind(Kind::Nvme(capable_nvme()));
    ssd.on_command(|command| assert_eq!(command, Command::Nvme { opcode: 0x84 }));
    ssd.cut_power_after(1);
    let crypto = NvmeCommand::Sanitize(SanitizeAction::CryptoErase);
    nvme(&ssd, crypto).unwrap();
    assert!(matches!(nvme(&ssd, crypto), Err(AdminError::Submit { .. })));
}

#[test]
fn a_power_cut_interrupts_the_drive_in_the_slot_and_no_other() {
    let (ssd, other) = (of_kind(Kind::Ata(capable_ata())), of_kind(Kind::Ata(capable_ata())));
    let password = &password('p');
    ata(&ssd, AtaCommand::SecuritySetPassword(password)).unwrap();
    ata(&ssd, AtaCommand::SecurityErasePrepare).unwrap();
    ssd.swap_after(0, &other);
    ssd.cut_power_after(0);
    let erase = AtaCommand::SecurityEraseUnit { password, enhanced: false };
    assert!(ata(&ssd, erase).is_err());
    assert_eq!((ssd.n_old_sectors(), other.n_old_sectors()), (N_SECTORS, N_SECTORS));
}
