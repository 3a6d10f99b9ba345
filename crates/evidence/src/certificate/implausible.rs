//! Whether what was observed of a drive is what was planned for it, and proof enough of its claim. One set of rules:
//! the coordinator believes nothing by other ones than a certificate is checked with.

use protocol::claim::claim;
use protocol::event::{
    CanaryEvidence, CommandObservation, DriveEvidence, OldContentEvidence, TechniqueObservation,
};
use protocol::plan::{PlannedDrive, Technique};
use protocol::policy::Verification;

/// Why the evidence does not prove what was planned for the drive, if it does not. Names the drive and the numbers.
pub fn implausible(planned: &PlannedDrive, evidence: &DriveEvidence) -> Option<String> {
    let wrong = differs(planned, evidence)
        .or_else(|| overclaimed(planned))
        .or_else(|| evidence.techniques.iter().find_map(|it| unobserved(evidence, it)))
        .or_else(|| unproven_erase(planned, evidence))
        .or_else(|| unread(planned, evidence));
    wrong.map(|why| format!("{}: {why}", planned.identity))
}

/// Another drive, another way or another claim than the planned ones.
fn differs(planned: &PlannedDrive, evidence: &DriveEvidence) -> Option<String> {
    if planned.identity != evidence.drive {
        return Some(format!("the evidence is of another drive, {}", evidence.drive));
    }
    let observed: Vec<Technique> = evidence.techniques.iter().map(|it| it.technique).collect();
    if observed.is_empty() || observed != planned.techniques {
        let (observed, planned) = (names(&observed), names(&planned.techniques));
        return Some(format!("it was sanitized by {observed}, but {planned} was planned"));
    }
    if planned.claim != evidence.claim {
        let (said, planned) = (evidence.claim, planned.claim);
        return Some(format!("{said:?} is claimed, but {planned:?} was planned"));
    }
    None
}

/// More is planned to be claimed than the techniques can ever be worth. A bound: whether the drive always encrypted,
/// and whether it said what it stores on, is not told here, so the best is supposed.
fn overclaimed(planned: &PlannedDrive) -> Option<String> {
    let most = claim(planned.media, &planned.techniques, true).map(|(claim, _)| claim);
    (Some(planned.claim) > most).then(|| {
        let most = most.map_or_else(|| "nothing".to_owned(), |claim| format!("{claim:?}"));
        let (said, media) = (planned.claim, planned.media);
        let how = names(&planned.techniques);
        format!("{said:?} is claimed, but {how} is worth no more than {most} on {media:?}")
    })
}

fn names(techniques: &[Technique]) -> String {
    match techniques {
        [] => "nothing".to_owned(),
        some => some.iter().map(|it| it.name()).collect::<Vec<_>>().join(", then "),
    }
}

/// A technique that left no trace of having been carried out.
fn unobserved(evidence: &DriveEvidence, observed: &TechniqueObservation) -> Option<String> {
    let TechniqueObservation { technique, pass, commands, .. } = observed;
    let (size, name) = (evidence.drive.size, technique.name());
    match (technique.command_name(), pass) {
        (Some(_), Some(_)) => Some(format!("{name} is the drive's own, yet a pass is reported")),
        (Some(command), None) => {
            let mut sent = commands.iter().filter(|it| it.name == command).peekable();
            if sent.peek().is_none() {
                return Some(format!("{name} is reported without its command, {command}"));
            }
            (!sent.any(is_taken))
                .then(|| format!("{name} is reported, but the drive did not take {command}"))
        }
        (None, None) => Some(format!("{name} is reported without a pass")),
        (None, Some(pass)) if pass.bytes != size => {
            Some(format!("only {} of {size} were overwritten", pass.bytes))
        }
        (None, Some(_)) => None,
    }
}

/// Whether the answer is one of a drive that took the command: without registers, with registers that show neither ERR
/// nor DF, or with an NVMe status of zero.
fn is_taken(command: &CommandObservation) -> bool {
    const ERR_OR_DF: u8 = 0x21;
    let answer = command.answer.as_str();
    if answer == "done" || answer.starts_with("status 0, ") {
        return true;
    }
    let registers = answer.strip_prefix("status ").and_then(|rest| rest.split_once("h error "));
    let status = registers.and_then(|(status, _)| u8::from_str_radix(status, 16).ok());
    status.is_some_and(|status| status & ERR_OR_DF == 0)
}

