//! Addresses of IPv4 interfaces: netdevice(7), `linux/sockios.h`, `linux/route.h`, `linux/ethtool.h`.
#![expect(unsafe_code, reason = "ioctl with unions and pointers inside its argument")]

use std::ffi::{CString, c_char};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use nix::libc::{self, c_short, ifreq, rtentry, sockaddr, sockaddr_in};

use crate::IoctlError;
use crate::ioctl::Request;

const ETHTOOL_GPERMADDR: u32 = 0x20;
const MAX_ADDR_LEN: usize = 32;

const _: () = assert!(size_of::<ifreq>() == 40);
const _: () = assert!(size_of::<rtentry>() == 120);
const _: () = assert!(size_of::<sockaddr_in>() == size_of::<sockaddr>());

/// `struct ethtool_perm_addr` with room for the longest address.
#[repr(C)]
struct EthtoolPermAddr {
    cmd: u32,
    size: u32,
    data: [u8; MAX_ADDR_LEN],
}
const _: () = assert!(size_of::<EthtoolPermAddr>() == 40);

const SIOCSIFADDR: Request = Request { name: "SIOCSIFADDR", code: libc::SIOCSIFADDR };
const SIOCSIFNETMASK: Request = Request { name: "SIOCSIFNETMASK", code: libc::SIOCSIFNETMASK };
const SIOCGIFFLAGS: Request = Request { name: "SIOCGIFFLAGS", code: libc::SIOCGIFFLAGS };
const SIOCSIFFLAGS: Request = Request { name: "SIOCSIFFLAGS", code: libc::SIOCSIFFLAGS };
const SIOCADDRT: Request = Request { name: "SIOCADDRT", code: libc::SIOCADDRT };
const SIOCETHTOOL: Request = Request { name: "ETHTOOL_GPERMADDR", code: libc::SIOCETHTOOL };

/// Why an interface cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// No socket to ask through.
    #[error("opening a socket to set up {interface}")]
    Socket {
        /// Name of the interface.
        interface: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The name cannot be one.
    #[error("{0:?} is no interface name (1 to 15 bytes, no zero byte)")]
    Name(String),
    /// The kernel refused.
    #[error("setting up {interface}")]
    Refused {
        /// Name of the interface.
        interface: String,
        /// The request and why.
        #[source]
        source: IoctlError,
    },
}

/// An interface by name, with the socket that requests go through.
#[derive(Debug)]
pub struct Interface {
    name: String,
    socket: UdpSocket,
}

impl Interface {
    /// Takes a name as in `/sys/class/net`; whether it exists shows at the first request.
    pub fn new(name: &str) -> Result<Self, InterfaceError> {
        if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
            return Err(InterfaceError::Name(name.chars().take(80).collect()));
        }
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
            .map_err(|source| InterfaceError::Socket { interface: name.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), socket })
    }

    /// `SIOCSIFADDR` and `SIOCSIFNETMASK`: one address, replacing a former one. Needs `CAP_NET_ADMIN`.
    pub fn set_address(&self, address: Ipv4Addr, netmask: Ipv4Addr) -> Result<(), InterfaceError> {
        let mut request = self.request();
        request.ifr_ifru.ifru_addr = socket_address(address);
        // SAFETY: the kernel reads one ifreq through the pointer, which is valid for the call.
        self.check(unsafe { SIOCSIFADDR.send(&self.socket, &raw mut request) })?;
        request.ifr_ifru.ifru_netmask = socket_address(netmask);
        // SAFETY: as above.
        self.check(unsafe { SIOCSIFNETMASK.send(&self.socket, &raw mut request) })
    }

    /// `SIOCSIFFLAGS`: switches the interface on or off and leaves its other flags alone. Needs `CAP_NET_ADMIN`.
    pub fn set_up(&self, up: bool) -> Result<(), InterfaceError> {
        let mut request = self.request();
        // SAFETY: the kernel reads and writes one ifreq through the pointer, exclusive for the call.
        self.check(unsafe { SIOCGIFFLAGS.send(&self.socket, &raw mut request) })?;
        // SAFETY: the kernel has just filled ifru_flags, and every bit pattern is a valid short.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        request.ifr_ifru.ifru_flags = with_up(flags, up);
        // SAFETY: the kernel reads one ifreq through the pointer, which is valid for the call.
        self.check(unsafe { SIOCSIFFLAGS.send(&self.socket, &raw mut request) })
    }

    /// `SIOCADDRT`: default route through `gateway`. `EEXIST` where the same one is there already.
    pub fn add_default_route(&self, gateway: Ipv4Addr) -> Result<(), InterfaceError> {
        let mut device = CString::new(self.name.as_str())
            .map_err(|_| InterfaceError::Name(self.name.clone()))?
            .into_bytes_with_nul();
        // SAFETY: rtentry is plain data, for which all zeros is a valid value (null pointers, AF_UNSPEC).
        let mut route: rtentry = unsafe { std::mem::zeroed() };
        route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_gateway = socket_address(gateway);
        route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
        route.rt_dev = device.as_mut_ptr().cast::<c_char>();
        // SAFETY: rt_dev points to a zero-ended name that outlives the call; the kernel copies both.
        self.check(unsafe { SIOCADDRT.send(&self.socket, &raw mut route) })
    }

    /// `ETHTOOL_GPERMADDR`: the address burnt in; none where the driver has none (all zeros, or not 6 bytes).
    pub fn permanent_mac(&self) -> Result<Option<[u8; 6]>, InterfaceError> {
        let mut answer =
            EthtoolPermAddr { cmd: ETHTOOL_GPERMADDR, size: 32, data: [0; MAX_ADDR_LEN] };
        let mut request = self.request();
        request.ifr_ifru.ifru_data = (&raw mut answer).cast();
        // SAFETY: ifru_data points to an ethtool_perm_addr with room for `size` bytes of address, exclusive
        // until the call returns.
        self.check(unsafe { SIOCETHTOOL.send(&self.socket, &raw mut request) })?;
        Ok(decode_permanent_mac(&answer))
    }

    fn request(&self) -> ifreq {
        // SAFETY: ifreq is plain data, for which all zeros is a valid value.
        let mut request: ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(self.name.bytes()) {
            *to = c_char::from_ne_bytes([from]);
        }
        request
    }

    fn check(&self, result: Result<i32, IoctlError>) -> Result<(), InterfaceError> {
        result
            .map(drop)
            .map_err(|source| InterfaceError::Refused { interface: self.name.clone(), source })
    }
}

