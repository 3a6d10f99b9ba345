//! Stages run by hand: consent by a typed serial number, and looking without consent.

use std::sync::atomic::AtomicBool;

use drive::sim::{Command, SimDrive};
use protocol::event::{BadCause, BadRange};
use protocol::{ByteLen, TicketId};
use sanitize::{Blank, ConsentError, ConsentedDrive, FailureCause, Looked, Target, Watch, look};

use crate::rig::{SIZE, dirty_drive, identity, is_dirty, planned, secrets, sector_size, silent};

const RUN: TicketId = TicketId::from_bytes([7; 16]);

fn typed(serial: &str) -> Result<ConsentedDrive, ConsentError> {
    ConsentedDrive::by_hand(&planned(identity("S1 A-b", SIZE)), serial, RUN)
}

#[test]
fn only_the_whole_serial_letter_for_letter_is_consent() {
    assert_eq!(typed("S1 A-b").unwrap().identity(), &identity("S1 A-b", SIZE));
    for wrong in ["", " ", "S1", "S1 a-b", "s1 A-b", " S1 A-b", "S1 A-b ", "S1 A-b\n", "y", "yes"] {
        let refused = typed(wrong).unwrap_err();
        assert!(matches!(refused, ConsentError::Serial { .. }), "{wrong:?}");
        assert!(refused.to_string().contains("S1 A-b"), "{refused}");
    }
}

#[test]
fn a_drive_without_a_serial_cannot_be_named_by_typing_nothing() {
    assert!(ConsentedDrive::by_hand(&planned(identity("", SIZE)), "", RUN).is_err());
}

#[test]
fn consent_by_hand_leads_to_the_same_evidence_and_to_no_other_drive() {
    let (a, b) = (dirty_drive("A", SIZE), dirty_drive("B", SIZE));
    let consent = || ConsentedDrive::by_hand(&planned(identity("A", SIZE)), "A", RUN).unwrap();
    let refused = Target::claim(Box::new(b.clone()), consent()).unwrap_err();
    assert!(matches!(refused.cause, FailureCause::OtherDrive { .. }), "{refused}");
    assert!(is_dirty(&b, SIZE));

    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let target = Target::claim(Box::new(a.clone()), consent()).unwrap();
    let verified = target.sanitize(secrets(), watch).unwrap().verify(watch).unwrap();
    assert_eq!(verified.evidence().drive, identity("A", SIZE));
    assert_eq!(verified.evidence().verification.bytes, ByteLen(SIZE));
    assert!(!is_dirty(&a, SIZE));
}

/// A drive on which every write is a failed test.
fn unwritable(plants: &[u64]) -> SimDrive {
    let drive = SimDrive::new(identity("A", SIZE), sector_size(4096));
    for &offset in plants {
        drive.plant(offset, &[1]);
    }
    drive.on_command(|command| {
        let touches = matches!(command, Command::Write { .. } | Command::Flush);
        assert!(!touches, "{command:?} while looking");
    });
    drive
}

#[test]
fn looking_names_every_sector_that_is_not_zero_and_writes_nothing() {
    let stop = AtomicBool::new(false);
    let last = SIZE - 1;
    for (plants, expected) in [
        (vec![], vec![]),
        (vec![0], vec![(0, 4096)]),
        (vec![4096 + 7, 8192, last], vec![(4096, 8192), (SIZE - 4096, 4096)]),
    ] {
        let seen =
            look(&unwritable(&plants), &identity("A", SIZE), Watch::new(&silent, &stop)).unwrap();
        let range = |&(offset, length): &(u64, u64)| BadRange {
            offset,
            length: ByteLen(length),
            cause: BadCause::OldContent,
        };
        assert_eq!(seen.ranges, expected.iter().map(range).collect::<Vec<_>>());
        assert_eq!((seen.read, seen.is_zero()), (ByteLen(SIZE), plants.is_empty()));
    }
}

#[test]
fn a_stopped_look_says_how_far_it_was_and_nothing_else() {
    let stop = AtomicBool::new(true);
    let a = identity("A", SIZE);
    let failed = look(&unwritable(&[]), &a, Watch::new(&silent, &stop)).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::Stopped));
    assert!(failed.to_string().contains("after 0 B"), "{failed}");
}

#[test]
fn another_drive_than_expected_is_not_looked_at() {
    let stop = AtomicBool::new(false);
    let drive = unwritable(&[]);
    let failed = look(&drive, &identity("B", SIZE), Watch::new(&silent, &stop)).unwrap_err();
    assert!(matches!(failed.cause, FailureCause::OtherDrive { .. }), "{failed}");
    assert_eq!(drive.n_commands(), 1, "more than the question who it is");
}

#[test]
fn only_zeros_throughout_are_blank() {
    let looked = |drive: SimDrive| {
        let stop = AtomicBool::new(false);
        let consent = ConsentedDrive::by_hand(&planned(identity("A", SIZE)), "A", RUN).unwrap();
        Target::claim(Box::new(drive), consent).unwrap().look(Watch::new(&silent, &stop)).unwrap()
    };
    let Looked::Blank(blank) = looked(unwritable(&[])) else { panic!("zeros are not blank") };
    assert!(blank.receives_image());
    let (_, proven) = Blank::into_parts(blank);
    assert!(proven.covers(&(0..SIZE)));
    let Looked::NotBlank(seen) = looked(unwritable(&[SIZE - 1])) else { panic!("not zeros") };
    assert_eq!(seen.n_ranges, 1);
}
