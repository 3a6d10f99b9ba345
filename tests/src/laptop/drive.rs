//! A laptop's drives: a raw image behind NVMe, SATA (AHCI) or SCSI.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::firmware::Firmware;

/// PCI Express slots of machines that have them. Empty ones are there for plugging.
pub(super) const N_NVME_SLOTS: usize = 4;
/// Ports of an AHCI controller.
const N_SATA_PORTS: usize = 6;

/// How a drive is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// NVMe, each in its own slot; can be unplugged and plugged.
    Nvme,
    /// A disk behind AHCI. Cannot be unplugged in QEMU.
    Sata,
    /// A disk behind virtio-scsi; can be unplugged and plugged.
    Scsi,
}

/// A drive and what it says of itself.
#[derive(Debug, Clone)]
pub struct DriveSpec {
    /// The raw image that holds its content.
    pub image: PathBuf,
    /// How it is attached.
    pub bus: Bus,
    /// Serial number, at most 20 characters.
    pub serial: String,
    /// Model, for SATA and SCSI. NVMe drives all say `QEMU NVMe Ctrl`.
    pub model: String,
    /// World wide name (SATA, SCSI) or EUI-64 (NVMe). Linux does not show QEMU's EUI-64 in sysfs
    /// ("bogus Namespace Identifiers"); Identify does. Drives that are plugged have none.
    pub wwn: Option<u64>,
    /// Turns per minute as reported; 1 is flash. SATA and SCSI.
    pub rotation_rate: u16,
    /// Sectors (of 512 bytes) that cannot be read.
    pub bad_sectors: Vec<u64>,
    /// The images of further namespaces, for NVMe.
    pub more_namespaces: Vec<PathBuf>,
}

impl DriveSpec {
    /// An NVMe drive without an EUI-64, as many older ones are.
    pub fn nvme(image: &Path, serial: &str) -> Self {
        Self {
            image: image.to_owned(),
            bus: Bus::Nvme,
            serial: serial.to_owned(),
            model: String::new(),
            wwn: None,
            rotation_rate: 1,
            bad_sectors: Vec::new(),
            more_namespaces: Vec::new(),
        }
    }

    /// A laptop's 5400-turns disk behind AHCI.
    pub fn sata(image: &Path, serial: &str) -> Self {
        Self {
            bus: Bus::Sata,
            model: "TOSHIBA MQ01ABF050".to_owned(),
            wwn: Some(0x5000_0396_0000_0000 | u64::from(digest32(serial))),
            rotation_rate: 5400,
            ..Self::nvme(image, serial)
        }
    }

    /// A disk behind virtio-scsi.
    pub fn scsi(image: &Path, serial: &str) -> Self {
        Self { bus: Bus::Scsi, model: "MQ01ABF050".to_owned(), ..Self::sata(image, serial) }
    }

    /// Gives it a world wide name or EUI-64.
    #[must_use]
    pub fn wwn(mut self, wwn: u64) -> Self {
        self.wwn = Some(wwn);
        self
    }

    /// Gives an NVMe drive a further namespace. Such a drive cannot be plugged.
    #[must_use]
    pub fn namespace(mut self, image: &Path) -> Self {
        self.more_namespaces.push(image.to_owned());
        self
    }

    /// Makes these sectors (of 512 bytes) unreadable.
    #[must_use]
    pub fn bad_sectors(mut self, sectors: &[u64]) -> Self {
        self.bad_sectors = sectors.to_vec();
        self
    }

    /// The bus that drive number `index` of such a laptop sits on.
    pub(super) fn slot(&self, firmware: &Firmware, index: usize) -> Result<String> {
        match self.bus {
            Bus::Nvme if firmware.has_slots() => {
                ensure!(index < N_NVME_SLOTS, "no NVMe slot for drive {index}");
                Ok(format!("slot{index}"))
            }
            Bus::Nvme => Ok("pci.0".to_owned()),
            Bus::Sata => {
                ensure!(index < N_SATA_PORTS, "no SATA port for drive {index}");
                Ok(format!("{}.{index}", if firmware.has_slots() { "ide" } else { "ahci0" }))
            }
            Bus::Scsi => Ok("scsi0.0".to_owned()),
        }
    }

