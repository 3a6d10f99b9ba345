//! Which network interfaces are wired hardware, by sysfs.

use std::fs;
use std::path::Path;

use protocol::MacAddr;

use crate::roots::Roots;

/// `ARPHRD_ETHER` of `<linux/if_arp.h>`.
const ETHERNET: &str = "1";

/// A wired interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WiredNic {
    /// Kernel name.
    pub(crate) name: String,
    /// Its address now, which is not always the one burnt in.
    pub(crate) mac: MacAddr,
    /// Whether it hangs on USB.
    pub(crate) usb: bool,
    /// Driver.
    pub(crate) driver: Option<String>,
}

/// The wired interfaces in order of name: Ethernet, with a device behind them, not wireless.
pub(crate) fn wired(roots: &Roots) -> Vec<WiredNic> {
    let Ok(entries) = fs::read_dir(roots.sys.join("class/net")) else { return Vec::new() };
    let mut nics: Vec<WiredNic> =
        entries.flatten().filter_map(|entry| wired_nic(&entry.path())).collect();
    nics.sort_by(|a, b| a.name.cmp(&b.name));
    nics
}

/// Whether the interface has a link; none where it is gone.
pub(super) fn carrier(roots: &Roots, name: &str) -> Option<bool> {
    let interface = roots.sys.join("class/net").join(name);
    if !interface.exists() {
        return None;
    }
    // Reading gives EINVAL while the interface is down.
    Some(read(&interface.join("carrier")).as_deref() == Some("1"))
}

fn wired_nic(interface: &Path) -> Option<WiredNic> {
    let wireless = ["phy80211", "wireless"].iter().any(|name| interface.join(name).exists());
    let device = fs::canonicalize(interface.join("device")).ok()?;
    if wireless || read(&interface.join("type"))? != ETHERNET {
        return None;
    }
    let driver = fs::read_link(device.join("driver")).ok();
    Some(WiredNic {
        name: interface.file_name()?.to_str()?.to_owned(),
        mac: read(&interface.join("address"))?.parse().ok()?,
        // A USB interface's device is `.../usb1/1-2/1-2:1.0`.
        usb: device.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb")),
        driver: driver.and_then(|link| Some(link.file_name()?.to_str()?.to_owned())),
    })
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}
