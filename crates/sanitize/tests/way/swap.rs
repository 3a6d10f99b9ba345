//! Another drive in the same place.

use protocol::Stage;
use sanitize::FailureCause;

use crate::rig::{SIZE, dirty_drive, identity, sanitize};

const N_SECTORS: u64 = SIZE / 4096;

#[test]
fn a_drive_that_was_not_consented_to_is_not_touched() {
    let drive = dirty_drive("B", SIZE);
    let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
    assert!(matches!(&failed.cause, FailureCause::OtherDrive { found } if found.serial == "B"));
    assert!(failed.sentence().contains("serial B"), "{}", failed.sentence());
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn a_drive_that_is_swapped_before_the_first_write_is_not_touched() {
    // Command 0 is the identity at the claim, command 1 that just before the first write.
    for after in [0, 1] {
        let (drive, other) = (dirty_drive("A", SIZE), dirty_drive("B", SIZE));
        drive.swap_after(after, &other);
        let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
        assert_eq!(failed.stage, Stage::Sanitize);
        assert!(matches!(failed.cause, FailureCause::OtherDrive { .. }), "{failed}");
        assert_eq!(other.n_old_sectors(), N_SECTORS, "bit-identical");
        assert_eq!(drive.n_old_sectors(), N_SECTORS, "bit-identical");
    }
}

#[test]
fn a_clean_drive_that_answers_in_place_of_the_dirty_one_is_no_evidence() {
    let whole = dirty_drive("A", SIZE);
    sanitize(&whole, &identity("A", SIZE)).unwrap();
    for after in 2..whole.n_commands() {
        let (drive, other) = (
            dirty_drive("A", SIZE),
            drive::sim::SimDrive::new(identity("B", SIZE), crate::rig::sector_size(4096)),
        );
        drive.swap_after(after, &other);
        let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
        let is_named = matches!(
            failed.cause,
            FailureCause::OtherDrive { .. } | FailureCause::NotStored { .. }
        );
        assert!(is_named, "command {after}: {failed}");
    }
}
