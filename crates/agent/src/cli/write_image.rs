//! `write-image`: an image from a local store onto a drive that holds nothing but zeros.

mod store;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use clap::Args;
use osimage::{Bootable, Layout, Manifest, ProvenZero, WriteProgress, Writer};
use protocol::ByteLen;
use protocol::job::JobKind;
use sanitize::{Blank, Looked, Target, Watch};

use super::judge::Wish;
use super::progress::Meter;
use super::refused::Refused;
use super::sanitize::open;
use super::{interrupt, judge, output, random_bytes, serial, take_stock, verify};
use crate::roots::Roots;
use store::Store;
use target::BlankDrive;

/// What to write where.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The whole drive, as /dev/nvme0n1 or a link to it. It must hold nothing but zeros: run `sanitize` first.
    #[arg(long, value_name = "NODE")]
    drive: PathBuf,
    /// The image's signed manifest (DATA/images/manifests/ID.json of the coordinator).
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The folder with the image's chunks (DATA/images/chunks of the coordinator).
    #[arg(long, value_name = "DIR")]
    chunks: PathBuf,
    /// The public key that the manifest is signed with (DATA/site.pub of the coordinator).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The drive's serial number, letter for letter, for scripts; without it the terminal is asked.
    #[arg(long)]
    serial: Option<String>,
}

/// Checks the image, asks, makes sure that the drive is blank, writes, reads back, makes bootable.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let roots = Roots::default();
    let manifest = store::manifest(&options.manifest, &options.key)?;
    let store = Store::open(&options.chunks, &manifest)?;
    let inventory = take_stock(&roots)?;
    let unit = judge::find(&roots, &inventory, &options.drive)?;
    let planned = judge::permitted(&inventory, unit, &for_image(&manifest))?;
    let (size, seed) = (planned.identity.size, random_bytes()?);
    let layout = Layout::new(&manifest, size, planned.sector_size, &seed)
        .with_context(|| format!("placing the image on {}", planned.identity))?;
    let consequence = format!(
        "The image {} will be written to this drive, if all of it is zero.",
        manifest.document().name
    );
    let consent = serial::consent(&planned, options.serial.as_deref(), &consequence)?;
    let stop = interrupt::flag()?;
    let drive = open(&roots.devices(unit), &planned.identity)?;
    let meter = Meter::new();
    let looked = Target::claim(drive, consent)
        .and_then(|target| target.look(Watch::new(&meter, &stop)))
        .map_err(|failed| anyhow::anyhow!(failed.sentence()))?;
    let blank = blank(looked)?;
    let identity = blank.identity().clone();
    let bootable = write(blank, Arc::new(manifest), layout, &store, &meter, &stop)
        .with_context(|| format!("writing the image to {identity}"))?;
    let report = bootable.report();
    output::print(&format!(
        "{identity}: the image is on it, its partition tables last; {} of data and {} of zeros were \
         written, {} were read back and are right. Its file systems have the size that they have in \
         the image, and it has no settings of a machine.\n",
        report.data_written, report.zeros_written, report.read_back
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// By hand as by plan: the drive must be large enough, and consent must include the image.
fn for_image(manifest: &Manifest) -> Wish {
    let kind = JobKind::Refurbish {
        image: manifest.id(),
        image_min_size: manifest.document().min_disk_size,
        // Settings are not written by hand.
        locale: String::new(),
    };
    // Nothing is erased; this policy asks the least of a drive.
    Wish::new(kind, ::plan::policy::overwrite_only())
}

/// The drive, if an image may be put on it.
fn blank(looked: Looked) -> Result<Blank, Refused> {
    match looked {
        Looked::Blank(blank) if blank.receives_image() => Ok(blank),
        Looked::Blank(blank) => {
            Err(Refused(format!("{}: the consent does not include an image", blank.identity())))
        }
        Looked::NotBlank(seen) => {
            let seen = verify::in_words(&seen);
            Err(Refused(format!("{seen}nothing was written; run `rehome-agent sanitize` first")))
        }
    }
}

/// Takes nothing but a drive that was seen to be blank. Until the last step of it the drive does not boot.
fn write(
    blank: Blank,
    manifest: Arc<Manifest>,
    layout: Layout,
    store: &Store,
    meter: &Meter,
    stop: &AtomicBool,
) -> anyhow::Result<Bootable<BlankDrive>> {
    let (drive, proven) = blank.into_parts();
    let proven = ProvenZero::of(proven.extents().iter().cloned());
    let writer = Writer::begin(BlankDrive::new(drive), manifest, layout, &proven)?;
    let total = writer.image().data_len();
    let mut done = ByteLen(0);
    for chunk in writer.missing() {
        go_on(stop, done, total)?;
        let record = writer.image().chunks()[usize::try_from(chunk)?];
        done.0 += writer.put(chunk, &store.read(&record)?)?.0;
        meter.advanced("image", done, total);
    }
    let advance =
        |name: &'static str| move |at: WriteProgress| meter.advanced(name, at.done, at.total);
    writer.write_zeros(&mut advance("zeros"))?;
    go_on(stop, done, total)?;
    let written = writer.read_back(&mut advance("read back"))?;
    go_on(stop, done, total)?;
    Ok(written.finish_tables()?)
}

fn go_on(stop: &AtomicBool, done: ByteLen, total: ByteLen) -> anyhow::Result<()> {
    if stop.load(Ordering::Relaxed) {
        bail!(
            "stopped on request after {done} of {total}; it does not boot and is no longer blank: run \
             `rehome-agent sanitize` before the next attempt"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
