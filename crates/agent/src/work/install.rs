//! The image onto a verified drive: fetched, checked, written, read back, grown, made this machine's own, and only
//! then made bootable.

use std::fs::File;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, bail};
use osimage::{
    BlockTarget, Bootable, Content, Layout, MANIFEST_TYPE, Manifest, PartitionRole, ReadBack,
    WriteError, Writer, backup_table_len,
};
use protocol::{ByteLen, ImageId, Plan, Sha256Digest, Stage, Step};

use super::drives::Clean;
use super::fetch::{Taken, Wanted, fetch_all};
use super::image_drive::ImageDrive;
use super::job::Job;
use super::partitions::{Announced, Mounted};
use super::personalize::{Settings, apply, check};
use super::status::Meter;
use super::{blocking, nvram, random_bytes};
use crate::screen::Sentence;

/// Where the written root is mounted for a moment.
pub(crate) const MOUNT_POINT: &str = "/run/rehome/root";

/// What the coordinator gave for the installed system's first boot.
#[derive(Debug, Clone)]
pub(crate) struct FirstBoot {
    pub(crate) token: String,
    pub(crate) url: String,
    pub(crate) host_name: String,
}

/// From a clean drive to one that boots.
pub(crate) async fn install(
    job: &Job,
    manifest: Arc<Manifest>,
    clean: Clean,
    first_boot: FirstBoot,
    locale: String,
) -> anyhow::Result<()> {
    let image = manifest.id();
    let identity = clean.evidence.drive.clone();
    let Ok([node]) = <[_; 1]>::try_from(clean.nodes) else {
        bail!(
            "{identity} has several namespaces, and an image goes to a drive with one: choose a batch that only wipes"
        )
    };
    let target = Arc::new(ImageDrive::new(clean.drive, node, identity, job.stop.clone()));
    let seed = random_bytes()?;
    let layout = Layout::new(&manifest, target.size(), target.sector_size(), &seed)
        .context("placing the image on the drive")?;
    let started = Instant::now();
    let begin = (target.clone(), manifest.clone(), layout);
    let writer = blocking(move || {
        let (target, manifest, layout) = begin;
        Ok(Writer::begin(target, manifest, layout, &clean.proven_zero)?)
    })
    .await?;
    let written = write(job, Arc::new(writer)).await?;
    let report = written.report();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    job.records
        .append_and_settle(Step::ImageWritten {
            drive: target.identity().clone(),
            image,
            fetched: report.fetched,
            written: ByteLen(report.data_written.0 + report.zeros_written.0),
            read_back: report.read_back,
            duration_ms,
        })
        .await?;
    // The seconds in which the new system is mounted and set up are its last chance: a mounted file system is not left
    // half written.
    job.stop.check()?;
    personalize(job, &written, &target, first_boot, locale).await?;
    job.stop.check()?;
    let bootable = blocking(move || Ok(written.finish_tables()?)).await?;
    let boot_entry = register(&job.context.roots.sys.join("firmware/efi/efivars"), &bootable);
    let step = Step::MadeBootable { drive: target.identity().clone(), boot_entry };
    job.records.append_and_settle(step).await
}

/// What installing needs, in hand before a ticket is asked for: consent does not wait for a network, and a drive is not
/// wiped for an image that cannot be installed.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) manifest: Arc<Manifest>,
    /// The byte ranges of the target that an earlier boot of this job may have written after verification.
    pub(crate) written: Vec<Range<u64>>,
}

/// Fetches and judges the plan's image. `None`: the plan has none.
pub(crate) async fn prepare(job: &Job, plan: &Plan) -> anyhow::Result<Option<Prepared>> {
    let target = plan.drives.iter().find(|drive| drive.receives_image);
    let (Some(image), Some(target)) = (plan.image, target) else { return Ok(None) };
    let manifest = manifest(job, image).await?;
    manifest.check_installable().context("looking at the image before anything is wiped for it")?;
    let layout = Layout::new(&manifest, target.identity.size, target.sector_size, &[0; 32])
        .context("placing the image on the drive")?;
    let tables = backup_table_len(target.sector_size.bytes());
    // Not the first MiB: it is written last of all, so only a disk that was made bootable has something there, and
    // a system that may have run since is a reason to sanitize again.
    let end = target.identity.size.0;
    let mut written: Vec<Range<u64>> = std::iter::once(end - tables..end).collect();
    for (partition, placed) in manifest.partitions().iter().zip(layout.partitions()) {
        let used = partition.extents.iter().filter(|extent| extent.content != Content::Unused);
        written.extend(used.map(|extent| {
            let start = placed.start + extent.offset;
            start..start + extent.length
        }));
    }
    Ok(Some(Prepared { manifest, written }))
}

async fn manifest(job: &Job, image: ImageId) -> anyhow::Result<Arc<Manifest>> {
    let memory = || job.memory.lock().unwrap_or_else(PoisonError::into_inner);
    let known = memory().manifest.clone().filter(|manifest| manifest.id() == image);
    if let Some(manifest) = known {
        return Ok(manifest);
    }
    let envelope = job.client.manifest(image).await?;
    let payload = envelope
        .open_bytes(MANIFEST_TYPE, job.site.site_key.as_bytes())
        .context("checking the image's manifest")?;
    let manifest = Manifest::parse(&payload).context("reading the image's manifest")?;
    anyhow::ensure!(
        manifest.id() == image,
        "the coordinator sent the manifest of image {}, but the plan says {image}",
        manifest.id()
    );
    let manifest = Arc::new(manifest);
    memory().manifest = Some(manifest.clone());
    Ok(manifest)
}

