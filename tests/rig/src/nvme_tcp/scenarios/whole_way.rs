//! The whole way to evidence, and the drives that must not get there.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use drive::sim::{EraseFault, Leaves, Lie, NvmeDevice, SimDrive};
use drive::{IdentityReader as _, LinuxIdentityReader, Roots, discover};
use protocol::event::DriveEvidence;
use protocol::features::SanitizeState;
use protocol::{DriveUnit, EraseFeatures, Technique};
use sanitize::{Failed, FailureCause};

use super::{N_SECTORS, Rig, SIZE, able};
use crate::whole_way::{CANARIES, confirm, sanitize_and_verify};

/// Fewer sectors than of 512 bytes to place canaries in and to remember, and another LBA format.
const SECTOR_LEN: u32 = 4096;
/// How long sanitizing may take to begin: canaries are placed before.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn proven(technique: Technique) -> anyhow::Result<String> {
    let rig = Rig::with_sectors(able(), SECTOR_LEN)?;
    let evidence = must_be_proven(sanitize_and_verify(Box::new(rig.open()?), technique)?)?;
    ensure!(evidence.drive == rig.identity, "{:?}", evidence.drive);
    rig.must_be_erased(&rig.open()?)?;
    summary(&evidence)
}

/// The power goes while the drive sanitizes itself, and comes back: the run goes on as if nothing had been.
pub(super) fn proven_after_power_cut() -> anyhow::Result<String> {
    let rig = Rig::with_sectors(NvmeDevice { sanitize_steps: 8, ..able() }, SECTOR_LEN)?;
    let drive = Box::new(rig.open()?);
    let (run, cut) = thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let at = wait_running(&rig.sim)?;
            rig.target.power_cut();
            rig.host.wait_state("connecting")?;
            rig.target.power_on();
            anyhow::Ok(at)
        });
        let run = sanitize_and_verify(drive, Technique::NvmeSanitizeBlockErase);
        (run, cutter.join())
    });
    let at = cut.map_err(|_| anyhow!("the thread that cuts the power panicked"))??;
    let evidence = must_be_proven(run?)?;
    rig.must_be_erased(&rig.open()?)?;
    Ok(format!("power cut at {at}/65536; {}", summary(&evidence)?))
}

/// Whatever the drive says, its old data is still there, and that is found out.
pub(super) fn liar(lie: Lie, technique: Technique) -> anyhow::Result<String> {
    let rig = Rig::with_sectors(able(), SECTOR_LEN)?;
    rig.sim.lie(lie);
    let Err(failed) = sanitize_and_verify(Box::new(rig.open()?), technique)? else {
        bail!("a certificate for a drive with {} old sectors", rig.sim.n_old_sectors())
    };
    let n_old = rig.sim.n_old_sectors();
    ensure!(n_old > 0, "it did not even lie");
    match failed.cause {
        FailureCause::CanariesFound { found, placed } if found == placed => {
            Ok(format!("{found} of {placed} canaries found, {n_old} old sectors"))
        }
        _ => bail!("{}", failed.sentence()),
    }
}

/// Until the power has been off the drive answers as if it were erased: the first look is fooled. The second one, with
/// fresh power, is not.
pub(super) fn second_look() -> anyhow::Result<String> {
    let device = || NvmeDevice { after_erase: Leaves::Zeros, ..able() };
    let confirmed = |lie: Lie| -> anyhow::Result<_> {
        let rig = Rig::new(device())?;
        rig.sim.lie(lie);
        let technique = Technique::NvmeSanitizeBlockErase;
        let evidence = must_be_proven(sanitize_and_verify(Box::new(rig.open()?), technique)?)?;
        ensure!(evidence.zeros == SIZE, "{} of zeros", evidence.zeros);
        let rig = rig.restart()?;
        Ok((confirm(Box::new(rig.open()?), evidence)?, rig.sim.n_old_sectors()))
    };
    let (honest, n_old) = confirmed(Lie::Honest)?;
    must_be_proven(honest)?;
    ensure!(n_old == 0, "{n_old} old sectors");
    let (liar, n_old) = confirmed(Lie::ErasesUntilPowerCycle)?;
    let Err(failed) = liar else { bail!("confirmed, with {n_old} old sectors") };
    ensure!(n_old > N_SECTORS / 2, "{n_old} old sectors: it did not even lie");
    Ok(failed.sentence())
}

