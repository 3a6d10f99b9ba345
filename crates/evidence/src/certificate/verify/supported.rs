//! Whether the records say what the facts say, in the one order in which it can have happened: ticket, sanitizing,
//! verification, the second look where the plan demands one, image, bootable, finished.

use protocol::event::{NOTICE_LEN, Step};
use protocol::policy::Rule;
use protocol::{AgentKey, AgentRecord, DriveIdentity, ImageId, Media, PlannedDrive, Sha256Digest};

use super::Failure;
use crate::certificate::{CertifiedDrive, Facts, implausible};
use crate::sha256;

/// The records in the journal's order, by the digests of their signed bytes.
type Records = [(Sha256Digest, AgentRecord)];

/// Consent to this plan, each of its drives verified under a ticket, for this plan or found again under its ticket, and
/// the work ended well after all that.
pub(super) fn supported(facts: &Facts, records: &Records) -> Result<(), Failure> {
    if facts.plan.machine != facts.machine || facts.plan.batch != facts.batch {
        return says("its plan is of another machine or batch");
    }
    by_policy(facts)?;
    let Ok(plan) = serde_json::to_vec(&facts.plan) else {
        return says("its plan cannot be written as JSON");
    };
    let plan = sha256(&plan);
    let accepted = |step: &Step| matches!(step, Step::TicketAccepted { plan: accepted, .. } if *accepted == plan);
    let Some(consented) = records.iter().position(|(_, record)| accepted(&record.step)) else {
        return says("no record says that a ticket for its plan was accepted");
    };
    if facts.plan.drives.is_empty() || facts.plan.drives.len() != facts.drives.len() {
        return says(&format!(
            "its plan has {} drives, but {} are certified",
            facts.plan.drives.len(),
            facts.drives.len()
        ));
    }
    let installed = planned_installation(facts)?;
    let finished = finished(records)?;
    if consented > finished {
        return says("its work was finished before a ticket for its plan was accepted");
    }
    for (planned, certified) in facts.plan.drives.iter().zip(&facts.drives) {
        let evidence = &certified.evidence;
        let verified = backed(planned, certified, records)?;
        if verified > finished {
            return says("its work was finished before its drives were verified");
        }
        if !is_of_this_plan(certified, &records[..=finished], consented, verified) {
            return says(&format!(
                "after the ticket for its plan, {} was neither sanitized nor looked at again before the end",
                planned.identity
            ));
        }
        if planned.proof.power_cycle && !looked_at_again(certified, records, verified, finished) {
            return says(&format!(
                "no agent of a later boot confirmed {} before the end, as its plan demands",
                planned.identity
            ));
        }
        noticed(facts, certified, &records[verified..])?;
        if let Some((image, drive)) = installed.filter(|(_, drive)| **drive == evidence.drive) {
            made_bootable(image, drive, &records[verified..=finished])?;
        }
    }
    Ok(())
}

/// Whether the plan is one that the policy allows: its name alone would let another one pass for it.
fn by_policy(facts: &Facts) -> Result<(), Failure> {
    let (plan, policy) = (&facts.plan, &facts.policy);
    if plan.policy != policy.name {
        return says(&format!(
            "its plan was made by the policy {}, not by {}",
            plan.policy, policy.name
        ));
    }
    let stray = plan.drives.iter().find(|planned| {
        let rule = match planned.media {
            Media::Flash => &policy.flash,
            Media::Magnetic => &policy.magnetic,
        };
        !allows(rule, planned) || planned.proof != policy.proof
    });
    match stray {
        Some(planned) => {
            let (name, drive) = (&policy.name, &planned.identity);
            says(&format!("the policy {name}, as it stands here, does not plan that for {drive}"))
        }
        None => Ok(()),
    }
}

/// Whether the rule knows these techniques, what follows them included, and is content with the claim.
fn allows(rule: &Rule, planned: &PlannedDrive) -> bool {
    let knows = rule.techniques.iter().any(|first| {
        // The very overwrite that would follow is not done twice.
        let then = rule.then.filter(|then| then != first);
        std::iter::once(*first).chain(then).eq(planned.techniques.iter().copied())
    });
    knows && planned.claim >= rule.at_least
}

