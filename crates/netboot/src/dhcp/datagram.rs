//! The UDP datagram inside an IPv4 packet, as a raw socket delivers it.

use std::net::{Ipv4Addr, SocketAddrV4};

const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
const MIN_IPV4_HEADER_LEN: usize = 20;
/// More-fragments flag and fragment offset.
const FRAGMENT: u16 = 0x3fff;

/// A UDP datagram with its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpDatagram<'a> {
    /// Sender.
    pub source: SocketAddrV4,
    /// Receiver.
    pub destination: SocketAddrV4,
    /// What follows the UDP header.
    pub payload: &'a [u8],
}

/// The datagram in `packet`, which begins with its IPv4 header; `None` when it is not whole UDP.
///
/// Other servers speak to port 68, where the coordinator's own DHCP client may listen. A raw socket
/// sees the same answers without taking the port.
#[must_use]
pub fn udp_datagram(packet: &[u8]) -> Option<UdpDatagram<'_>> {
    let version_ihl = *packet.first()?;
    let header_len = usize::from(version_ihl & 0xf) * 4;
    if version_ihl >> 4 != 4 || header_len < MIN_IPV4_HEADER_LEN {
        return None;
    }
    let (header, udp) = packet.split_at_checked(header_len)?;
    if header[9] != UDP || u16::from_be_bytes([header[6], header[7]]) & FRAGMENT != 0 {
        return None;
    }
    let udp_len = usize::from(u16::from_be_bytes([*udp.get(4)?, *udp.get(5)?]));
    let payload = udp.get(UDP_HEADER_LEN..udp_len)?;
    let socket = |address: &[u8], port: &[u8]| {
        let ip = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
        SocketAddrV4::new(ip, u16::from_be_bytes([port[0], port[1]]))
    };
    Some(UdpDatagram {
        source: socket(&header[12..16], &udp[0..2]),
        destination: socket(&header[16..20], &udp[2..4]),
        payload,
    })
}