type Target = Arc<ImageDrive>;

/// Fetches and writes every chunk, writes the zeros that are not proven, reads everything back.
async fn write(job: &Job, writer: Arc<Writer<Target>>) -> anyhow::Result<ReadBack<Target>> {
    let name = writer.target().identity().to_string();
    let image = writer.image();
    let order: Arc<[u32]> = writer.missing().into();
    let records = image.chunks();
    let wanted: Arc<[Wanted]> = order
        .iter()
        .map(|chunk| {
            let record = &records[*chunk as usize];
            Wanted { stored: record.stored.to_string(), len: record.stored_len as usize }
        })
        .collect();
    let meter = Meter::new(image.data_len());
    job.status.measure(Stage::Image, Sentence::WritingImage(name.clone()), meter.clone());
    let address = SocketAddr::from((job.site.address, job.site.http_port));
    let (taker, chunks) = (writer.clone(), order.clone());
    let take = move |index: usize, stored: &[u8]| match taker.put(chunks[index], stored) {
        Ok(bytes) => {
            meter.add(bytes.0);
            Ok(Taken::Written)
        }
        Err(refused @ WriteError::Chunk { .. }) => Ok(Taken::Damaged(refused.into())),
        Err(failed) => Err(failed.into()),
    };
    fetch_all(address, wanted, Arc::new(take)).await?;
    let writer = Arc::into_inner(writer).context("a fetcher still holds the writer")?;
    job.status.enter(Stage::Image, Sentence::CheckingImage(name.clone()));
    let status = job.status.clone();
    blocking(move || {
        writer.write_zeros(&mut |_| {})?;
        let mut meter: Option<Arc<Meter>> = None;
        let mut before = 0;
        Ok(writer.read_back(&mut |progress| {
            let meter = meter.get_or_insert_with(|| {
                let meter = Meter::new(progress.total);
                status.measure(Stage::Image, Sentence::CheckingImage(name.clone()), meter.clone());
                meter
            });
            meter.add(progress.done.0 - before);
            before = progress.done.0;
        })?)
    })
    .await
}

/// Mounts the written root through partitions that only the kernel knows yet, grows it and writes the settings.
async fn personalize(
    job: &Job,
    written: &ReadBack<Target>,
    target: &Target,
    first_boot: FirstBoot,
    locale: String,
) -> anyhow::Result<()> {
    job.status.enter(Stage::Personalize, Sentence::Personalizing);
    let machine_id: [u8; 16] = random_bytes()?;
    let settings = Settings {
        host_name: first_boot.host_name.clone(),
        machine_id: protocol::MachineId::from_bytes(machine_id).to_string(),
        locale,
        first_boot_url: first_boot.url,
        first_boot_token: first_boot.token.clone(),
    };
    let (layout, drive) = (written.layout().clone(), target.clone());
    let root_size = blocking(move || {
        let disk = drive.release()?;
        let size = settle_in(disk, &layout, drive.path(), &settings)?;
        drive.reclaim()?;
        Ok(size)
    })
    .await?;
    let token: Sha256Digest = evidence::sha256(first_boot.token.as_bytes());
    job.records
        .append_and_settle(Step::Personalized {
            drive: target.identity().clone(),
            host_name: first_boot.host_name,
            root_size,
            first_boot_token: token,
        })
        .await
}

fn settle_in(
    disk: File,
    layout: &Layout,
    path: &Path,
    settings: &Settings,
) -> anyhow::Result<ByteLen> {
    let root = layout
        .partition(PartitionRole::Root)
        .context("the image has no root partition to personalize")?;
    let announced = Announced::new(disk, path, layout)?;
    let (node, at) = (announced.node(root)?, PathBuf::from(MOUNT_POINT));
    let mounted = Mounted::ext4(&node, &at)?;
    let size = mounted.grow(root)?;
    apply(mounted.root(), settings)?;
    mounted.sync()?;
    mounted.unmount()?;
    // What unmounting wrote, it does not report: the settings are read back from the medium.
    let again = Mounted::ext4_read_only(&node, &at)?;
    check(again.root(), settings)?;
    again.unmount()?;
    announced.forget()?;
    Ok(size)
}

/// What became of the firmware's boot entry, in words.
fn register(efivars: &Path, bootable: &Bootable<Target>) -> String {
    if !efivars.exists() {
        return "none needed: this firmware is a BIOS".to_owned();
    }
    let Some(esp) = bootable.layout().partition(PartitionRole::Esp) else {
        return "none made: the image has no EFI system partition".to_owned();
    };
    match nvram::register(efivars, esp, bootable.layout().sector_size()) {
        Ok(entry) => entry,
        Err(error) => format!("not written, the removable path remains: {error:#}"),
    }
}
