//! Our side, through the public way that the agent goes: consent, target, sanitized, verified.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::{Context, Result, anyhow};
use drive::Drive;
use nix::sys::resource::UsageWho;
use protocol::policy::{Proof, Verification};
use protocol::{ByteLen, Claim, Media, PlannedDrive, Technique, TicketId};
use sanitize::{ConsentedDrive, Doing, Failed, Sanitized, Secrets, Target, Watch};
use serde::{Deserialize, Serialize};

use crate::loop_drive::OwnLoop;
use crate::measure::{Took, measured, peak_kib};

/// What is written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Content {
    /// Zeros.
    Zeros,
    /// The keyed pattern.
    Pattern,
}

/// What a run took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ours {
    pub(crate) overwrite: Took,
    pub(crate) verify: Took,
    /// Of the whole process.
    pub(crate) peak_kib: i64,
}

/// Overwrites all of the devices at once, a thread each, and then verifies them so.
pub(crate) fn run(content: Content, loops: &[OwnLoop]) -> Result<Ours> {
    let targets = loops.iter().map(|own| claimed(content, own)).collect::<Result<Vec<_>>>()?;
    let stop = AtomicBool::new(false);
    let (sanitized, overwrite) = measured(UsageWho::RUSAGE_SELF, || {
        at_once(targets, |(target, secrets): (Target, Secrets)| {
            target.sanitize(secrets, Watch::new(&silent, &stop))
        })
    })?;
    let (_, verify) = measured(UsageWho::RUSAGE_SELF, || {
        at_once(sanitized, |it: Sanitized| it.verify(Watch::new(&silent, &stop)))
    })?;
    Ok(Ours { overwrite, verify, peak_kib: peak_kib()? })
}

fn claimed(content: Content, own: &OwnLoop) -> Result<(Target, Secrets)> {
    let drive = own.open()?;
    let planned = PlannedDrive {
        identity: drive.identity()?,
        sector_size: drive.sector_size(),
        more_namespaces: 0,
        media: Media::Magnetic,
        unlock: false,
        techniques: vec![match content {
            Content::Zeros => Technique::OverwriteZeros,
            Content::Pattern => Technique::OverwritePattern,
        }],
        proof: Proof { canaries: 1000, verification: Verification::Full, power_cycle: false },
        claim: Claim::Clear,
        reasons: Vec::new(),
        receives_image: false,
        leaves_notice: false,
        proven_by: None,
    };
    // Nobody types a serial number here: the device is a file that was made for this run, which `open` has checked.
    let run = TicketId::from_bytes(random()?);
    let consent = ConsentedDrive::by_hand(&planned, &planned.identity.serial, run)?;
    let target = Target::claim(Box::new(drive), consent).map_err(said)?;
    Ok((target, Secrets::new(random()?)))
}

fn at_once<T: Send, U: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<U, Box<Failed>> + Sync,
) -> Result<Vec<U>> {
    thread::scope(|scope| {
        let started: Vec<_> =
            items.into_iter().map(|item| scope.spawn(|| work(item).map_err(said))).collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended.map(|ended| ended.map_err(|_| anyhow!("a drive's thread panicked"))?).collect()
    })
}

fn said(failed: Box<Failed>) -> anyhow::Error {
    anyhow!(failed.sentence())
}

fn silent(_: Doing, _: ByteLen, _: ByteLen) {}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let urandom = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    urandom.context("reading /dev/urandom")?;
    Ok(bytes)
}
