//! After a restart: an earlier record and a second look.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use drive::sim::{Access, Fault, Lie, SimDrive};
use protocol::api::VerifiedBefore;
use protocol::{Claim, DriveIdentity, PlannedDrive, Sha256Digest, Step, TicketId};
use sanitize::{
    ConsentedDrive, Failed, FailureCause, MIN_SAMPLED_SECTORS, Target, Verified, Watch,
};

use crate::rig::{
    consented, dirty_drive, identity, planned, sanitize, secrets, sector_size, silent,
};

/// 8,192 sectors of 4 KiB.
const SIZE: u64 = 32 << 20;
const SEED: [u8; 32] = [7; 32];

/// A drive that was verified, lost power, and what the journal holds of it.
fn before(lie: Lie) -> (SimDrive, VerifiedBefore) {
    let drive = dirty_drive("A", SIZE);
    drive.lie(lie);
    let verified = sanitize(&drive, &identity("A", SIZE)).unwrap();
    let evidence = verified.evidence().clone();
    drive.power_cut();
    drive.power_on();
    (
        drive,
        VerifiedBefore {
            evidence,
            record: Sha256Digest::from_bytes([8; 32]),
            seen_again: false,
            was_off: true,
        },
    )
}

fn confirm(
    drive: &SimDrive,
    identity: &DriveIdentity,
    previous: VerifiedBefore,
    written: &[Range<u64>],
) -> Result<Verified, Box<Failed>> {
    let stop = AtomicBool::new(false);
    let target = Target::claim(Box::new(drive.clone()), consented(identity))?;
    target.confirm(previous, written, &SEED, Watch::new(&silent, &stop))
}

#[test]
fn a_drive_that_is_still_zero_outside_the_image_is_confirmed() {
    let (drive, previous) = before(Lie::Honest);
    drive.plant(0, &[0xee; 3 << 20]);
    let written = std::slice::from_ref(&(0..3 << 20));
    let verified = confirm(&drive, &identity("A", SIZE), previous.clone(), written).unwrap();
    assert_eq!(verified.evidence(), &previous.evidence);
    let confirmed = Step::VerificationConfirmed {
        drive: identity("A", SIZE),
        record: previous.record,
        sectors_sampled: MIN_SAMPLED_SECTORS,
    };
    assert_eq!(verified.to_step(), confirmed);
    let (_, _, proven) = verified.into_parts();
    assert!(!proven.covers(&(SIZE - 4096..SIZE)), "nothing is proven zero after a restart");
}

#[test]
fn a_drive_that_forgot_everything_passes_in_one_boot_and_not_in_the_next() {
    // The one lie that a single boot cannot see: everything is answered out of the drive's memory.
    let (drive, previous) = before(Lie::ForgetsAtPowerCycle);
    assert_eq!(drive.n_old_sectors(), SIZE / 4096);
    let failed = confirm(&drive, &identity("A", SIZE), previous, &[]).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::BadRanges), "{failed}");
    assert_eq!(failed.bad_bytes.0, MIN_SAMPLED_SECTORS * 4096);
}

#[test]
fn records_of_something_else_confirm_nothing() {
    let (drive, previous) = before(Lie::Honest);
    let mut of_other_drive = previous.clone();
    of_other_drive.evidence.drive.serial = "B".into();
    let mut of_other_claim = previous.clone();
    of_other_claim.evidence.claim = Claim::Purge;
    for record in [of_other_drive, of_other_claim] {
        let failed = confirm(&drive, &identity("A", SIZE), record, &[]).unwrap_err();
        assert!(matches!(failed.cause, FailureCause::OtherRecord { .. }), "{failed}");
    }
    let swapped = dirty_drive("B", SIZE);
    let failed = confirm(&swapped, &identity("A", SIZE), previous, &[]).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::OtherDrive { .. }), "{failed}");
}

#[test]
fn what_cannot_be_seen_is_not_confirmed() {
    let (drive, previous) = before(Lie::Honest);
    let nearly_all = std::slice::from_ref(&(0..SIZE - 4095 * 4096));
    let failed = confirm(&drive, &identity("A", SIZE), previous.clone(), nearly_all).unwrap_err();
    assert!(
        matches!(failed.cause, FailureCause::TooFewSectors { available: 4095, .. }),
        "{failed}"
    );

    let last = SIZE / 4096 - 1;
    drive.add_fault(Fault { sectors: last..last + 1, access: Access::Read, times: None });
    let failed = confirm(&drive, &identity("A", SIZE), previous, &[]).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::BadRanges), "{failed}");
}

/// Consent to put an image on a drive that finished work has proven.
fn to_install(record: Sha256Digest) -> ConsentedDrive {
    let proven_by = Some(record);
    let planned = PlannedDrive { proven_by, ..planned(identity("A", LARGE)) };
    ConsentedDrive::by_hand(&planned, "A", TicketId::from_bytes([6; 16])).unwrap()
}

/// A sample of 4,096 of 131,072 sectors misses a single one most of the time.
const LARGE: u64 = 512 << 20;

fn finished() -> (SimDrive, VerifiedBefore) {
    let drive = SimDrive::new(identity("A", LARGE), sector_size(4096));
    let verified = sanitize(&drive, &identity("A", LARGE)).unwrap();
    let record = Sha256Digest::from_bytes([8; 32]);
    let evidence = verified.evidence().clone();
    (drive, VerifiedBefore { evidence, record, seen_again: true, was_off: true })
}

#[test]
fn what_finished_work_left_is_looked_at_and_never_sanitized_again() {
    let (drive, previous) = finished();
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let target = || Target::claim(Box::new(drive.clone()), to_install(previous.record)).unwrap();
    assert!(!to_install(previous.record).takes_password());
    let failed = target().sanitize(secrets(), watch).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::NotToBeSanitized), "{failed}");
    let confirmed = target().confirm(previous.clone(), &[], &SEED, watch).unwrap();
    assert!(confirmed.confirmation().unwrap().sectors_sampled > MIN_SAMPLED_SECTORS);
    drop(confirmed);
    let record = Sha256Digest::from_bytes([9; 32]);
    let of_another = VerifiedBefore { record, ..previous.clone() };
    let failed = target().confirm(of_another, &[], &SEED, watch).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::OtherRecord { .. }), "{failed}");

    // One sector at either end, where partition tables stand: no sample is left to chance there.
    for at in [4096, (1 << 20) - 4096, LARGE - (1 << 20), LARGE - 2 * 4096] {
        let (drive, previous) = finished();
        drive.plant(at, b"EFI PART");
        let target = Target::claim(Box::new(drive), to_install(previous.record)).unwrap();
        let failed = target.confirm(previous, &[], &SEED, watch).unwrap_err();
        assert_eq!((failed.n_bad_ranges, failed.bad_ranges[0].offset), (1, at), "{failed}");
    }
}
