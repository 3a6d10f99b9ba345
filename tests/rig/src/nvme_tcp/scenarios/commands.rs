//! Typed commands, one or two at a time.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use drive::nvme::{
    CurrentFormat, NvmeCommand, SHORT, SanitizeAction, SanitizeLog, SecureErase, identify,
    sanitize_log,
};
use drive::sim::NvmeDevice;
use drive::{
    AdminError, AlignedBuf, Drive, IdentityReader as _, LinuxIdentityReader, Roots, discover,
};
use protocol::features::SanitizeState;
use protocol::{Bus, EraseFeatures};

use super::{N_SECTORS, Rig, SECTOR_LEN, SIZE, able};

/// What must have come to an end by then; the drives here take ten looks at the log at most.
const MAX_POLLS: u32 = 100;
/// The longest write, and how far apart they are.
const CHUNK_LEN: usize = 1 << 20;
/// Generic status 01h, Do Not Retry.
const INVALID_OPCODE: u32 = 0x4001;

pub(super) fn identity_and_features() -> anyhow::Result<String> {
    let rig = Rig::new(NvmeDevice { block: true, format: true, ..NvmeDevice::default() })?;
    let found = LinuxIdentityReader.read(&rig.host.devices()).context("identifying")?;
    ensure!(found == rig.sim.identified(), "{found:?}");
    let EraseFeatures::Nvme(features) = found.features else { bail!("{:?}", found.features) };
    ensure!(features.format && !features.format_crypto, "{features:?}");
    let sanitize = features.sanitize;
    ensure!(sanitize.block && !sanitize.crypto && !sanitize.overwrite, "{sanitize:?}");
    ensure!(sanitize.state == SanitizeState::Idle, "{sanitize:?}");
    Ok(format!("{} at {}", found.identity, rig.host.kernel_names()[0]))
}

/// Data in the capsule (up to 8 KiB), data fetched by R2T, and what the medium holds before and after a flush.
pub(super) fn read_and_write() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    rig.must_agree(&drive).context("as it came")?;
    let lengths = [512, 4096, 8192, 8704, CHUNK_LEN / 2, CHUNK_LEN];
    for (number, length) in (1..).zip(lengths) {
        let offset = (CHUNK_LEN as u64) * u64::from(number);
        let data = AlignedBuf::copy_of(&vec![number; length]);
        drive.write_at(offset, &data).with_context(|| format!("writing {length} bytes"))?;
    }
    drive.flush().context("flushing")?;
    rig.must_agree(&drive).context("after writing")?;
    let written: usize = lengths.iter().sum();
    let n_new = N_SECTORS - rig.sim.n_old_sectors();
    ensure!(n_new * SECTOR_LEN == written as u64, "{n_new} sectors changed for {written} bytes");
    Ok(format!("{written} bytes written and {SIZE} read"))
}

pub(super) fn discovered_as_network() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let units = discover(&Roots::default(), &LinuxIdentityReader).context("discovering")?;
    let unit = units
        .iter()
        .find(|unit| unit.kernel_name == rig.host.kernel_names()[0])
        .with_context(|| format!("not among {units:?}"))?;
    ensure!(unit.bus == Bus::Network, "{:?}", unit.bus);
    ensure!(unit.identity.is_err(), "it was asked who it is: {:?}", unit.identity);
    Ok(format!("{} is listed on {:?} without an identity", unit.kernel_name, unit.bus))
}

/// A drive's refusal comes through as its status, not as an errno, and leaves the drive as it was.
pub(super) fn refusal() -> anyhow::Result<String> {
    let rig = Rig::new(NvmeDevice::default())?;
    let drive = rig.open()?;
    let refused = NvmeCommand::Sanitize(SanitizeAction::BlockErase).send(&drive, SHORT);
    let Err(AdminError::Status { status, .. }) = refused else { bail!("{refused:?}") };
    ensure!(status == INVALID_OPCODE, "status {status:#06x}");
    ensure!(rig.sim.n_old_sectors() == N_SECTORS, "old data is gone");
    rig.must_agree(&drive)?;
    Ok(format!("status {status:#06x}"))
}

pub(super) fn sanitize(action: SanitizeAction) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    let before = read_log(&drive)?;
    ensure!(before.state == SanitizeState::Idle && !before.has_succeeded, "{before:?}");
    let command = NvmeCommand::Sanitize(action);
    command.send(&drive, SHORT).context("sending it")?;
    let n_polls = poll_to_end(&drive, &command)?;
    rig.must_be_erased(&drive)?;
    Ok(format!("over at look {n_polls} at the log"))
}

pub(super) fn format(erase: SecureErase) -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    let drive = rig.open()?;
    let namespace = *drive.namespaces().first().context("no namespace")?;
    let data = identify(&drive, Some(namespace)).context("identifying the namespace")?;
    let format = CurrentFormat::of(&data);
    let command = NvmeCommand::Format { namespace, format, erase };
    command.send(&drive, Duration::from_secs(60)).context("sending it")?;
    rig.must_be_erased(&drive)?;
    let after = LinuxIdentityReader.read(&rig.host.devices()).context("identifying after it")?;
    ensure!(after.identity == rig.identity, "{:?}", after.identity);
    Ok(format!("namespace {namespace}"))
}

pub(super) fn io_during_sanitize() -> anyhow::Result<String> {
    let rig = Rig::new(NvmeDevice { sanitize_steps: 8, ..able() })?;
    let drive = rig.open()?;
    let command = NvmeCommand::Sanitize(SanitizeAction::BlockErase);
    command.send(&drive, SHORT).context("sending it")?;
    let mut buffer = AlignedBuf::zeroed(4096);
    let Err(read) = drive.read_at(0, &mut buffer) else { bail!("it reads while it sanitizes") };
    let Err(write) = drive.write_at(0, &buffer).and_then(|()| drive.flush()) else {
        bail!("it writes while it sanitizes")
    };
    let asked = LinuxIdentityReader.read(&rig.host.devices()).context("identifying meanwhile")?;
    ensure!(asked.identity == rig.identity, "{:?}", asked.identity);
    let EraseFeatures::Nvme(features) = asked.features else { bail!("{:?}", asked.features) };
    let SanitizeState::Running(progress) = features.sanitize.state else { bail!("{features:?}") };
    poll_to_end(&drive, &command)?;
    rig.must_be_erased(&drive)?;
    Ok(format!("read: {read}; write: {write}; identified at {progress}/65536"))
}

pub(super) fn read_log(drive: &dyn Drive) -> anyhow::Result<SanitizeLog> {
    Ok(SanitizeLog::parse(&sanitize_log(drive).context("reading the Sanitize Status log")?))
}

/// Looks at the log until it says that this command succeeded; how often.
pub(super) fn poll_to_end(drive: &dyn Drive, command: &NvmeCommand) -> anyhow::Result<u32> {
    for n_polls in 1..MAX_POLLS {
        let log = read_log(drive)?;
        match log.state {
            SanitizeState::Running(_) => {}
            SanitizeState::Idle if log.has_succeeded => {
                ensure!(log.command == command.command().cdw10[0], "not of this command: {log:?}");
                ensure!(log.is_global_erased, "{log:?}");
                return Ok(n_polls);
            }
            _ => bail!("it ended with {log:?}"),
        }
    }
    bail!("still under way after {MAX_POLLS} looks at the log")
}
