//! Arming and picking: what a person says is decided here. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::{BatchId, JobKind, MachineNumber, PersonId, Policy, UnixMillis};

use crate::bench::{Batch, Bench, Machine};
use crate::clock;
use crate::directive::over;
use crate::enrollment::Rules;
use crate::event::{AdmittedHow, Happening};
use crate::lots::claim::against;
use crate::lots::decide::may_arm;
use crate::lots::{Lot, LotError};
use crate::panic::continues;

/// For how long after another agent began to speak for a machine its number alone does not pick it.
const CHANGED_LATELY: Duration = Duration::from_secs(5 * 60);

/// Nobody leaves a bench armed for longer than this.
pub(crate) const LONGEST_ARMING: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a person's wish is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdmissionError {
    #[error("a batch takes at least one machine and lasts from a minute to seven days")]
    Arming,
    #[error("there is no batch {0}; `rehome batch list` shows them")]
    NoBatch(BatchId),
    #[error("no batch is armed; arm one with `rehome batch arm`")]
    NothingArmed,
    #[error("{0} batches are armed; say which one with --batch")]
    SeveralArmed(usize),
    #[error("batch {0} is disarmed or has expired; arm another one")]
    Over(BatchId),
    #[error(
        "a hold comes once drives are verified, and {0} work verifies none; arm it without --witness"
    )]
    NothingToWitness(&'static str),
    #[error(transparent)]
    Lot(#[from] LotError),
    #[error("machine {number}: {why}")]
    Machine { number: MachineNumber, why: String },
}

/// A machine that a person points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pick {
    /// The number on its screen.
    pub(crate) number: MachineNumber,
    /// The key's fingerprint on its screen, where the person compared it.
    pub(crate) fingerprint: Option<String>,
}

/// What a batch does to each of its machines.
#[derive(Debug, Clone)]
pub(crate) struct Terms<'a> {
    /// The job.
    pub(crate) job: JobKind,
    /// What is demanded of sanitizing.
    pub(crate) policy: Policy,
    /// Whether it is held once its drives are verified, for a person to look.
    pub(crate) witness: bool,
    /// Whether the first machine of each model goes first, and the others wait for a person's word on it.
    pub(crate) first_of_model: bool,
    /// What it works on: its owner must have accepted the policy, and stated that nothing unique is on the drives.
    pub(crate) lot: &'a Lot,
}

/// Arms a batch for some time from now.
pub(crate) fn arm(
    now: UnixMillis,
    batch: BatchId,
    by: PersonId,
    time: Duration,
    count: u32,
    Terms { job, policy, witness, first_of_model, lot }: Terms<'_>,
) -> Result<Happening, AdmissionError> {
    if count == 0 || time < Duration::from_secs(60) || time > LONGEST_ARMING {
        return Err(AdmissionError::Arming);
    }
    if witness && !job.writes() {
        return Err(AdmissionError::NothingToWitness(job.word()));
    }
    may_arm(lot, &policy, &job)?;
    let until = clock::after(now, time);
    let lot = Some(lot.id);
    Ok(Happening::BatchArmed { batch, by, until, count, job, policy, witness, lot, first_of_model })
}

/// Ends a batch.
pub(crate) fn disarm(
    bench: &Bench,
    batch: BatchId,
    by: PersonId,
) -> Result<Option<Happening>, AdmissionError> {
    let known = bench.batch(&batch).ok_or(AdmissionError::NoBatch(batch))?;
    Ok((!known.disarmed).then_some(Happening::BatchDisarmed { batch, by }))
}

/// The events of a decision apart from its answer.
pub(crate) fn split(
    decided: Result<Vec<Happening>, AdmissionError>,
) -> (Vec<Happening>, Result<(), AdmissionError>) {
    match decided {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    }
}

/// Admits all of the machines that a person picked, or none of them.
pub(crate) fn pick(
    bench: &Bench,
    now: UnixMillis,
    picks: &[Pick],
    batch: Option<BatchId>,
    by: PersonId,
    rules: Rules,
) -> Result<Vec<Happening>, AdmissionError> {
    let batch = the_batch(bench, now, batch)?;
    let mut places_left = batch.places_left();
    let mut happenings = Vec::new();
    for (i, pick) in picks.iter().enumerate() {
        let number = pick.number;
        let refuse = |why: &str| AdmissionError::Machine { number, why: why.to_owned() };
        if picks[..i].iter().any(|earlier| earlier.number == number) {
            return Err(refuse("picked twice"));
        }
        let machine = bench.numbered(number).ok_or_else(|| refuse("nobody has seen it"))?;
        let agent = machine.agent().ok_or_else(|| refuse("its agent has not enrolled"))?;
        if pick.fingerprint.as_ref().is_some_and(|shown| *shown != agent.fingerprint()) {
            return Err(refuse(&format!(
                "its agent's key is {}, not the one given; look at its screen again",
                agent.fingerprint()
            )));
        }
        if pick.fingerprint.is_none() && agent_changed_lately(machine, now) {
            return Err(refuse(&format!(
                "its agent changed within the last minutes: it was restarted, or something else passes for it; \
                 look at its screen and pick {number}:KEY with the key that stands there"
            )));
        }
        if let Some(why) = not_to_be_picked(bench, now, machine, batch, rules) {
            return Err(refuse(&why));
        }
        if !batch.admitted.contains(&machine.id) {
            places_left = places_left.checked_sub(1).ok_or_else(|| {
                refuse(&format!("the batch takes {} machines and is full", batch.count))
            })?;
        }
        let how = if continues(bench, now, machine, batch) {
            AdmittedHow::Continued { by }
        } else {
            AdmittedHow::Picked { by }
        };
        happenings.push(Happening::Admitted { machine: machine.id, batch: batch.id, agent, how });
    }
    Ok(happenings)
}

