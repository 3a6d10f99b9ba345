//! A laptop on mains with one NVMe controller, and drives to put into it.

use std::collections::BTreeSet;

use protocol::drive::{Bus, DriveIdentity, DriveUnit};
use protocol::features::{
    AtaFeatures, AtaSanitize, AtaSecurity, EraseFeatures, EraseTime, Rotation, SanitizeState,
};
use protocol::inventory::{
    BootFacts, Cpu, Firmware, Inventory, MachineIdentity, Power, Product, StorageController,
};
use protocol::{ByteLen, MachineId, SectorSize};

pub(crate) const MACHINE: MachineId = MachineId::from_bytes([1; 16]);

/// An NVMe drive that was not asked what it can do.
pub(crate) fn drive(serial: &str, gigabytes: u64) -> DriveUnit {
    let size = ByteLen(gigabytes * 1_000_000_000);
    DriveUnit {
        kernel_name: "nvme0n1".to_owned(),
        more_namespaces: Vec::new(),
        identity: Ok(DriveIdentity {
            model: "Example SSD".to_owned(),
            serial: serial.to_owned(),
            wwn: None,
            size,
        }),
        size,
        sector_size: SectorSize::try_from(512).unwrap(),
        physical_sector_size: 4096,
        bus: Bus::Nvme,
        rotational: false,
        removable: false,
        read_only: false,
        holds: Vec::new(),
        features: EraseFeatures::None {},
        other_namespaces: 0,
    }
}

/// A directly attached ATA drive without erase commands, changed as told.
pub(crate) fn ata(rotation: Rotation, change: impl FnOnce(&mut AtaFeatures)) -> DriveUnit {
    let mut features = AtaFeatures {
        rotation,
        encrypts_all: false,
        sanitize: AtaSanitize {
            crypto_scramble: false,
            block_erase: false,
            overwrite: false,
            state: SanitizeState::Idle,
        },
        security: AtaSecurity {
            supported: false,
            enabled: false,
            locked: false,
            frozen: false,
            count_expired: false,
            enhanced: false,
            erase_time: EraseTime::NotReported,
            enhanced_time: EraseTime::NotReported,
        },
    };
    change(&mut features);
    DriveUnit {
        bus: Bus::Ata,
        rotational: rotation != Rotation::NonRotating,
        features: EraseFeatures::Ata(features),
        ..drive("A", 128)
    }
}

pub(crate) fn laptop(drives: Vec<DriveUnit>) -> Inventory {
    Inventory {
        identity: MachineIdentity {
            uuid: None,
            system_serial: Some("PF0ABCDE".to_owned()),
            board_serial: None,
            chassis_serial: None,
            macs: BTreeSet::new(),
        },
        product: Product { vendor: None, name: None, version: None, chassis_type: Some(10) },
        cpu: Cpu { model: "Example".to_owned(), threads: 4 },
        memory: ByteLen(8 << 30),
        power: Power { mains_online: Some(true), batteries: 1 },
        nics: Vec::new(),
        controllers: vec![StorageController {
            address: "0000:01:00.0".to_owned(),
            class: "010802".to_owned(),
            id: "144d:a808".to_owned(),
            driver: Some("nvme".to_owned()),
            unexplained: None,
        }],
        drives,
        boot: BootFacts {
            firmware: Firmware::Uefi,
            secure_boot: Some(true),
            lockdown: "integrity".to_owned(),
            boot_mac: None,
            boot_uuid: None,
        },
    }
}
