//! A policy that a person wrote or a coordinator sent, its check, and what is planned by it. Input: JSON of `Policy`.
#![no_main]

use std::sync::LazyLock;

use drive::sim::{AtaDevice, Kind, NvmeDevice, SimDrive};
use libfuzzer_sys::fuzz_target;
use plan::policy::{self, CANARIES};
use protocol::drive::{Bus, DriveUnit};
use protocol::{EraseFeatures, Policy, SectorSize};

fuzz_target!(|json: &[u8]| {
    let Some(policy) = rehome_fuzz::round_trip::<Policy>(json) else { return };
    let problems = policy::check(&policy).err().unwrap_or_default();
    assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
    let plans = DRIVES.iter().filter_map(|drive| rehome_fuzz::planned(drive, &policy, false));
    if !problems.is_empty() {
        assert_eq!(plans.count(), 0, "planned by a policy with problems: {problems:?}");
        return;
    }
    assert!(CANARIES.contains(&policy.proof.canaries));
    // A policy without problems is of use: some drive of each kind can be sanitized by it.
    assert!(plans.count() > 0, "{policy:?}");
});

/// Drives that know every command, a disk and solid state drives, and ones that know none.
static DRIVES: LazyLock<Vec<DriveUnit>> = LazyLock::new(|| {
    let disk = AtaDevice {
        encrypts_all: true,
        crypto_scramble: true,
        overwrite: true,
        security: true,
        enhanced: true,
        ..AtaDevice::default()
    };
    let ssd = AtaDevice { rotation: 1, block_erase: true, ..disk.clone() };
    let nvme = NvmeDevice {
        format: true,
        format_crypto: true,
        crypto: true,
        block: true,
        overwrite: true,
        ..NvmeDevice::default()
    };
    vec![
        unit(Bus::Ata, Kind::Ata(AtaDevice::default())),
        unit(Bus::Ata, Kind::Ata(disk)),
        unit(Bus::Ata, Kind::Ata(ssd)),
        unit(Bus::Nvme, Kind::Nvme(NvmeDevice::default())),
        unit(Bus::Nvme, Kind::Nvme(nvme)),
    ]
});

fn unit(bus: Bus, kind: Kind) -> DriveUnit {
    let plain = rehome_fuzz::drive(bus, EraseFeatures::None {}, false);
    let identity = plain.identity.clone().expect("it says who it is");
    let sector_size = SectorSize::try_from(512).expect("512 is a sector size");
    let features = SimDrive::with(identity, sector_size, kind).identified().features;
    DriveUnit { features, ..plain }
}
