//! `rehome image ...`: works on the store itself; `serve` need not run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use osimage::{Guids, UsedMap};
use protocol::{ByteLen, ImageId, JobKind};
use serde_json::json;

use super::Asker;
use crate::admin::client::{ClientError, get};
use crate::clock;
use crate::console::{say, say_json, table, tell};
use crate::data_dir::{self, DataDir, DataDirError};
use crate::image_build;
use crate::images::{ImageStore, ImportOptions, ImportProgress, ImportReport};
use crate::journal::Journal;
use crate::key_rotation;
use crate::site::Site;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Build an image from Debian packages and add it
    Build {
        /// The recipe (TOML)
        recipe: PathBuf,
        /// Also keep the raw disk here
        #[arg(long, value_name = "FILE")]
        raw: Option<PathBuf>,
    },
    /// Add a raw disk image
    Add {
        file: PathBuf,
        /// What it is called in commands
        #[arg(long)]
        name: String,
        /// What it is called on screens [default: its name]
        #[arg(long)]
        title: Option<String>,
        /// Number of the root partition, where it is not plain
        #[arg(long, value_name = "N")]
        root: Option<u32>,
    },
    /// All images
    List,
    /// All that is known of one, by name or the beginning of its id
    Show { image: String },
    /// Remove an image that no batch needs, and the chunks that nothing else needs
    Remove { image: String },
    /// Hash every chunk again; exits with 0 if all are good, with 1 if not
    Check,
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    data_dir::prepare(&asker.data)?;
    finish_rotation(&asker.data)?;
    let site = Site::open(&asker.data)?;
    let store = ImageStore::open(&asker.data, site.public())?;
    match command {
        Command::Build { recipe, raw } => build(asker, &store, &site, &recipe, raw.as_deref()),
        Command::Add { file, name, title, root } => {
            let title = title.unwrap_or_else(|| name.clone());
            add(asker, &store, &site, &file, name, title, root)
        }
        Command::List => list(asker, &store),
        Command::Show { image } => {
            let manifest = store.show(store.find(&image)?)?;
            asker.show(&serde_json::to_vec(manifest.document())?)
        }
        Command::Remove { image } => remove(asker, &store, &site, &image).await,
        Command::Check => check(asker, &store),
    }
}

