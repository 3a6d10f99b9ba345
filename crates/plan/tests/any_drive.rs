//! Whatever a drive says of itself: no claim above the table, no technique that it does not offer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laptop;

use std::collections::BTreeSet;

use laptop::{MACHINE, ata, drive, laptop};
use proptest::prelude::*;
use protocol::BatchId;
use protocol::drive::{Bus, DriveUnit};
use protocol::features::{
    AtaFeatures, AtaSanitize, EraseFeatures, EraseTime, NvmeFeatures, NvmeSanitize, Rotation,
    SanitizeState,
};
use protocol::job::{Job, JobKind};
use protocol::plan::{Claim, Media, PlannedDrive, Technique};
use rehome_plan::policy;

fn sanitize_states() -> impl Strategy<Value = SanitizeState> {
    prop_oneof![
        Just(SanitizeState::Unknown),
        Just(SanitizeState::Idle),
        any::<u16>().prop_map(SanitizeState::Running),
        Just(SanitizeState::Failed),
        Just(SanitizeState::Frozen),
    ]
}

fn rotations() -> impl Strategy<Value = Rotation> {
    prop_oneof![
        Just(Rotation::NotReported),
        Just(Rotation::NonRotating),
        any::<u16>().prop_map(Rotation::Rpm),
    ]
}

fn ata_drives() -> impl Strategy<Value = DriveUnit> {
    (rotations(), any::<[bool; 10]>(), sanitize_states()).prop_map(|(rotation, bits, state)| {
        let [encrypts_all, crypto_scramble, block_erase, overwrite, ..] = bits;
        ata(rotation, |d: &mut AtaFeatures| {
            d.encrypts_all = encrypts_all;
            d.sanitize = AtaSanitize { crypto_scramble, block_erase, overwrite, state };
            [d.security.supported, d.security.enabled, d.security.locked] =
                [bits[4], bits[5], bits[6]];
            [d.security.frozen, d.security.count_expired, d.security.enhanced] =
                [bits[7], bits[8], bits[9]];
        })
    })
}

fn nvme_drives() -> impl Strategy<Value = DriveUnit> {
    (any::<[bool; 6]>(), sanitize_states()).prop_map(|(bits, state)| {
        let [format, format_erases_all, format_crypto, crypto, block, overwrite] = bits;
        let time = EraseTime::NotReported;
        let (block_time, crypto_time, overwrite_time) = (time, time, time);
        let sanitize = NvmeSanitize {
            crypto,
            block,
            overwrite,
            state,
            block_time,
            crypto_time,
            overwrite_time,
        };
        let features = NvmeFeatures { format, format_erases_all, format_crypto, sanitize };
        DriveUnit { features: EraseFeatures::Nvme(features), ..drive("A", 128) }
    })
}

/// Of any kind, attached as it says or not.
fn drives() -> impl Strategy<Value = DriveUnit> {
    let buses = [Bus::Ata, Bus::Nvme, Bus::Scsi, Bus::Usb, Bus::Mmc, Bus::Other];
    let kind = prop_oneof![ata_drives(), nvme_drives(), Just(drive("A", 128))];
    let bus = proptest::option::weighted(0.3, proptest::sample::select(buses.to_vec()));
    (kind, any::<bool>(), bus).prop_map(|(drive, rotational, bus)| DriveUnit {
        rotational,
        bus: bus.unwrap_or(drive.bus),
        ..drive
    })
}

