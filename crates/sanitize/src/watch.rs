//! What the caller sees of a pass while it runs, and how it stops one.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::{ByteLen, Stage};

use crate::failed::FailureCause;
use crate::pass::time_limit;

/// Shortest time between two reports: four a second.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// What is being done to a drive, each with a progress of its own from nothing to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Remembering by digest what is on it.
    Sampling,
    /// Writing canaries and reading them back.
    PlacingCanaries,
    /// It erases itself.
    ErasingItself,
    /// Writing over all of it.
    Overwriting,
    /// Looking for canaries and for what was there before.
    LookingForOld,
    /// Reading back what the policy demands.
    ReadingBack,
}

impl Doing {
    /// The stage that this is a part of.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Sampling | Self::PlacingCanaries | Self::ErasingItself | Self::Overwriting => {
                Stage::Sanitize
            }
            Self::LookingForOld | Self::ReadingBack => Stage::Verify,
        }
    }

    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sampling => "sample",
            Self::PlacingCanaries => "canaries",
            Self::ErasingItself => "erase",
            Self::Overwriting => "overwrite",
            Self::LookingForOld => "look",
            Self::ReadingBack => "verify",
        }
    }
}

/// Takes reports of progress: a few a second, and the last one of each pass. May drop them; must not block.
pub trait Progress {
    /// So much of it is done.
    fn advanced(&self, doing: Doing, done: ByteLen, total: ByteLen);

    /// The drive works by itself and stands still for longer than it should. Said once, until it moves again.
    fn stalled(&self, sentence: &str);
}

/// How long a drive that works by itself is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Between two questions for its progress.
    pub poll: Duration,
    /// Without any progress, until that is said aloud; or twice the drive's estimate, if that is longer.
    pub stall: Duration,
    /// Without any progress, until it is left alone.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { poll: Duration::from_secs(1), stall: minutes(15), give_up: minutes(24 * 60) }
    }
}

/// For whoever wants the numbers alone.
impl<F: Fn(Doing, ByteLen, ByteLen)> Progress for F {
    fn advanced(&self, doing: Doing, done: ByteLen, total: ByteLen) {
        self(doing, done, total);
    }

    fn stalled(&self, _: &str) {}
}

/// A caller's hands on a running pass.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    progress: &'a dyn Progress,
    stop: &'a AtomicBool,
    patience: Patience,
}

impl<'a> Watch<'a> {
    /// Once `stop` is true, no further request that writes or erases is sent to the drive; the one under way is waited
    /// for. A drive that erases itself by then goes on: nothing can stop it, and that is said.
    pub fn new(progress: &'a dyn Progress, stop: &'a AtomicBool) -> Self {
        Self { progress, stop, patience: Patience::default() }
    }

    /// With another patience than the default.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    pub(crate) fn stalled(&self, sentence: &str) {
        self.progress.stalled(sentence);
    }

    /// Waits for the time of one poll, for a drive that works by itself.
    pub(crate) fn pause(&self) -> Result<(), FailureCause> {
        if self.is_stopped() {
            return Err(FailureCause::StoppedWhileErasing);
        }
        std::thread::sleep(self.patience.poll);
        Ok(())
    }

    /// Asked before each command that destroys something.
    pub(crate) fn go_on(&self) -> Result<(), FailureCause> {
        if self.is_stopped() { Err(FailureCause::Stopped) } else { Ok(()) }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The time that looking at single sectors may take: as much as a pass is granted beside its length, one hour. A dying
/// disk takes seconds for each.
pub(crate) struct Hour(Instant);

impl Hour {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether the next sector may be looked at.
    pub(crate) fn go_on(&self, watch: Watch<'_>) -> Result<(), FailureCause> {
        let limit = time_limit(0);
        if watch.is_stopped() {
            Err(FailureCause::Stopped)
        } else if self.0.elapsed() > limit {
            Err(FailureCause::TooSlow { limit_s: limit.as_secs() })
        } else {
            Ok(())
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("stop", self.stop).finish_non_exhaustive()
    }
}

/// Thins the reports of one pass out.
pub(crate) struct Reporter<'a> {
    watch: Watch<'a>,
    doing: Doing,
    total: ByteLen,
    last: Cell<Option<Instant>>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(watch: Watch<'a>, doing: Doing, total: ByteLen) -> Self {
        Self { watch, doing, total, last: Cell::new(None) }
    }

    pub(crate) fn advanced(&self, done: u64) {
        let is_due = self.last.get().is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due || done == self.total.0 {
            self.last.set(Some(Instant::now()));
            self.watch.progress.advanced(self.doing, ByteLen(done), self.total);
        }
    }
}
