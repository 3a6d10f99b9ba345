//! What a machine is told at each heartbeat. Pure.

use protocol::api::{EarlierRecord, EarlierWork};
use protocol::{AgentKey, Directive, DriveIdentity, UnixMillis};

use crate::bench::{Admission, Bench, Machine, Proofs, Verified};
use crate::enrollment::Rules;
use crate::event::AdmittedHow;
use crate::panic;

/// Why begun work does not go on by itself.
pub(crate) const STALE: &str = "its work was begun long ago, or its installed system has started since; pick it again \
                                if it is to be wiped";

/// Why nothing is begun on a machine while its records may find no room. The dashboard has the numbers.
pub(crate) const NO_ROOM: &str = "the coordinator's disk is nearly full; nothing was touched, and it begins once a person has made room";

/// What `machine`, in the person of `agent`, shall do now.
pub(crate) fn directive(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: &AgentKey,
    rules: Rules,
) -> Directive {
    let wait = |reason: String| Directive::Wait { reason };
    if bench.is_awaited(machine, now) {
        return wait(format!("waiting for a person to pick number {}", machine.number));
    }
    if machine.is_finished() {
        let reason = "done: this machine starts from its own disk".to_owned();
        return Directive::LocalDisk { reason, next: false };
    }
    if let Some(reason) = panic::in_words(bench) {
        return Directive::Stop { reason };
    }
    if let Some(reason) = let_go(bench, now, machine, rules) {
        return Directive::LocalDisk { reason, next: false };
    }
    let admission = machine.current_work();
    // Also after that was taken back, and to an agent that heard nothing of it.
    if let Some(reason) = admission.and_then(panic::halted_in_words) {
        return Directive::Stop { reason: reason.to_owned() };
    }
    if admission.is_some_and(|admission| admission.agent != *agent) {
        return wait(format!("a person must look at number {} on the dashboard", machine.number));
    }
    let reasons = machine.reasons_for_agent();
    if !reasons.is_empty() {
        return wait(format!("a person must look: {}", reasons.join("; ")));
    }
    let Some(admission) = admission else {
        return wait(format!("waiting for a person to pick number {}", machine.number));
    };
    match over(bench, now, admission, rules) {
        Some(reason) => wait(reason),
        None => Directive::Work {
            job: admission.job.clone(),
            verified_before: verified_before(bench, machine, admission),
            our_locks: our_locks(bench, machine),
        },
    }
}

/// Why a machine that nothing was done to goes back to its own disk, if so: somebody may be waiting for their desk PC.
fn let_go(bench: &Bench, now: UnixMillis, machine: &Machine, rules: Rules) -> Option<String> {
    if !bench.armed(now).is_empty() {
        return None;
    }
    match machine.current_work() {
        None => Some("stock is taken and nothing is armed; nothing was touched".to_owned()),
        Some(admission) if admission.has_begun() => None,
        Some(admission) => {
            let reason = over(bench, now, admission, rules)?;
            Some(format!("nothing was touched: {reason}"))
        }
    }
}

/// Why a machine that was admitted gets no further tickets, if so. What has been begun may be finished after the
/// batch's time: a drive left half wiped helps nobody. Disarming stops that too, and so do the passing of a day and the
/// panic button.
pub(crate) fn over(
    bench: &Bench,
    now: UnixMillis,
    admission: &Admission,
    rules: Rules,
) -> Option<String> {
    if let Some(reason) = panic::halted_in_words(admission) {
        return Some(reason.to_owned());
    }
    let batch = bench.batch(&admission.job.batch)?;
    if batch.disarmed {
        return Some("its batch was disarmed; arm another one and pick it again".to_owned());
    }
    if bench.is_stale(admission, now) {
        return Some(STALE.to_owned());
    }
    if admission.has_begun() {
        return None;
    }
    if !batch.gives_tickets(now) {
        return Some("the time of its batch is over; arm another one and pick it again".to_owned());
    }
    let by_itself = admission.how == AdmittedHow::Automatic;
    if by_itself && !rules.automatic {
        return Some("another DHCP server is here now; a person must pick this machine".to_owned());
    }
    (!rules.room).then(|| NO_ROOM.to_owned())
}

/// Drives in sight that may be locked with a password of ours.
fn our_locks(bench: &Bench, machine: &Machine) -> Vec<DriveIdentity> {
    let inventory = machine.inventory.iter();
    inventory.flat_map(|inventory| bench.locks().among(inventory)).collect()
}

/// Drives to look at again instead of wiping them again, or before anything is installed on them.
fn verified_before(bench: &Bench, machine: &Machine, admission: &Admission) -> Vec<EarlierRecord> {
    let proofs = bench.proofs_for(machine);
    let before = |it: &Verified, confirmed: bool| EarlierRecord {
        drive: it.evidence.drive.clone(),
        record: it.record,
        seen_again: it.seen_again,
        was_off: it.off_by.is_some(),
        earlier_work: earlier_work(&proofs, it, confirmed),
    };
    let confirmed = |it: &Verified| admission.was_confirmed(&it.evidence.drive);
    admission.all_verifications().map(|it| before(it, confirmed(it))).collect()
}

fn earlier_work(proofs: &Proofs, before: &Verified, confirmed: bool) -> Option<Box<EarlierWork>> {
    let proof = proofs.get(&before.evidence.drive)?.as_ref().ok()?;
    let same = proof.record == before.record;
    let (planned, notice) = (proof.planned.clone(), proof.notice.clone());
    same.then(|| Box::new(EarlierWork { planned, notice, confirmed }))
}