    /// The image as QEMU's block layer sees it.
    pub(super) fn blockdev(&self, node: &str) -> Value {
        let mut file = json!({"driver": "file", "filename": self.image});
        if !self.bad_sectors.is_empty() {
            let inject = |sector: &u64| json!({"event": "none", "iotype": "read", "errno": 5, "sector": sector});
            let rules: Vec<Value> = self.bad_sectors.iter().map(inject).collect();
            file = json!({"driver": "blkdebug", "image": file, "inject-error": rules});
        }
        json!({"driver": "raw", "node-name": node, "file": file, "discard": "unmap"})
    }

    /// QEMU's arguments for the drive as number `index`, first in the boot order after the NICs.
    pub(super) fn qemu_args(&self, firmware: &Firmware, index: usize) -> Result<Vec<String>> {
        let (node, device) = (node_id(index), device_id(index));
        let slot = self.slot(firmware, index)?;
        let mut args = vec!["-blockdev".to_owned(), self.blockdev(&node).to_string()];
        let mut add = |value: Value| args.extend(["-device".to_owned(), value.to_string()]);
        let has_namespaces = self.wwn.is_some() || !self.more_namespaces.is_empty();
        let mut boots = if self.bus == Bus::Nvme && has_namespaces {
            add(json!({"driver": "nvme", "id": device, "bus": slot, "serial": self.serial}));
            namespace_device(1, &node, &device)
        } else {
            self.hot_device(&device, &node, &slot)?
        };
        if let (Bus::Nvme, Some(eui64)) = (self.bus, self.wwn) {
            boots["eui64"] = json!(eui64);
        }
        boots["bootindex"] = json!(10 + index);
        add(boots);
        for (number, image) in (2..).zip(&self.more_namespaces) {
            let node = format!("{node}-{number}");
            let file = json!({"driver": "file", "filename": image});
            let blockdev = json!({"driver": "raw", "node-name": node, "file": file});
            args.extend(["-blockdev".to_owned(), blockdev.to_string()]);
            let device = namespace_device(number, &node, &device);
            args.extend(["-device".to_owned(), device.to_string()]);
        }
        Ok(args)
    }

    /// The device to plug into `slot` of a running laptop.
    pub(super) fn hot_device(&self, device: &str, node: &str, slot: &str) -> Result<Value> {
        ensure!(self.serial.len() <= 20, "drive serial {:?} is over 20 characters", self.serial);
        let mut value = json!({"id": device, "drive": node, "bus": slot, "serial": self.serial});
        match self.bus {
            Bus::Nvme => {
                value["driver"] = json!("nvme");
                return Ok(value);
            }
            Bus::Sata => {
                value["driver"] = json!("ide-hd");
                value["model"] = json!(self.model);
            }
            Bus::Scsi => {
                ensure!(
                    self.model.len() <= 16,
                    "SCSI model {:?} is over 16 characters",
                    self.model
                );
                value["driver"] = json!("scsi-hd");
                value["vendor"] = json!("TOSHIBA");
                value["product"] = json!(self.model);
            }
        }
        value["rotation_rate"] = json!(self.rotation_rate);
        if let Some(wwn) = self.wwn {
            value["wwn"] = json!(wwn);
        }
        Ok(value)
    }

    /// Whether QEMU can put this drive into a running laptop and take it out.
    pub(super) fn check_pluggable(&self) -> Result<()> {
        ensure!(self.more_namespaces.is_empty(), "QEMU cannot plug a drive of several namespaces");
        match (self.bus, self.wwn) {
            (Bus::Sata, _) => bail!("QEMU's AHCI ports cannot be plugged; use NVMe or SCSI"),
            // QEMU 10 keeps the image open when the controller of such a namespace is gone.
            (Bus::Nvme, Some(_)) => {
                bail!("QEMU cannot plug an NVMe drive with an EUI-64; use one without")
            }
            (Bus::Nvme, None) | (Bus::Scsi, _) => Ok(()),
        }
    }
}

fn namespace_device(number: u32, node: &str, controller: &str) -> Value {
    json!({"driver": "nvme-ns", "drive": node, "bus": controller, "nsid": number})
}

/// QEMU's name for the device of drive number `index`.
pub(super) fn device_id(index: usize) -> String {
    format!("drive{index}")
}

/// QEMU's name for the block node of drive number `index`.
pub(super) fn node_id(index: usize) -> String {
    format!("node{index}")
}

/// 32 bits that differ between serials.
fn digest32(serial: &str) -> u32 {
    let digest = blake3::hash(serial.as_bytes());
    let [a, b, c, d, ..] = *digest.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}
