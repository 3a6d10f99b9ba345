//! Who is answered, with what, and where the answer goes.
//!
//! [`Responder::handle`] takes one packet with the instant it came and gives back the replies to
//! send and the steps to record. In *proxy* mode another server gives the addresses and ours only
//! names the boot file, to network boot clients alone. In *full* mode ours does both, and stops
//! for good as soon as another DHCP server shows itself.

mod boot_file;
mod clients;
mod config;
mod full;
mod leases;
mod proxy;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

pub use boot_file::{BootFile, BootFiles, NoBootFile};
pub use config::{AddressPlan, AddressPlanError, Config, DEFAULT_LEASE_TIME, Mode};
pub use leases::{KeptLease, LeaseRefused};

use crate::MacAddress;
use crate::dhcp::{CLIENT_PORT, MessageType, Op, Packet, PxeClient, SERVER_PORT, code};
use crate::trace::{Step, TraceEvent};
use clients::Clients;
use leases::Leases;

/// The state of one DHCP service on one interface.
#[derive(Debug)]
pub struct Responder {
    config: Config,
    clients: Clients,
    leases: Leases,
    foreign: Vec<Ipv4Addr>,
    stopped_by: Option<Ipv4Addr>,
}

/// The port a packet came to. Replies leave from the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// 67.
    Server,
    /// 4011.
    BootServer,
}

/// What the caller wants for a network boot client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It gets its boot file.
    Serve,
    /// It gets none. In proxy mode it is not answered at all; in full mode it gets an address only.
    Silent {
        /// Why, in plain words for the boot trace.
        reason: String,
    },
}

/// What came of one packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// To be sent from the port that the packet came to.
    pub replies: Vec<Reply>,
    /// To be recorded.
    pub trace: Vec<TraceEvent>,
    /// An address was given, taken back or declined: [`Responder::leases`] is to be kept before the
    /// replies are sent, or a restart may give the address to somebody else.
    pub leases_changed: bool,
}

/// A packet and where it goes. `255.255.255.255` means broadcast on the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Destination.
    pub to: SocketAddrV4,
    /// The packet.
    pub packet: Packet,
}