/// Whether the drive has the command and takes it now: told here a second time, from the standards.
fn can(drive: &DriveUnit, technique: Technique) -> bool {
    let takes = |state| {
        matches!(state, SanitizeState::Idle | SanitizeState::Running(_) | SanitizeState::Failed)
    };
    match (&drive.features, drive.bus) {
        _ if !technique.is_by_drive() => true,
        (EraseFeatures::Ata(d), Bus::Ata) => {
            let security = d.security.supported && !d.security.frozen && !d.security.count_expired;
            let failed = d.sanitize.state == SanitizeState::Failed;
            match technique {
                Technique::AtaSanitizeBlockErase => {
                    d.sanitize.block_erase && takes(d.sanitize.state)
                }
                Technique::AtaSanitizeCryptoScramble => {
                    d.sanitize.crypto_scramble && takes(d.sanitize.state)
                }
                Technique::AtaSanitizeOverwrite => d.sanitize.overwrite && takes(d.sanitize.state),
                Technique::AtaSecurityErase => security && !failed,
                Technique::AtaSecurityEraseEnhanced => security && d.security.enhanced && !failed,
                _ => false,
            }
        }
        (EraseFeatures::Nvme(d), Bus::Nvme) => {
            let failed = d.sanitize.state == SanitizeState::Failed;
            match technique {
                Technique::NvmeSanitizeBlockErase => d.sanitize.block && takes(d.sanitize.state),
                Technique::NvmeSanitizeCryptoErase => d.sanitize.crypto && takes(d.sanitize.state),
                Technique::NvmeSanitizeOverwrite => d.sanitize.overwrite && takes(d.sanitize.state),
                Technique::NvmeFormatUserData => d.format && !failed,
                Technique::NvmeFormatCrypto => d.format && d.format_crypto && !failed,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether Purge may be claimed for the technique: told here a second time, from SP 800-88r1. A drive that does not say
/// what it stores on must have purged both.
fn purges(drive: &DriveUnit, technique: Technique) -> bool {
    let (encrypts_all, rotation) = match &drive.features {
        EraseFeatures::Ata(d) => (d.encrypts_all, d.rotation),
        EraseFeatures::Nvme(_) => (false, Rotation::NonRotating),
        EraseFeatures::None {} if drive.bus == Bus::Nvme => (false, Rotation::NonRotating),
        EraseFeatures::None {} => (false, Rotation::NotReported),
    };
    let both = technique == Technique::AtaSanitizeCryptoScramble && encrypts_all;
    both || match rotation {
        Rotation::NotReported => false,
        Rotation::Rpm(_) => matches!(
            technique,
            Technique::AtaSanitizeOverwrite | Technique::AtaSecurityEraseEnhanced
        ),
        Rotation::NonRotating => matches!(
            technique,
            Technique::AtaSanitizeBlockErase
                | Technique::NvmeSanitizeBlockErase
                | Technique::NvmeSanitizeOverwrite
                | Technique::NvmeFormatUserData
        ),
    }
}

fn check(planned: &PlannedDrive, drive: &DriveUnit, rule: &protocol::policy::Rule, ours: bool) {
    assert!(planned.techniques.iter().all(|technique| can(drive, *technique)));
    let purged = planned.techniques.iter().any(|technique| purges(drive, *technique));
    assert_eq!(planned.claim == Claim::Purge, purged);
    assert!(planned.claim >= rule.at_least);
    assert_eq!(planned.reasons.is_empty(), purged);
    // Throwing away a key is never all that is done, unless that purges.
    let is_key = |done: &Technique| done.name().contains("crypto");
    assert!(purged || !planned.techniques.iter().all(is_key));
    assert!(rule.techniques.contains(&planned.techniques[0]));
    assert!(planned.techniques.len() == 1 || planned.techniques.last() == rule.then.as_ref());
    if let Some(then) = rule.then {
        assert_eq!(planned.techniques.iter().filter(|done| **done == then).count(), 1);
    }
    if let EraseFeatures::Ata(d) = &drive.features {
        let has_password = d.security.enabled || d.security.locked;
        assert_eq!(planned.unlock, has_password);
        assert!(!has_password || ours && !d.security.frozen && !d.security.count_expired);
        let failed = d.sanitize.state == SanitizeState::Failed;
        assert!(!failed || planned.techniques[0].name().starts_with("ata-sanitize-"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_claim_above_the_table_and_no_technique_that_is_not_offered(
        drive in drives(),
        ours in any::<bool>(),
        policy in proptest::sample::select(policy::builtin().to_vec()),
    ) {
        let our_locks: BTreeSet<_> = drive.identity.iter().filter(|_| ours).cloned().collect();
        let job = Job { batch: BatchId::from_bytes([3; 16]), kind: JobKind::Wipe {}, policy };
        let inventory = laptop(vec![drive.clone()]);
        let plan = rehome_plan::plan(MACHINE, &inventory, &job, &our_locks);
        prop_assert_eq!(&plan, &rehome_plan::plan(MACHINE, &inventory, &job, &our_locks));
        match plan {
            Ok(plan) => {
                prop_assert_eq!(&plan.policy, &job.policy.name);
                prop_assert_eq!(plan.drives.len(), 1);
                let planned = &plan.drives[0];
                prop_assert_eq!(planned.proof, job.policy.proof);
                let rule = match planned.media {
                    Media::Flash => &job.policy.flash,
                    Media::Magnetic => &job.policy.magnetic,
                };
                check(planned, &drive, rule, ours);
            }
            Err(refusals) => {
                prop_assert_eq!(refusals.len(), 1);
                prop_assert!(!refusals[0].sentence.is_empty());
            }
        }
    }
}
