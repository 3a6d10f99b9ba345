//! Work that writes nothing: it has no plan and no ticket, and no drive is opened for writing.

use std::time::Instant;

use anyhow::{Context as _, bail};
use drive::Drive;
use protocol::event::DriveLook;
use protocol::policy::Verification;
use protocol::{DriveIdentity, Inventory, JobKind, Stage, Step};
use sanitize::{Surveyed, Watch};
use tokio::task::JoinSet;

use super::drives::{Show, devices_of};
use super::job::{ASK_AGAIN_AFTER, Job, Outcome, in_words};
use super::stop::Stop;
use super::{clock, random_bytes, take_stock};
use crate::screen::Sentence;

/// Looks, hands in what was seen, and lets the machine go.
pub(super) async fn observe(job: &Job) -> anyhow::Result<Outcome> {
    let observed = match job.job.kind {
        JobKind::InventoryOnly {} => inventory(job).await?,
        JobKind::VerifyOnly {} => verify(job).await?,
        JobKind::Wipe {} | JobKind::Refurbish { .. } | JobKind::ImageOnly { .. } => {
            bail!("{} work writes to drives, so it takes a plan", job.job.kind.word())
        }
    };
    if observed == Outcome::NotNow {
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
        return Ok(observed);
    }
    job.status.enter(Stage::Report, Sentence::Reporting);
    job.records.append_and_settle(Step::Finished {}).await?;
    job.status.enter(Stage::Report, Sentence::Finished);
    Ok(observed)
}

/// Another look than the one it enrolled with: by now all devices have appeared, and this one is signed into the chain.
async fn inventory(job: &Job) -> anyhow::Result<Outcome> {
    let Some(inventory) = stock(job).await else { return Ok(Outcome::NotNow) };
    job.records.append(Step::Inventoried { inventory: Box::new(inventory) })?;
    Ok(Outcome::Done)
}

/// The machine as it is now; none, with the reason shown, while devices still appear.
async fn stock(job: &Job) -> Option<Inventory> {
    job.status.enter(Stage::Inventory, Sentence::TakingStock);
    let taken = take_stock(&job.context).await;
    let not_now = |why: &anyhow::Error| {
        tracing::warn!(target: "inventory", "not now: {why:#}");
        job.status.hint(Some(format!("{why:#}")));
    };
    taken.inspect_err(not_now).ok()
}

/// Reads every internal drive, each in a thread of its own, and says what is on it. One that cannot be read at all, or a
/// controller that may hide one, stops it: "everything is blank" would be said of less than everything.
async fn verify(job: &Job) -> anyhow::Result<Outcome> {
    let Some(inventory) = stock(job).await else { return Ok(Outcome::NotNow) };
    let drives = match plan::drives_to_read(&inventory) {
        Ok(drives) => drives,
        Err(refusals) => bail!("{}", in_words(&refusals)),
    };
    let mut reading = JoinSet::new();
    let alone = drives.len() == 1;
    for drive in drives {
        let nodes = devices_of(job, &inventory.drives, &drive)?;
        let show = Show::new(job.status.clone(), job.records.clone(), &drive, alone);
        let (context, method) = (job.context.clone(), job.job.policy.proof.verification);
        let (seed, stop) = (random_bytes()?, job.stop.clone());
        reading.spawn_blocking(move || {
            let opened = context.drives.open_to_read(&nodes);
            let opened = opened.with_context(|| format!("opening {drive} for reading"))?;
            read(opened.as_ref(), drive, (method, seed), (&show, &stop))
        });
    }
    let mut failures = Vec::new();
    while let Some(look) = reading.join_next().await {
        match look.context("a reading thread died") {
            Ok(Ok(look)) => {
                job.records.append_and_settle(Step::DriveLookedAt(look)).await?;
            }
            Ok(Err(why)) | Err(why) => failures.push(format!("{why:#}")),
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    Ok(Outcome::Done)
}

fn read(
    drive: &dyn Drive,
    expected: DriveIdentity,
    (method, seed): (Verification, [u8; 32]),
    (show, stop): (&Show, &Stop),
) -> anyhow::Result<DriveLook> {
    let started = Instant::now();
    let seen = sanitize::survey(drive, &expected, (method, &seed), Watch::new(show, stop.flag()));
    let Surveyed { read, filling, ranges, n_ranges, bytes } =
        seen.map_err(|failed| anyhow::anyhow!(failed.sentence()))?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (head, looked_at) = (sanitize::head(drive), clock::now());
    Ok(DriveLook {
        drive: expected,
        method,
        read,
        duration_ms,
        filling,
        ranges,
        n_ranges,
        bytes,
        head,
        looked_at,
    })
}
