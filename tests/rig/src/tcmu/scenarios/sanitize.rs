//! The Sanitize Device feature set.

use anyhow::{bail, ensure};
use drive::ata::{AtaCommand, SHORT, sanitize_status};
use drive::sim::{EraseFault, Lie};
use drive::{Drive, LinuxDrive};
use protocol::features::SanitizeState;

use super::rig::{N_SECTORS, Rig, able, must_be_aborted, must_not_read};
use crate::tcmu::SenseFormat;

/// What must have come to an end by then; the drives here take a few looks.
const MAX_POLLS: u32 = 100;

pub(super) fn block_erase() -> anyhow::Result<String> {
    erase(AtaCommand::BlockErase)
}

pub(super) fn crypto_scramble() -> anyhow::Result<String> {
    erase(AtaCommand::CryptoScramble)
}

pub(super) fn overwrite() -> anyhow::Result<String> {
    erase(AtaCommand::Overwrite)
}

fn erase(command: AtaCommand<'_>) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = target.open(&rig.identity)?;
        command.send(&drive, SHORT)?;
        must_not_read(&drive)?;
        let n_running = poll(&drive)?;
        rig.must_be_erased(&drive)?;
        ensure!(rig.features(target)?.sanitize.state == SanitizeState::Idle);
        Ok(format!("EIO while it ran, over after {n_running} looks"))
    })
}

/// Polls until it is over: how often it was under way. Progress must not go back.
fn poll(drive: &LinuxDrive) -> anyhow::Result<u32> {
    let mut last = 0;
    for n_running in 0..MAX_POLLS {
        match status(drive)? {
            SanitizeState::Running(progress) if progress >= last => last = progress,
            SanitizeState::Idle => {
                ensure!(n_running > 0, "it was over before it began");
                return Ok(n_running);
            }
            other => bail!("after {last} of 65,536 came {other:?}"),
        }
    }
    bail!("not over after {MAX_POLLS} looks, at {last} of 65,536")
}

fn status(drive: &LinuxDrive) -> anyhow::Result<SanitizeState> {
    Ok(sanitize_status(AtaCommand::SanitizeStatus.send(drive, SHORT))?)
}

/// Behind a bridge with fixed format sense data the flags of the status do not come along: then the state is not
/// known, neither while it runs nor afterwards.
pub(super) fn fixed_sense() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.attached(SenseFormat::Fixed, |target| {
        ensure!(rig.features(target)?.sanitize.state == SanitizeState::Unknown);
        let drive = target.open(&rig.identity)?;
        AtaCommand::BlockErase.send(&drive, SHORT)?;
        must_not_read(&drive)?;
        let mut n_looks = 0;
        while rig.sim.n_old_sectors() > 0 || must_not_read(&drive).is_ok() {
            ensure!(status(&drive)? == SanitizeState::Unknown, "guessed");
            n_looks += 1;
            ensure!(n_looks < MAX_POLLS, "not over after {n_looks} looks");
        }
        ensure!(status(&drive)? == SanitizeState::Unknown, "guessed");
        Ok(format!("{n_looks} looks while it ran and one after it: unknown"))
    })
}

/// A drive that fails to sanitize itself says so, gives nothing out, and another operation gets it out of there.
pub(super) fn failed() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.add_erase_fault(EraseFault::SanitizeFails { progress: 0x4000 });
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = target.open(&rig.identity)?;
        AtaCommand::BlockErase.send(&drive, SHORT)?;
        let mut n_looks = 0;
        loop {
            match status(&drive)? {
                SanitizeState::Running(_) if n_looks < MAX_POLLS => n_looks += 1,
                SanitizeState::Failed => break,
                other => bail!("instead of a failure came {other:?}"),
            }
        }
        must_not_read(&drive)?;
        ensure!(rig.features(target)?.sanitize.state == SanitizeState::Failed);
        let aborted = must_be_aborted(AtaCommand::SanitizeFreezeLock.send(&drive, SHORT))?;
        AtaCommand::BlockErase.send(&drive, SHORT)?;
        poll(&drive)?;
        rig.must_be_erased(&drive)?;
        Ok(format!("failed after {n_looks} looks, ERROR {:#04x}, then erased", aborted.error))
    })
}

/// Every status along the way is good and every sector is still there: no command's answer is evidence.
pub(super) fn liar() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.lie(Lie::EraseKeepsAll);
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = target.open(&rig.identity)?;
        AtaCommand::BlockErase.send(&drive, SHORT)?;
        poll(&drive)?;
        drive.drop_caches()?;
        rig.must_agree(&drive)?;
        let n_old = rig.sim.n_old_sectors();
        ensure!(n_old == N_SECTORS, "only {n_old} sectors still hold old data: no liar");
        Ok(format!("acknowledged and over, and {n_old} sectors read as before"))
    })
}
