//! The whole way to evidence, and the drives that must not get there.

use anyhow::{Context as _, anyhow, bail, ensure};
use drive::sim::{AtaDevice, Lie};
use protocol::Technique;
use protocol::event::DriveEvidence;
use protocol::features::SanitizeState;
use sanitize::{Failed, FailureCause};

use super::rig::{N_SECTORS, Rig, able};
use crate::tcmu::SenseFormat;
use crate::whole_way::{CANARIES, sanitize_and_verify};

/// What came out, with the drive as it is then.
fn run(
    rig: &Rig,
    format: SenseFormat,
    technique: Technique,
) -> anyhow::Result<Result<DriveEvidence, Box<Failed>>> {
    rig.attached(format, |target| {
        let drive = target.open(&rig.identity)?;
        sanitize_and_verify(Box::new(drive), technique)
    })
}

fn must_fail(rig: &Rig, format: SenseFormat, technique: Technique) -> anyhow::Result<Box<Failed>> {
    match run(rig, format, technique)? {
        Err(failed) => Ok(failed),
        Ok(_) => bail!("evidence for a drive with {} old sectors", rig.sim.n_old_sectors()),
    }
}

pub(super) fn proven(technique: Technique) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let outcome = run(&rig, SenseFormat::Descriptor, technique)?;
    let evidence = outcome.map_err(|failed| anyhow!("{}", failed.sentence()))?;
    ensure!(evidence.drive == rig.identity, "{:?}", evidence.drive);
    let canaries = evidence.canaries.as_ref().context("no canaries in the evidence")?;
    ensure!(canaries.placed == u64::from(CANARIES) && canaries.found == 0, "{canaries:?}");
    let n_old = rig.sim.n_old_sectors();
    ensure!(n_old == 0, "{n_old} sectors still hold old data");
    ensure!(evidence.before.len() == 1 && evidence.after.len() == 1, "IDENTIFY DEVICE is missing");
    let commands: Vec<&str> = evidence
        .techniques
        .iter()
        .flat_map(|technique| &technique.commands)
        .map(|command| command.name.as_str())
        .collect();
    Ok(format!("{} canaries gone by {}", canaries.placed, commands.join(", ")))
}

/// Behind a bridge that cuts the status off it may well have erased itself. Nobody can know when, so nothing is claimed.
pub(super) fn fixed_sense() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let failed = must_fail(&rig, SenseFormat::Fixed, Technique::AtaSanitizeBlockErase)?;
    match failed.cause {
        FailureCause::SanitizeUnknown { state: SanitizeState::Unknown } => Ok(failed.sentence()),
        _ => bail!("{}", failed.sentence()),
    }
}

pub(super) fn frozen() -> anyhow::Result<String> {
    let rig = Rig::new(AtaDevice { frozen: true, ..able() })?;
    let technique = Technique::AtaSecurityEraseEnhanced;
    let failed = must_fail(&rig, SenseFormat::Descriptor, technique)?;
    let n_old = rig.sim.n_old_sectors();
    match failed.cause {
        FailureCause::Frozen if n_old > 0 => Ok(failed.sentence()),
        _ => bail!("with {n_old} old sectors: {}", failed.sentence()),
    }
}

/// Whatever the drive says, old data is still there, and that is found out.
pub(super) fn liar(lie: Lie, technique: Technique) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.lie(lie);
    let failed = must_fail(&rig, SenseFormat::Descriptor, technique)?;
    let n_old = rig.sim.n_old_sectors();
    ensure!(n_old > N_SECTORS / 100, "{n_old} old sectors: it did not even lie");
    match failed.cause {
        FailureCause::CanariesFound { found, placed } if found > 0 => {
            Ok(format!("{found} of {placed} canaries found, {n_old} old sectors"))
        }
        _ => bail!("{}", failed.sentence()),
    }
}
