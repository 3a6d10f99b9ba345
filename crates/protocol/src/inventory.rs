//! What a machine is, as far as its agent could see. Free of secrets: no product keys, host names or labels.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::drive::DriveUnit;
use crate::units::ByteLen;

/// Everything the agent saw in one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Who the machine is.
    pub identity: MachineIdentity,
    /// Vendor, product and kind, for people.
    pub product: Product,
    /// Processor.
    pub cpu: Cpu,
    /// Memory that the kernel can use.
    pub memory: ByteLen,
    /// Mains and batteries.
    pub power: Power,
    /// Wired network interfaces.
    pub nics: Vec<Nic>,
    /// Every PCI storage controller, explained or not.
    pub controllers: Vec<StorageController>,
    /// Every drive unit, wanted or not, in order of identity.
    pub drives: Vec<DriveUnit>,
    /// How the appliance was started.
    pub boot: BootFacts,
}

/// Who the machine is: compared as a whole, since each part alone can lie (docks share MACs, boards share UUIDs).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineIdentity {
    /// SMBIOS type 1 UUID as printed by Linux (`xxxxxxxx-xxxx-...`), placeholders left out.
    pub uuid: Option<String>,
    /// SMBIOS type 1 serial number.
    pub system_serial: Option<String>,
    /// SMBIOS type 2 serial number.
    pub board_serial: Option<String>,
    /// SMBIOS type 3 serial number.
    pub chassis_serial: Option<String>,
    /// Permanent addresses of the wired interfaces that are built in (PCI), not of dongles.
    pub macs: BTreeSet<MacAddr>,
}

/// What stands on the lid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// SMBIOS type 1 manufacturer.
    pub vendor: Option<String>,
    /// SMBIOS type 1 product name.
    pub name: Option<String>,
    /// SMBIOS type 1 version, where Lenovo keeps the model's name.
    pub version: Option<String>,
    /// SMBIOS type 3 chassis type (DSP0134 table 17): 9 laptop, 10 notebook, ...
    pub chassis_type: Option<u8>,
}

/// Processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// `model name` of /proc/cpuinfo.
    pub model: String,
    /// Logical processors online.
    pub threads: u32,
}

/// Mains and batteries by /sys/class/power_supply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Whether mains is on; none where the machine does not say.
    pub mains_online: Option<bool>,
    /// How many batteries are fitted.
    pub batteries: u32,
}

/// A wired network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Kernel name.
    pub name: String,
    /// The address burnt in (`ETHTOOL_GPERMADDR`), or the current one where the driver has none.
    pub mac: MacAddr,
    /// Whether it hangs on USB: a dongle that may belong to the bench and not to the laptop.
    pub usb: bool,
    /// Driver.
    pub driver: Option<String>,
}

/// A PCI storage controller (class 01h).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageController {
    /// PCI address.
    pub address: String,
    /// Class, subclass and programming interface, six hexadecimal digits (`010802`).
    pub class: String,
    /// Vendor and device id (`8086:282a`).
    pub id: String,
    /// The driver that took it.
    pub driver: Option<String>,
    /// Why drives behind it may be out of sight; none where all is plain.
    pub unexplained: Option<String>,
}

/// How the appliance was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootFacts {
    /// UEFI or BIOS.
    pub firmware: Firmware,
    /// The `SecureBoot` variable; none under BIOS.
    pub secure_boot: Option<bool>,
    /// The kernel's lockdown mode: `none`, `integrity` or `confidentiality`.
    pub lockdown: String,
    /// The interface that the boot loader used (`rehome.mac=`).
    pub boot_mac: Option<MacAddr>,
    /// The UUID that the boot loader read (`rehome.uuid=`).
    pub boot_uuid: Option<String>,
}

/// Kind of firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// Unified Extensible Firmware Interface.
    Uefi,
    /// Legacy BIOS.
    Bios,
}

/// A 48-bit hardware address, written `52:54:00:12:34:56`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr(pub [u8; 6]);

/// A text that is no hardware address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a hardware address such as 52:54:00:12:34:56")]
pub struct BadMacAddr(pub String);

impl MacAddr {
    /// Whether it can tell machines apart: not all zeros, not all ones, no group bit.
    pub fn is_usable(self) -> bool {
        self.0 != [0; 6] && self.0[0] & 1 == 0
    }
}

impl FromStr for MacAddr {
    type Err = BadMacAddr;
    fn from_str(text: &str) -> Result<Self, BadMacAddr> {
        let bad = || BadMacAddr(text.chars().take(80).collect());
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        if parts.next().is_some() { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for MacAddr {
    type Error = BadMacAddr;
    fn try_from(text: String) -> Result<Self, BadMacAddr> {
        text.parse()
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddr({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_read_and_refuse() {
        let mac: MacAddr = "52:54:00:AB:cd:ef".parse().unwrap();
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        assert!(mac.is_usable());
        for bad in ["", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:01", "5:54:0:ab:cd:ef"] {
            assert!(bad.parse::<MacAddr>().is_err(), "{bad:?} was taken");
        }
        assert!(!MacAddr([0; 6]).is_usable());
        assert!(!MacAddr([0xff; 6]).is_usable());
    }
}
