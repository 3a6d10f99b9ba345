//! What must hold of every plan, whatever the drive and the policy.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use protocol::drive::DriveUnit;
use protocol::features::EraseFeatures;
use protocol::job::{Job, JobKind};
use protocol::plan::{Claim, Media, PlannedDrive, Technique};
use protocol::policy::Policy;
use protocol::{BatchId, MachineId};

use crate::laptop::laptop;

/// One of the policies that we ship.
pub fn policy(number: u8) -> &'static Policy {
    static POLICIES: LazyLock<[Policy; 3]> = LazyLock::new(plan::policy::builtin);
    &POLICIES[usize::from(number) % POLICIES.len()]
}

/// Plans for a laptop with that drive alone. Gives what is planned for it; none where it is refused, which must come
/// with a sentence. `is_ours`: the journal knows a password of ours for it.
///
/// # Panics
/// Where the plan claims more than the table, uses what the policy does not name, or does not reach what it demands.
pub fn planned(drive: &DriveUnit, policy: &Policy, is_ours: bool) -> Option<PlannedDrive> {
    let our_locks: BTreeSet<_> = drive.identity.iter().filter(|_| is_ours).cloned().collect();
    let batch = BatchId::from_bytes([2; 16]);
    let job = Job { batch, kind: JobKind::Wipe {}, policy: policy.clone() };
    let machine = MachineId::from_bytes([1; 16]);
    match plan::plan(machine, &laptop(drive.clone()), &job, &our_locks) {
        Ok(mut plan) => {
            let planned = plan.drives.pop().expect("a plan is never empty");
            assert!(plan.drives.is_empty() && plan.left_alone.is_empty(), "{plan:?}");
            check(&planned, drive, policy, is_ours);
            Some(planned)
        }
        Err(refusals) => {
            assert!(refusals.iter().any(|refusal| !refusal.sentence.is_empty()), "{refusals:?}");
            None
        }
    }
}

fn check(planned: &PlannedDrive, drive: &DriveUnit, policy: &Policy, is_ours: bool) {
    let rule = match planned.media {
        Media::Flash => &policy.flash,
        Media::Magnetic => &policy.magnetic,
    };
    assert!(!is_over_table(planned, drive), "{planned:?}");
    assert!(planned.claim >= rule.at_least, "{planned:?}");
    assert_eq!(planned.reasons.is_empty(), planned.claim == Claim::Purge, "{planned:?}");
    assert_eq!(planned.proof, policy.proof);
    match &planned.techniques[..] {
        [one] => assert!(rule.techniques.contains(one) && rule.then.is_none_or(|it| it == *one)),
        [first, then] => assert!(rule.techniques.contains(first) && rule.then == Some(*then)),
        other => panic!("{other:?}"),
    }
    if let EraseFeatures::Ata(ata) = &drive.features {
        let has_password = ata.security.enabled || ata.security.locked;
        assert!(!has_password || is_ours && planned.unlock, "{planned:?}");
    }
}

/// Whether more is claimed than SP 800-88r1 allows for any of the techniques; told a second time, from its tables.
fn is_over_table(planned: &PlannedDrive, drive: &DriveUnit) -> bool {
    use Technique as T;
    let encrypts_all = matches!(&drive.features, EraseFeatures::Ata(ata) if ata.encrypts_all);
    let purges = |technique: &Technique| match planned.media {
        Media::Flash => matches!(
            technique,
            T::AtaSanitizeBlockErase
                | T::NvmeSanitizeBlockErase
                | T::NvmeSanitizeOverwrite
                | T::NvmeFormatUserData
        ),
        Media::Magnetic => {
            matches!(technique, T::AtaSanitizeOverwrite | T::AtaSecurityEraseEnhanced)
        }
    };
    let by_key = |technique: &Technique| encrypts_all && *technique == T::AtaSanitizeCryptoScramble;
    planned.claim == Claim::Purge && !planned.techniques.iter().any(|it| purges(it) || by_key(it))
}
