//! From a machine with a network to a machine with a new system: everything that is done with the coordinator.

pub(crate) mod client;
pub(crate) mod clock;
mod drives;
mod earlier;
mod fetch;
mod image_drive;
mod install;
mod job;
mod notice;
mod nvram;
mod observe;
mod partitions;
mod personalize;
pub(crate) mod records;
mod status;
mod stop;
mod witness;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use evidence::SigningKey;
use protocol::api::{Directive, EarlierRecord, SiteConfig, VerifiedBefore};
use protocol::{AgentKey, DriveUnit, Inventory, Stage, Step};

use crate::init::{Context, power::Ending};
use crate::inventory;
use crate::modules::Settled;
use crate::screen::Sentence;
use client::Client;
pub(crate) use clock::set as set_clock;
use job::{Job, Memory, Outcome};
use records::Records;
use status::Status;
use stop::Stop;

/// Between an answer and the next question. A person's word that everything stops comes with an answer: it is heard
/// after this time, and that of one answer, which together have to stay below [`STOPS_WITHIN`].
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// From the moment at which it is in the journal that everything stops, to the last command that writes or erases.
const STOPS_WITHIN: Duration = Duration::from_secs(2);
const _: () = assert!(HEARTBEAT_EVERY.as_millis() * 2 <= STOPS_WITHIN.as_millis());
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// How long the screen says why before the machine restarts into its own disk: within the 5 s that are promised.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often drives are listed before it counts as a failure.
const MAX_LOOKS: u32 = 4;
/// How long a plan waits for devices that still appear.
const SETTLING: Duration = Duration::from_secs(120);

/// Works until there is nothing left to do. Whatever goes wrong is shown and tried again.
pub(crate) fn run(context: Context, mut site: SiteConfig) -> anyhow::Result<Ending> {
    // Another address changes nothing about whom we trust: the key stays pinned.
    if let Some(other) = context.cmdline.address {
        site.address = other.ip;
        site.api_port = other.port.unwrap_or(site.api_port);
    }
    forget_mount();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let ended = runtime.block_on(serve(Arc::new(context), Arc::new(site)));
    // A thread that is stuck on a dying drive keeps nobody from restarting the machine.
    runtime.shutdown_background();
    ended
}

/// An agent that died while the new system was mounted left it so, and a mounted drive is refused.
fn forget_mount() {
    use nix::errno::Errno;
    match nix::mount::umount2(install::MOUNT_POINT, nix::mount::MntFlags::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(error) => {
            tracing::warn!(target: "init", "{} stays mounted: {error}", install::MOUNT_POINT)
        }
    }
}

