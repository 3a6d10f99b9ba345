//! The simulated drive keeps its own promises: a test on a drive that is honest by mistake proves nothing.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use drive::sim::{Access, Command, Fault, Lie, SimDrive};
use drive::{AlignedBuf, Drive};
use protocol::{ByteLen, DriveIdentity, SectorSize};

const N_SECTORS: u64 = 64;

fn identity(serial: &str) -> DriveIdentity {
    let (model, serial) = ("SIM".to_owned(), serial.to_owned());
    DriveIdentity { model, serial, wwn: None, size: ByteLen(N_SECTORS * 512) }
}

fn drive() -> SimDrive {
    let drive = SimDrive::new(identity("A"), SectorSize::try_from(512).unwrap());
    drive.fill_with_old_data();
    drive
}

fn read(drive: &SimDrive, sector: u64, n: usize) -> std::io::Result<AlignedBuf> {
    let mut buffer = AlignedBuf::zeroed(n * 512);
    drive.read_at(sector * 512, &mut buffer).map(|()| buffer)
}

fn write(drive: &SimDrive, sector: u64, n: usize, byte: u8) -> std::io::Result<()> {
    drive.write_at(sector * 512, &AlignedBuf::copy_of(&vec![byte; n * 512]))
}

fn is_old(drive: &SimDrive, sector: u64) -> bool {
    let old = self::drive().peek(sector * 512, 512);
    drive.peek(sector * 512, 512) == old
}

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
fn faults_strike_their_sectors_for_as_often_as_they_are_told() {
    let drive = drive();
    drive.add_fault(Fault { sectors: 10..12, access: Access::Read, times: Some(2) });
    drive.add_fault(Fault { sectors: 20..21, access: Access::Write, times: None });
    assert!(read(&drive, 9, 1).is_ok() && read(&drive, 12, 1).is_ok());
    assert!(read(&drive, 0, 64).is_err() && read(&drive, 11, 1).is_err());
    assert!(read(&drive, 10, 2).is_ok(), "healed");
    for _ in 0..3 {
        assert!(write(&drive, 18, 8, 7).is_err());
    }
    drive.flush().unwrap();
    assert_eq!(drive.peek(19 * 512, 1), [7], "what lies before the bad sector may be written");
    assert!(is_old(&drive, 20) && is_old(&drive, 21));
}

fn after_lying(lie: Lie) -> SimDrive {
    let drive = drive();
    drive.lie(lie);
    write(&drive, 0, 64, 0).unwrap();
    drive.flush().unwrap();
    drive
}

#[test]
fn every_lie_is_told_as_described() {
    assert_eq!(after_lying(Lie::Honest).n_old_sectors(), 0);
    assert_eq!(after_lying(Lie::KeepsAll).n_old_sectors(), N_SECTORS);
    let kept = after_lying(Lie::KeepsOneIn(4)).n_old_sectors();
    assert!((5..30).contains(&kept), "{kept} of 64 kept");
    let range = after_lying(Lie::KeepsRange(5..7));
    assert!(range.n_old_sectors() == 2 && is_old(&range, 5) && is_old(&range, 6));

    let zeros = after_lying(Lie::ZerosUntilPowerCycle);
    write(&zeros, 0, 1, 9).unwrap();
    assert_eq!(read(&zeros, 0, 1).unwrap()[0], 0, "zeros whatever was written");
    let forgets = after_lying(Lie::ForgetsAtPowerCycle);
    write(&forgets, 0, 1, 9).unwrap();
    assert_eq!(read(&forgets, 0, 1).unwrap()[0], 9, "as long as it has power");
    for drive in [zeros, forgets] {
        drive.power_cut();
        drive.power_on();
        assert_eq!(drive.n_old_sectors(), N_SECTORS);
        assert!(read(&drive, 0, 1).unwrap().iter().any(|&byte| byte != 0));
    }

    let wraps = drive();
    wraps.lie(Lie::Wraps(16));
    write(&wraps, 33, 1, 5).unwrap();
    assert_eq!(read(&wraps, 1, 1).unwrap()[0], 5);
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
