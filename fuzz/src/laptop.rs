//! A laptop on mains with one drive in it.

use std::collections::BTreeSet;

use protocol::drive::{Bus, DriveIdentity, DriveUnit};
use protocol::features::EraseFeatures;
use protocol::inventory::{
    BootFacts, Cpu, Firmware, Inventory, MachineIdentity, Power, Product, StorageController,
};
use protocol::{ByteLen, SectorSize};

/// Model of the drive.
pub const MODEL: &str = "EXAMPLE SSD";
/// Its serial number.
pub const SERIAL: &str = "S0123456789";

/// An internal drive that nothing speaks against, with those features.
pub fn drive(bus: Bus, features: EraseFeatures, rotational: bool) -> DriveUnit {
    let size = ByteLen(128 << 30);
    let (model, serial) = (MODEL.to_owned(), SERIAL.to_owned());
    DriveUnit {
        kernel_name: "sda".to_owned(),
        identity: Ok(DriveIdentity { model, serial, wwn: None, size }),
        size,
        sector_size: SectorSize::try_from(512).expect("512 is a sector size"),
        physical_sector_size: 4096,
        bus,
        rotational,
        removable: false,
        read_only: false,
        holds: Vec::new(),
        features,
        other_namespaces: 0,
    }
}

/// The machine round it.
pub(crate) fn laptop(drive: DriveUnit) -> Inventory {
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
        drives: vec![drive],
        boot: BootFacts {
            firmware: Firmware::Uefi,
            secure_boot: Some(true),
            lockdown: "integrity".to_owned(),
            boot_mac: None,
            boot_uuid: None,
        },
    }
}
