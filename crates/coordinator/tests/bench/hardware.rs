//! What a laptop would see of itself.

use protocol::drive::{Bus, DriveIdentity, DriveUnit};
use protocol::features::{
    AtaFeatures, AtaSanitize, AtaSecurity, EraseTime, NvmeFeatures, NvmeSanitize, Rotation,
    SanitizeState,
};
use protocol::inventory::{
    BootFacts, Cpu, Firmware, Inventory, MachineIdentity, Nic, Power, Product, StorageController,
};
use protocol::{ByteLen, EraseFeatures, MacAddr, SectorSize};

/// The laptop of this serial number, with one NVMe drive.
pub(crate) fn laptop(serial: u8) -> Inventory {
    let mac = MacAddr([0x52, 0x54, 0, 0, 0, serial]);
    Inventory {
        identity: MachineIdentity {
            uuid: Some(format!("4c4c4544-0038-4710-8052-0000000000{serial:02x}")),
            system_serial: Some(format!("SYS{serial:03}")),
            board_serial: Some(format!("BRD{serial:03}")),
            chassis_serial: None,
            macs: [mac].into(),
        },
        product: Product {
            vendor: Some("Example".into()),
            name: Some("Laptop 14".into()),
            version: None,
            chassis_type: Some(10),
        },
        cpu: Cpu { model: "Example CPU".into(), threads: 4 },
        memory: ByteLen(8 << 30),
        power: Power { mains_online: Some(true), batteries: 1 },
        nics: vec![Nic { name: "eth0".into(), mac, usb: false, driver: Some("e1000e".into()) }],
        controllers: vec![StorageController {
            address: "0000:01:00.0".into(),
            class: "010802".into(),
            id: "144d:a804".into(),
            driver: Some("nvme".into()),
            unexplained: None,
        }],
        drives: vec![drive(&format!("DRIVE{serial:03}"))],
        boot: BootFacts {
            firmware: Firmware::Uefi,
            secure_boot: Some(true),
            lockdown: "integrity".into(),
            boot_mac: Some(mac),
            boot_uuid: None,
        },
    }
}

/// A SATA disk that erases itself once it is given a password.
pub(crate) fn disk(serial: &str) -> DriveUnit {
    let mut unit = drive(serial);
    unit.kernel_name = "sda".into();
    unit.bus = Bus::Ata;
    unit.rotational = true;
    unit.features = EraseFeatures::Ata(AtaFeatures {
        rotation: Rotation::Rpm(5400),
        encrypts_all: false,
        sanitize: AtaSanitize {
            crypto_scramble: false,
            block_erase: false,
            overwrite: false,
            state: SanitizeState::Unknown,
        },
        security: AtaSecurity {
            supported: true,
            enabled: false,
            locked: false,
            frozen: false,
            count_expired: false,
            enhanced: true,
            erase_time: EraseTime::NotReported,
            enhanced_time: EraseTime::Seconds(7200),
        },
    });
    unit
}

/// The same disk after an erase that was cut short.
pub(crate) fn locked(mut unit: DriveUnit) -> DriveUnit {
    if let EraseFeatures::Ata(ata) = &mut unit.features {
        (ata.security.enabled, ata.security.locked) = (true, true);
    }
    unit
}

/// An internal NVMe drive.
pub(crate) fn drive(serial: &str) -> DriveUnit {
    let size = ByteLen(3 << 30);
    DriveUnit {
        kernel_name: "nvme0n1".into(),
        more_namespaces: Vec::new(),
        identity: Ok(DriveIdentity {
            model: "Example NVMe".into(),
            serial: serial.into(),
            wwn: None,
            size,
        }),
        size,
        sector_size: SectorSize::try_from(512).unwrap(),
        physical_sector_size: 512,
        bus: Bus::Nvme,
        rotational: false,
        removable: false,
        read_only: false,
        holds: Vec::new(),
        features: EraseFeatures::Nvme(NvmeFeatures {
            format: true,
            format_erases_all: false,
            format_crypto: false,
            sanitize: NvmeSanitize {
                crypto: false,
                block: false,
                overwrite: false,
                state: SanitizeState::Unknown,
                block_time: EraseTime::NotReported,
                crypto_time: EraseTime::NotReported,
                overwrite_time: EraseTime::NotReported,
            },
        }),
        other_namespaces: 0,
    }
}
