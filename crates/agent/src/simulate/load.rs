//! Agents that do nothing but talk: enrolled, admitted, with a ticket, then two records a second each, as a drive's work
//! makes them, and a heartbeat with progress. What is measured is the coordinator.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use drive::sim::SimDrive;
use protocol::api::SiteConfig;
use protocol::event::DriveEvidence;
use protocol::{AgentKey, DriveIdentity, MachineId, PlannedDrive, Step, TicketId};
use sanitize::{ConsentedDrive, Secrets, Target, Watch};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::bay::Bay;
use super::dice::Dice;
use super::hardware::{Hardware, Medium, SECTOR_LEN};
use super::{Options, laptop, say, tree};
use crate::work::records::Records;
use crate::work::{self, clock};

/// Two records a second.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// The first machine steps seldom enough that each of its steps can be told apart on a dashboard.
const PROBE_EVERY: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);

/// Everything that was measured so far.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// From a record's signing to the answer that it is on disk, in microseconds.
    acknowledged_us: Mutex<Vec<u64>>,
    working: AtomicU64,
    failures: Mutex<Vec<String>>,
    probe_number: Mutex<Option<u32>>,
    probe: Mutex<Vec<Probe>>,
    /// By machine and agent, how many records were acknowledged.
    accepted: Mutex<BTreeMap<(MachineId, AgentKey), u64>>,
}

/// A step of the first machine.
#[derive(Debug, Clone, Serialize)]
struct Probe {
    /// When it was acknowledged, in milliseconds since 1970.
    at: u64,
    step: &'static str,
}

/// What is written down at the end.
#[derive(Debug, Serialize)]
struct Report {
    agents: u64,
    working: u64,
    seconds: f64,
    records: usize,
    records_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    failures: Vec<String>,
    /// The first machine, whose state changes at each of its steps.
    probe_number: Option<u32>,
    probe: Vec<Probe>,
}

impl Measured {
    /// How many agents are at work.
    pub(super) fn working(&self) -> u64 {
        self.working.load(Ordering::Relaxed)
    }

    /// What ended an agent: none may be.
    pub(super) fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    /// How many records of each agent the coordinator has acknowledged.
    #[cfg(test)]
    pub(super) fn accepted(&self) -> BTreeMap<(MachineId, AgentKey), u64> {
        lock(&self.accepted).clone()
    }

    /// Forgets the times so far.
    fn begin(&self) {
        lock(&self.acknowledged_us).clear();
        lock(&self.probe).clear();
    }

