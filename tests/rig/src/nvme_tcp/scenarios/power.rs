//! Drives that lose their power, or do not answer, and what is there when they are back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use drive::nvme::{
    CurrentFormat, NvmeCommand, SHORT, SanitizeAction, SecureErase, identify, sanitize_log,
};
use drive::sim::{Command, EraseFault, NvmeDevice};
use drive::{AdminError, AlignedBuf, Drive, IdentityReader as _, LinuxIdentityReader};
use protocol::features::SanitizeState;
use protocol::{EraseFeatures, Technique};

use super::commands::{poll_to_end, read_log};
use super::whole_way::{must_be_proven, summary};
use super::{N_SECTORS, Rig, able};
use crate::whole_way::sanitize_and_verify;

const FORMAT_NVM: u8 = 0x80;

/// The drive goes on by itself when the power is back, and the kernel finds it again.
pub(super) fn during_sanitize() -> anyhow::Result<String> {
    let rig = Rig::new(NvmeDevice { sanitize_steps: 8, ..able() })?;
    let drive = rig.open()?;
    let command = NvmeCommand::Sanitize(SanitizeAction::BlockErase);
    command.send(&drive, SHORT).context("sending it")?;
    let at_cut = read_log(&drive)?;
    let n_connections = rig.target.n_connections();

    rig.target.power_cut();
    let Err(silent) = sanitize_log(&drive) else { bail!("it answers without power") };
    ensure!(rig.sim.n_old_sectors() > 0, "it was over before the power went");
    rig.host.wait_state("connecting")?;

    rig.target.power_on();
    rig.host.wait_state("live")?;
    ensure!(rig.target.n_connections() > n_connections, "the kernel did not connect again");
    let after = read_log(&drive)?;
    ensure!(after.command == 2, "{after:?}");
    let (SanitizeState::Running(cut), SanitizeState::Running(now)) = (at_cut.state, after.state)
    else {
        bail!("at the cut {at_cut:?}, then {after:?}")
    };
    let n_polls = poll_to_end(&drive, &command)?;
    rig.must_be_erased(&drive)?;
    Ok(format!("cut at {cut}/65536, {now}/65536 after it, over {n_polls} looks later ({silent})"))
}

/// Half way through Format NVM the power goes: the command fails, and the next one does all of it.
pub(super) fn during_format() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    let sim = rig.sim.clone();
    rig.sim.on_command(move |command| {
        if command == (Command::Nvme { opcode: FORMAT_NVM }) {
            sim.cut_power_after(0);
        }
    });
    let cut = must_be_lost(format(&drive, Duration::from_secs(60)))?;
    let n_old = rig.sim.n_old_sectors();
    ensure!((1..N_SECTORS).contains(&n_old), "{n_old} old sectors: it was not half way");
    rig.sim.on_command(|_| {});
    rig.target.power_on();
    rig.host.wait_state("live")?;
    format(&drive, Duration::from_secs(60)).context("formatting again")?;
    rig.must_be_erased(&drive)?;
    Ok(format!("{n_old} of {N_SECTORS} old sectors at the cut ({cut})"))
}

/// Format NVM is never answered: the kernel gives up at the time that was asked for, and connects again.
pub(super) fn format_times_out() -> anyhow::Result<String> {
    const LIMIT: Duration = Duration::from_secs(3);
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    rig.sim.add_erase_fault(EraseFault::TimesOut { opcode: FORMAT_NVM, times: Some(1) });
    let sent = Instant::now();
    let late = must_be_lost(format(&drive, LIMIT))?;
    let took = sent.elapsed();
    ensure!(took >= LIMIT, "given up after {took:?}");
    rig.host.wait_state("live")?;
    format(&drive, Duration::from_secs(60)).context("formatting again")?;
    rig.must_be_erased(&drive)?;
    Ok(format!("given up after {:.1} s ({late})", took.as_secs_f32()))
}

/// What was flushed is on the medium, what was not is gone with the power.
pub(super) fn unflushed_writes() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    let new = AlignedBuf::copy_of(&[0x5a; 4096]);
    drive.write_at(0, &new).context("writing what is flushed")?;
    drive.flush().context("flushing")?;
    drive.write_at(8192, &new).context("writing what is not")?;
    let mut seen = AlignedBuf::zeroed(4096);
    drive.read_at(8192, &mut seen).context("reading it back out of the drive's cache")?;
    ensure!(*seen == *new, "the drive's cache does not answer");
    rig.target.power_cut();
    rig.host.wait_state("connecting")?;
    rig.target.power_on();
    rig.host.wait_state("live")?;
    rig.must_agree(&drive)?;
    drive.read_at(0, &mut seen).context("reading what was flushed")?;
    ensure!(*seen == *new, "a flushed write is gone");
    let n_new = N_SECTORS - rig.sim.n_old_sectors();
    ensure!(n_new == 8, "{n_new} sectors changed for 8 flushed ones");
    Ok(format!("{n_new} sectors flushed, 8 lost"))
}

/// As after a restart of the machine: the kernel meets a drive that is sanitizing itself, and the run waits for it.
pub(super) fn found_sanitizing() -> anyhow::Result<String> {
    let rig = Rig::with_sectors(NvmeDevice { sanitize_steps: 8, ..able() }, 4096)?;
    let drive = rig.open()?;
    NvmeCommand::Sanitize(SanitizeAction::CryptoErase).send(&drive, SHORT)?;
    drop(drive);
    let rig = rig.restart()?;
    let found = LinuxIdentityReader.read(&rig.host.devices()).context("identifying it")?;
    ensure!(found.identity == rig.identity, "{:?}", found.identity);
    let EraseFeatures::Nvme(features) = found.features else { bail!("{:?}", found.features) };
    let SanitizeState::Running(progress) = features.sanitize.state else { bail!("{features:?}") };
    let run = sanitize_and_verify(Box::new(rig.open()?), Technique::NvmeSanitizeBlockErase)?;
    let evidence = must_be_proven(run)?;
    Ok(format!("found at {progress}/65536; {}", summary(&evidence)?))
}

fn format(drive: &dyn Drive, limit: Duration) -> Result<u32, AdminError> {
    let namespace = drive.namespaces()[0];
    let data = identify(drive, Some(namespace))?;
    let (format, erase) = (CurrentFormat::of(&data), SecureErase::UserData);
    NvmeCommand::Format { namespace, format, erase }.send(drive, limit)
}

/// A command whose answer never came. In which words.
fn must_be_lost(answer: Result<u32, AdminError>) -> anyhow::Result<String> {
    match answer {
        Err(AdminError::Submit { source, .. }) => Ok(format!("{source}: {}", source.source)),
        other => bail!("{other:?}"),
    }
}
