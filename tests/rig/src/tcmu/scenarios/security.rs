//! The Security feature set.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use drive::ata::{AtaCommand, SHORT};
use drive::sim::{AtaDevice, Command};
use drive::{AtaError, Drive, LinuxDrive};
use protocol::DrivePassword;
use protocol::features::AtaSecurity;

use super::rig::{Rig, able, must_be_aborted, must_not_read};
use crate::tcmu::{SenseFormat, Target};

const ERASE_UNIT: u8 = 0xf4;
/// `DID_TIME_OUT` of `scsi/scsi_status.h`.
const DID_TIME_OUT: u16 = 3;
const LONG: Duration = Duration::from_secs(60);

fn password(text: &str) -> anyhow::Result<DrivePassword> {
    Ok(DrivePassword::try_from(text.to_owned())?)
}

fn ours() -> anyhow::Result<DrivePassword> {
    password("0123456789abcdefABCDEFGHJKLMNPQR")
}

fn prepare_and_erase(
    drive: &LinuxDrive,
    password: &DrivePassword,
    enhanced: bool,
    timeout: Duration,
) -> Result<(), AtaError> {
    AtaCommand::SecurityErasePrepare.send(drive, SHORT)?;
    AtaCommand::SecurityEraseUnit { password, enhanced }.send(drive, timeout).map(drop)
}

fn state(rig: &Rig, target: &Target) -> anyhow::Result<AtaSecurity> {
    Ok(rig.features(target)?.security)
}

/// SET PASSWORD, ERASE PREPARE, ERASE UNIT, and a look at what it left.
fn erase_with(rig: &Rig, target: &Target, enhanced: bool) -> anyhow::Result<LinuxDrive> {
    let (drive, password) = (target.open(&rig.identity)?, ours()?);
    AtaCommand::SecuritySetPassword(&password).send(&drive, SHORT)?;
    let set = state(rig, target)?;
    ensure!(set.enabled && !set.locked, "after SET PASSWORD: {set:?}");
    prepare_and_erase(&drive, &password, enhanced, LONG)?;
    let erased = state(rig, target)?;
    ensure!(!erased.enabled && !erased.locked, "after ERASE UNIT: {erased:?}");
    Ok(drive)
}

pub(super) fn erase(enhanced: bool) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = erase_with(&rig, target, enhanced)?;
        rig.must_be_erased(&drive)?;
        let passed: Vec<u8> =
            target.passed().into_iter().filter(|command| *command & 0xf0 == 0xf0).collect();
        ensure!(passed == [0xf1, 0xf3, 0xf4], "{passed:02x?}");
        Ok("nothing of the old data is left, no password".to_owned())
    })
}

/// An erase that takes longer than the kernel gives a command of its own: the timeout that goes with the pass-through
/// counts, `device/timeout` does not.
pub(super) fn slow_erase() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.on_command(|command| linger(command, Duration::from_secs(4)));
    rig.attached(SenseFormat::Descriptor, |target| {
        let name = target.node().file_name().unwrap_or_default().to_string_lossy();
        let timeout = format!("/sys/block/{name}/device/timeout");
        let give =
            |seconds| fs::write(&timeout, seconds).with_context(|| format!("writing {timeout}"));
        give("1")?;
        let drive = erase_with(&rig, target, false)?;
        // Reading is no part of it, and an emulated processor may be slow.
        give("60")?;
        rig.must_be_erased(&drive)?;
        Ok("4 s with device/timeout at 1 s".to_owned())
    })
}

/// An erase that outlasts its own timeout is a failure, whatever the drive does afterwards. The kernel gives every
/// `SG_IO` seven seconds at least.
pub(super) fn timeout() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.on_command(|command| linger(command, Duration::from_secs(10)));
    rig.attached(SenseFormat::Descriptor, |target| {
        let (drive, password) = (target.open(&rig.identity)?, ours()?);
        AtaCommand::SecuritySetPassword(&password).send(&drive, SHORT)?;
        match prepare_and_erase(&drive, &password, false, Duration::from_secs(1)) {
            Err(AtaError::Refused { host: DID_TIME_OUT, .. }) => {
                Ok("10 s were too long, and told as such".to_owned())
            }
            other => bail!("instead of a timeout came {other:?}"),
        }
    })
}

fn linger(command: Command, time: Duration) {
    if matches!(command, Command::Ata { command: ERASE_UNIT, .. }) {
        thread::sleep(time);
    }
}

/// The machine's firmware has frozen the drive: every command is refused, and the registers say so.
pub(super) fn frozen() -> anyhow::Result<String> {
    let rig = Rig::new(AtaDevice { frozen: true, ..able() })?;
    rig.attached(SenseFormat::Descriptor, |target| {
        ensure!(state(&rig, target)?.frozen, "not frozen");
        let (drive, password) = (target.open(&rig.identity)?, ours()?);
        for command in [
            AtaCommand::SecuritySetPassword(&password),
            AtaCommand::SecurityErasePrepare,
            AtaCommand::SecurityEraseUnit { password: &password, enhanced: true },
        ] {
            must_be_aborted(command.send(&drive, SHORT)).context(command.name())?;
        }
        let after = state(&rig, target)?;
        ensure!(after.frozen && !after.enabled, "{after:?}");
        rig.must_agree(&drive)?;
        Ok("refused with ABRT, nothing changed".to_owned())
    })
}

/// A drive that somebody locked: no sector is read or written, a wrong password changes nothing, and with the right one
/// the erase is legal while it is locked.
pub(super) fn locked() -> anyhow::Result<String> {
    let theirs = password("SomebodyElsesPasswordOfThisDrive")?;
    let rig = Rig::new(AtaDevice { locked_with: Some(*theirs.as_bytes()), ..able() })?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let found = state(&rig, target)?;
        ensure!(found.enabled && found.locked && !found.count_expired, "{found:?}");
        let drive = target.open(&rig.identity)?;
        must_not_read(&drive)?;
        must_be_aborted(AtaCommand::SecurityUnlock(&ours()?).send(&drive, SHORT))?;
        must_not_read(&drive)?;
        prepare_and_erase(&drive, &theirs, true, LONG)?;
        let erased = state(&rig, target)?;
        ensure!(!erased.enabled && !erased.locked, "{erased:?}");
        rig.must_be_erased(&drive)?;
        Ok("EIO until it was erased with its own password".to_owned())
    })
}

/// Power goes in the middle of the erase: the drive comes back locked with our password, which finishes the work.
pub(super) fn power_cut() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let (drive, password) = (target.open(&rig.identity)?, ours()?);
        AtaCommand::SecuritySetPassword(&password).send(&drive, SHORT)?;
        rig.sim.cut_power_after(1);
        let cut = prepare_and_erase(&drive, &password, true, LONG);
        ensure!(cut.is_err(), "the erase was acknowledged without power");
        ensure!(drive.identity().is_err(), "the drive answers without power");
        rig.sim.power_on();
        let back = state(&rig, target)?;
        ensure!(back.enabled && back.locked, "{back:?}");
        let n_left = rig.sim.n_old_sectors();
        ensure!(n_left > 0, "there was nothing left to cut off");
        must_not_read(&drive)?;
        prepare_and_erase(&drive, &password, true, LONG)?;
        let erased = state(&rig, target)?;
        ensure!(!erased.enabled && !erased.locked, "{erased:?}");
        rig.must_be_erased(&drive)?;
        Ok(format!("{n_left} sectors were left, locked; then erased with the same password"))
    })
}