impl Responder {
    /// A responder that has seen nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            clients: Clients::default(),
            leases: Leases::default(),
            foreign: Vec::new(),
            stopped_by: None,
        }
    }

    /// Takes one packet from `source` that came to `port` at `now`. `decide` is asked about network
    /// boot clients only; of others nothing is stored in proxy mode.
    ///
    /// Server replies seen on the wire may be handed in too: they reveal other servers. The
    /// caller leaves out packets that it sent itself.
    pub fn handle(
        &mut self,
        now: Instant,
        port: Port,
        source: SocketAddrV4,
        packet: &Packet,
        decide: impl FnOnce(&PxeClient) -> Decision,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if packet.op == Op::Reply {
            self.observe_reply(packet, &mut outcome);
            return outcome;
        }
        let Some(kind) = packet.message_type().filter(|_| packet.chaddr.is_plausible()) else {
            return outcome;
        };
        let request = Incoming { now, port, source, packet, kind };
        match self.config.mode.clone() {
            Mode::Proxy => self.handle_proxy(&request, decide, &mut outcome),
            Mode::Full(plan) => {
                self.observe_choice(&request, &mut outcome);
                if self.stopped_by.is_none() {
                    self.handle_full(&request, &plan, decide, &mut outcome);
                }
            }
        }
        outcome
    }

    /// Notes that `peer` asked for a boot file (TFTP or HTTP): its firmware understood our offer.
    /// Returns whose address that is.
    pub fn boot_file_requested(&mut self, now: Instant, peer: Ipv4Addr) -> Option<MacAddress> {
        let mac = self.client_at(peer)?;
        self.clients.progressed(mac, now);
        Some(mac)
    }

    /// The network boot client, or in full mode any client, that has the address.
    #[must_use]
    pub fn client_at(&self, address: Ipv4Addr) -> Option<MacAddress> {
        self.leases.holder(address).or_else(|| self.clients.at(address))
    }

    /// The addresses that nobody else gets, for [`Responder::restore`]. Without those that have run
    /// out; with those only offered.
    #[must_use]
    pub fn leases(&self, now: Instant) -> Vec<KeptLease> {
        self.leases.export(now)
    }

    /// Takes over what an earlier responder kept, before the first packet. Gives back what was
    /// refused.
    #[must_use]
    pub fn restore(
        &mut self,
        now: Instant,
        kept: impl IntoIterator<Item = KeptLease>,
    ) -> Vec<LeaseRefused> {
        let leases = &mut self.leases;
        let mode = &self.config.mode;
        kept.into_iter()
            .filter_map(|lease| match mode {
                Mode::Full(plan) => leases.import(plan, lease, now).err(),
                Mode::Proxy => Some(LeaseRefused::ProxyMode { address: lease.address }),
            })
            .collect()
    }

    /// The server that made full mode stop.
    #[must_use]
    pub fn stopped_by(&self) -> Option<Ipv4Addr> {
        self.stopped_by
    }

    fn observe_reply(&mut self, packet: &Packet, outcome: &mut Outcome) {
        let server = packet.options.address(code::SERVER_ID);
        if let (Some(MessageType::Offer | MessageType::Ack), Some(server)) =
            (packet.message_type(), server)
        {
            self.note_foreign(server, !packet.yiaddr.is_unspecified(), outcome);
        }
    }

    /// A client that selects an offer names the server: one we never heard because it was unicast.
    fn observe_choice(&mut self, request: &Incoming<'_>, outcome: &mut Outcome) {
        let server = request.packet.options.address(code::SERVER_ID);
        if let (MessageType::Request, Port::Server, Some(server)) =
            (request.kind, request.port, server)
        {
            self.note_foreign(server, true, outcome);
        }
    }

    fn note_foreign(&mut self, server: Ipv4Addr, gives_addresses: bool, outcome: &mut Outcome) {
        /// More servers than this are not told apart; a forger must not fill the memory.
        const MAX_FOREIGN: usize = 16;
        if server == self.config.server || server.is_unspecified() {
            return;
        }
        if self.foreign.len() < MAX_FOREIGN && !self.foreign.contains(&server) {
            self.foreign.push(server);
            outcome.record(None, Step::ForeignServer { server, gives_addresses });
        }
        if matches!(self.config.mode, Mode::Full(_)) && self.stopped_by.is_none() {
            self.stopped_by = Some(server);
            outcome.record(None, Step::FullModeStopped { server });
        }
    }
}

/// A client's packet with what surrounds it.
struct Incoming<'a> {
    now: Instant,
    port: Port,
    source: SocketAddrV4,
    packet: &'a Packet,
    kind: MessageType,
}

impl Incoming<'_> {
    /// Where a reply goes by RFC 2131, section 4.1. Without the broadcast flag the standard wants
    /// unicast to an address the client does not answer ARP for yet; broadcast is allowed instead
    /// and needs no raw Ethernet.
    fn reply_to(&self) -> SocketAddrV4 {
        let packet = self.packet;
        if !packet.giaddr.is_unspecified() {
            SocketAddrV4::new(packet.giaddr, SERVER_PORT)
        } else if self.port == Port::BootServer && !self.source.ip().is_unspecified() {
            self.source
        } else if !packet.ciaddr.is_unspecified() {
            SocketAddrV4::new(packet.ciaddr, CLIENT_PORT)
        } else {
            SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT)
        }
    }
}

impl Outcome {
    fn record(&mut self, client: Option<MacAddress>, step: Step) {
        self.trace.push(TraceEvent { client, step });
    }

    fn send(&mut self, to: SocketAddrV4, packet: Packet) {
        self.replies.push(Reply { to, packet });
    }
}
