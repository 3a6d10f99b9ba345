//! Drives with bad sectors.

use drive::sim::{Access, Fault};
use proptest::prelude::*;
use protocol::event::{BadCause, BadRange};
use protocol::{ByteLen, Stage};
use sanitize::FailureCause;

use crate::rig::{SIZE, dirty_drive, identity, is_dirty, overwrite, sanitize};

const N_SECTORS: u64 = SIZE / 4096;

fn fault(sectors: std::ops::Range<u64>, access: Access, times: Option<u32>) -> Fault {
    Fault { sectors, access, times }
}

fn range(sectors: std::ops::Range<u64>, cause: BadCause) -> BadRange {
    let length = ByteLen((sectors.end - sectors.start) * 4096);
    BadRange { offset: sectors.start * 4096, length, cause }
}

#[test]
fn sectors_that_refuse_writes_are_listed_and_all_others_overwritten() {
    let drive = dirty_drive("A", SIZE);
    for sectors in [0..1, 700..703, N_SECTORS - 1..N_SECTORS] {
        drive.add_fault(fault(sectors, Access::Write, None));
    }
    let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
    assert_eq!(failed.stage, Stage::Sanitize);
    assert!(matches!(failed.cause, FailureCause::BadRanges), "{failed}");
    let expected = [0..1, 700..703, N_SECTORS - 1..N_SECTORS];
    assert_eq!(failed.bad_ranges, expected.map(|sectors| range(sectors, BadCause::WriteError)));
    assert_eq!(failed.done, ByteLen(SIZE - 5 * 4096));
    assert_eq!(drive.n_old_sectors(), 5, "only what refused is left");
}

#[test]
fn sectors_that_refuse_reads_are_listed() {
    let drive = dirty_drive("A", SIZE);
    drive.add_fault(fault(1500..1501, Access::Read, None));
    let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
    assert_eq!(failed.stage, Stage::Verify);
    assert_eq!(failed.bad_ranges, [range(1500..1501, BadCause::ReadError)]);
}

#[test]
fn what_succeeds_in_smaller_pieces_is_evidence_with_its_retries() {
    let drive = dirty_drive("A", SIZE);
    drive.add_fault(fault(300..301, Access::Write, Some(2)));
    drive.add_fault(fault(2000..2001, Access::Read, Some(1)));
    let verified = sanitize(&drive, &identity("A", SIZE)).unwrap();
    assert_eq!(overwrite(verified.evidence()).retries, 2);
    assert_eq!(verified.evidence().verification.retries, 1);
    assert_eq!(verified.evidence().verification.bytes, ByteLen(SIZE));
    assert!(!is_dirty(&drive, SIZE));
}

#[test]
fn a_drive_that_refuses_everything_ends() {
    let drive = dirty_drive("A", SIZE);
    drive.add_fault(fault(0..N_SECTORS, Access::Write, None));
    let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
    assert_eq!(failed.bad_ranges, [range(0..N_SECTORS, BadCause::WriteError)]);
    assert_eq!((failed.done, failed.bad_bytes), (ByteLen(0), ByteLen(SIZE)));
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn a_dead_drive_is_given_up_sector_by_sector_but_not_as_a_whole() {
    // 32,768 sectors: to cut every request down to each of them would take a dying disk days.
    let size = 128 << 20;
    let drive = dirty_drive("A", size);
    drive.add_fault(fault(0..size / 4096 - 1024, Access::Write, None));
    let failed = sanitize(&drive, &identity("A", size)).unwrap_err();
    assert_eq!(failed.bad_ranges, [range(0..size / 4096 - 1024, BadCause::WriteError)]);
    assert_eq!(drive.n_old_sectors(), size / 4096 - 1024, "the part that works is overwritten");
    assert!(drive.n_commands() < 20_100, "{} commands", drive.n_commands());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The list names exactly the bad sectors, and nothing is certified while there is one.
    #[test]
    fn exactly_the_bad_sectors_are_listed(bad in proptest::collection::btree_set(0..N_SECTORS, 0..20), write in any::<bool>()) {
        let (access, cause) =
            if write { (Access::Write, BadCause::WriteError) } else { (Access::Read, BadCause::ReadError) };
        let drive = dirty_drive("A", SIZE);
        for &sector in &bad {
            drive.add_fault(fault(sector..sector + 1, access, None));
        }
        match sanitize(&drive, &identity("A", SIZE)) {
            Ok(_) => prop_assert!(bad.is_empty()),
            Err(failed) => {
                let listed: Vec<u64> = failed
                    .bad_ranges
                    .iter()
                    .flat_map(|range| range.offset / 4096..(range.offset + range.length.0) / 4096)
                    .collect();
                prop_assert_eq!(listed, bad.iter().copied().collect::<Vec<u64>>());
                prop_assert!(failed.bad_ranges.iter().all(|range| range.cause == cause));
            }
        }
    }
}
