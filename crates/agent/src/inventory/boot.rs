//! How the appliance was started.

use std::fs;

use protocol::inventory::{BootFacts, Firmware};

use crate::cmdline::Cmdline;
use crate::roots::Roots;

const SECURE_BOOT: &str = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// A file of efivarfs starts with the variable's attributes (UEFI 2.10, section 8.2).
const ATTRIBUTES_LEN: usize = 4;

/// Firmware, Secure Boot and lockdown, and what the boot loader told.
pub(super) fn facts(roots: &Roots, cmdline: &Cmdline) -> BootFacts {
    let uefi = roots.sys.join("firmware/efi").exists();
    BootFacts {
        firmware: if uefi { Firmware::Uefi } else { Firmware::Bios },
        secure_boot: secure_boot(roots).filter(|_| uefi),
        lockdown: lockdown(roots),
        boot_mac: cmdline.mac,
        boot_uuid: cmdline.uuid.clone(),
    }
}

/// None where the variable cannot be read, which is not the same as off.
fn secure_boot(roots: &Roots) -> Option<bool> {
    match fs::read(roots.sys.join(SECURE_BOOT)).ok()?.get(ATTRIBUTES_LEN)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// The bracketed word of `none [integrity] confidentiality`.
fn lockdown(roots: &Roots) -> String {
    let text = fs::read_to_string(roots.sys.join("kernel/security/lockdown")).unwrap_or_default();
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    chosen.map_or_else(|| "unknown".to_owned(), |(mode, _)| mode.to_owned())
}
