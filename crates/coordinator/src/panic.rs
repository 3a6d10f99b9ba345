//! The panic button: a person stops everything. The decisions are pure.
//!
//! It stands in the journal before anybody acts on it, so it outlives restarts on both sides. While it is on, the journal
//! grants nothing ([`crate::journal::Journal::grant`]) and every agent that asks is told to stop. Taking it back starts
//! nothing: each machine that was stopped waits until a person picks it again.

use protocol::{MachineNumber, PersonId, UnixMillis};

use crate::bench::{Admission, Batch, Bench, Machine, internal_drives};
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::journal::{Journal, JournalError};
use crate::live::{Live, is_recent};

/// What is kept of a reason, in characters.
pub(crate) const MAX_REASON: usize = 200;

/// Everything is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    /// Who stopped it.
    pub(crate) by: PersonId,
    /// Why, in the person's words; may be empty: whoever sees smoke does not write.
    pub(crate) because: String,
    /// Since when.
    pub(crate) at: UnixMillis,
}

/// Work that was stopped: it goes on only when a person picks the machine again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halted {
    /// When.
    pub(crate) at: UnixMillis,
    /// Whether nothing else was wrong with the machine then: only such work is continued, any other begins anew.
    pub(crate) in_order: bool,
}

/// Why a person's word is not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PanicError {
    #[error("nothing is stopped, so there is nothing to take back")]
    NotOn,
    /// The safe answer to a full disk is the mains switch, and it must be said.
    #[error(
        "it could not be recorded, so the machines were not told; switch off by hand what must stop"
    )]
    NotRecorded(#[source] JournalError),
}

/// A machine that was at work when everything was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AtWork {
    pub(crate) number: MachineNumber,
    /// Whether its agent was heard within the last seconds: one that is not cannot be told.
    pub(crate) heard: bool,
    /// Its drives that erase themselves: nothing can stop them.
    pub(crate) unstoppable: Vec<String>,
}

/// Stops everything, unless it is stopped already. What was at work is named.
///
/// # Errors
/// When it cannot be recorded; then nothing is stopped.
pub(crate) async fn stop(
    coordinator: &Coordinator,
    by: PersonId,
    because: &str,
) -> Result<Vec<AtWork>, PanicError> {
    let because = reason(because);
    let journal = &coordinator.journal;
    let decide = move |bench: &Bench, _| {
        let stopped = bench.panic().is_none().then_some(Happening::Panicked { by, because });
        (stopped.into_iter().collect(), ())
    };
    journal.decide(decide).await.map_err(PanicError::NotRecorded)?;
    Ok(at_work(&journal.published().bench, &coordinator.live, journal.now()))
}

/// Takes it back. No machine goes on by that.
///
/// # Errors
/// When nothing is stopped, or it cannot be recorded.
pub(crate) async fn end(journal: &Journal, by: PersonId, because: &str) -> Result<(), PanicError> {
    let because = reason(because);
    let decide = move |bench: &Bench, _| match bench.panic() {
        Some(_) => (vec![Happening::PanicOver { by, because }], true),
        None => (Vec::new(), false),
    };
    let was_on = journal.decide(decide).await.map_err(PanicError::NotRecorded)?;
    if was_on { Ok(()) } else { Err(PanicError::NotOn) }
}

/// Cut rather than refused: nobody presses twice because of a long sentence.
fn reason(typed: &str) -> String {
    typed.trim().chars().take(MAX_REASON).collect()
}

/// The machines whose work is not finished, by number.
fn at_work(bench: &Bench, live: &Live, now: UnixMillis) -> Vec<AtWork> {
    let unfinished = bench.machines().filter(|machine| machine.is_unfinished());
    let mut machines: Vec<_> = unfinished.map(|machine| one(live, now, machine)).collect();
    machines.sort_by_key(|machine| machine.number);
    machines
}

fn one(live: &Live, now: UnixMillis, machine: &Machine) -> AtWork {
    let word = live.last_word(&machine.id);
    let heard = word.as_ref().is_some_and(|word| is_recent(word, now));
    // What a silent machine's drives did last, they may still do.
    let erasing = word.iter().flat_map(|word| &word.heartbeat.erasing_themselves);
    let unstoppable = erasing.map(ToString::to_string).collect();
    AtWork { number: machine.number, heard, unstoppable }
}

/// What an agent is told while everything is stopped, if it is.
pub(crate) fn in_words(bench: &Bench) -> Option<String> {
    let Panic { because, .. } = bench.panic()?;
    let why = if because.is_empty() { String::new() } else { format!(" ({because})") };
    Some(format!("a person stopped all machines{why}; only a person lets work go on"))
}

/// Why the work of a machine does not go on, for agents and people.
pub(crate) fn halted_in_words(admission: &Admission) -> Option<&'static str> {
    let halted = admission.halted.filter(|_| admission.finished.is_none());
    halted.map(|_| "a person stopped all machines while it was at work; it goes on when it is picked again")
}

/// Whether picking a machine for `batch` lets its stopped work go on: it is the same work on the same drives, and nothing
/// was wrong but that it was stopped. Drives that were verified are then looked at again instead of being erased again.
pub(crate) fn continues(bench: &Bench, now: UnixMillis, machine: &Machine, batch: &Batch) -> bool {
    let (Some(admission), Some(inventory)) = (&machine.admission, &machine.inventory) else {
        return false;
    };
    admission.halted.is_some_and(|halted| halted.in_order)
        && admission.has_begun()
        && admission.finished.is_none()
        && admission.job.batch == batch.id
        && admission.drives == internal_drives(inventory)
        && !bench.is_stale(admission, now)
}

#[cfg(test)]
mod tests;
