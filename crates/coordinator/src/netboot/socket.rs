//! Sockets that see one interface and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// A UDP socket bound to `local` on `interface`, allowed to broadcast. Must be called within tokio.
///
/// The address is not shared (no SO_REUSEADDR): a second server must fail here, loudly, instead of
/// taking every other packet.
pub(super) fn udp(interface: &str, local: SocketAddrV4) -> io::Result<UdpSocket> {
    UdpSocket::from_std(bound(interface, local, Type::DGRAM, Protocol::UDP)?.into())
}

/// A socket of the given kind bound to `local` on `interface`.
pub(super) fn bound(
    interface: &str,
    local: SocketAddrV4,
    kind: Type,
    protocol: Protocol,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    if protocol == Protocol::UDP {
        socket.set_broadcast(true)?;
    } else {
        // As the HTTP server does: connections of an earlier run must not hold the port.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&local.into())?;
    Ok(socket)
}

/// Hears the UDP datagrams that reach this computer through an interface, whatever their port.
///
/// Other servers answer to port 68, which this computer's own DHCP client may hold; this takes no
/// port. Needs CAP_NET_RAW.
///
/// A raw socket in the clothes of a UDP one: only the descriptor matters to `recv`, and tokio's
/// wrapper for other descriptors cannot be made without `unsafe`.
#[derive(Debug)]
pub(super) struct Eavesdropper(UdpSocket);

impl Eavesdropper {
    pub(super) fn new(interface: &str) -> io::Result<Self> {
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let socket = bound(interface, any, Type::RAW, Protocol::UDP)?;
        Ok(Self(UdpSocket::from_std(socket.into())?))
    }

    /// The next packet, from its IPv4 header on. Returns its length in `buffer`.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer).await
    }
}
