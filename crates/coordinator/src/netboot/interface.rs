//! The Ethernet interfaces of this computer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

/// An interface with an IPv4 address. One with several addresses is listed with its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Name, such as `enp3s0`.
    pub(crate) name: String,
    /// Its address: ours, as clients see us.
    pub(crate) address: Ipv4Addr,
    /// Length of its network's prefix in bits.
    pub(crate) prefix_len: u8,
    /// Up and with a cable plugged in.
    pub(crate) running: bool,
}

/// Interfaces that could be served: those with an IPv4 address that can broadcast, by name.
/// Loopback and point-to-point links (VPNs) are left out.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn interfaces() -> Result<Vec<Interface>, nix::Error> {
    let mut found = BTreeMap::new();
    for entry in getifaddrs()? {
        if let Some(interface) = servable(&entry) {
            found.entry(interface.name.clone()).or_insert(interface);
        }
    }
    Ok(found.into_values().collect())
}

fn servable(entry: &InterfaceAddress) -> Option<Interface> {
    let flags = entry.flags;
    if !flags.contains(InterfaceFlags::IFF_BROADCAST)
        || flags.intersects(InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT)
    {
        return None;
    }
    let address = entry.address.as_ref()?.as_sockaddr_in()?.ip();
    let netmask = entry.netmask.as_ref()?.as_sockaddr_in()?.ip();
    Some(Interface {
        name: entry.interface_name.clone(),
        address,
        prefix_len: u8::try_from(u32::from(netmask).count_ones()).ok()?,
        running: flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING),
    })
}