/// Goes on with a rotation of the key that was interrupted: the journal has another key then than `site.key`. Whoever
/// serves has done so first.
fn finish_rotation(data: &Path) -> Result<()> {
    if !key_rotation::is_begun(data) {
        return Ok(());
    }
    match DataDir::open(data) {
        Ok(data) => drop(key_rotation::finish(&data)?),
        Err(DataDirError::InUse { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn build(
    asker: &Asker,
    store: &ImageStore,
    site: &Site,
    recipe: &Path,
    raw: Option<&Path>,
) -> Result<()> {
    let progress = |step: &str| tell(step);
    let built = match raw {
        Some(path) => image_build::build(recipe, path, &progress)?,
        None => image_build::build_cached(recipe, &progress)?,
    };
    add(asker, store, site, &built.raw, built.name, built.title, None)
}

fn add(
    asker: &Asker,
    store: &ImageStore,
    site: &Site,
    file: &Path,
    name: String,
    title: String,
    root: Option<u32>,
) -> Result<()> {
    let created = clock::wall().0 / 1000;
    let options = ImportOptions { name, title, created, guids: Guids::Fresh, root };
    let mut said = 0;
    let report = store.add(file, &options, &site.key, &mut |progress: ImportProgress| {
        let percent = progress.done.0.saturating_mul(100).checked_div(progress.total.0);
        let percent = percent.unwrap_or(100);
        if percent >= said + 10 {
            said = percent;
            tell(&format!("{percent} % of {} read", progress.total));
        }
    })?;
    added(asker, &options.name, &report)
}

fn added(asker: &Asker, name: &str, report: &ImportReport) -> Result<()> {
    let ImportReport {
        id,
        min_disk_size,
        chunks,
        stored,
        new_chunks,
        new_bytes,
        warnings,
        partitions,
    } = report;
    if asker.json {
        let value = json!({
            "id": id, "name": name, "min_disk_size": min_disk_size, "chunks": chunks,
            "stored": stored, "new_chunks": new_chunks, "new_bytes": new_bytes,
            "warnings": warnings,
        });
        return Ok(say_json(&value.to_string())?);
    }
    for partition in partitions {
        let by = match &partition.used_map {
            UsedMap::BlockBitmap {} => "by the file system's own map".to_owned(),
            UsedMap::ZeroScan { reason } => format!("by looking for zeros: {reason}"),
        };
        say(&format!(
            "partition {}: {} of data, {} of zeros, {} unused ({by})",
            partition.number, partition.data, partition.zero, partition.unused
        ))?;
    }
    for warning in warnings {
        say(&format!("warning: {warning}"))?;
    }
    say(&format!(
        "added {name} as {id}: {chunks} chunks, {stored} stored ({new_chunks} new, {new_bytes}); \
         for disks of {min_disk_size} or more"
    ))?;
    Ok(())
}

fn list(asker: &Asker, store: &ImageStore) -> Result<()> {
    let catalog = store.list()?;
    if asker.json {
        let images = catalog.images.iter().map(|entry| {
            let (id, name) = (entry.id(), entry.name());
            let min_disk_size = entry.manifest.document().min_disk_size;
            json!({ "id": id, "name": name, "stored": entry.stored, "own": entry.own,
                    "min_disk_size": min_disk_size })
        });
        let images: Vec<_> = images.collect();
        say_json(&serde_json::to_string(&images)?)?;
    } else if catalog.images.is_empty() {
        say("there is no image yet; `rehome image add` or `rehome image build` make one")?;
    } else {
        let rows = catalog.images.iter().map(|entry| {
            let least = entry.manifest.document().min_disk_size;
            let id = entry.id().to_string();
            [entry.name().to_owned(), id, entry.stored.to_string(), least.to_string()]
        });
        table(["NAME", "ID", "STORED", "DISK FROM"], &rows.collect::<Vec<_>>())?;
    }
    match catalog.damaged.into_iter().next() {
        None => Ok(()),
        Some(damaged) => Err(damaged.error.into()),
    }
}

async fn remove(asker: &Asker, store: &ImageStore, site: &Site, wanted: &str) -> Result<()> {
    let image = store.find(wanted)?;
    let user = user_of(asker, site, image).await?;
    let report = store.remove(image, &|_| user.clone())?;
    tell(&format!("{} chunks removed, {} freed", report.chunks_removed, report.freed));
    let removed = json!({ "id": image, "freed": report.freed }).to_string();
    asker.said(removed.as_bytes(), &format!("removed {image}"))
}

/// Who needs the image: a batch that still gives tickets, asked of `serve`, or read from the journal where it rests.
async fn user_of(asker: &Asker, site: &Site, image: ImageId) -> Result<Option<String>> {
    let sentence = |batch: String| format!("batch {batch} installs it; disarm that first");
    match get(&asker.data, "/batches").await {
        Ok(answer) => {
            let batches: Vec<serde_json::Value> = serde_json::from_slice(&answer)?;
            let wants = |batch: &&serde_json::Value| {
                batch["needed"] == json!(true) && batch["job"]["image"] == json!(image)
            };
            let user = batches.iter().find(wants);
            Ok(user.and_then(|batch| batch["id"].as_str()).map(|id| sentence(id.to_owned())))
        }
        Err(ClientError::NotRunning { .. }) => {
            let data = DataDir::open(&asker.data)?;
            let journal = Journal::open_of_either_kind(&data.join("journal.db"), site.public())?;
            let published = journal.published();
            let wants = |kind: &JobKind| kind.image().is_some_and(|(it, ..)| it == image);
            let bench = &published.bench;
            let user = bench
                .batches()
                .find(|it| bench.is_needed(it, journal.now()) && wants(&it.job.kind));
            Ok(user.map(|batch| sentence(batch.id.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}

fn check(asker: &Asker, store: &ImageStore) -> Result<()> {
    let report = store.check(&mut |_| {})?;
    for bad in &report.bad {
        let images = bad.images.join(", ");
        tell(&format!("{}: {} (needed by {images})", bad.path.display(), bad.reason));
    }
    for damaged in &report.damaged {
        tell(&format!("{}: {}", damaged.path.display(), damaged.error));
    }
    report.verdict()?;
    let ByteLen(bytes) = report.bytes_good;
    let sentence = format!(
        "{} images, {} chunks, {} hashed, all good; {} chunks that nothing needs",
        report.images,
        report.chunks_good,
        report.bytes_good,
        report.orphans.len()
    );
    let value = json!({ "images": report.images, "chunks": report.chunks_good, "bytes": bytes });
    asker.said(value.to_string().as_bytes(), &sentence).context("writing the result")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_a_rotation_is_finished_before_the_journal_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let site = Site::open(data.path()).unwrap().public();
        drop(Journal::open(&data.join("journal.db"), site).unwrap());
        let key = key_rotation::interrupted(&data).await;
        // Whoever has the directory goes on with it himself.
        finish_rotation(folder.path()).unwrap();
        assert_eq!(Site::open(folder.path()).unwrap().public(), site);
        drop(data);
        finish_rotation(folder.path()).unwrap();
        assert_eq!(Site::open(folder.path()).unwrap().public(), key);
    }
}
