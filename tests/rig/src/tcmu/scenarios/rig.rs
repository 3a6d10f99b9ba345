//! What every scenario starts from.

use anyhow::{Context as _, bail, ensure};
use drive::sim::{AtaDevice, Kind, Leaves, SimDrive};
use drive::{
    AlignedBuf, AtaError, Drive, IdentityReader as _, LinuxIdentityReader, Registers, Sense,
};
use protocol::features::AtaFeatures;
use protocol::{ByteLen, DriveIdentity, EraseFeatures, SectorSize};

use crate::medium;
use crate::tcmu::{SenseFormat, Target};

const SIZE: ByteLen = ByteLen(16 << 20);
pub(super) const N_SECTORS: u64 = SIZE.0 / 512;

/// A drive full of old data.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) identity: DriveIdentity,
    pub(super) sim: SimDrive,
}

/// A solid state drive with every erase command there is.
pub(super) fn able() -> AtaDevice {
    AtaDevice {
        rotation: 1,
        crypto_scramble: true,
        block_erase: true,
        overwrite: true,
        security: true,
        enhanced: true,
        after_erase: Leaves::Random(7),
        ..AtaDevice::default()
    }
}

impl Rig {
    pub(super) fn new(device: AtaDevice) -> anyhow::Result<Self> {
        let identity = DriveIdentity {
            model: "REHOME RIG SATA".to_owned(),
            serial: "RIG0002".to_owned(),
            wwn: Some("5002538041020304".to_owned()),
            size: SIZE,
        };
        let sector_size = SectorSize::try_from(512).context("512 byte sectors")?;
        let sim = SimDrive::with(identity.clone(), sector_size, Kind::Ata(device));
        sim.fill_with_old_data();
        ensure!(sim.n_old_sectors() == N_SECTORS, "not full of old data");
        Ok(Self { identity, sim })
    }

    /// Runs a scenario with the drive as a `/dev/sdX`.
    pub(super) fn attached<T>(
        &self,
        format: SenseFormat,
        scenario: impl FnOnce(&Target) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        Target::with(&self.sim, format, scenario)
    }

    /// What production sees of the drive now.
    pub(super) fn features(&self, target: &Target) -> anyhow::Result<AtaFeatures> {
        let found = LinuxIdentityReader.read(target.nodes()).context("identifying")?;
        ensure!(found.identity == self.identity, "{:?}", found.identity);
        match found.features {
            EraseFeatures::Ata(features) => Ok(features),
            other => bail!("{other:?}"),
        }
    }

    pub(super) fn must_be_erased(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        medium::must_be_erased(&self.sim, drive)
    }

    pub(super) fn must_agree(&self, drive: &dyn Drive) -> anyhow::Result<()> {
        medium::must_agree(&self.sim, drive)
    }
}

/// Reading must fail as it does on a dying drive.
pub(super) fn must_not_read(drive: &dyn Drive) -> anyhow::Result<()> {
    let mut buffer = AlignedBuf::zeroed(4096);
    match drive.read_at(0, &mut buffer) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => Ok(()),
        other => bail!("reading gave {other:?}"),
    }
}

/// The drive must have refused, and its registers must have come along.
pub(super) fn must_be_aborted(
    answer: Result<Option<Registers>, AtaError>,
) -> anyhow::Result<Registers> {
    match answer {
        Err(AtaError::Refused { sense: Some(Sense { ata: Some(registers), .. }), .. })
            if registers.error & 0x04 != 0 && registers.is_error() =>
        {
            Ok(registers)
        }
        other => bail!("instead of ABRT came {other:02x?}"),
    }
}
