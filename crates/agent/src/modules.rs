//! Drivers without udev: what the kernel names by MODALIAS is found in depmod's index and loaded.
//!
//! One thread listens for the kernel's events, walks `/sys/devices` once, then follows the events for
//! ever, so that a drive or a dongle that appears late gets its driver as well.

mod coldplug;
mod glob;
mod index;
mod loader;
mod uevent;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::roots::Roots;

/// No new device for this long means that probing is over.
///
/// Loading a module waits for the kernel's asynchronous probing (ATA ports, NVMe, disks); what remains
/// is the scan of SCSI hosts and of USB, which takes about a second from one device to the next.
const QUIET: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);

/// Loaded for everybody: file systems that the kernel would ask user space for, which has no modprobe here.
const PRELOADED: [&str; 9] = [
    "crc32c",
    "crc32c_generic",
    "crc32c_intel",
    "nls_cp437",
    "nls_ascii",
    "nls_utf8",
    "vfat",
    "ext4",
    "efivarfs",
];

/// The running search for devices and their drivers.
#[derive(Debug, Clone)]
pub(crate) struct Modules {
    progress: Arc<Mutex<Progress>>,
}

/// Whether the machine stopped changing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// No new device for three seconds.
    Quiet,
    /// Devices still appear, or a driver still probes.
    Changing,
}

/// How far the search is.
#[derive(Debug)]
struct Progress {
    /// The walk is over and no module is being loaded.
    idle: bool,
    last_change: Instant,
    loaded: usize,
    problems: Vec<String>,
}

impl Modules {
    /// Starts to load drivers, those of later arrivals too. Never ends.
    ///
    /// # Errors
    /// When the thread cannot be started. An absent or unreadable index is a problem, not an error:
    /// a kernel with all drivers built in does without.
    pub(crate) fn spawn(roots: &Roots) -> std::io::Result<Self> {
        let progress =
            Progress { idle: false, last_change: Instant::now(), loaded: 0, problems: Vec::new() };
        let modules = Self { progress: Arc::new(Mutex::new(progress)) };
        let (shared, roots) = (modules.clone(), roots.clone());
        thread::Builder::new()
            .name("modules".into())
            .spawn(move || coldplug::run(&roots, &shared, &PRELOADED))?;
        Ok(modules)
    }

    /// No search: nothing appears, and no driver is loaded.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn settled() -> Self {
        let last_change = Instant::now().checked_sub(QUIET).unwrap_or_else(Instant::now);
        let progress = Progress { idle: true, last_change, loaded: 0, problems: Vec::new() };
        Self { progress: Arc::new(Mutex::new(progress)) }
    }

    /// Waits until no device has appeared for three seconds, at most for `timeout`.
    pub(crate) fn wait_settled(&self, timeout: Duration) -> Settled {
        let deadline = Instant::now() + timeout;
        loop {
            let quiet = {
                let progress = self.lock();
                progress.idle && progress.last_change.elapsed() >= QUIET
            };
            if quiet {
                return Settled::Quiet;
            }
            if Instant::now() >= deadline {
                return Settled::Changing;
            }
            thread::sleep(POLL);
        }
    }

    /// How many modules have been loaded.
    pub(crate) fn loaded(&self) -> usize {
        self.lock().loaded
    }

    /// What could not be loaded or found out, a sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.lock().problems.clone()
    }

    fn busy(&self) {
        self.lock().idle = false;
    }

    fn idle(&self) {
        self.lock().idle = true;
    }

    fn changed(&self, newly_loaded: usize) {
        let mut progress = self.lock();
        progress.last_change = Instant::now();
        progress.loaded += newly_loaded;
    }

    fn problem(&self, sentence: String) {
        tracing::warn!(target: "init", problem = %sentence);
        self.lock().problems.push(sentence);
    }

    /// A poisoned lock holds whole values all the same: nothing is changed in two steps.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
