//! What a monitor reads of the coordinator: counts and sizes, never a name, serial number or address. And whether it is
//! ready, in one word.
//!
//! Whatever the journal knows is read from it when somebody asks, so that it is the same after a restart.

mod exposition;
mod histogram;
mod token;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bench::{Machine, MachineState};
use crate::coordinator::Coordinator;
use crate::disk_space::{DiskSpace, DiskSpaceError};
use exposition::Exposition;
use exposition::Kind::{Counter, Gauge};
use histogram::Histogram;

pub(crate) use exposition::CONTENT_TYPE;
pub(crate) use token::MetricsToken;

/// How long a failed commit makes the coordinator not ready, unless a later one succeeds: where nothing is asked for,
/// nothing would ever prove that the disk is well again.
const FAILURE_TIME: Duration = Duration::from_secs(60);

/// A number that only grows. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<AtomicU64>);

impl Counted {
    /// Adds.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How the journal's transactions went: from the first statement until the disk had them.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    times: Histogram,
    failures: AtomicU64,
    /// When the last one failed, if none has succeeded since.
    failed_at: Mutex<Option<Instant>>,
}

impl Commits {
    /// One is on disk; it took so long.
    pub(crate) fn succeeded(&self, time: Duration) {
        self.times.observe(time);
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// One failed, and nothing of it is recorded.
    pub(crate) fn failed(&self, now: Instant) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn are_failing(&self, now: Instant) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| now.saturating_duration_since(at) < FAILURE_TIME)
    }
}

/// Why the metrics cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    #[error("failed to ask for the size of {path}")]
    Size {
        path: std::path::PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Disk(#[from] DiskSpaceError),
}

/// Why nothing new is begun at the moment, for people; empty while the coordinator is ready.
pub(crate) fn obstacles(coordinator: &Coordinator) -> Vec<String> {
    let journal = &coordinator.journal;
    let disk = coordinator.disk.check().err().map(|error| chain(&error));
    let clock = journal.clock().jump().map(|jump| jump.to_string());
    let failing = journal.commits().are_failing(Instant::now()).then(|| {
        "the journal could not be written within the last minute; the log says why".to_owned()
    });
    disk.into_iter().chain(clock).chain(failing).collect()
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The page that Prometheus reads. Blocks: it asks the disk.
///
/// # Errors
/// When the disk does not answer. A page without a value would look like a coordinator that has none.
pub(crate) fn page(coordinator: &Coordinator) -> Result<String, MetricsError> {
    let mut page = Exposition::default();
    let version = [(env!("CARGO_PKG_VERSION"), "1".to_owned())];
    page.family("rehome_build_info", Gauge, "The coordinator's version.", "version", version);
    let ready = u8::from(obstacles(coordinator).is_empty());
    page.single("rehome_ready", Gauge, "Whether something new may be begun (1) or not (0).", ready);
    journal(&mut page, coordinator)?;
    machines(&mut page, coordinator);
    disk(&mut page, &coordinator.disk)?;
    let help = "Bytes of image chunks sent since the start.";
    page.single("rehome_image_sent_bytes_total", Counter, help, coordinator.chunk_bytes.get());
    let help = "Logins refused since the start: wrong names, wrong passwords, too many attempts.";
    page.single("rehome_logins_refused_total", Counter, help, coordinator.login.n_refused());
    Ok(page.finish())
}

fn journal(page: &mut Exposition, coordinator: &Coordinator) -> Result<(), MetricsError> {
    let journal = &coordinator.journal;
    let commits = journal.commits();
    let help = "Events in the journal.";
    page.single("rehome_journal_events_total", Counter, help, *journal.length().borrow());
    let help = "Size of the journal's files.";
    page.single("rehome_journal_size_bytes", Gauge, help, journal_size(journal.path())?);
    let help = "Time from a transaction's first statement until it was on disk.";
    page.histogram("rehome_journal_commit_duration_seconds", help, &commits.times.snapshot());
    let help = "Transactions since the start that failed; nothing of them is recorded.";
    let failures = commits.failures.load(Ordering::Relaxed);
    page.single("rehome_journal_commit_failures_total", Counter, help, failures);
    Ok(())
}

/// The database and its write-ahead log.
fn journal_size(path: &Path) -> Result<u64, MetricsError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let len = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(MetricsError::Size { path: path.to_owned(), source }),
    };
    Ok(len(path)? + len(log.as_ref())?)
}

fn machines(page: &mut Exposition, coordinator: &Coordinator) {
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
    let bench = &published.bench;
    let armed = bench.armed(now).len();
    let mut states: BTreeMap<_, u64> = MachineState::NAMES.into_iter().map(|it| (it, 0)).collect();
    for machine in bench.machines() {
        *states.entry(machine.state(armed > 0).name()).or_default() += 1;
    }
    let states = states.into_iter().map(|(name, n)| (name, n.to_string()));
    page.family("rehome_machines", Gauge, "Machines by where they stand.", "state", states);
    page.single("rehome_batches_armed", Gauge, "Batches that take machines.", armed);
    let sum = |of: fn(&Machine) -> u64| bench.machines().map(of).sum::<u64>();
    let records = sum(|it| it.boots.iter().map(|boot| boot.records.len() as u64).sum());
    let help = "Records of agents that are on disk and acknowledged.";
    page.single("rehome_records_acknowledged_total", Counter, help, records);
    let help = "Verifications that found a drive sanitized.";
    let sanitized = sum(|it| it.outcomes.sanitized);
    page.single("rehome_drives_sanitized_total", Counter, help, sanitized);
    let help = "Sanitizations that failed.";
    let failed = sum(|it| it.outcomes.failed);
    page.single("rehome_drive_sanitize_failures_total", Counter, help, failed);
}

fn disk(page: &mut Exposition, disk: &DiskSpace) -> Result<(), MetricsError> {
    let room = disk.look()?;
    let help = "Room that is left on the disk of the data directory.";
    page.single("rehome_disk_free_bytes", Gauge, help, room.free.0);
    let help = "Size of the disk of the data directory.";
    page.single("rehome_disk_size_bytes", Gauge, help, room.size.0);
    let help = "Below so much free room nothing new is begun.";
    page.single("rehome_disk_min_free_bytes", Gauge, help, disk.min_free().0);
    Ok(())
}
