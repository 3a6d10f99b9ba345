//! What the rig shows: the commands of [`drive::nvme`] through the kernel's own `nvme-tcp`, on drives that do what
//! they are told, and on some that do not.

mod commands;
mod power;
mod whole_way;

use anyhow::{Context as _, ensure};
use drive::nvme::{SanitizeAction, SecureErase};
use drive::sim::{Kind, Leaves, Lie, NvmeDevice, SimDrive};
use drive::{AlignedBuf, Drive, LinuxDrive};
use protocol::{ByteLen, DriveIdentity, SectorSize, Technique};

use super::{Host, Target};
use crate::scenario::Scenario;

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario { name: "nvme-identify", run: commands::identity_and_features },
    Scenario { name: "nvme-read-write", run: commands::read_and_write },
    Scenario { name: "nvme-discover", run: commands::discovered_as_network },
    Scenario { name: "nvme-two-namespaces", run: commands::two_namespaces },
    Scenario { name: "nvme-refusal", run: commands::refusal },
    Scenario {
        name: "nvme-sanitize-block",
        run: || commands::sanitize(SanitizeAction::BlockErase),
    },
    Scenario {
        name: "nvme-sanitize-crypto",
        run: || commands::sanitize(SanitizeAction::CryptoErase),
    },
    Scenario {
        name: "nvme-sanitize-overwrite",
        run: || commands::sanitize(SanitizeAction::Overwrite),
    },
    Scenario { name: "nvme-format-user-data", run: || commands::format(SecureErase::UserData) },
    Scenario { name: "nvme-format-crypto", run: || commands::format(SecureErase::Crypto) },
    Scenario { name: "nvme-io-during-sanitize", run: commands::io_during_sanitize },
    Scenario { name: "nvme-power-cut", run: power::during_sanitize },
    Scenario { name: "nvme-power-cut-format", run: power::during_format },
    Scenario { name: "nvme-timeout-format", run: power::format_times_out },
    Scenario { name: "nvme-unflushed", run: power::unflushed_writes },
    Scenario {
        name: "nvme-proven-sanitize",
        run: || whole_way::proven(Technique::NvmeSanitizeBlockErase),
    },
    Scenario {
        name: "nvme-proven-format",
        run: || whole_way::proven(Technique::NvmeFormatUserData),
    },
    Scenario { name: "nvme-proven-after-power-cut", run: whole_way::proven_after_power_cut },
    Scenario { name: "nvme-proven-after-failure", run: whole_way::failed_and_again },
    Scenario { name: "nvme-proven-when-found-sanitizing", run: power::found_sanitizing },
    Scenario { name: "nvme-second-look", run: whole_way::second_look },
    Scenario {
        name: "nvme-liar-keeps-all",
        run: || whole_way::liar(Lie::EraseKeepsAll, Technique::NvmeSanitizeBlockErase),
    },
    Scenario {
        name: "nvme-liar-log",
        run: || whole_way::liar(Lie::LogSaysSuccess, Technique::NvmeSanitizeCryptoErase),
    },
    Scenario {
        name: "nvme-liar-format",
        run: || whole_way::liar(Lie::FormatErasesNothing, Technique::NvmeFormatUserData),
    },
];

const SIZE: ByteLen = ByteLen(8 << 20);
const SECTOR_LEN: u64 = 512;
const N_SECTORS: u64 = SIZE.0 / SECTOR_LEN;
const CHUNK_LEN: usize = 1 << 20;

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
        let host = Host::connect(&target)?;
        Ok(Self { identity, sim, host, target })
    }

    /// As if the machine were switched off and on: the kernel forgets the drive and meets it again.
    fn restart(self) -> anyhow::Result<Self> {
        let Self { identity, sim, host, target } = self;
        target.power_cut();
        drop(host);
        target.power_on();
        let host = Host::connect(&target)?;
        Ok(Self { identity, sim, host, target })
    }

    fn open(&self) -> anyhow::Result<LinuxDrive> {
        let device = self.host.device();
        LinuxDrive::open(&device, &self.identity).with_context(|| format!("{}", device.display()))
    }

    /// Nothing of the old data is left, and what the kernel reads is what stands on the medium.
    fn must_be_erased(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        let n_old = self.sim.n_old_sectors();
        ensure!(n_old == 0, "{n_old} sectors still hold old data");
        self.must_agree(drive)
    }

    fn must_agree(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        drive.drop_caches().context("dropping caches")?;
        let mut buffer = AlignedBuf::zeroed(CHUNK_LEN);
        for offset in (0..SIZE.0).step_by(CHUNK_LEN) {
            drive.read_at(offset, &mut buffer).with_context(|| format!("reading at {offset}"))?;
            ensure!(
                self.sim.peek(offset, CHUNK_LEN) == *buffer,
                "the kernel reads at {offset} what does not stand there"
            );
        }
        Ok(())
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