/// The drive fails to sanitize itself, and says so: nothing is claimed. The next run brings it back to life.
pub(super) fn failed_and_again() -> anyhow::Result<String> {
    let rig = Rig::with_sectors(able(), SECTOR_LEN)?;
    rig.sim.add_erase_fault(EraseFault::SanitizeFails { progress: 30_000 });
    let technique = Technique::NvmeSanitizeBlockErase;
    let Err(failed) = sanitize_and_verify(Box::new(rig.open()?), technique)? else {
        bail!("a certificate for a drive that failed")
    };
    ensure!(matches!(failed.cause, FailureCause::SanitizeFailed), "{}", failed.sentence());
    let rig = rig.restart()?;
    let evidence = must_be_proven(sanitize_and_verify(Box::new(rig.open()?), technique)?)?;
    rig.must_be_erased(&rig.open()?)?;
    summary(&evidence)
}

pub(super) fn must_be_proven(
    run: Result<DriveEvidence, Box<Failed>>,
) -> anyhow::Result<DriveEvidence> {
    run.map_err(|failed| anyhow!("{}", failed.sentence()))
}

/// The evidence must speak of a drive that erased itself; what of it is worth a line.
pub(super) fn summary(evidence: &DriveEvidence) -> anyhow::Result<String> {
    let canaries = evidence.canaries.as_ref().context("no canaries in the evidence")?;
    ensure!(canaries.placed == u64::from(CANARIES) && canaries.found == 0, "{canaries:?}");
    let old = evidence.old_content.as_ref().context("no old content in the evidence")?;
    ensure!(old.changed > 0, "{old:?}");
    // Controller, each namespace, log.
    let n_reports = [&evidence.before, &evidence.after].map(Vec::len);
    ensure!(n_reports.iter().all(|&n| n >= 3), "{n_reports:?} reports");
    let commands: usize = evidence.techniques.iter().map(|it| it.commands.len()).sum();
    Ok(format!(
        "{} canaries gone, {} of {} old sectors changed, {commands} commands, {SIZE} read",
        canaries.placed, old.changed, old.sampled
    ))
}

/// Waits until the drive sanitizes itself; how far it is.
fn wait_running(sim: &SimDrive) -> anyhow::Result<u16> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let EraseFeatures::Nvme(features) = sim.identified().features
            && let SanitizeState::Running(progress) = features.sanitize.state
        {
            return Ok(progress);
        }
        ensure!(Instant::now() < deadline, "it does not sanitize itself after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Both are one drive; with one of them alone, the other is missed.
pub(super) fn two_namespaces() -> anyhow::Result<String> {
    let device = NvmeDevice { namespaces: 2, format_erases_all: false, ..able() };
    let rig = Rig::with_sectors(device, SECTOR_LEN)?;
    let mut devices = rig.host.devices();
    devices.reverse();
    let found = LinuxIdentityReader.read(&devices).context("identifying")?;
    ensure!(found == rig.sim.identified(), "{found:?}");
    let alone = LinuxIdentityReader.read(&devices[..1]).context("identifying one")?;
    ensure!(alone.other_namespaces == 1, "{} others", alone.other_namespaces);
    let units = discover(&Roots::default(), &LinuxIdentityReader).context("discovering")?;
    let names = rig.host.kernel_names();
    let is_ours = |unit: &&DriveUnit| unit.kernel_names().any(|name| name == names[1]);
    let ours: Vec<_> = units.iter().filter(is_ours).collect();
    ensure!(ours.len() == 1 && ours[0].kernel_names().eq(names), "{ours:?}");
    let drive = rig.open()?;
    rig.must_agree(&drive).context("as it came")?;
    let run = sanitize_and_verify(Box::new(drive), Technique::NvmeFormatUserData)?;
    let evidence = must_be_proven(run)?;
    ensure!(evidence.after.len() == 4, "{} reports", evidence.after.len());
    rig.must_be_erased(&rig.open()?)?;
    Ok(format!("{names:?}: {}", summary(&evidence)?))
}
