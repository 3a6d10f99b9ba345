//! Work that writes nothing: it has no plan and no ticket, and no drive is opened for writing.

use anyhow::bail;
use protocol::{JobKind, Stage, Step};

use super::job::{ASK_AGAIN_AFTER, Job, Outcome};
use super::take_stock;
use crate::screen::Sentence;

/// Looks, hands in what was seen, and lets the machine go.
pub(super) async fn observe(job: &Job) -> anyhow::Result<Outcome> {
    let observed = match job.job.kind {
        JobKind::InventoryOnly {} => inventory(job).await?,
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
    job.status.enter(Stage::Inventory, Sentence::TakingStock);
    match take_stock(&job.context).await {
        Ok(inventory) => {
            job.records.append(Step::Inventoried { inventory: Box::new(inventory) })?;
            Ok(Outcome::Done)
        }
        Err(why) => {
            tracing::warn!(target: "inventory", "not now: {why:#}");
            job.status.hint(Some(format!("{why:#}")));
            Ok(Outcome::NotNow)
        }
    }
}