    fn report(&self, agents: u64, took: Duration) -> Report {
        let mut times = lock(&self.acknowledged_us).clone();
        times.sort_unstable();
        let at = |hundredths: usize| {
            let index = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
            millis(times.get(index).copied().unwrap_or(0))
        };
        Report {
            agents,
            working: self.working(),
            seconds: took.as_secs_f64(),
            records: times.len(),
            records_per_s: ratio(times.len(), took),
            p50_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
            failures: self.failures(),
            probe_number: *lock(&self.probe_number),
            probe: lock(&self.probe).clone(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn ratio(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Loads the coordinator for as long as was said and writes the report.
pub(super) fn run(
    options: &Options,
    site: &Arc<SiteConfig>,
    trees: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let measured = start(&runtime, options.seed, options.count, site, trees)?;
    while measured.working() < options.count && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(POLL);
        if let [first, ..] = &measured.failures()[..] {
            bail!("an agent ended before all were at work: {first}");
        }
    }
    say("all at work");
    measured.begin();
    let begun = Instant::now();
    let time = options.seconds.map_or(Duration::MAX, Duration::from_secs);
    while begun.elapsed() < time && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(POLL);
    }
    let report = measured.report(options.count, begun.elapsed());
    runtime.shutdown_background();
    let json = serde_json::to_string_pretty(&report).context("writing the report as JSON")?;
    match &options.report {
        Some(file) => std::fs::write(file, json)
            .with_context(|| format!("writing the report {}", file.display()))?,
        None => say(&json),
    }
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the agents. Each waits to be admitted like any other.
pub(super) fn start(
    runtime: &tokio::runtime::Runtime,
    seed: u64,
    count: u64,
    site: &Arc<SiteConfig>,
    trees: &Path,
) -> anyhow::Result<Arc<Measured>> {
    let measured = Arc::new(Measured::default());
    let template = Arc::new(OnceCell::new());
    for index in 0..count {
        let hardware = Hardware::new(seed, index, Some(Medium::Disk));
        let root = trees.join(index.to_string());
        tree::plant(&hardware, &root, true)?;
        let booted_ms = clock::uptime_ms();
        let bay = Bay::idle(&hardware)?;
        let context = Arc::new(laptop::context(&hardware, bay, &root, None, booted_ms)?);
        let (site, measured, template) = (site.clone(), measured.clone(), template.clone());
        runtime.spawn(async move {
            let agreed = work::agree(context, site).await;
            let every = if index == 0 { PROBE_EVERY } else { STEP_EVERY };
            let worked = match agreed {
                Ok((planned, records)) => {
                    let steps = template.get_or_try_init(|| Template::make(planned.clone())).await;
                    match steps {
                        Ok(template) => {
                            hand_in(&measured, template, &planned, &records, (every, seed)).await
                        }
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            };
            if let Err(error) = worked {
                lock(&measured.failures).push(format!("laptop {}: {error:#}", index + 1));
            }
        });
    }
    Ok(measured)
}

/// Records for ever, evenly spaced, each awaited.
async fn hand_in(
    measured: &Measured,
    template: &Template,
    planned: &PlannedDrive,
    records: &Records,
    (every, seed): (Duration, u64),
) -> anyhow::Result<()> {
    measured.working.fetch_add(1, Ordering::Relaxed);
    let is_probe = every == PROBE_EVERY;
    let who = records.whose();
    if is_probe {
        *lock(&measured.probe_number) = Some(records.number().await.0.get());
    }
    // Laptops that were picked with one click do not work in step.
    let mut dice = Dice::new(seed, u64::from(records.number().await.0.get()));
    tokio::time::sleep(Duration::from_millis(dice.below(1000))).await;
    let mut ticks = tokio::time::interval(every);
    // One that is late does not hand in more at once than any other.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for turn in 0_usize.. {
        ticks.tick().await;
        let (name, step) = template.step(turn, is_probe, &planned.identity);
        let begun = Instant::now();
        records.append_and_settle(step).await?;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        lock(&measured.acknowledged_us).push(took);
        lock(&measured.accepted).insert(who, records.accepted());
        if is_probe {
            lock(&measured.probe).push(Probe { at: clock::now().0, step: name });
        }
    }
    Ok(())
}

/// The records of one drive's work, as the agent really made them once.
#[derive(Debug)]
struct Template {
    started: Step,
    sanitized: Step,
    verified: DriveEvidence,
}

impl Template {
    /// Sanitizes a drive in memory, which is what such records are made of.
    async fn make(planned: PlannedDrive) -> anyhow::Result<Self> {
        let made = move || {
            let drive = SimDrive::new(
                planned.identity.clone(),
                protocol::SectorSize::try_from(SECTOR_LEN)?,
            );
            drive.fill_with_old_data();
            let serial = planned.identity.serial.clone();
            let run = TicketId::from_bytes(work::random_bytes()?);
            let consent = ConsentedDrive::by_hand(&planned, &serial, run)?;
            let target = Target::claim(Box::new(drive), consent).map_err(failed)?;
            let started = target.to_step();
            let stop = AtomicBool::new(false);
            let silent = |_, _, _| ();
            let watch = Watch::new(&silent, &stop);
            let sanitized =
                target.sanitize(Secrets::new(work::random_bytes()?), watch).map_err(failed)?;
            let then = sanitized.to_step();
            let verified = sanitized.verify(watch).map_err(failed)?.evidence().clone();
            Ok(Self { started, sanitized: then, verified })
        };
        tokio::task::spawn_blocking(made).await.context("a working thread died")?
    }

    /// The record of a turn, of that drive. A probe goes from one state to another at each.
    fn step(&self, turn: usize, is_probe: bool, drive: &DriveIdentity) -> (&'static str, Step) {
        let of_drive = drive.clone();
        match if is_probe { turn % 2 } else { turn % 6 } {
            0 => match &self.started {
                Step::SanitizeStarted { techniques, .. } => {
                    let techniques = techniques.clone();
                    ("started", Step::SanitizeStarted { drive: of_drive, techniques })
                }
                other => ("started", other.clone()),
            },
            3 => match &self.sanitized {
                Step::Sanitized { observed, .. } => {
                    let observed = observed.clone();
                    ("sanitized", Step::Sanitized { drive: of_drive, observed })
                }
                other => ("sanitized", other.clone()),
            },
            5 => {
                let verified_at = clock::now();
                let evidence =
                    DriveEvidence { drive: of_drive, verified_at, ..self.verified.clone() };
                ("verified", Step::Verified(evidence))
            }
            _ => {
                let sentence = format!("{drive} has stood still for {turn} seconds");
                ("stalled", Step::Stalled { drive: of_drive, sentence })
            }
        }
    }
}

fn failed(failed: Box<sanitize::Failed>) -> anyhow::Error {
    anyhow::anyhow!(failed.sentence())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