/// The image that is said to be installed, and on which drive it was planned.
fn planned_installation(facts: &Facts) -> Result<Option<(ImageId, &DriveIdentity)>, Failure> {
    let Some(image) = facts.installed else { return Ok(None) };
    match facts.plan.drives.iter().find(|planned| planned.receives_image) {
        Some(target) if facts.plan.image == Some(image) => Ok(Some((image, &target.identity))),
        _ => says(&format!("image {image} is said to be installed but was not planned")),
    }
}

fn says<T>(sentence: &str) -> Result<T, Failure> {
    Err(Failure::Statement(sentence.to_owned()))
}

fn last(records: &Records, is: impl Fn(&Step) -> bool) -> Option<usize> {
    records.iter().rposition(|(_, record)| is(&record.step))
}

/// Where the work ended. A failure after that would mean that it did not.
fn finished(records: &Records) -> Result<usize, Failure> {
    let finished = last(records, |step| matches!(step, Step::Finished {}));
    let Some(finished) = finished else {
        return says("no record says that its work was finished");
    };
    if last(records, |step| matches!(step, Step::Failed { .. })) > Some(finished) {
        return says("its work failed after it was finished");
    }
    Ok(finished)
}

/// Whether the image was written to that drive after its verification, and the drive made bootable after that.
fn made_bootable(
    image: ImageId,
    target: &DriveIdentity,
    since_verified: &Records,
) -> Result<(), Failure> {
    let written = last(since_verified, |step| {
        matches!(step, Step::ImageWritten { drive, image: said, .. }
            if drive == target && *said == image)
    });
    let bootable = last(
        since_verified,
        |step| matches!(step, Step::MadeBootable { drive, .. } if drive == target),
    );
    match (written, bootable) {
        (Some(written), Some(bootable)) if written < bootable => Ok(()),
        _ => says(&format!("no records say that image {image} was written and made bootable")),
    }
}

/// Whether the notice that is said to be on the drive is the one that the records say was written to it after its
/// verification, under this certificate's number; and none is left out.
fn noticed(
    facts: &Facts,
    certified: &CertifiedDrive,
    since_verified: &Records,
) -> Result<(), Failure> {
    let drive = &certified.evidence.drive;
    let mut written = since_verified.iter().rev().filter_map(|(_, record)| match &record.step {
        Step::NoticeWritten(notice) if notice.drive == *drive => Some(notice),
        _ => None,
    });
    let written = written.next();
    if written != certified.notice.as_ref() {
        return says(&format!("the boot notice on {drive} is not the one that the records say"));
    }
    let other = written.filter(|it| it.certificate != facts.id() || it.length.0 != NOTICE_LEN);
    other.map_or(Ok(()), |notice| {
        let id = notice.certificate.grouped();
        says(&format!("the boot notice on {drive} names certificate {id}, and this is another"))
    })
}

/// Where the record stands that speaks for this drive: of the whole of it, under a ticket, and never undone.
fn backed(
    planned: &PlannedDrive,
    certified: &CertifiedDrive,
    records: &Records,
) -> Result<usize, Failure> {
    let CertifiedDrive { evidence, record, .. } = certified;
    let fail = |sentence: &str| {
        Err(Failure::Record { record: *record, sentence: format!("{sentence} {}", evidence.drive) })
    };
    let Some(at) = records.iter().position(|(digest, _)| digest == record) else {
        return fail("no such record is embedded for");
    };
    match &records[at].1.step {
        Step::Verified(said) if said == evidence => {}
        Step::Verified(_) => return fail("it says something else of"),
        _ => return fail("it is not a record of verification of"),
    }
    let undone = last(records, |step| {
        matches!(step,
            Step::SanitizeStarted { drive, .. }
                | Step::SanitizeFailed { drive, .. }
                | Step::VerificationNotConfirmed { drive, .. }
                if *drive == evidence.drive)
    });
    if undone > Some(at) {
        return fail(
            "it was not confirmed, or sanitizing began again or failed later, so it no longer speaks for",
        );
    }
    if !is_of_one_run(certified, &records[..at], &records[at].1) {
        return fail("the same agent did not accept a ticket and then begin to sanitize before");
    }
    match implausible(planned, evidence) {
        Some(sentence) => Err(Failure::Record { record: *record, sentence }),
        None => Ok(at),
    }
}