fn with_up(flags: c_short, up: bool) -> c_short {
    const IFF_UP: c_short = 1;
    if up { flags | IFF_UP } else { flags & !IFF_UP }
}

fn decode_permanent_mac(answer: &EthtoolPermAddr) -> Option<[u8; 6]> {
    let mac: [u8; 6] = answer.data.first_chunk().copied()?;
    (answer.size == 6 && mac != [0; 6]).then_some(mac)
}

/// A `sockaddr_in` in the bytes of a `sockaddr`: family in host order, then port, then address in network order.
fn socket_address(address: Ipv4Addr) -> sockaddr {
    let mut data = [0_u8; 14];
    data[2..6].copy_from_slice(&address.octets());
    sockaddr { sa_family: AF_INET, sa_data: data.map(|byte| c_char::from_ne_bytes([byte])) }
}

/// `AF_INET` in the width of the field.
const AF_INET: libc::sa_family_t = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_where_sockaddr_in_has_them() {
        let address = socket_address(Ipv4Addr::new(192, 0, 2, 7));
        let bytes = address.sa_data.map(|byte| byte.to_ne_bytes()[0]);
        assert_eq!(bytes, [0, 0, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(i32::from(address.sa_family), libc::AF_INET);
    }

    #[test]
    fn up_is_one_bit_of_the_flags() {
        assert_eq!(with_up(0x1002, true), 0x1003);
        assert_eq!(with_up(0x1003, false), 0x1002);
        assert_eq!(i32::from(with_up(0, true)), libc::IFF_UP);
    }

    #[test]
    fn a_permanent_address_has_six_bytes_that_are_not_all_zero() {
        let mut answer = EthtoolPermAddr { cmd: ETHTOOL_GPERMADDR, size: 6, data: [0; 32] };
        assert_eq!(decode_permanent_mac(&answer), None);
        answer.data[..6].copy_from_slice(&[0x52, 0x54, 0, 1, 2, 3]);
        assert_eq!(decode_permanent_mac(&answer), Some([0x52, 0x54, 0, 1, 2, 3]));
        answer.size = 20;
        assert_eq!(decode_permanent_mac(&answer), None);
    }

    #[test]
    fn names_are_checked_and_missing_interfaces_named() {
        for bad in ["", "sixteen-bytes-xx", "nul\0"] {
            assert!(matches!(Interface::new(bad), Err(InterfaceError::Name(_))), "{bad:?}");
        }
        let missing = Interface::new("rehome-none").unwrap();
        let error = missing.permanent_mac().unwrap_err();
        assert_eq!(error.to_string(), "setting up rehome-none");
        // The loopback interface is everywhere and has no address burnt in.
        assert_eq!(Interface::new("lo").unwrap().permanent_mac().unwrap(), None);
    }
}
