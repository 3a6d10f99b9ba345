//! A file that is locked, so that no other process does the same at the same time.

use std::fs::{File, TryLockError};

/// The lock; it ends when this is dropped, or with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Waits for nobody.
    ///
    /// # Errors
    /// When somebody else has it, or the file system cannot lock.
    pub(crate) fn take(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that another thread just forked has the file too, until it executes
        // its program. Should unlocking fail, closing is what is left.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "unlocking a file");
        }
    }
}
