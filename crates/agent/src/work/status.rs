//! What the machine is doing right now: one value that the heartbeat sends and the screen shows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::api::{Heartbeat, Progress};
use protocol::{ByteLen, Stage};

use crate::screen::{Lang, ScreenHandle, Sentence};

/// The rate shown is that of so many seconds.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Shared by everything that works and everything that shows.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    screen: ScreenHandle,
    counted: Arc<Mutex<Counted>>,
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
        Self { screen, counted: Arc::default() }
    }

    /// Enters a stage, or says something new within it. A problem that was shown is over.
    pub(crate) fn enter(&self, stage: Stage, sentence: Sentence) {
        *self.lock() = Counted::default();
        self.screen.update(|state| {
            (state.stage, state.sentence) = (stage, sentence);
            (state.progress, state.problem) = (None, None);
        });
    }

    /// Enters a stage whose bytes are counted by `meter`.
    pub(crate) fn measure(&self, stage: Stage, sentence: Sentence, meter: Arc<Meter>) {
        self.enter(stage, sentence);
        self.lock().meter = Some(meter);
    }

    /// Says that a person is needed, and why. The stage stays.
    pub(crate) fn problem(&self, problem: String) {
        *self.lock() = Counted::default();
        self.screen.update(|state| {
            state.sentence = Sentence::NeedsAttention;
            (state.progress, state.problem) = (None, Some(problem));
        });
    }

    /// Shows something that may pass by itself beside what is being done; `None` when it has.
    pub(crate) fn hint(&self, hint: Option<String>) {
        self.screen.update(|state| state.problem = hint);
    }

    /// The present state, as the coordinator hears it. Brings the screen's progress up to date.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let progress = self.lock().progress(Instant::now());
        self.screen.update(|state| state.progress = progress);
        let state = self.screen.state();
        let sentence = state.problem.unwrap_or_else(|| state.sentence.text(Lang::En));
        Heartbeat { stage: state.stage, sentence, progress }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
