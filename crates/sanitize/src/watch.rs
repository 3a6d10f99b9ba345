//! What the caller sees of a pass while it runs, and how it stops one.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::{ByteLen, Stage};

/// Shortest time between two reports: four a second.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// Takes reports of progress: a few a second, and the last one of each pass. May drop them; must not block.
pub trait Progress {
    /// So much of the pass is done.
    fn advanced(&self, stage: Stage, done: ByteLen, total: ByteLen);
}

impl<F: Fn(Stage, ByteLen, ByteLen)> Progress for F {
    fn advanced(&self, stage: Stage, done: ByteLen, total: ByteLen) {
        self(stage, done, total);
    }
}

/// A caller's hands on a running pass.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    progress: &'a dyn Progress,
    stop: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// Once `stop` is true, no further request is sent to the drive; the one under way is waited for.
    pub fn new(progress: &'a dyn Progress, stop: &'a AtomicBool) -> Self {
        Self { progress, stop }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
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
    stage: Stage,
    total: ByteLen,
    last: Cell<Option<Instant>>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(watch: Watch<'a>, stage: Stage, total: ByteLen) -> Self {
        Self { watch, stage, total, last: Cell::new(None) }
    }

    pub(crate) fn advanced(&self, done: u64) {
        let is_due = self.last.get().is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due || done == self.total.0 {
            self.last.set(Some(Instant::now()));
            self.watch.progress.advanced(self.stage, ByteLen(done), self.total);
        }
    }
}
