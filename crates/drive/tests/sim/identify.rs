//! What a drive says of itself is what it was built as.

use drive::sim::{AtaDevice, Kind, NvmeDevice, SimDrive};
use drive::{Drive, ata};
use protocol::features::{AtaFeatures, EraseTime, NvmeFeatures, Rotation, SanitizeState};
use protocol::{ByteLen, DriveIdentity, EraseFeatures, SectorSize};

use crate::{capable_ata, capable_nvme, identity, of_kind};

fn ata_features(device: AtaDevice) -> AtaFeatures {
    match of_kind(Kind::Ata(device)).identified().features {
        EraseFeatures::Ata(features) => features,
        other => panic!("{other:?}"),
    }
}

fn nvme_features(device: NvmeDevice) -> NvmeFeatures {
    match of_kind(Kind::Nvme(device)).identified().features {
        EraseFeatures::Nvme(features) => features,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_identity_comes_back_through_either_command_set() {
    for (name, kind, sector_len, n_sectors) in [
        (Some("5000c500a1b2c3d4"), Kind::Ata(AtaDevice::default()), 512, 1),
        (None, Kind::Ata(capable_ata()), 4096, 1 << 40),
        (Some("50014ee601234567"), Kind::Ata(AtaDevice::default()), 512, 976_773_168),
        (Some("0025388101020304"), Kind::Nvme(NvmeDevice::default()), 512, 500_118_192),
        (Some("abababababababababababababababab"), Kind::Nvme(capable_nvme()), 4096, 7),
        (None, Kind::Nvme(NvmeDevice::default()), 65_536, 1),
    ] {
        let identity = DriveIdentity {
            model: "ODD MODEL-X1".to_owned(),
            serial: "S0123456789ABCDEFGHI".to_owned(),
            wwn: name.map(str::to_owned),
            size: ByteLen(n_sectors * u64::from(sector_len)),
        };
        let sector_size = SectorSize::try_from(sector_len).unwrap();
        let drive = SimDrive::with(identity.clone(), sector_size, kind);
        let identified = drive.identified();
        assert_eq!((&identified.identity, identified.other_namespaces), (&identity, 0));
        assert_eq!(drive.identity().unwrap(), identity);
    }
}

#[test]
fn a_plain_drive_is_a_hard_disk_without_features() {
    let drive = SimDrive::new(identity("A"), SectorSize::try_from(512).unwrap());
    let EraseFeatures::Ata(features) = drive.identified().features else { panic!("no ATA drive") };
    assert_eq!(features.rotation, Rotation::Rpm(5400));
    let (sanitize, security) = (features.sanitize, features.security);
    assert!(!sanitize.block_erase && !sanitize.crypto_scramble && !sanitize.overwrite);
    assert_eq!(sanitize.state, SanitizeState::Unknown);
    assert!(!security.supported && !security.enabled && !security.locked && !security.frozen);
    let data = ata::identify_device(&drive).unwrap();
    assert_eq!(data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0, "word 255");
    assert_eq!(drive.namespaces(), []);
    assert!(drive::nvme::identify(&drive, None).is_err());
}

#[test]
fn each_ata_feature_is_told_by_its_own_bit() {
    type Change = fn(&mut AtaDevice);
    type Look = fn(&AtaFeatures) -> bool;
    let features: [(Change, Look); 6] = [
        (|device| device.encrypts_all = true, |found| found.encrypts_all),
        (|device| device.crypto_scramble = true, |found| found.sanitize.crypto_scramble),
        (|device| device.block_erase = true, |found| found.sanitize.block_erase),
        (|device| device.overwrite = true, |found| found.sanitize.overwrite),
        (|device| device.security = true, |found| found.security.supported),
        (|device| device.rotation = 1, |found| found.rotation == Rotation::NonRotating),
    ];
    for (changed, (change, _)) in features.iter().enumerate() {
        let mut device = AtaDevice::default();
        change(&mut device);
        let found = ata_features(device);
        for (looked, (_, look)) in features.iter().enumerate() {
            assert_eq!(look(&found), looked == changed, "{looked} of {changed}: {found:?}");
        }
    }
}

#[test]
fn the_state_of_security_is_told() {
    let all = ata_features(AtaDevice { frozen: true, word_90: 0x8002, ..capable_ata() }).security;
    assert!(all.supported && all.frozen && all.enhanced && !all.locked && !all.enabled);
    assert_eq!(all.erase_time, EraseTime::Seconds(120));
    assert_eq!(all.enhanced_time, EraseTime::Seconds(240));
    let locked_with = Some([7; 32]);
    let locked = ata_features(AtaDevice { locked_with, frozen: true, ..capable_ata() }).security;
    assert!(locked.enabled && locked.locked && !locked.frozen && !locked.count_expired);
}

#[test]
fn each_nvme_feature_is_told_by_its_own_bit() {
    type Change = fn(&mut NvmeDevice);
    type Look = fn(&NvmeFeatures) -> bool;
    let features: [(Change, Look); 6] = [
        (|device| device.format = true, |found| found.format),
        (|device| device.format_crypto = true, |found| found.format_crypto),
        (|device| device.format_erases_all = true, |found| found.format_erases_all),
        (|device| device.crypto = true, |found| found.sanitize.crypto),
        (|device| device.block = true, |found| found.sanitize.block),
        (|device| device.overwrite = true, |found| found.sanitize.overwrite),
    ];
    for (changed, (change, _)) in features.iter().enumerate() {
        let mut device = NvmeDevice::default();
        change(&mut device);
        let found = nvme_features(device);
        for (looked, (_, look)) in features.iter().enumerate() {
            assert_eq!(look(&found), looked == changed, "{looked} of {changed}: {found:?}");
        }
    }
}

#[test]
fn the_log_estimates_what_there_is() {
    let device = NvmeDevice { block: true, crypto: true, estimate: 90, ..NvmeDevice::default() };
    let sanitize = nvme_features(device).sanitize;
    assert_eq!(sanitize.state, SanitizeState::Idle);
    assert_eq!(sanitize.block_time, EraseTime::Seconds(90));
    assert_eq!(sanitize.crypto_time, EraseTime::Seconds(90));
    assert_eq!(sanitize.overwrite_time, EraseTime::NotReported);
    assert_eq!(nvme_features(NvmeDevice::default()).sanitize.state, SanitizeState::Unknown);
}

#[test]
fn namespaces_share_the_drive() {
    let device = NvmeDevice { namespaces: 4, ..capable_nvme() };
    let drive = of_kind(Kind::Nvme(device));
    assert_eq!(drive.identified().identity.size, drive.size());
    assert_eq!(drive.namespaces(), [1, 2, 3, 4]);
    let fourth = drive::nvme::identify(&drive, Some(4)).unwrap();
    assert_eq!(fourth[..8], (crate::N_SECTORS / 4).to_le_bytes());
    assert!(drive::nvme::identify(&drive, Some(5)).is_err());
    assert!(drive::nvme::identify(&drive, Some(0)).is_err());
    assert!(ata::identify_device(&drive).is_err());
}
