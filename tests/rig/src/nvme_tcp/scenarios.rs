//! What the rig shows: the commands of [`drive::nvme`] through the kernel's own `nvme-tcp`, on drives that do what
//! they are told, and on some that do not.

mod commands;
mod power;
mod whole_way;

use anyhow::{Context as _, ensure};
use drive::nvme::{SanitizeAction, SecureErase};
use drive::sim::{Kind, Leaves, Lie, NvmeDevice, SimDrive};
use drive::{Drive, LinuxDrive};
use protocol::{ByteLen, DriveIdentity, SectorSize, Technique};

use super::{Host, Target};
use crate::medium;
use crate::scenario::Scenario;

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario::new("nvme-identify", commands::identity_and_features),
    Scenario::new("nvme-read-write", commands::read_and_write),
    Scenario::new("nvme-discover", commands::discovered_as_network),
    Scenario::new("nvme-two-namespaces", whole_way::two_namespaces),
    Scenario::new("nvme-refusal", commands::refusal),
    Scenario::new("nvme-sanitize-block", || commands::sanitize(SanitizeAction::BlockErase)),
    Scenario::new("nvme-sanitize-crypto", || commands::sanitize(SanitizeAction::CryptoErase)),
    Scenario::new("nvme-sanitize-overwrite", || commands::sanitize(SanitizeAction::Overwrite)),
    Scenario::new("nvme-format-user-data", || commands::format(SecureErase::UserData)),
    Scenario::new("nvme-format-crypto", || commands::format(SecureErase::Crypto)),
    Scenario::new("nvme-io-during-sanitize", commands::io_during_sanitize),
    Scenario::new("nvme-power-cut", power::during_sanitize),
    Scenario::new("nvme-power-cut-format", power::during_format),
    Scenario::new("nvme-timeout-format", power::format_times_out),
    Scenario::new("nvme-unflushed", power::unflushed_writes),
    Scenario::new("nvme-proven-sanitize", || whole_way::proven(Technique::NvmeSanitizeBlockErase)),
    Scenario::new("nvme-proven-format", || whole_way::proven(Technique::NvmeFormatUserData)),
    Scenario::new("nvme-proven-after-power-cut", whole_way::proven_after_power_cut),
    Scenario::new("nvme-proven-after-failure", whole_way::failed_and_again),
    Scenario::new("nvme-proven-when-found-sanitizing", power::found_sanitizing),
    Scenario::new("nvme-second-look", whole_way::second_look),
    Scenario::new("nvme-liar-keeps-all", || {
        whole_way::liar(Lie::EraseKeepsAll, Technique::NvmeSanitizeBlockErase)
    }),
    Scenario::new("nvme-liar-log", || {
        whole_way::liar(Lie::LogSaysSuccess, Technique::NvmeSanitizeCryptoErase)
    }),
    Scenario::new("nvme-liar-format", || {
        whole_way::liar(Lie::FormatErasesNothing, Technique::NvmeFormatUserData)
    }),
];

const SIZE: ByteLen = ByteLen(8 << 20);
const SECTOR_LEN: u64 = 512;
const N_SECTORS: u64 = SIZE.0 / SECTOR_LEN;

/// A drive of ours full of old data, its target, and the kernel connected to it.
#[derive(Debug)]
struct Rig {
    identity: DriveIdentity,
    sim: SimDrive,
    // Dropped in this order: the host lets go first.
    host: Host,
    target: Target,
}

impl Rig {
    fn new(device: NvmeDevice) -> anyhow::Result<Self> {
        Self::with_sectors(device, 512)
    }

    fn with_sectors(device: NvmeDevice, sector_len: u32) -> anyhow::Result<Self> {
        let identity = DriveIdentity {
            model: "REHOME RIG NVME".to_owned(),
            serial: "RIG0001".to_owned(),
            wwn: Some("0025388101020304".to_owned()),
            size: SIZE,
        };
        let sector_size = SectorSize::try_from(sector_len).context("the sectors of the rig")?;
        let sim = SimDrive::with(identity.clone(), sector_size, Kind::Nvme(device));
        sim.fill_with_old_data();
        let n_sectors = SIZE.0 / u64::from(sector_len);
        ensure!(sim.n_old_sectors() == n_sectors, "not full of old data");
        let target = Target::serve(&sim, "nqn.2026-11.example.rehome:rig")?;
        let host = Host::connect(&target, sim.namespaces().len())?;
        Ok(Self { identity, sim, host, target })
    }

    /// As if the machine were switched off and on: the kernel forgets the drive and meets it again.
    fn restart(self) -> anyhow::Result<Self> {
        let Self { identity, sim, host, target } = self;
        target.power_cut();
        drop(host);
        target.power_on();
        let host = Host::connect(&target, sim.namespaces().len())?;
        Ok(Self { identity, sim, host, target })
    }

    fn open(&self) -> anyhow::Result<LinuxDrive> {
        let devices = self.host.devices();
        LinuxDrive::open(&devices, &self.identity).with_context(|| format!("{devices:?}"))
    }

    fn must_be_erased(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        medium::must_be_erased(&self.sim, drive)
    }

    fn must_agree(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        medium::must_agree(&self.sim, drive)
    }
}

fn able() -> NvmeDevice {
    NvmeDevice {
        format: true,
        format_crypto: true,
        crypto: true,
        block: true,
        overwrite: true,
        after_erase: Leaves::Random(7),
        ..NvmeDevice::default()
    }
}
