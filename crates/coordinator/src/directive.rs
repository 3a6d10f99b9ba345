//! What a machine is told at each heartbeat. Pure.

use protocol::api::VerifiedBefore;
use protocol::{AgentKey, Directive, UnixMillis};

use crate::bench::{Admission, Bench, Machine};

/// What `machine`, in the person of `agent`, shall do now.
pub(crate) fn directive(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: &AgentKey,
) -> Directive {
    let wait = |reason: String| Directive::Wait { reason };
    if machine.is_finished() {
        let reason = "done: this machine starts from its own disk".to_owned();
        return Directive::LocalDisk { reason };
    }
    let reasons = machine.attention_reasons();
    if !reasons.is_empty() {
        return wait(format!("a person must look: {}", reasons.join("; ")));
    }
    let Some(admission) = &machine.admission else {
        return if bench.armed(now).is_empty() {
            let reason = "stock is taken and nothing is armed; nothing was touched".to_owned();
            Directive::LocalDisk { reason }
        } else {
            wait(format!("waiting for a person to pick number {}", machine.number))
        };
    };
    if admission.agent != *agent {
        return wait("admitted in an earlier boot; a person must pick it again".to_owned());
    }
    match over(bench, now, admission) {
        Some(reason) => wait(reason),
        None => Directive::Work {
            job: admission.job.clone(),
            verified_before: verified_before(admission),
        },
    }
}

/// Why the batch gives no further tickets to a machine it took, if so. What has been begun may be finished after
/// the batch's time: a drive left half wiped helps nobody. Disarming stops that too.
pub(crate) fn over(bench: &Bench, now: UnixMillis, admission: &Admission) -> Option<String> {
    let batch = bench.batch(&admission.job.batch)?;
    if batch.disarmed {
        return Some("its batch was disarmed; arm another one and pick it again".to_owned());
    }
    if !batch.gives_tickets(now) && admission.accepted_plan().is_none() {
        return Some("the time of its batch is over; arm another one and pick it again".to_owned());
    }
    None
}

fn verified_before(admission: &Admission) -> Vec<VerifiedBefore> {
    let verified = admission.verified.values();
    verified.map(|it| VerifiedBefore { evidence: it.evidence.clone(), record: it.record }).collect()
}
