//! What the rig shows: the commands of [`drive::ata`] through the kernel's own SCSI stack, on drives that do what they
//! are told, and on one that does not.

mod rig;
mod sanitize;
mod security;
mod whole_way;

use anyhow::{Context as _, bail, ensure};
use drive::sim::{Access, AtaDevice, Fault, Lie};
use drive::{AlignedBuf, Drive, IdentityReader as _, LinuxIdentityReader, Roots, discover};
use protocol::features::{EraseTime, Rotation, SanitizeState};
use protocol::{Bus, EraseFeatures, Technique};

use self::rig::{Rig, able};
use super::SenseFormat;
use crate::scenario::Scenario;

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario::new("ata-identify", identity_and_features),
    Scenario::new("ata-read-write", read_and_write),
    Scenario::new("ata-bad-sectors", bad_sectors),
    Scenario::new("ata-discover", discovered_as_network),
    Scenario::new("ata-security-erase", || security::erase(false)),
    Scenario::new("ata-security-erase-enhanced", || security::erase(true)),
    Scenario::new("ata-security-slow", security::slow_erase),
    Scenario::new("ata-security-timeout", security::timeout),
    Scenario::new("ata-frozen", security::frozen),
    Scenario::new("ata-locked", security::locked),
    Scenario::new("ata-power-cut", security::power_cut),
    Scenario::new("ata-sanitize-block", sanitize::block_erase),
    Scenario::new("ata-sanitize-crypto", sanitize::crypto_scramble),
    Scenario::new("ata-sanitize-overwrite", sanitize::overwrite),
    Scenario::new("ata-sanitize-fixed-sense", sanitize::fixed_sense),
    Scenario::new("ata-sanitize-failed", sanitize::failed),
    Scenario::new("ata-liar", sanitize::liar),
    Scenario::new("ata-proven-enhanced", || whole_way::proven(Technique::AtaSecurityEraseEnhanced)),
    Scenario::new("ata-proven-sanitize", || whole_way::proven(Technique::AtaSanitizeBlockErase)),
    Scenario::new("ata-unproven-fixed-sense", whole_way::fixed_sense),
    Scenario::new("ata-unproven-frozen", whole_way::frozen),
    Scenario::new("ata-unproven-keeps-all", || {
        whole_way::liar(Lie::EraseKeepsAll, Technique::AtaSecurityEraseEnhanced)
    }),
    Scenario::new("ata-unproven-keeps-some", || {
        whole_way::liar(Lie::EraseKeepsOneIn(50), Technique::AtaSanitizeBlockErase)
    }),
];

fn identity_and_features() -> anyhow::Result<String> {
    let device = AtaDevice { word_89: 2, word_90: 0x8001, overwrite: false, ..able() };
    let rig = Rig::new(device)?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let found = LinuxIdentityReader.read(target.nodes()).context("identifying")?;
        ensure!(found.identity == rig.identity, "{:?}", found.identity);
        let EraseFeatures::Ata(features) = found.features else { bail!("{:?}", found.features) };
        ensure!(features.rotation == Rotation::NonRotating, "{features:?}");
        let sanitize = features.sanitize;
        ensure!(sanitize.block_erase && sanitize.crypto_scramble && !sanitize.overwrite);
        ensure!(sanitize.state == SanitizeState::Idle, "{sanitize:?}");
        let security = features.security;
        ensure!(security.supported && security.enhanced, "{security:?}");
        ensure!(!security.enabled && !security.locked && !security.frozen, "{security:?}");
        ensure!(security.erase_time == EraseTime::Seconds(240), "{security:?}");
        ensure!(security.enhanced_time == EraseTime::Seconds(120), "{security:?}");
        ensure!(target.passed() == [0xec, 0xb4], "by pass-through came {:02x?}", target.passed());
        Ok(format!("{} at {}", found.identity, target.node().display()))
    })
}

fn read_and_write() -> anyhow::Result<String> {
    let rig = Rig::new(AtaDevice::default())?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = target.open(&rig.identity)?;
        let mut data = AlignedBuf::zeroed(1 << 20);
        data.fill(0x5a);
        let offset = 3 << 20;
        drive.write_at(offset, &data).context("writing")?;
        ensure!(rig.sim.peek(offset, 4096) != data[..4096], "written without a flush");
        drive.flush().context("flushing")?;
        ensure!(rig.sim.peek(offset, data.len()) == *data, "something else was written");
        let n_old = rig.sim.n_old_sectors();
        ensure!(n_old == rig::N_SECTORS - 2048, "{n_old} sectors hold old data");
        rig.must_agree(&drive)?;
        Ok("1 MiB written, held back until it was flushed, read back".to_owned())
    })
}

/// A sector that cannot be read is no EIO in the end: SCSI disks say ENODATA, so nothing may hang on the number.
fn bad_sectors() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.sim.add_fault(Fault { sectors: 800..801, access: Access::Read, times: None });
    rig.attached(SenseFormat::Descriptor, |target| {
        let drive = target.open(&rig.identity)?;
        let mut sector = AlignedBuf::zeroed(512);
        let bad = drive.read_at(800 * 512, &mut sector);
        let number = bad.as_ref().err().and_then(std::io::Error::raw_os_error);
        ensure!(number == Some(nix::libc::ENODATA), "{bad:?}");
        for good in [799, 801] {
            drive.read_at(good * 512, &mut sector).with_context(|| format!("sector {good}"))?;
            ensure!(rig.sim.peek(good * 512, 512) == *sector, "sector {good} reads wrongly");
        }
        Ok("ENODATA, and its neighbors as they are".to_owned())
    })
}

/// The drive has a WWN, a serial number and every erase command, and yet no plan may name it: it is on no bus that a
/// laptop's drive is on.
fn discovered_as_network() -> anyhow::Result<String> {
    let rig = Rig::new(able())?;
    rig.attached(SenseFormat::Descriptor, |target| {
        let units = discover(&Roots::default(), &LinuxIdentityReader).context("listing drives")?;
        let name = target.node().file_name().unwrap_or_default().to_string_lossy();
        let unit = units.iter().find(|unit| unit.kernel_name == name);
        let unit = unit.with_context(|| format!("{name} is not among {units:?}"))?;
        ensure!(unit.bus == Bus::Network, "{unit:?}");
        ensure!(unit.identity.is_err() && unit.features == EraseFeatures::None {}, "{unit:?}");
        ensure!(target.passed().is_empty(), "it was asked: {:02x?}", target.passed());
        Ok(format!("{name} is on {:?} and was not asked", unit.bus))
    })
}
