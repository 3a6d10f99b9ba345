//! Evidence that does not prove what was planned, one lie a row.

use protocol::ByteLen;
use protocol::event::{CommandObservation, DriveEvidence, OldContentEvidence, Step};
use protocol::plan::{Claim, Media, PlannedDrive, Technique};
use protocol::policy::Verification;

use crate::case::{
    BOTH, Case, SIZE, ZEROS, case_of, evidence_of, good_steps, issue_case, observed, pass, planned,
    refused,
};

/// A certificate of evidence that the plan is made for, then changed; the record says what the certificate says.
fn lie(techniques: &[Technique], change: impl Fn(&mut PlannedDrive, &mut DriveEvidence)) -> Case {
    let mut evidence = evidence_of(techniques);
    let mut plan = planned(&evidence);
    change(&mut plan, &mut evidence);
    // A pass that is not there at all, or a technique more, starts as it was observed.
    let techniques: Vec<_> = evidence.techniques.iter().map(|it| it.technique).collect();
    let steps = |plan| {
        let mut steps = good_steps(plan);
        let drive = evidence.drive.clone();
        steps[1] = Step::SanitizeStarted { drive, techniques: techniques.clone() };
        steps[2] = Step::Verified(evidence.clone());
        steps
    };
    let mut case = case_of(|whole| whole.drives = vec![plan.clone()], steps);
    case.facts.drives[0].evidence = evidence;
    case
}

/// The command that started the first technique.
fn command(evidence: &mut DriveEvidence) -> &mut CommandObservation {
    &mut evidence.techniques[0].commands[0]
}

type Change = fn(&mut PlannedDrive, &mut DriveEvidence);

#[test]
fn what_the_evidence_does_not_prove_is_not_certified() {
    let lies: &[(&[Technique], &str, Change)] = &[
        (&ZEROS, "another drive", |_, it| it.drive.serial.push('X')),
        (&ZEROS, "was planned", |_, it| it.techniques = vec![observed(BOTH[0])]),
        (&ZEROS, "was planned", |_, it| it.techniques.clear()),
        (&BOTH, "was planned", |_, it| it.techniques.reverse()),
        (&BOTH, "was planned", |_, it| drop(it.techniques.pop())),
        (&ZEROS, "is claimed", |_, it| it.claim = Claim::Purge),
        (&BOTH, "is claimed", |_, it| it.claim = Claim::Clear),
        (&ZEROS, "without a pass", |_, it| it.techniques[0].pass = None),
        (&ZEROS, "overwritten", |_, it| it.techniques[0].pass.as_mut().unwrap().bytes.0 -= 512),
        (&BOTH, "overwritten", |_, it| it.techniques[1].pass.as_mut().unwrap().bytes.0 += 512),
        (&BOTH, "the drive's own", |_, it| it.techniques[0].pass = Some(pass())),
        (&BOTH, "without its command, Format NVM (user data erase)", |_, it| {
            it.techniques[0].commands.clear();
        }),
        (&BOTH, "without its command", |_, it| command(it).name = "Sanitize Status log".into()),
        (&BOTH, "without its command", |_, it| {
            command(it).name = "Format NVM (cryptographic erase)".into();
        }),
        (&BOTH, "did not take Format NVM", |_, it| {
            command(it).answer = "Format NVM: the drive answered with status 2h".into();
        }),
        (&BOTH, "did not take Format NVM", |_, it| {
            command(it).answer = "status 51h error 04h count 0000h lba 000000000000h".into();
        }),
        (&BOTH, "said of itself before", |_, it| it.before.clear()),
        (&BOTH, "said of itself after", |_, it| it.after.clear()),
        (&ZEROS, "is worth no more than Clear on Flash", |plan, it| {
            (plan.claim, it.claim) = (Claim::Purge, Claim::Purge);
        }),
        (&[Technique::AtaSecurityEraseEnhanced], "no more than Clear on Flash", |_, _| ()),
        (&[Technique::NvmeSanitizeCryptoErase], "no more than nothing on Flash", |_, _| ()),
        (&[Technique::AtaSanitizeOverwrite], "no more than nothing on Flash", |_, _| ()),
        (&BOTH, "no canaries", |_, it| it.canaries = None),
        (&BOTH, "1 canaries survived", |_, it| it.canaries.as_mut().unwrap().found = 1),
        (&BOTH, "9999 canaries", |_, it| it.canaries.as_mut().unwrap().placed -= 1),
        (&BOTH, "10001 canaries", |_, it| it.canaries.as_mut().unwrap().placed += 1),
        (&BOTH, "too good", |_, it| it.canaries.as_mut().unwrap().miss_probability_e9 = 45_000),
        (&BOTH, "content was not sampled", |_, it| it.old_content = None),
        (&BOTH, "still hold", |_, it| it.old_content.as_mut().unwrap().same = 1),
        (&BOTH, "does not add up", |_, it| it.old_content.as_mut().unwrap().changed -= 1),
        (&BOTH, "was sampled", |_, it| {
            it.old_content =
                Some(OldContentEvidence { sampled: 0, changed: 0, same_uniform: 0, same: 0 });
        }),
        (&ZEROS, "verified by Sampled", |_, it| it.method = Verification::Sampled),
        (&ZEROS, "verified by Full", |plan, _| plan.proof.verification = Verification::Sampled),
        (&ZEROS, "were read", |_, it| it.verification.bytes.0 -= 512),
        (&ZEROS, "which is not Sampled", |plan, it| {
            (plan.proof.verification, it.method) = (Verification::Sampled, Verification::Sampled);
            (it.verification.bytes, it.zeros) = (ByteLen(SIZE.0 / 10), ByteLen(SIZE.0 / 10));
        }),
        (&ZEROS, "which cannot be", |_, it| it.zeros.0 -= 512),
        (&BOTH[..1], "which cannot be", |_, it| it.zeros.0 += 512),
    ];
    for (techniques, message, change) in lies {
        let case = lie(techniques, change);
        let refusal = refused(case);
        assert!(refusal.contains(message), "{refusal:?} does not name {message:?}");
        assert!(refusal.contains("record"), "{refusal:?} names no record");
    }
}

