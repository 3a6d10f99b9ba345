//! At most two emulated laptops at a time on one host, over all test processes.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::sweep::run_dir;

/// Emulated laptops that may run at once: two cores, TCG.
pub const MAX_LAPTOPS: usize = 2;
/// Longest wait for slots: other tests hold theirs for at most 300 s each.
const WAIT: Duration = Duration::from_secs(45 * 60);

/// Held slots; they are free again when this is dropped or the process dies.
#[derive(Debug)]
pub struct Slots {
    locks: Vec<Lock>,
}

/// A locked file. Closing alone would not unlock it: a child that another thread has just forked holds it as well until
/// it starts its program.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            eprintln!("workshop: a laptop slot was not given back: {error}");
        }
    }
}

impl Slots {
    /// Waits for `count` slots of this host.
    ///
    /// # Errors
    /// When `count` is over [`MAX_LAPTOPS`], or after 45 minutes.
    pub fn acquire(count: usize) -> Result<Self> {
        Self::acquire_in(&run_dir("laptop-slots"), count, WAIT)
    }

    /// How many laptops may run under these slots.
    pub fn count(&self) -> usize {
        self.locks.len()
    }

    fn acquire_in(dir: &Path, count: usize, wait: Duration) -> Result<Self> {
        ensure!(
            count <= MAX_LAPTOPS,
            "{count} laptops at once asked for; the limit is {MAX_LAPTOPS}"
        );
        if count == 0 {
            return Ok(Self { locks: Vec::new() });
        }
        fs::create_dir_all(dir).with_context(|| format!("failed to make {}", dir.display()))?;
        let deadline = Instant::now() + wait;
        // Who waits for two slots holds the gate meanwhile: two waiters with one slot each
        // would wait for each other for ever.
        let _gate = lock_one_of(dir, &["gate".to_owned()], deadline)?;
        let names: Vec<String> = (0..MAX_LAPTOPS).map(|n| format!("slot-{n}")).collect();
        let mut locks = Vec::new();
        while locks.len() < count {
            locks.push(lock_one_of(dir, &names, deadline)?);
        }
        Ok(Self { locks })
    }
}

fn lock_one_of(dir: &Path, names: &[String], deadline: Instant) -> Result<Lock> {
    loop {
        for name in names {
            let path = dir.join(name);
            let file = File::create(&path)
                .with_context(|| format!("failed to open lock file {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("failed to lock {}", path.display()));
                }
            }
        }
        if Instant::now() >= deadline {
            bail!("no free laptop slot in {}; other tests still hold them", dir.display());
        }
        sleep(Duration::from_millis(300));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_two_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let now = Duration::ZERO;
        let one = Slots::acquire_in(dir.path(), 1, now).unwrap();
        let _other = Slots::acquire_in(dir.path(), 1, now).unwrap();
        assert!(Slots::acquire_in(dir.path(), 1, now).is_err());
        drop(one);
        assert_eq!(Slots::acquire_in(dir.path(), 1, now).unwrap().count(), 1);
        assert!(Slots::acquire_in(dir.path(), 2, now).is_err(), "one is still held");
        assert!(Slots::acquire_in(dir.path(), 3, now).is_err());
    }
}
