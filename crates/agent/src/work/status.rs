//! What the machine is doing right now: one value that the heartbeat sends and the screen shows.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::api::{Heartbeat, Progress};
use protocol::{ByteLen, DriveIdentity, Stage};

use crate::screen::{Lang, ScreenHandle, Sentence, State};

/// The rate shown is that of so many seconds.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Shared by everything that works and everything that shows.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    screen: ScreenHandle,
    counted: Arc<Mutex<Counted>>,
    halt: Arc<Mutex<Halt>>,
}

/// What a person stopped, and what nobody can.
#[derive(Debug, Default)]
struct Halt {
    /// Why, while it is so.
    reason: Option<String>,
    /// The drives that erase themselves now.
    erasing: BTreeSet<DriveIdentity>,
}

#[derive(Debug, Default)]
struct Counted {
    meter: Option<Arc<Meter>>,
    samples: VecDeque<(Instant, u64)>,
}

/// Bytes done of bytes in all, counted by any number of threads.
#[derive(Debug)]
pub(crate) struct Meter {
    done: AtomicU64,
    total: u64,
}

impl Meter {
    pub(crate) fn new(total: ByteLen) -> Arc<Self> {
        Arc::new(Self { done: AtomicU64::new(0), total: total.0 })
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed).min(self.total)
    }
}

impl Status {
    pub(crate) fn new(screen: ScreenHandle) -> Self {
        Self { screen, counted: Arc::default(), halt: Arc::default() }
    }

    /// Enters a stage, or says something new within it. A problem that was shown is over.
    pub(crate) fn enter(&self, stage: Stage, sentence: Sentence) {
        *self.lock() = Counted::default();
        self.show(|state| {
            (state.stage, state.sentence) = (stage, sentence);
            (state.progress, state.problem) = (None, None);
        });
    }

    /// Says that a person stopped everything. Nothing else is shown before [`Self::go_on`], whatever still comes to its
    /// end.
    pub(crate) fn stop(&self, reason: String) {
        lock(&self.halt).reason = Some(reason);
        self.show_stopped();
    }

    /// Shows again what is being done.
    pub(crate) fn go_on(&self) {
        *lock(&self.halt) = Halt::default();
    }

    /// Notes whether a drive erases itself.
    pub(crate) fn erases_itself(&self, drive: &DriveIdentity, does: bool) {
        let changed = {
            let mut halt = lock(&self.halt);
            match (does, halt.erasing.contains(drive)) {
                (true, false) => halt.erasing.insert(drive.clone()),
                (false, true) => halt.erasing.remove(drive),
                _ => false,
            }
        };
        if changed {
            self.show_stopped();
        }
    }

    /// Enters a stage whose bytes are counted by `meter`.
    pub(crate) fn measure(&self, stage: Stage, sentence: Sentence, meter: Arc<Meter>) {
        self.enter(stage, sentence);
        self.lock().meter = Some(meter);
    }

    /// Says that a person is needed, and why. The stage stays.
    pub(crate) fn problem(&self, problem: String) {
        *self.lock() = Counted::default();
        self.show(|state| {
            state.sentence = Sentence::NeedsAttention;
            (state.progress, state.problem) = (None, Some(problem));
        });
    }

    /// Shows something that may pass by itself beside what is being done; `None` when it has.
    pub(crate) fn hint(&self, hint: Option<String>) {
        self.show(|state| state.problem = hint);
    }

    /// The present state, as the coordinator hears it. Brings the screen's progress up to date.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let progress = self.lock().progress(Instant::now());
        self.show(|state| state.progress = progress);
        let state = self.screen.state();
        let sentence = state.sentence.text(Lang::En);
        let sentence = match (state.problem, &state.sentence) {
            (Some(why), Sentence::Stopped(_)) => format!("{sentence} {why}"),
            (problem, _) => problem.unwrap_or(sentence),
        };
        let erasing_themselves = lock(&self.halt).erasing.iter().cloned().collect();
        Heartbeat { stage: state.stage, sentence, progress: state.progress, erasing_themselves }
    }

    /// Changes what is shown, unless a person stopped everything.
    fn show(&self, change: impl FnOnce(&mut State)) {
        let halt = lock(&self.halt);
        if halt.reason.is_none() {
            self.screen.update(change);
        }
    }

    fn show_stopped(&self) {
        let halt = lock(&self.halt);
        let Some(reason) = &halt.reason else { return };
        let erasing = halt.erasing.iter().map(ToString::to_string).collect();
        self.screen.update(|state| {
            (state.sentence, state.progress) = (Sentence::Stopped(erasing), None);
            state.problem = Some(reason.clone());
        });
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        lock(&self.counted)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counted {
    fn progress(&mut self, now: Instant) -> Option<Progress> {
        let meter = self.meter.as_ref()?;
        let done = meter.done();
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && now - self.samples[1].0 > RATE_WINDOW {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let millis = u64::try_from((now - since).as_millis()).unwrap_or(u64::MAX);
        let rate = (done.saturating_sub(before)).saturating_mul(1000).checked_div(millis);
        Some(Progress {
            done: ByteLen(done),
            total: ByteLen(meter.total),
            rate: ByteLen(rate.unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut view = Counted { meter: Some(Meter::new(ByteLen(1000))), ..Counted::default() };
        let start = Instant::now();
        let mut at = |seconds, add| {
            view.meter.as_ref().unwrap().add(add);
            view.progress(start + Duration::from_secs(seconds)).unwrap()
        };
        assert_eq!(at(0, 0).rate, ByteLen(0));
        assert_eq!(at(10, 500).rate, ByteLen(50));
        assert_eq!(at(30, 100).rate, ByteLen(5));
        assert_eq!(at(31, 900).done, ByteLen(1000), "never more than all");
    }
}