fn the_batch(
    bench: &Bench,
    now: UnixMillis,
    named: Option<BatchId>,
) -> Result<&Batch, AdmissionError> {
    let Some(id) = named else {
        return match bench.armed(now)[..] {
            [] => only_open(bench, now),
            [batch] => Ok(batch),
            ref several => Err(AdmissionError::SeveralArmed(several.len())),
        };
    };
    let batch = bench.batch(&id).ok_or(AdmissionError::NoBatch(id))?;
    if batch.gives_tickets(now) { Ok(batch) } else { Err(AdmissionError::Over(id)) }
}

/// A batch that is full still takes back the machines it had.
fn only_open(bench: &Bench, now: UnixMillis) -> Result<&Batch, AdmissionError> {
    let open: Vec<_> = bench.batches().filter(|batch| batch.gives_tickets(now)).collect();
    match open[..] {
        [] => Err(AdmissionError::NothingArmed),
        [batch] => Ok(batch),
        _ => Err(AdmissionError::SeveralArmed(open.len())),
    }
}

/// Whether a machine was admitted to what never began and cannot begin any more. Picked again, it starts over under
/// a person's consent; its old ticket is void then.
pub(crate) fn is_stuck(bench: &Bench, now: UnixMillis, machine: &Machine, rules: Rules) -> bool {
    let admission = machine.admission.as_ref().filter(|it| !it.has_begun());
    // A full disk is no end: it begins once there is room.
    let rules = Rules { room: true, ..rules };
    admission.is_some_and(|it| over(bench, now, it, rules).is_some())
}

/// Whether the person who looked at the number a few minutes ago may have seen another agent.
fn agent_changed_lately(machine: &Machine, now: UnixMillis) -> bool {
    let [.., _, current] = machine.boots.as_slice() else { return false };
    clock::after(current.at, CHANGED_LATELY) > now
}

/// Settles the conflicts of a machine with those that a person compared it with, and no others.
pub(crate) fn settle(
    bench: &Bench,
    number: MachineNumber,
    with: &[MachineNumber],
    by: PersonId,
) -> Result<Vec<Happening>, AdmissionError> {
    let refuse = |why: String| AdmissionError::Machine { number, why };
    let machine = bench.numbered(number).ok_or_else(|| refuse("nobody has seen it".to_owned()))?;
    if with.is_empty() {
        return Err(refuse("say with which machines it was compared".to_owned()));
    }
    let mut compared = BTreeSet::new();
    for other in with {
        let conflicts = &machine.conflicts;
        let conflict =
            bench.numbered(*other).filter(|it| conflicts.iter().any(|c| c.with == it.id));
        let other = conflict
            .ok_or_else(|| refuse(format!("it was never in conflict with machine {other}")))?;
        compared.insert(other.id);
    }
    let open = machine.open_conflicts().any(|conflict| compared.contains(&conflict.with));
    let settled = Happening::ConflictSettled { machine: machine.id, by, with: Some(compared) };
    Ok(open.then_some(settled).into_iter().collect())
}

fn not_to_be_picked(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    batch: &Batch,
    rules: Rules,
) -> Option<String> {
    if let Some(why) = against(bench, batch.lot, Some(&machine.id), &machine.identity) {
        return Some(why);
    }
    if machine.came_back() && batch.job.kind.writes() && !batch.job.kind.sanitizes() {
        return Some(
            "it came back, and nobody knows what is on it: pick it for a batch that sanitizes"
                .to_owned(),
        );
    }
    if let JobKind::ImageOnly { .. } = batch.job.kind {
        let proofs = bench.proofs(machine, None).into_iter();
        let mut unproven = proofs.filter_map(|(drive, it)| Some((drive, it.err()?)));
        if let Some((drive, why)) = unproven.next() {
            let next = match machine.was_worked_on() {
                true => {
                    "its work here is finished, and a finished machine is never wiped twice: take the drive out"
                }
                false => "pick it for a refurbish batch, which sanitizes first",
            };
            return Some(format!("{drive} is not proven sanitized: {why}; {next}"));
        }
    }
    if batch.job.kind.sanitizes() && machine.was_worked_on() {
        return Some(
            "it is finished, and a finished machine is never wiped twice; if it came back with another lot, say so with \
             `rehome lot receive`"
                .to_owned(),
        );
    }
    if let Some(why) = machine.protected() {
        return Some(format!("{why}; `rehome protect remove` takes it off the list"));
    }
    let conflicts: Vec<_> = machine.open_conflicts().collect();
    if let Some(first) = conflicts.first() {
        let others = conflicts.iter().filter_map(|it| bench.machine(&it.with));
        let others: Vec<_> = others.map(|other| format!("--with {}", other.number)).collect();
        return Some(format!(
            "its identity is not clear ({}); compare the machines, then `rehome machine settle {} {}`",
            first.what,
            machine.number,
            others.join(" ")
        ));
    }
    if crate::identity::is_blank(&machine.identity) {
        return Some("it gives nothing by which it could be known again".to_owned());
    }
    let halted = machine.admission.as_ref().is_some_and(|it| it.halted.is_some());
    let at_work = machine.is_unfinished() && machine.attention.is_none() && !halted;
    let bound = machine.admission.as_ref().map(|admission| admission.agent) == machine.agent();
    (at_work && bound && !is_stuck(bench, now, machine, rules))
        .then(|| "it is admitted already".to_owned())
}

#[cfg(test)]
mod tests;
