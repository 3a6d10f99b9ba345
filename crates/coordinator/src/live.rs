//! What is true only now and not journaled: the last word of each agent, and how each boot went.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::netboot::trace::TraceEvent;
use protocol::{Heartbeat, MachineId, UnixMillis};

use crate::clock::Clock;

/// Boot trace events kept for each address.
const TRACE_LIMIT: usize = 60;
/// Addresses whose boots are kept.
const TRACED_LIMIT: usize = 2_000;

/// An agent's last word.
#[derive(Debug, Clone)]
pub(crate) struct LastWord {
    /// When.
    pub(crate) at: UnixMillis,
    /// What it said.
    pub(crate) heartbeat: Heartbeat,
}

/// An agent that was silent for longer is shown as gone.
const SILENCE_MILLIS: u64 = 15_000;

/// Whether that word is from the last seconds.
pub(crate) fn is_recent(word: &LastWord, now: UnixMillis) -> bool {
    now.0.abs_diff(word.at.0) < SILENCE_MILLIS
}

/// A line of a boot trace.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct TraceLine {
    /// When.
    pub(crate) at: UnixMillis,
    /// The step's name.
    pub(crate) step: String,
    /// In plain words.
    pub(crate) sentence: String,
    /// Whether somebody should look.
    pub(crate) attention: bool,
}

/// All last words and traces.
#[derive(Debug)]
pub(crate) struct Live {
    clock: Clock,
    words: Mutex<HashMap<MachineId, LastWord>>,
    traces: Mutex<HashMap<String, VecDeque<TraceLine>>>,
}

impl Live {
    /// Nothing was heard yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, words: Mutex::default(), traces: Mutex::default() }
    }

    /// Notes a heartbeat.
    pub(crate) fn heard(&self, machine: MachineId, heartbeat: Heartbeat) {
        let word = LastWord { at: self.clock.now(), heartbeat };
        lock(&self.words).insert(machine, word);
    }

    /// The last word of a machine's agent.
    pub(crate) fn last_word(&self, machine: &MachineId) -> Option<LastWord> {
        lock(&self.words).get(machine).cloned()
    }

    /// Notes a step of a network boot.
    pub(crate) fn trace(&self, event: &TraceEvent) {
        let Some(mac) = event.client else { return };
        let mut traces = lock(&self.traces);
        let mac = mac.to_string();
        // A flood of made-up addresses must not fill the memory.
        if traces.len() >= TRACED_LIMIT && !traces.contains_key(&mac) {
            traces.clear();
        }
        let lines = traces.entry(mac).or_default();
        lines.push_back(TraceLine {
            at: self.clock.now(),
            step: event.step.name().to_owned(),
            sentence: event.step.to_string(),
            attention: event.step.needs_attention(),
        });
        if lines.len() > TRACE_LIMIT {
            lines.pop_front();
        }
    }

    /// How the boots from one address went.
    pub(crate) fn boot_trace(&self, mac: &str) -> Vec<TraceLine> {
        lock(&self.traces).get(mac).map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
    }
}

/// A panic elsewhere cannot leave these maps half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
