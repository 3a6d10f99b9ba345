//! Questions to a DHCP server and its answers, over a plain UDP socket that is bound to one interface.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use netboot::MacAddress;
use netboot::dhcp::{CLIENT_PORT, Packet, SERVER_PORT};
use socket2::{Domain, Protocol, Socket, Type};

use super::lease::{Answer, Client, Lease};

const MAX_DATAGRAM_LEN: usize = 2048;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A switch port that learns its neighbors (spanning tree) is silent for half a minute; asking on at this
/// pace loses little once it opens.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How often a server is asked for what it offered before all are asked again.
const SELECT_TRIES: u32 = 4;

/// A socket for the DHCP client of one interface.
#[derive(Debug)]
pub(super) struct Exchange {
    socket: UdpSocket,
    mac: MacAddress,
}

/// How an attempt to get or keep a lease ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The server gave it.
    Leased(Lease),
    /// A server refused, with its words.
    Refused(String),
    /// Nobody answered in time.
    Silence,
}

impl Exchange {
    /// Opens the client's port on the interface `nic`.
    pub(super) fn open(nic: &str, mac: MacAddress) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // Several interfaces listen on the same port.
        socket.set_reuse_address(true)?;
        socket.set_broadcast(true)?;
        socket.bind_device(Some(nic.as_bytes()))?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into())?;
        Ok(Self { socket: socket.into(), mac })
    }

    /// One round: ask everybody, take the first offer, wait `wait` for each. `secs` is the time since the start.
    pub(super) fn acquire(&self, wait: Duration, secs: u16) -> io::Result<Outcome> {
        let client = self.client()?;
        self.send(&client.discover(secs), Ipv4Addr::BROADCAST)?;
        let offer = self.answer(client, wait, |answer| match answer {
            Answer::Offer(lease) => Some(lease),
            Answer::Ack(_) | Answer::Nak(_) => None,
        })?;
        let Some(offer) = offer else { return Ok(Outcome::Silence) };
        let mut wait = FIRST_WAIT;
        for _ in 0..SELECT_TRIES {
            let question = client.select(&offer, secs);
            if let Some(outcome) = self.ask(client, &question, Ipv4Addr::BROADCAST, wait)? {
                return Ok(outcome);
            }
            wait = longer(wait);
        }
        Ok(Outcome::Silence)
    }

    /// Asks to keep `lease`: its own server, or everybody where that has been silent.
    pub(super) fn renew(&self, lease: &Lease, everybody: bool) -> io::Result<Outcome> {
        let client = self.client()?;
        let to = if everybody { Ipv4Addr::BROADCAST } else { lease.server };
        let outcome = self.ask(client, &client.renew(lease), to, FIRST_WAIT * 2)?;
        Ok(outcome.unwrap_or(Outcome::Silence))
    }

    fn ask(
        &self,
        client: Client,
        question: &Packet,
        to: Ipv4Addr,
        wait: Duration,
    ) -> io::Result<Option<Outcome>> {
        self.send(question, to)?;
        self.answer(client, wait, |answer| match answer {
            Answer::Ack(lease) => Some(Outcome::Leased(lease)),
            Answer::Nak(words) => Some(Outcome::Refused(words)),
            Answer::Offer(_) => None,
        })
    }

    fn client(&self) -> io::Result<Client> {
        let mut xid = [0; 4];
        File::open("/dev/urandom")?.read_exact(&mut xid)?;
        Ok(Client { mac: self.mac, xid: u32::from_ne_bytes(xid) })
    }

    fn send(&self, packet: &Packet, to: Ipv4Addr) -> io::Result<()> {
        self.socket.send_to(&packet.encode(), SocketAddrV4::new(to, SERVER_PORT)).map(|_| ())
    }

    /// The first answer that `wanted` takes, within `wait`.
    fn answer<T>(
        &self,
        client: Client,
        wait: Duration,
        wanted: impl Fn(Answer) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let deadline = Instant::now() + wait;
        let mut datagram = [0; MAX_DATAGRAM_LEN];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut datagram) {
                Ok((len, _)) => {
                    if let Some(found) = client.answer(&datagram[..len]).and_then(&wanted) {
                        return Ok(Some(found));
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The waiting time of the first question, then of each further one.
pub(super) fn waits() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(FIRST_WAIT), |wait| Some(longer(*wait)))
}

fn longer(wait: Duration) -> Duration {
    (wait * 2).min(LONGEST_WAIT)
}
