//! Honest drives.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use drive::sim::{Command, SimDrive};
use drive::{Drive, IdentityError};
use protocol::{ByteLen, DriveIdentity, SectorSize, Step};
use sanitize::{Doing, FailureCause, Target, Watch};

use crate::rig::{
    SIZE, consented, dirty_drive, identity, is_dirty, overwrite, sanitize, secrets, silent,
};

#[test]
fn an_honest_drive_ends_verified_with_nothing_left() {
    for size in [4096, 8192, 4 << 20, (4 << 20) + 4096, SIZE] {
        let identity = identity("A", size);
        let drive = dirty_drive("A", size);
        assert!(is_dirty(&drive, size));
        let verified = sanitize(&drive, &identity).unwrap();
        assert!(!is_dirty(&drive, size), "{size}");

        let Step::Verified(evidence) = verified.to_step() else { panic!("{verified:?}") };
        assert_eq!(evidence.drive, identity);
        assert_eq!((overwrite(&evidence).bytes, overwrite(&evidence).retries), (ByteLen(size), 0));
        assert_eq!(
            (evidence.verification.bytes, evidence.verification.retries),
            (ByteLen(size), 0)
        );
        assert!(verified.receives_image() && verified.confirmation().is_none());

        let (still_open, _, proven) = verified.into_parts();
        assert!(proven.covers(&(0..size)) && !proven.covers(&(0..size + 1)));
        assert_eq!(still_open.identity().unwrap(), identity);
    }
}

#[test]
fn overwriting_reports_its_steps_and_progress_to_the_end() {
    let (drive, identity) = (dirty_drive("A", SIZE), identity("A", SIZE));
    let seen = RefCell::new(Vec::new());
    let note =
        |doing: Doing, done: ByteLen, total: ByteLen| seen.borrow_mut().push((doing, done, total));
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&note, &stop);
    let target = Target::claim(Box::new(drive.clone()), consented(&identity)).unwrap();
    assert!(matches!(target.to_step(), Step::SanitizeStarted { drive, .. } if drive == identity));
    let sanitized = target.sanitize(secrets(), watch).unwrap();
    assert!(matches!(sanitized.to_step(), Step::Sanitized { observed, .. } if observed.len() == 1));
    sanitized.verify(watch).unwrap();

    let seen = seen.into_inner();
    for doing in [Doing::Overwriting, Doing::ReadingBack] {
        let last = seen.iter().rfind(|(of, _, _)| *of == doing).unwrap();
        assert_eq!((last.1, last.2), (ByteLen(SIZE), ByteLen(SIZE)));
    }
}

/// Records the commands of a whole run.
fn commands_of(drive: &SimDrive) -> Vec<Command> {
    let commands = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&commands);
    drive.on_command(move |command| log.lock().unwrap().push(command));
    sanitize(drive, &identity("A", SIZE)).unwrap();
    commands.lock().unwrap().clone()
}

#[test]
fn commands_come_in_the_order_that_is_promised() {
    let commands = commands_of(&dirty_drive("A", SIZE));
    let first_write = commands.iter().position(|c| matches!(c, Command::Write { .. })).unwrap();
    assert_eq!(
        commands[first_write - 1],
        Command::Identify,
        "identity just before the first write"
    );
    // Probe marks come before; the overwriting pass has the large requests.
    let is_large = |c: &Command| matches!(c, Command::Write { length, .. } if *length > 4096);
    let first_pass = commands.iter().position(is_large).unwrap();
    assert_eq!(commands[first_pass - 1], Command::Identify, "and before the pass");
    assert_eq!(commands.last(), Some(&Command::Identify), "identity after the last read");

    let last_write = commands.iter().rposition(|c| matches!(c, Command::Write { .. })).unwrap();
    assert_eq!(commands[last_write + 1], Command::Flush, "flush after the last write");
    // The reading pass begins at the first byte and covers the drive without gap or overlap.
    let mut next = 0;
    // What it says of itself comes last but one.
    for command in &commands[last_write + 2..commands.len() - 2] {
        let Command::Read { offset, length } = *command else { panic!("{command:?}") };
        assert_eq!(offset, next);
        next += length;
    }
    assert_eq!(next, SIZE);
}

#[test]
fn a_stop_is_obeyed_before_the_next_request_and_is_no_success() {
    let n_commands = commands_of(&dirty_drive("A", SIZE)).len();
    for n in 0..n_commands {
        let drive = dirty_drive("A", SIZE);
        let identity = identity("A", SIZE);
        let stop = Arc::new(AtomicBool::new(false));
        let target = Target::claim(Box::new(drive.clone()), consented(&identity)).unwrap();
        let (hand, left) = (Arc::clone(&stop), std::sync::atomic::AtomicUsize::new(n));
        drive.on_command(move |_| {
            let is_last =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            hand.store(is_last.is_err(), Ordering::Relaxed);
        });
        let watch = Watch::new(&silent, &stop);
        let ended = target.sanitize(secrets(), watch).and_then(|sanitized| sanitized.verify(watch));
        match ended {
            Err(failed) => {
                assert!(matches!(failed.cause, FailureCause::Stopped), "{failed}");
                assert!(
                    failed.sentence().contains("data may still be on it"),
                    "{}",
                    failed.sentence()
                );
            }
            // Stopped at the last read, the report after it or the last identity check: everything has been seen.
            Ok(_) => assert!(n + 4 >= n_commands && !is_dirty(&drive, SIZE), "{n} of {n_commands}"),
        }
    }
}

#[test]
fn the_slowest_request_is_part_of_the_evidence() {
    let drive = dirty_drive("A", SIZE);
    drive.on_command(|command| {
        if matches!(command, Command::Write { offset: 0x40_0000, length: 0x40_0000 }) {
            std::thread::sleep(Duration::from_millis(60));
        }
    });
    let verified = sanitize(&drive, &identity("A", SIZE)).unwrap();
    let overwrite = overwrite(verified.evidence());
    assert!(overwrite.worst_request_ms >= 60, "{overwrite:?}");
    assert!(overwrite.duration_ms >= overwrite.worst_request_ms, "{overwrite:?}");
}

/// Answers large reads with success and does not touch the buffer, as a broken driver might.
struct Hollow(SimDrive);

impl Drive for Hollow {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        self.0.identity()
    }
    fn size(&self) -> ByteLen {
        self.0.size()
    }
    fn sector_size(&self) -> SectorSize {
        self.0.sector_size()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if buffer.len() > 4096 { Ok(()) } else { self.0.read_at(offset, buffer) }
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
    fn drop_caches(&self) -> io::Result<()> {
        self.0.drop_caches()
    }
}

#[test]
fn a_read_that_fills_nothing_does_not_pass_for_zeros() {
    let identity = identity("A", SIZE);
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let drive = Box::new(Hollow(dirty_drive("A", SIZE)));
    let target = Target::claim(drive, consented(&identity)).unwrap();
    let failed = target.sanitize(secrets(), watch).unwrap().verify(watch).unwrap_err();
    assert_eq!(failed.bad_bytes, ByteLen(SIZE), "{failed}");
}

#[test]
fn sectors_of_another_size_than_planned_are_refused() {
    let identity = identity("A", SIZE);
    let drive = SimDrive::new(identity.clone(), crate::rig::sector_size(512));
    drive.fill_with_old_data();
    let failed = sanitize(&drive, &identity).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::SectorSize { .. }), "{failed}");
    assert_eq!(drive.n_old_sectors(), SIZE / 512);
}