#[test]
fn what_the_evidence_proves_is_certified() {
    let truths: &[(&[Technique], Change)] = &[
        (&ZEROS, |_, _| ()),
        (&BOTH, |_, _| ()),
        // Asked again until it took it; registers without an error are an answer as well.
        (&BOTH, |_, it| {
            let mut refused = command(it).clone();
            refused.answer = "Format NVM: the drive answered with status 2h".into();
            command(it).answer = "status 50h error 00h count 0000h lba 000000000000h".into();
            it.techniques[0].commands.insert(0, refused);
        }),
        (&[Technique::AtaSecurityEraseEnhanced], |plan, _| plan.media = Media::Magnetic),
        (&[Technique::AtaSanitizeCryptoScramble], |_, _| ()),
        // Less may be claimed than the table allows at best.
        (&BOTH, |plan, it| (plan.claim, it.claim) = (Claim::Clear, Claim::Clear)),
        // A drive leaves what it will.
        (&BOTH[..1], |_, it| it.zeros.0 = 0),
        (&[Technique::OverwritePattern], |_, it| it.zeros.0 = 512),
        (&ZEROS, |plan, it| {
            (plan.proof.verification, it.method) = (Verification::Sampled, Verification::Sampled);
            let tenth = ByteLen(SIZE.0 / 10 + 1);
            (it.verification.bytes, it.zeros) = (tenth, tenth);
        }),
        // As small as that no drive is; a canary stands on every sector, so none is left for sampling.
        (&BOTH[..1], |plan, it| {
            let size = ByteLen(2000 * 512);
            (plan.identity.size, it.drive.size) = (size, size);
            (it.verification.bytes, it.zeros) = (size, ByteLen(0));
            let canaries = it.canaries.as_mut().unwrap();
            (canaries.placed, canaries.miss_probability_e9) = (2000, 140_000_000);
            it.old_content =
                Some(OldContentEvidence { sampled: 0, changed: 0, same_uniform: 0, same: 0 });
        }),
    ];
    for (techniques, change) in truths {
        issue_case(lie(techniques, change)).unwrap();
    }
}

#[test]
fn what_was_begun_otherwise_than_it_was_verified_is_not_certified() {
    issue_case(lie(&BOTH, |_, _| ())).unwrap();
    let evidence = evidence_of(&BOTH);
    for techniques in [&BOTH[..1], &BOTH[1..], &[]] {
        let steps = |plan| {
            let mut steps = good_steps(plan);
            let drive = evidence.drive.clone();
            steps[1] = Step::SanitizeStarted { drive, techniques: techniques.to_vec() };
            steps[2] = Step::Verified(evidence.clone());
            steps
        };
        let mut case = case_of(|plan| plan.drives = vec![planned(&evidence)], steps);
        case.facts.drives[0].evidence = evidence.clone();
        assert!(refused(case).contains("begin to sanitize"), "{techniques:?}");
    }
}