/// Whether the drive was sanitized after the ticket for this very plan, or else what was verified under another one was
/// found again after it. What was done for an earlier batch does not pass for a later one by a ticket alone.
fn is_of_this_plan(
    certified: &CertifiedDrive,
    until_end: &Records,
    consented: usize,
    verified: usize,
) -> bool {
    let agent = until_end[verified].1.agent;
    let begun = until_end[..verified].iter().rposition(|(_, it)| {
        it.agent == agent
            && matches!(&it.step, Step::SanitizeStarted { drive, .. } if *drive == certified.evidence.drive)
    });
    begun > Some(consented)
        || until_end[consented..].iter().any(|(_, it)| confirms(&it.step, certified))
}

/// Whether this says that a look at the drive found it as it was verified.
fn confirms(step: &Step, certified: &CertifiedDrive) -> bool {
    matches!(step,
        Step::VerificationConfirmed { drive, record, sectors_sampled }
            if *drive == certified.evidence.drive
                && *record == certified.record
                && *sectors_sampled > 0)
}

/// Whether an agent of a boot that began after the verification confirmed it, before the end: the second look, with
/// fresh power. The same boot would only find what the drive's cache still holds: neither the same agent counts, nor
/// one that took over from an agent that died, for it has a key of its own in the same boot.
fn looked_at_again(
    certified: &CertifiedDrive,
    records: &Records,
    verified: usize,
    finished: usize,
) -> bool {
    let is_later = |agent: &AgentKey| records[..=verified].iter().all(|(_, it)| it.agent != *agent);
    records[verified..=finished].iter().any(|(_, record)| {
        confirms(&record.step, certified)
            && is_later(&record.agent)
            && is_fresh_boot(certified, records, record)
            && was_off(&records[verified..], &record.agent)
    })
}

/// Whether a boot before the one of this agent ended by its own word that it switches the machine off: a reset or a crash
/// would leave the drive with power.
fn was_off(since_verified: &Records, confirming: &AgentKey) -> bool {
    let of = |agent: AgentKey| since_verified.iter().filter(move |(_, it)| it.agent == agent);
    let before = since_verified.iter().take_while(|(_, it)| it.agent != *confirming);
    before
        .filter(|(_, it)| matches!(it.step, Step::PoweringOff {}))
        .any(|(_, off)| of(off.agent).all(|(_, it)| it.sequence <= off.sequence))
}

/// Whether the boot of the agent that confirmed began after the verification ended. Both times are of agents' clocks,
/// which are set from the coordinator's.
fn is_fresh_boot(certified: &CertifiedDrive, records: &Records, confirmed: &AgentRecord) -> bool {
    let took_over = records.iter().any(|(_, it)| {
        it.agent == confirmed.agent
            && it.sequence < confirmed.sequence
            && matches!(it.step, Step::AgentDied { .. })
    });
    let booted_at = confirmed.at.0.checked_sub(confirmed.uptime_ms);
    !took_over && booted_at.is_some_and(|booted_at| booted_at > certified.evidence.verified_at.0)
}

/// Whether the agent that verified had accepted a ticket, and begun to sanitize this drive after that: what one boot
/// sees of a drive says nothing of what another did to it.
fn is_of_one_run(certified: &CertifiedDrive, before: &Records, verified: &AgentRecord) -> bool {
    let CertifiedDrive { evidence, .. } = certified;
    let steps = before.iter().filter(|(_, record)| record.agent == verified.agent);
    let mut has_ticket = false;
    let mut begun = false;
    for (_, record) in steps {
        match &record.step {
            Step::TicketAccepted { .. } => has_ticket = true,
            Step::SanitizeStarted { drive, techniques } if *drive == evidence.drive => {
                let observed = evidence.techniques.iter().map(|it| it.technique);
                begun = has_ticket && observed.eq(techniques.iter().copied());
            }
            _ => {}
        }
    }
    begun
}
