//! Drives that say one thing and do another.

use std::sync::atomic::AtomicBool;

use drive::sim::{Kind, Lie, NvmeDevice, SimDrive};
use proptest::prelude::*;
use protocol::api::VerifiedBefore;
use protocol::event::BadCause;
use protocol::{Sha256Digest, Stage, Technique, TicketId};
use sanitize::{ConsentedDrive, FailureCause, MAX_LISTED_RANGES, Target, Watch};

use crate::rig::{
    Eraser, SIZE, consented, devices, dirty_drive, erasers, identity, is_dirty, sanitize, secrets,
    silent,
};

const N_SECTORS: u64 = SIZE / 4096;

fn liar(lie: Lie) -> SimDrive {
    let drive = dirty_drive("LIAR", SIZE);
    drive.lie(lie);
    drive
}

#[test]
fn no_liar_ends_verified() {
    for lie in [
        Lie::KeepsAll,
        Lie::KeepsOneIn(1000),
        Lie::KeepsOneIn(2),
        Lie::KeepsRange(0..1),
        Lie::KeepsRange(N_SECTORS - 1..N_SECTORS),
        Lie::KeepsRange(1111..1114),
        Lie::ZerosUntilPowerCycle,
        Lie::Wraps(1024),
        Lie::Wraps(2048),
    ] {
        let drive = liar(lie.clone());
        let failed = sanitize(&drive, &identity("LIAR", SIZE)).expect_err(&format!("{lie:?}"));
        let is_named =
            matches!(failed.cause, FailureCause::NotStored { .. } | FailureCause::BadRanges);
        assert!(is_named, "{lie:?}: {failed}");
    }
}

#[test]
fn what_is_kept_is_listed_where_it_lies() {
    // Neither a power of two nor an end: only the reading pass can see these.
    let drive = liar(Lie::KeepsRange(1111..1114));
    let failed = sanitize(&drive, &identity("LIAR", SIZE)).unwrap_err();
    assert_eq!(failed.stage, Stage::Verify);
    let [range] = failed.bad_ranges[..] else { panic!("{failed:?}") };
    assert_eq!((range.offset, range.length.0), (1111 * 4096, 3 * 4096));
    assert_eq!(range.cause, BadCause::OldContent);
    assert!(failed.sentence().contains("12.2 kB bad in 1 range"), "{}", failed.sentence());
}

#[test]
fn a_long_list_is_cut_but_counted() {
    let (drive, identity) = (dirty_drive("A", SIZE), identity("A", SIZE));
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let target = Target::claim(Box::new(drive.clone()), consented(&identity)).unwrap();
    let sanitized = target.sanitize(secrets(), watch).unwrap();
    for sector in (1..N_SECTORS).step_by(2) {
        drive.plant(sector * 4096 + 4095, &[1]);
    }
    let failed = sanitized.verify(watch).unwrap_err();
    assert_eq!(failed.bad_ranges.len(), MAX_LISTED_RANGES);
    assert_eq!(failed.n_bad_ranges, N_SECTORS / 2);
    assert_eq!(failed.bad_bytes.0, N_SECTORS / 2 * 4096);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever range a drive keeps and at whatever rate, it never ends verified while old data is on it.
    #[test]
    fn kept_data_is_never_certified(start in 0..N_SECTORS, length in 1_u64..64, one_in in 2_u64..2000, ranged in any::<bool>()) {
        let end = (start + length).min(N_SECTORS);
        let drive = liar(if ranged { Lie::KeepsRange(start..end) } else { Lie::KeepsOneIn(one_in) });
        let ended = sanitize(&drive, &identity("LIAR", SIZE));
        prop_assert_eq!(ended.is_ok(), !is_dirty(&drive, SIZE));
        prop_assert!(!ranged || ended.is_err());
    }
}

