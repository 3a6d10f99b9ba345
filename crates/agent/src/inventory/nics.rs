//! Wired interfaces with the addresses that are burnt in.

use std::collections::BTreeSet;

use protocol::MacAddr;
use protocol::inventory::Nic;
use sys::net::Interface;

use crate::net::nic::{WiredNic, wired};
use crate::roots::Roots;

/// The wired interfaces in order of name.
pub(super) fn nics(roots: &Roots) -> Vec<Nic> {
    // A capture has interfaces that this kernel does not know, or, worse, others by the same name.
    let live = *roots == Roots::default();
    let nic = |wired: WiredNic| Nic {
        mac: permanent_mac(&wired.name).filter(|_| live).unwrap_or(wired.mac),
        name: wired.name,
        usb: wired.usb,
        driver: wired.driver,
    };
    wired(roots).into_iter().map(nic).collect()
}

/// Addresses that tell this machine from others: of built-in interfaces, not of dongles.
pub(super) fn built_in(nics: &[Nic]) -> BTreeSet<MacAddr> {
    nics.iter().filter(|nic| !nic.usb && nic.mac.is_usable()).map(|nic| nic.mac).collect()
}

/// None where the driver has none; the current address then stands for it.
fn permanent_mac(name: &str) -> Option<MacAddr> {
    let asked = Interface::new(name).and_then(|interface| interface.permanent_mac());
    match asked {
        Ok(mac) => mac.map(MacAddr),
        Err(error) => {
            tracing::debug!(target: "inventory", nic = name, %error, "no permanent address");
            None
        }
    }
}
