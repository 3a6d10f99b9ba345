//! `sanitize`: one drive from its typed serial number to evidence.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use drive::{Drive, LinuxDrive};
use protocol::job::JobKind;
use protocol::{DriveIdentity, Step};
use sanitize::{ConsentedDrive, Failed, Secrets, Target, Verified, Watch};

use super::judge::Wish;
use super::plan::{claim_in_words, techniques_in_words};
use super::progress::Meter;
use super::refused::Refused;
use super::{PolicyName, interrupt, judge, output, password, random_bytes, serial, take_stock};
use crate::roots::Roots;

/// What to sanitize and where the evidence goes.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The whole drive, as /dev/nvme0n1 or a link to it.
    #[arg(long, value_name = "NODE")]
    drive: PathBuf,
    /// The drive's serial number, letter for letter, for scripts; without it the terminal is asked.
    #[arg(long)]
    serial: Option<String>,
    /// What is demanded: default, overwrite-only or firmware+overwrite.
    #[arg(long, default_value = "default", value_name = "NAME")]
    policy: PolicyName,
    /// File with the drive's password, where the drive needs one to erase itself: read if it is there, else made. Keep
    /// it: an erase that is interrupted leaves the drive locked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// New file for the evidence as JSON, instead of standard output. It is not signed: certificates come from
    /// the coordinator.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
}

/// Identifies, asks, sanitizes, verifies, prints what was seen.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let roots = Roots::default();
    let inventory = take_stock(&roots)?;
    let unit = judge::find(&roots, &inventory, &options.drive)?;
    let mut wish = Wish::new(JobKind::Wipe {}, options.policy.0.clone());
    let password_file = options.password_file.as_deref();
    // Who has the password of a locked drive in a file says by it that it is ours.
    let kept = password_file.map(password::read).transpose()?.flatten();
    wish.our_locks.extend(unit.identity.as_ref().ok().filter(|_| kept.is_some()).cloned());
    let planned = judge::permitted(&inventory, unit, &wish)?;
    let consequence = format!(
        "Everything on this drive will be destroyed for good ({}, to claim {}).",
        techniques_in_words(&planned.techniques),
        claim_in_words(planned.claim)
    );
    let consent = serial::consent(&planned, options.serial.as_deref(), &consequence)?;
    let mut secrets = Secrets::new(random_bytes()?);
    if consent.takes_password() {
        secrets = secrets.with_password(password::kept(password_file, kept, planned.unlock)?);
    }
    let stop = interrupt::flag()?;
    let drive = open(&roots.devices(unit), &planned.identity)?;
    // Made now: hours later would be too late to learn that it cannot be written.
    let evidence = options.evidence.as_deref().map(new_file).transpose()?;
    let meter = Meter::new();
    let (step, outcome) = match destroy(drive, consent, secrets, Watch::new(&meter, &stop)) {
        Ok(verified) => (verified.to_step(), Ok(ExitCode::SUCCESS)),
        Err(failed) => (failed.to_step(), Err(anyhow::anyhow!(failed.sentence()))),
    };
    meter.end();
    keep(evidence, &step)?;
    outcome
}

/// The drive under its exclusive claim, if it is still the one that was named.
pub(super) fn open(nodes: &[PathBuf], identity: &DriveIdentity) -> anyhow::Result<Box<dyn Drive>> {
    match LinuxDrive::open(nodes, identity) {
        Ok(drive) => Ok(Box::new(drive)),
        Err(error) => {
            let error = anyhow::Error::new(error);
            Err(Refused(format!("{identity}: nothing was written: {error:#}")).into())
        }
    }
}

/// The whole way. Each step consumes the one before.
pub(super) fn destroy(
    drive: Box<dyn Drive>,
    consent: ConsentedDrive,
    secrets: Secrets,
    watch: Watch<'_>,
) -> Result<Verified, Box<Failed>> {
    Target::claim(drive, consent)?.sanitize(secrets, watch)?.verify(watch)
}

/// A file that was not there before: the evidence of another drive is not written over.
fn new_file(path: &Path) -> anyhow::Result<(PathBuf, File)> {
    match File::create_new(path) {
        Ok(file) => Ok((path.to_owned(), file)),
        Err(error) => {
            let path = path.display();
            Err(Refused(format!("making {path} for the evidence: {error}; name a new file")).into())
        }
    }
}

/// Writes the evidence, or the bad ranges of a failure. Where the file fails, it is printed: it exists only once.
fn keep(file: Option<(PathBuf, File)>, step: &Step) -> anyhow::Result<()> {
    let json = output::to_json(step)?;
    let Some((path, mut file)) = file else { return output::print(&json) };
    let written = file.write_all(json.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        output::print(&json)?;
    }
    written.with_context(|| {
        format!("writing the evidence to {}; it was printed instead: keep it", path.display())
    })
}