pub(crate) async fn serve(context: Arc<Context>, site: Arc<SiteConfig>) -> anyhow::Result<Ending> {
    let status = Status::new(context.screen.clone());
    let client = Arc::new(enroll(&context, &site, &status).await?);
    let records = Records::start(client.clone(), context.booted_ms).await;
    if let Some(how) = &context.former_death {
        records.append(Step::AgentDied { how: how.clone() })?;
    }
    let memory = Arc::new(Mutex::new(Memory::default()));
    let heard = Arc::new(Mutex::new(Heard::default()));
    tokio::spawn(beat(client.clone(), status.clone(), heard.clone()));
    loop {
        let (directive, stop) = lock(&heard).take();
        match directive {
            // That it stops is shown where it is heard: work may be under way.
            None | Some(Directive::Stop { .. }) => {}
            Some(Directive::Wait { reason }) => {
                status.go_on();
                status.enter(Stage::Plan, Sentence::Verbatim(reason));
            }
            Some(Directive::LocalDisk { reason, .. }) => {
                status.go_on();
                status.enter(Stage::Report, Sentence::LocalDisk);
                tracing::info!(target: "report", "restarting into the machine's own disk: {reason}");
                tokio::time::sleep(FAREWELL).await;
                return Ok(Ending::Reboot);
            }
            Some(Directive::Work { job, verified_before, our_locks }) => {
                let proven = proven(&verified_before);
                status.go_on();
                let Some(verified_before) =
                    recall(&client, &memory, verified_before, &status).await
                else {
                    continue;
                };
                let job = Job {
                    context: context.clone(),
                    site: site.clone(),
                    client: client.clone(),
                    records: records.clone(),
                    status: status.clone(),
                    job,
                    verified_before,
                    our_locks: our_locks.into_iter().collect(),
                    proven,
                    memory: memory.clone(),
                    stop,
                };
                let ending = match work(&job).await? {
                    Outcome::Done => Some(Ending::Reboot),
                    Outcome::PowerOff => Some(Ending::PowerOff),
                    Outcome::NotNow | Outcome::Stopped => None,
                };
                if let Some(ending) = ending {
                    tokio::time::sleep(FAREWELL).await;
                    return Ok(ending);
                }
                // What was wished before this attempt is out of date.
                lock(&heard).latest = None;
            }
        }
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
}

/// What finished work proves of drives, where the job only installs.
fn proven(named: &[EarlierRecord]) -> job::ProvenBefore {
    let earlier =
        |it: &EarlierRecord| Some((it.drive.clone(), (**it.earlier_work.as_ref()?).clone()));
    named.iter().filter_map(earlier).collect()
}

/// The evidence of what was verified before. Without it the drives would be wiped again: `None` is to ask once more.
async fn recall(
    client: &Client,
    memory: &Mutex<Memory>,
    named: Vec<EarlierRecord>,
    status: &Status,
) -> Option<Vec<VerifiedBefore>> {
    let kept = std::mem::take(&mut lock(memory).earlier);
    let (kept, recalled) = kept.recall(client, named).await;
    lock(memory).earlier = kept;
    match recalled {
        Ok(recalled) => Some(recalled),
        Err(error) => {
            tracing::warn!(target: "plan", "earlier evidence: {error:#}");
            status.hint(Some(format!("{error:#}")));
            tokio::time::sleep(RETRY_AFTER).await;
            None
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the coordinator said last.
#[derive(Debug, Default)]
struct Heard {
    latest: Option<Directive>,
    /// Of the attempt that is under way.
    stop: Stop,
}

impl Heard {
    fn hear(&mut self, directive: Directive) {
        if matches!(directive, Directive::Stop { .. }) {
            self.stop.say();
        }
        self.latest = Some(directive);
    }

    /// What it wishes, and what tells the attempt that follows from it to stop: a new one, as the word was not said
    /// since.
    fn take(&mut self) -> (Option<Directive>, Stop) {
        let directive = self.latest.take();
        if matches!(directive, Some(Directive::Work { .. })) {
            self.stop = Stop::default();
        }
        (directive, self.stop.clone())
    }
}

/// One attempt at the job. A failure after consent stays on the screen and in the journal, until a person acts; what a
/// person stopped may be begun anew.
async fn work(job: &Job) -> anyhow::Result<Outcome> {
    let failure = match job.perform().await {
        Ok(outcome) => return Ok(outcome),
        Err(failure) => failure,
    };
    let stage = job.status.heartbeat().stage;
    let sentence = format!("{failure:#}");
    if job.stop.is_said() {
        tracing::warn!(target: "work", stage = stage.name(), "stopped by a person: {sentence}");
        job.records.append_and_settle(Step::Stopped { stage, sentence }).await?;
        return Ok(Outcome::Stopped);
    }
    tracing::error!(target: "work", stage = stage.name(), "{sentence}");
    job.status.problem(sentence.clone());
    job.records.append_and_settle(Step::Failed { stage, sentence }).await?;
    // The screen keeps saying why. To restart the machine is a person's answer, or to stop everything and pick it again.
    while !job.stop.is_said() {
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
    Ok(Outcome::Stopped)
}

async fn enroll(
    context: &Arc<Context>,
    site: &SiteConfig,
    status: &Status,
) -> anyhow::Result<Client> {
    let key = Arc::new(SigningKey::generate().context("making the key of this boot")?);
    let fingerprint = AgentKey::from_bytes(key.public()).fingerprint();
    context.screen.update(|state| state.fingerprint = Some(fingerprint));
    loop {
        if context.net.links().is_empty() {
            status.enter(Stage::Init, context.net.obstacle());
        } else {
            match introduce(context, site, status, key.clone()).await {
                Ok(client) => {
                    let number = client.enrolled().await.number;
                    context.screen.update(|state| state.number = Some(number));
                    tracing::info!(target: "init", %number, "enrolled");
                    return Ok(client);
                }
                Err(error) => {
                    tracing::warn!(target: "init", "not enrolled yet: {error:#}");
                    status.hint(Some(format!("{error:#}")));
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
}

async fn introduce(
    context: &Arc<Context>,
    site: &SiteConfig,
    status: &Status,
    key: Arc<SigningKey>,
) -> anyhow::Result<Client> {
    status.enter(Stage::Inventory, Sentence::TakingStock);
    let inventory = take_stock(context).await?;
    let address = format!("{}:{}", site.address, site.api_port);
    status.enter(Stage::Init, Sentence::Connecting(address));
    let (set_clock, simulated) = (context.set_clock, context.simulated);
    Client::enroll(site, key, (inventory, simulated), set_clock).await
}

/// The machine as it is now, once no more devices appear.
async fn take_stock(context: &Arc<Context>) -> anyhow::Result<Inventory> {
    let context = context.clone();
    blocking(move || {
        if context.modules.wait_settled(SETTLING) == Settled::Changing {
            bail!(
                "devices still appear and vanish after {} s; pull what is not needed (hubs, \
                 docks), or replace a drive that keeps resetting",
                SETTLING.as_secs()
            );
        }
        inventory::take(&context.roots, &context.cmdline, context.drives.as_ref())
    })
    .await
}

/// The drives as they are now. One that goes away under the eyes of who lists it is a reason to look again.
async fn list_drives(context: &Arc<Context>) -> anyhow::Result<Vec<DriveUnit>> {
    let mut n_looks = 1;
    loop {
        let context = context.clone();
        let look = move || Ok(drive::discover(&context.roots, context.drives.as_ref())?);
        match blocking(look).await {
            Err(error) if n_looks < MAX_LOOKS => {
                tracing::warn!(target: "inventory", n_looks, "listing drives again: {error:#}");
                n_looks += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            listed => return listed,
        }
    }
}

/// Tells the coordinator where the machine is and keeps its latest wish. While it does not answer, work goes on.
async fn beat(client: Arc<Client>, status: Status, heard: Arc<Mutex<Heard>>) {
    loop {
        match client.heartbeat(&status.heartbeat()).await {
            Ok(directive) => {
                let stopped = match &directive {
                    Directive::Stop { reason } => Some(reason.clone()),
                    _ => None,
                };
                lock(&heard).hear(directive);
                if let Some(reason) = stopped {
                    status.stop(reason);
                }
            }
            Err(error) => tracing::debug!("no answer to a heartbeat: {error:#}"),
        }
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
}

/// Up to the ticket that is accepted, and no further: what nobody has simulated was never done.
#[cfg(any(test, feature = "simulate"))]
pub(crate) async fn agree(
    context: Arc<Context>,
    site: Arc<SiteConfig>,
) -> anyhow::Result<(protocol::PlannedDrive, Records)> {
    let status = Status::new(context.screen.clone());
    let client = Arc::new(enroll(&context, &site, &status).await?);
    let records = Records::start(client.clone(), context.booted_ms).await;
    let heard = Arc::new(Mutex::new(Heard::default()));
    tokio::spawn(beat(client.clone(), status.clone(), heard.clone()));
    loop {
        let (directive, stop) = lock(&heard).take();
        if let Some(Directive::Work { job, .. }) = directive {
            let job = Job {
                context: context.clone(),
                site: site.clone(),
                client: client.clone(),
                records: records.clone(),
                status: status.clone(),
                job,
                verified_before: Vec::new(),
                our_locks: std::collections::BTreeSet::new(),
                proven: std::collections::BTreeMap::new(),
                memory: Arc::default(),
                stop,
            };
            if let Some(plan) = job.agree_only().await? {
                let drive = plan.drives.into_iter().next().context("a plan without drives")?;
                let total = drive.identity.size;
                let meter = status::Meter::new(total);
                meter.add(total.0 / 3);
                let doing =
                    Sentence::Working(sanitize::Doing::Overwriting, drive.identity.to_string());
                status.measure(Stage::Sanitize, doing, meter);
                return Ok((drive, records));
            }
        }
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
}

/// Runs what blocks where it may.
async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<R> + Send + 'static,
) -> anyhow::Result<R> {
    tokio::task::spawn_blocking(work).await.context("a working thread died")?
}

/// Random bytes of the system.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
