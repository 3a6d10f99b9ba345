use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use drive::IdentityError;
use drive::sim::{Access, Command, Fault, SimDrive};
use protocol::event::{BadCause, BadRange};
use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::*;
use crate::overwrite::{Fill, overwrite};

/// Three whole requests and a part of one.
const SIZE: u64 = 13 << 20;
const REQUEST: u64 = REQUEST_LEN as u64;
const SECTOR: u64 = 4096;

fn drive() -> SimDrive {
    let (model, serial) = ("SIMULATED DISK".to_owned(), "A".to_owned());
    let identity = DriveIdentity { model, serial, wwn: None, size: ByteLen(SIZE) };
    SimDrive::new(identity, SectorSize::try_from(4096).unwrap())
}

fn key() -> PatternKey {
    PatternKey::new(*b"sixteen of them.")
}

fn watched<T>(work: impl FnOnce(Watch<'_>) -> T) -> T {
    let (silent, stop) = (|_: Doing, _: ByteLen, _: ByteLen| {}, AtomicBool::new(false));
    work(Watch::new(&silent, &stop))
}

fn full(drive: &dyn Drive, expect: Expect<'_>) -> Result<ReadBack, PassFailure> {
    watched(|watch| read_back(drive, Extent::Full, expect, watch))
}

fn bad_ranges(failure: Result<ReadBack, PassFailure>) -> Vec<BadRange> {
    let (_, bad, cause) = failure.unwrap_err();
    assert!(matches!(cause, FailureCause::BadRanges), "{cause}");
    bad.into_listed()
}

fn bad(offset: u64, length: u64, cause: BadCause) -> BadRange {
    BadRange { offset, length: ByteLen(length), cause }
}

fn with_pattern() -> SimDrive {
    let drive = drive();
    let observed = watched(|watch| overwrite(&drive, Fill::Pattern(&key()), watch)).unwrap();
    assert_eq!((observed.bytes, observed.zones.len()), (ByteLen(SIZE), 100));
    drive
}

#[test]
fn a_pattern_is_read_back_by_its_key_and_no_other() {
    let drive = with_pattern();
    let read = full(&drive, Expect::Pattern(&key())).unwrap();
    assert_eq!((read.observed.bytes, read.zeros), (ByteLen(SIZE), 0));
    assert!(read.zero_extents.is_empty());
    let mut expected = vec![0; usize::try_from(SIZE).unwrap()];
    key().fill(0, &mut expected);
    assert_eq!(drive.peek(0, expected.len()), expected);

    let other = PatternKey::new([0; 16]);
    let found = bad_ranges(full(&drive, Expect::Pattern(&other)));
    assert_eq!(found, [bad(0, SIZE, BadCause::OldContent)]);
}

#[test]
fn a_pattern_reaches_the_drive_in_pieces_where_it_must() {
    let drive = drive();
    drive.add_fault(Fault { sectors: 1500..1501, access: Access::Write, times: Some(3) });
    let observed = watched(|watch| overwrite(&drive, Fill::Pattern(&key()), watch)).unwrap();
    assert_eq!(observed.retries, 3);
    full(&drive, Expect::Pattern(&key())).unwrap();
}

#[test]
fn everything_wrong_is_listed_in_the_order_of_the_drive() {
    let drive = with_pattern();
    let at = REQUEST + 8 * SECTOR;
    drive.plant(at + 100, b"old");
    drive.add_fault(Fault {
        sectors: at / SECTOR + 1..at / SECTOR + 2,
        access: Access::Read,
        times: None,
    });
    drive.plant(at + 2 * SECTOR, &vec![0; 2 * usize::try_from(SECTOR).unwrap()]);
    drive.plant(SIZE - 1, b"?");
    let found = bad_ranges(full(&drive, Expect::Pattern(&key())));
    let expected = [
        bad(at, SECTOR, BadCause::OldContent),
        bad(at + SECTOR, SECTOR, BadCause::ReadError),
        bad(at + 2 * SECTOR, 2 * SECTOR, BadCause::OldContent),
        bad(SIZE - SECTOR, SECTOR, BadCause::OldContent),
    ];
    assert_eq!(found, expected);
}

#[test]
fn zeros_are_counted_by_sector_and_extended_by_whole_requests() {
    let drive = drive();
    drive.plant(REQUEST, &[1]);
    let read = full(&drive, Expect::Judge(&|_, _, _| ())).unwrap();
    assert_eq!(read.zeros, SIZE - SECTOR);
    assert_eq!(read.zero_extents, [0..REQUEST, 2 * REQUEST..SIZE]);
    let found = bad_ranges(full(&drive, Expect::Zeros));
    assert_eq!(found, [bad(REQUEST, SECTOR, BadCause::OldContent)]);
}

#[test]
fn a_judge_sees_every_byte_once_in_order_and_its_word_counts() {
    let drive = drive();
    drive.plant(REQUEST + 3 * SECTOR, b"canary");
    let next = Mutex::new(0);
    let judge = |offset: u64, content: &[u8], found: &mut Vec<Range<usize>>| {
        let mut next = next.lock().unwrap();
        assert_eq!(offset, *next);
        *next += content.len() as u64;
        let sectors = content.chunks(4096).enumerate();
        let marked = sectors.filter(|(_, sector)| sector.starts_with(b"canary"));
        found.extend(marked.map(|(number, _)| number * 4096..(number + 1) * 4096));
    };
    let found = bad_ranges(full(&drive, Expect::Judge(&judge)));
    assert_eq!(found, [bad(REQUEST + 3 * SECTOR, SECTOR, BadCause::OldContent)]);
    assert_eq!(*next.lock().unwrap(), SIZE);
}

#[test]
fn a_sampled_pass_reads_its_ranges_and_nothing_else() {
    let drive = drive();
    let (seed, commands) = ([9; 32], std::sync::Arc::new(Mutex::new(Vec::new())));
    let log = std::sync::Arc::clone(&commands);
    drive.on_command(move |command| log.lock().unwrap().push(command));
    let read = watched(|watch| read_back(&drive, Extent::Sampled(&seed), Expect::Zeros, watch));
    let read = read.unwrap();

    let expected = sampled(SIZE, SECTOR, &seed);
    let commands: Vec<Range<u64>> = commands
        .lock()
        .unwrap()
        .iter()
        .map(|command| match *command {
            Command::Read { offset, length } => offset..offset + length,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(commands, expected);
    assert_eq!(read.observed.bytes, ByteLen(total(&expected)));
    assert_eq!(read.zeros, total(&expected));
    assert!(read.observed.zones.is_empty());
    assert_eq!(total(&read.zero_extents), total(&expected));
    assert!(read.zero_extents.windows(2).all(|pair| pair[0].end < pair[1].start), "joined");
}

#[test]
fn a_pass_that_takes_longer_than_it_may_is_cut_off() {
    let drive = drive();
    drive.on_command(|_| thread::sleep(Duration::from_millis(250)));
    let whole = 0..SIZE;
    let whole = std::slice::from_ref(&whole);
    let limit = Duration::from_millis(400);
    let (done, _, cause) =
        watched(|watch| read_within(limit, &drive, whole, Expect::Zeros, watch)).unwrap_err();
    assert!(matches!(cause, FailureCause::TooSlow { .. }), "{cause}");
    assert!((REQUEST..SIZE).contains(&done), "{done}");
    // An hour, and 5 MB/s on the whole: a disk of 500 GB has 28 hours.
    assert_eq!(time_limit(0), Duration::from_secs(3_600));
    assert_eq!(time_limit(500_107_862_016), Duration::from_secs(3_600 + 100_021));
}

/// Answers reads with success and does not touch the buffer, as a broken driver might.
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
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        // The first request is honest: its buffer comes back to the third, full of good content.
        if offset < REQUEST { self.0.read_at(offset, buffer) } else { Ok(()) }
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write_at(offset, data)
    }
    fn flush(&self) -> std::io::Result<()> {
        self.0.flush()
    }
    fn drop_caches(&self) -> std::io::Result<()> {
        self.0.drop_caches()
    }
}

#[test]
fn what_a_person_sees_or_a_second_look_meets_was_really_read() {
    let hollow = Hollow(drive());
    let mut buffer = drive::AlignedBuf::zeroed(2 * 4096);
    crate::look::read_sectors(&hollow, 0, &mut buffer).unwrap();
    assert!(buffer.iter().all(|&byte| byte == 0));
    let error = crate::look::read_sectors(&hollow, REQUEST, &mut buffer).unwrap_err();
    assert!(error.to_string().contains("gave nothing for sector 0"), "{error}");

    // Sectors enough for a sample. What was not read is no old content, which would condemn the drive.
    let identity = DriveIdentity { serial: "B".to_owned(), ..hollow.identity().unwrap() };
    let hollow = Hollow(SimDrive::new(identity, SectorSize::try_from(512).unwrap()));
    let sampled = watched(|watch| crate::confirm::sample_zeros(&hollow, &[], (&[3; 32], 0), watch));
    let (_, bad, _) = sampled.unwrap_err();
    let ranges = bad.into_listed();
    assert!(!ranges.is_empty());
    assert!(ranges.iter().all(|range| range.cause == BadCause::ReadError), "{ranges:?}");
}

#[test]
fn a_read_that_fills_nothing_passes_for_no_content_at_all() {
    let expected = [bad(REQUEST, SIZE - REQUEST, BadCause::ReadError)];
    let anything = Expect::Judge(&|_, _, _| ());
    for expect in [Expect::Zeros, anything] {
        assert_eq!(bad_ranges(full(&Hollow(drive()), expect)), expected);
    }
    let found = bad_ranges(full(&Hollow(with_pattern()), Expect::Pattern(&key())));
    assert_eq!(found, expected);
}
