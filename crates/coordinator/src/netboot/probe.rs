//! Looks for other DHCP servers by asking for an address and taking none.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use ::netboot::MacAddress;
use ::netboot::dhcp::{CLIENT_PORT, MessageType, Op, Packet, SERVER_PORT, code, udp_datagram};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::interface::Interface;
use super::socket::{self, Eavesdropper};

/// How long servers get to answer. dnsmasq pings an address for 3 s before it offers it.
const PROBE_TIME: Duration = Duration::from_secs(5);
/// The question is put again after this, in case the first was lost.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
/// After the first answer, others get this long.
const LINGER: Duration = Duration::from_millis(700);

/// What a probe found. Only [`probe`] makes one, so having it proves that somebody looked.
#[derive(Debug, Clone)]
pub(crate) struct ProbeReport {
    servers: Vec<ForeignServer>,
}

/// Another server on the interface's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ForeignServer {
    /// Its address as it gives it (option 54).
    pub(crate) address: Ipv4Addr,
    /// It offers addresses; else it is a boot server like us in proxy mode.
    pub(crate) gives_addresses: bool,
}

/// The probe could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// The sockets could not be opened.
    #[error("cannot open sockets on {interface} to look for other DHCP servers; run as root")]
    Open {
        /// The interface.
        interface: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The question could not be sent, or the answers not received.
    #[error("failed to ask for other DHCP servers on {interface}; is its cable plugged in?")]
    Ask {
        /// The interface.
        interface: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl ProbeReport {
    /// The servers found, our own excepted.
    pub(crate) fn servers(&self) -> &[ForeignServer] {
        &self.servers
    }
}

/// Asks for other DHCP servers on `interface`; takes 5 s where there are none.
///
/// # Errors
/// [`ProbeError`] when it could not ask: then nothing is known about other servers.
pub(crate) async fn probe(interface: &Interface) -> Result<ProbeReport, ProbeError> {
    let open = |source| ProbeError::Open { interface: interface.name.clone(), source };
    let ears = Eavesdropper::new(&interface.name).map_err(open)?;
    let asker = Asker::new(interface).map_err(open)?;
    let failed = |source| ProbeError::Ask { interface: interface.name.clone(), source };
    asker.ask().await.map_err(failed)?;
    let start = Instant::now();
    let mut deadline = start + PROBE_TIME;
    let mut repeat_at = Some(start + REPEAT_AFTER);
    let mut servers: Vec<ForeignServer> = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        tokio::select! {
            () = sleep_until(repeat_at.unwrap_or(deadline)), if repeat_at.is_some() => {
                repeat_at = None;
                asker.ask().await.map_err(failed)?;
            }
            received = timeout_at(deadline, ears.receive(&mut buffer)) => {
                let Ok(received) = received else { return Ok(ProbeReport { servers }) };
                let len = received.map_err(failed)?;
                let Some(server) = answering_server(&buffer[..len], interface.address) else {
                    continue;
                };
                deadline = deadline.min(Instant::now() + LINGER);
                if !servers.iter().any(|known| known.address == server.address) {
                    servers.push(server);
                }
            }
        }
    }
}

/// The reply in an IPv4 packet that a server sent to a client.
pub(super) fn overheard_reply(ip_packet: &[u8]) -> Option<Packet> {
    let datagram = udp_datagram(ip_packet)?;
    if datagram.source.port() != SERVER_PORT && datagram.destination.port() != CLIENT_PORT {
        return None;
    }
    Packet::parse(datagram.payload).ok().filter(|packet| packet.op == Op::Reply)
}

fn answering_server(ip_packet: &[u8], ours: Ipv4Addr) -> Option<ForeignServer> {
    let reply = overheard_reply(ip_packet)?;
    let offers = matches!(reply.message_type(), Some(MessageType::Offer | MessageType::Ack));
    let address = reply.options.address(code::SERVER_ID).filter(|address| *address != ours)?;
    offers.then(|| ForeignServer { address, gives_addresses: !reply.yiaddr.is_unspecified() })
}

/// Asks as a client that does not exist, so that no real lease is touched.
#[derive(Debug)]
pub(super) struct Asker {
    socket: UdpSocket,
    question: Vec<u8>,
}

impl Asker {
    pub(super) fn new(interface: &Interface) -> io::Result<Self> {
        // Any port will do: servers answer to port 68. The source address is ours, by which the
        // coordinator knows its own question when it hears it.
        let local = SocketAddrV4::new(interface.address, 0);
        let socket = socket::udp(&interface.name, local)?;
        // The standard library seeds this from the system's random source.
        let [a, b, c, d, e, xid @ .., _] = RandomState::new().hash_one(0).to_be_bytes();
        // 02: locally administered, so no card has it by birth.
        let identity = MacAddress([2, a, b, c, d, e]);
        let [x, y] = xid;
        let xid = u32::from_be_bytes([x, y, a, b]);
        let mut packet = Packet::request(MessageType::Discover, xid, identity);
        // Servers must broadcast the answer: unicast would go to a machine that does not exist.
        packet.broadcast = true;
        packet.options.set(code::PARAMETER_LIST, [code::SUBNET_MASK, code::ROUTER]);
        Ok(Self { socket, question: packet.encode() })
    }

    pub(super) async fn ask(&self) -> io::Result<()> {
        let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT);
        self.socket.send_to(&self.question, everybody).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An OFFER of `server`, as a raw socket delivers it.
    fn overheard(server: Ipv4Addr, yiaddr: Ipv4Addr, kind: MessageType) -> Vec<u8> {
        let mac = MacAddress([2, 0, 0, 0, 0, 1]);
        let mut reply = Packet::request(MessageType::Discover, 1, mac).reply(kind, server);
        reply.yiaddr = yiaddr;
        let payload = reply.encode();
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend(server.octets());
        packet.extend([255; 4]);
        packet.extend([0, 67, 0, 68]);
        packet.extend(u16::try_from(payload.len() + 8).unwrap().to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn other_servers_show_themselves_by_offers() {
        let (ours, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let (address, none) = (Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::UNSPECIFIED);
        let check = |server, yiaddr, kind, expected: Option<bool>| {
            let found = answering_server(&overheard(server, yiaddr, kind), ours);
            let expected =
                expected.map(|gives_addresses| ForeignServer { address: other, gives_addresses });
            assert_eq!(found, expected);
        };
        check(other, address, MessageType::Offer, Some(true));
        check(other, address, MessageType::Ack, Some(true));
        check(other, none, MessageType::Offer, Some(false));
        check(other, none, MessageType::Nak, None);
        check(ours, address, MessageType::Offer, None);
        assert_eq!(answering_server(b"noise", ours), None);
    }
}