/// A drive that erased itself is believed only by what was put on it before and is gone afterwards.
fn unproven_erase(planned: &PlannedDrive, evidence: &DriveEvidence) -> Option<String> {
    let DriveEvidence { canaries, old_content, .. } = evidence;
    let by_drive = planned.techniques.iter().any(|technique| technique.is_by_drive());
    if let Some(left) = canaries.as_ref().map(|it| it.found).filter(|found| *found != 0) {
        return Some(format!("{left} canaries survived"));
    }
    if let Some(left) = old_content.map(|it| it.same).filter(|same| *same != 0) {
        return Some(format!("{left} sectors still hold what they held before"));
    }
    if by_drive && (evidence.before.is_empty() || evidence.after.is_empty()) {
        let when = if evidence.before.is_empty() { "before" } else { "after" };
        return Some(format!(
            "it erased itself, but nothing that it said of itself {when} is kept"
        ));
    }
    match (by_drive, canaries, old_content) {
        (false, ..) => None,
        (true, None, _) => Some("it erased itself, but no canaries were placed before".to_owned()),
        (true, _, None) => {
            Some("it erased itself, but its content was not sampled before".to_owned())
        }
        (true, Some(canaries), Some(old)) => too_few(planned, canaries, old),
    }
}

fn too_few(
    planned: &PlannedDrive,
    canaries: &CanaryEvidence,
    old: &OldContentEvidence,
) -> Option<String> {
    let sectors = planned.identity.size.0 / u64::from(planned.sector_size.bytes());
    let wanted = u64::from(planned.proof.canaries).min(sectors);
    let placed = canaries.placed;
    if placed != wanted {
        return Some(format!("{placed} canaries are reported, but {wanted} were to be placed"));
    }
    let (said, least) = (canaries.miss_probability_e9, least_miss_probability_e9(placed));
    if said < least {
        return Some(format!(
            "a miss probability of {said}e-9 is too good for {placed} canaries: it is at least {least}e-9"
        ));
    }
    let OldContentEvidence { sampled, changed, same_uniform, same } = *old;
    // Where a canary stands on every sector, none is left to be sampled.
    if sampled == 0 && placed < sectors {
        return Some("no sector of its former content was sampled".to_owned());
    }
    let seen = changed.checked_add(same_uniform).and_then(|n| n.checked_add(same));
    (seen != Some(sampled)).then(|| {
        format!("of {sampled} sampled sectors {changed} changed and {same_uniform} were uniform: that does not add up")
    })
}

/// 0.999^n in units of 10^-9, rounded down at every step: nothing below that can be true.
fn least_miss_probability_e9(n: u64) -> u64 {
    let mut probability: u64 = 1_000_000_000_000_000;
    for _ in 0..n {
        if probability < 1_000_000 {
            return 0;
        }
        probability = probability / 1000 * 999;
    }
    probability / 1_000_000
}

/// Less was read afterwards than the policy demands, or something else was found than the last technique leaves.
fn unread(planned: &PlannedDrive, evidence: &DriveEvidence) -> Option<String> {
    let DriveEvidence { method, verification, zeros, .. } = evidence;
    let (demanded, size, read) =
        (planned.proof.verification, planned.identity.size, verification.bytes);
    if *method != demanded {
        return Some(format!("it was verified by {method:?}, but {demanded:?} was planned"));
    }
    let enough = match method {
        Verification::Full => read == size,
        // NIST SP 800-88r1 section 4.7.2: at least a tenth of the medium.
        Verification::Sampled => read <= size && u128::from(read.0) * 10 >= u128::from(size.0),
    };
    if !enough {
        return Some(format!("{read} of {size} were read, which is not {method:?}"));
    }
    let last = planned.techniques.last();
    let only_zeros = last == Some(&Technique::OverwriteZeros);
    if *zeros > read || (only_zeros && *zeros != read) {
        return Some(format!("of {read} that were read {zeros} are zero, which cannot be"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_as_the_standards_say() {
        for (answer, taken) in [
            ("done", true),
            ("status 50h error 00h count 0000h lba 000000000000h", true),
            ("status 50h error 00h count 0000h lba 000000000000h (low bytes only)", true),
            ("status 51h error 04h count 0000h lba 000000000000h", false),
            ("status 70h error 00h count 0000h lba 000000000000h", false),
            ("status 0, dword 0 00000000h", true),
            ("status 00h error", false),
            ("status", false),
            ("", false),
            ("BLOCK ERASE EXT: aborted by the drive: status 51h error 04h", false),
            ("done, almost", false),
        ] {
            let name = "BLOCK ERASE EXT".to_owned();
            let request = String::new();
            let command =
                CommandObservation { name, request, answer: answer.into(), duration_ms: 1 };
            assert_eq!(is_taken(&command), taken, "{answer:?}");
        }
    }

    #[test]
    fn the_miss_probability_is_bounded_from_below() {
        for (n, least) in [(0, 1_000_000_000), (1, 999_000_000), (10_000, 45_173), (1_000_000, 0)] {
            let found = least_miss_probability_e9(n);
            assert!(found <= least && least - found <= 1, "{n}: {found}");
        }
    }
}
