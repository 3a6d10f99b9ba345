//! PCI storage controllers, and why drives behind one may be out of sight.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::Context as _;
use protocol::inventory::StorageController;

use crate::roots::Roots;

const SET_AHCI: &str = "set SATA mode to AHCI in the firmware setup and boot again";

/// Every PCI function of class 01h, in order of address. A machine without PCI has none.
pub(super) fn controllers(roots: &Roots) -> anyhow::Result<Vec<StorageController>> {
    let devices = roots.sys.join("bus/pci/devices");
    let entries = match fs::read_dir(&devices) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("listing {}", devices.display()))?,
    };
    let mut controllers = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", devices.display()))?;
        controllers.extend(controller(&entry.path())?);
    }
    controllers.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(controllers)
}

/// The controller, where the function is one.
fn controller(function: &Path) -> anyhow::Result<Option<StorageController>> {
    let hexadecimal = |name: &str| {
        let path = function.join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::Ok(text.trim().trim_start_matches("0x").to_owned())
    };
    let class = hexadecimal("class")?;
    if !class.starts_with("01") {
        return Ok(None);
    }
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let driver = fs::read_link(function.join("driver")).ok().and_then(|link| name(&link));
    let facts = Facts {
        class: &class,
        driver: driver.as_deref(),
        remapped_nvme: number(&function.join("remapped_nvme")),
        nvme_state: nvme_state(function),
    };
    let unexplained = facts.unexplained();
    Ok(Some(StorageController {
        address: name(function).unwrap_or_default(),
        id: format!("{}:{}", hexadecimal("vendor")?, hexadecimal("device")?),
        class,
        driver,
        unexplained,
    }))
}

/// What decides whether drives may be hidden.
#[derive(Debug)]
struct Facts<'a> {
    class: &'a str,
    driver: Option<&'a str>,
    /// NVMe drives that Intel's AHCI controller keeps to itself (`remapped_nvme` of the driver ahci); none where the
    /// kernel would not say.
    remapped_nvme: Option<u64>,
    /// State of an NVMe controller as the driver has it.
    nvme_state: Option<String>,
}

impl Facts<'_> {
    fn unexplained(&self) -> Option<String> {
        if self.class.starts_with("0104") {
            return Some(format!("it is in RAID mode and may hide drives: {SET_AHCI}"));
        }
        if self.remapped_nvme != Some(0) {
            let count = self.remapped_nvme.map_or("perhaps some".to_owned(), |n| n.to_string());
            return Some(format!(
                "it hides {count} NVMe drives behind the SATA controller: {SET_AHCI}"
            ));
        }
        if self.driver.is_none() {
            return Some(
                "no driver took it, so drives behind it are out of sight: take them out".into(),
            );
        }
        match self.nvme_state.as_deref() {
            None | Some("live") => None,
            Some(state) => Some(format!(
                "the NVMe controller is {state:?} instead of live: switch the machine off and on again, \
                 then take the drive out if it stays so"
            )),
        }
    }
}

/// Zero where the driver has no such attribute, none where it cannot be read.
fn number(path: &Path) -> Option<u64> {
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().ok(),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(0),
        Err(_) => None,
    }
}

fn nvme_state(function: &Path) -> Option<String> {
    let entry = fs::read_dir(function.join("nvme")).ok()?.flatten().next()?;
    let state = fs::read_to_string(entry.path().join("state"));
    Some(state.map_or_else(|error| error.to_string(), |state| state.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_that_may_hide_drives_are_named() {
        for (class, driver, remapped_nvme, nvme_state, expected) in [
            ("010601", Some("ahci"), Some(0), None, None),
            ("010802", Some("nvme"), Some(0), Some("live"), None),
            ("01018a", Some("ata_piix"), Some(0), None, None),
            ("010000", Some("virtio-pci"), Some(0), None, None),
            ("010400", None, Some(0), None, Some("RAID mode")),
            ("010400", Some("vmd"), Some(0), None, Some("set SATA mode to AHCI")),
            ("010601", Some("ahci"), Some(1), None, Some("hides 1 NVMe")),
            ("010601", Some("ahci"), None, None, Some("hides perhaps some NVMe")),
            ("010802", None, Some(0), None, Some("no driver")),
            ("010802", Some("nvme"), Some(0), Some("dead"), Some("\"dead\"")),
            ("010700", None, Some(0), None, Some("no driver")),
        ] {
            let nvme_state = nvme_state.map(str::to_owned);
            let facts = Facts { class, driver, remapped_nvme, nvme_state };
            let unexplained = facts.unexplained();
            match (expected, &unexplained) {
                (None, None) => {}
                (Some(words), Some(reason)) => assert!(reason.contains(words), "{reason}"),
                _ => panic!("{facts:?}: {unexplained:?}, expected {expected:?}"),
            }
        }
    }
}
