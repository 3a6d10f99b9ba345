//! A drive unit as the inventory sees it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::features::EraseFeatures;
use crate::units::{ByteLen, SectorSize};

/// What the drive itself says it is. Destruction is bound to this value, never to a kernel name.
///
/// Read by IDENTIFY DEVICE (ACS-4, words 10-19, 27-46, 108-111) or Identify Controller and Namespace
/// (NVM Express base 2.0, figures 275 and 97) through an open descriptor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriveIdentity {
    /// Model, trimmed.
    pub model: String,
    /// Serial number, trimmed, never empty.
    pub serial: String,
    /// World wide name or EUI-64 / NGUID, lower-case hexadecimal; none where the drive has none.
    pub wwn: Option<String>,
    /// Addressable size now.
    pub size: ByteLen,
}

impl fmt::Display for DriveIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serial {} ({})", self.model, self.serial, self.size)
    }
}

/// How the drive is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bus {
    /// Directly attached ATA, through libata.
    Ata,
    /// NVM Express over PCI Express.
    Nvme,
    /// SCSI or SAS.
    Scsi,
    /// Behind a USB bridge, whatever is behind it.
    Usb,
    /// eMMC or SD.
    Mmc,
    /// A paravirtual disk.
    Virtio,
    /// A block device that lives on a network or in memory (NBD, iSCSI, NVMe over fabrics, RAM, loop).
    Network,
    /// None of these.
    Other,
}

/// A reason in the kernel's own tables why a drive is in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "hold", content = "detail", deny_unknown_fields)]
pub enum Hold {
    /// The appliance itself was started from it.
    BootMedium,
    /// It, or a partition of it, is mounted.
    Mounted,
    /// Device mapper, MD RAID or another driver sits on it (names of the holders).
    Held(String),
    /// It is swapped to.
    Swap,
}

/// One drive unit: what a policy decides on and what a plan may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriveUnit {
    /// The kernel's name at this boot (`nvme0n1`). For people only; no decision reads it.
    pub kernel_name: String,
    /// The kernel's names of the further namespaces of an NVMe unit. The unit's bytes are those of all its namespaces, one
    /// after the other in the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_namespaces: Vec<String>,
    /// What the drive itself says it is; `Err`-like text where it would not say.
    pub identity: Result<DriveIdentity, String>,
    /// Addressable size by the kernel.
    pub size: ByteLen,
    /// Logical sector size.
    pub sector_size: SectorSize,
    /// Physical sector size in bytes.
    pub physical_sector_size: u32,
    /// How it is attached.
    pub bus: Bus,
    /// Whether the kernel takes it for a rotating disk.
    pub rotational: bool,
    /// Whether the kernel marks the medium as removable.
    pub removable: bool,
    /// Whether the kernel refuses to write to it.
    pub read_only: bool,
    /// Who uses it.
    pub holds: Vec<Hold>,
    /// What it can do by itself to erase its medium.
    pub features: EraseFeatures,
    /// How many namespaces the unit has that the kernel shows no device for; always zero for what is not NVMe.
    pub other_namespaces: u32,
}

impl DriveUnit {
    /// The kernel's names of all block devices that the unit consists of.
    pub fn kernel_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.kernel_name).chain(&self.more_namespaces).map(String::as_str)
    }

    /// How messages name the drive: by identity where there is one.
    pub fn label(&self) -> String {
        match &self.identity {
            Ok(identity) => identity.to_string(),
            Err(_) => format!("{} ({}), which gives no identity", self.kernel_name, self.size),
        }
    }
}
