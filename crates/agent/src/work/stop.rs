//! A person's word that everything stops, as all parts of one attempt see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by everything that sends commands to drives. Once said it holds for this attempt for good: work that was
/// stopped does not go on by itself when the word is taken back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[error("stopped by a person; nothing further was written")]
pub(crate) struct Stopped;

impl Stop {
    /// Everything stops.
    pub(crate) fn say(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_said(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// As whoever works on a drive looks at it between two commands.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// Asked before each step that writes.
    ///
    /// # Errors
    /// When it was said.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.is_said() { Err(Stopped) } else { Ok(()) }
    }
}