/// Drives that acknowledge their own erase commands.
#[test]
fn no_liar_that_erases_itself_ends_verified() {
    for lie in [
        Lie::KeepsAll,
        Lie::KeepsOneIn(1000),
        Lie::ZerosUntilPowerCycle,
        Lie::Wraps(1024),
        Lie::EraseKeepsAll,
        Lie::EraseKeepsOneIn(2),
        // One sector in a thousand: what the bound in the evidence speaks of.
        Lie::EraseKeepsOneIn(1000),
        Lie::LogSaysSuccess,
        Lie::FormatErasesNothing,
    ] {
        for eraser in erasers() {
            let technique = eraser.planned.techniques[0];
            if lie == Lie::FormatErasesNothing && !technique.name().starts_with("nvme-format") {
                continue;
            }
            eraser.drive.lie(lie.clone());
            let failed = eraser.sanitize().expect_err(&format!("{technique:?} {lie:?}"));
            assert!(is_found_out(&failed.cause), "{technique:?} {lie:?}: {failed}");
        }
    }
}

/// In one boot nothing can be seen of it; after the power was off, everything.
#[test]
fn a_drive_that_remembers_until_power_off_is_found_by_the_look_with_fresh_power() {
    for mut eraser in erasers() {
        eraser.planned.techniques.push(Technique::OverwriteZeros);
        eraser.planned.proof.power_cycle = true;
        eraser.drive.lie(Lie::ErasesUntilPowerCycle);
        let verified = eraser.sanitize().unwrap();
        let before = VerifiedBefore {
            evidence: verified.evidence().clone(),
            record: Sha256Digest::from_bytes([1; 32]),
            seen_again: false,
            was_off: true,
        };
        drop(verified);
        eraser.drive.power_cut();
        eraser.drive.power_on();
        let run = TicketId::from_bytes([8; 16]);
        let consent = ConsentedDrive::by_hand(&eraser.planned, "ERASER", run).unwrap();
        let stop = AtomicBool::new(false);
        let target = Target::claim(Box::new(eraser.drive.clone()), consent).unwrap();
        let failed = target.confirm(before, &[], &[3; 32], Watch::new(&silent, &stop)).unwrap_err();
        assert!(matches!(failed.cause, FailureCause::BadRanges), "{failed}");
    }
}

/// The unit's namespaces are one drive: each is looked at, and what erases the first only is found out in the others.
#[test]
fn a_drive_that_erases_one_of_its_namespaces_is_found_out_in_the_others() {
    for (technique, format_erases_all) in [
        (Technique::NvmeSanitizeBlockErase, false),
        (Technique::NvmeSanitizeCryptoErase, false),
        (Technique::NvmeFormatUserData, true),
        (Technique::NvmeFormatCrypto, true),
    ] {
        for lie in [Lie::Honest, Lie::ErasesOneNamespace] {
            let (_, nvme) = devices();
            let several = NvmeDevice { namespaces: 4, format_erases_all, ..nvme };
            let eraser = Eraser::new(Kind::Nvme(several), &[technique]);
            eraser.drive.lie(lie.clone());
            let is_honest = lie == Lie::Honest;
            match eraser.sanitize() {
                Ok(verified) => {
                    assert!(is_honest, "{technique:?} was believed");
                    assert_eq!(eraser.drive.n_old_sectors(), 0);
                    // Controller, four namespaces, log.
                    assert_eq!(verified.evidence().after.len(), 6);
                }
                Err(failed) => {
                    assert!(!is_honest && is_found_out(&failed.cause), "{technique:?}: {failed}");
                }
            }
        }
    }
}

/// Format NVM of one namespace leaves the others: each is formatted by a command of its own.
#[test]
fn every_namespace_is_formatted() {
    let (_, nvme) = devices();
    let several = NvmeDevice { namespaces: 2, format_erases_all: false, ..nvme };
    let eraser = Eraser::new(Kind::Nvme(several), &[Technique::NvmeFormatUserData]);
    let verified = eraser.sanitize().unwrap();
    assert_eq!(eraser.drive.n_old_sectors(), 0);
    let commands = &verified.evidence().techniques[0].commands;
    let formats: Vec<_> = commands
        .iter()
        .filter(|said| said.name.starts_with("Format NVM"))
        .map(|said| said.request.split(" cdw10").next().unwrap_or_default())
        .collect();
    assert_eq!(formats, ["opcode 80h namespace 1", "opcode 80h namespace 2"]);
}

fn is_found_out(cause: &FailureCause) -> bool {
    matches!(
        cause,
        FailureCause::NotStored { .. }
            | FailureCause::BadRanges
            | FailureCause::CanariesFound { .. }
            | FailureCause::OldContentFound { .. }
            | FailureCause::LogDisagrees { .. }
            | FailureCause::PasswordStays
    )
}
