//! The BOOTP header and the message round the options (RFC 2131, section 2).

use std::net::Ipv4Addr;

use super::code;
use super::options::Options;
use crate::MacAddress;

/// Header up to and including the magic cookie, in bytes.
const HEADER_LEN: usize = 240;
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// BOOTP packets are at least this long; some ROMs drop shorter ones (RFC 1542, section 2.1).
const MIN_PACKET_LEN: usize = 300;
const ETHERNET: u8 = 1;
const ETHERNET_ADDRESS_LEN: u8 = 6;
const BROADCAST_FLAG: u16 = 0x8000;

/// One DHCP message of an Ethernet client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Request or reply.
    pub op: Op,
    /// Relays passed.
    pub hops: u8,
    /// Transaction number, chosen by the client.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client cannot receive unicast before it is configured.
    pub broadcast: bool,
    /// Address the client has and answers ARP for.
    pub ciaddr: Ipv4Addr,
    /// Address given to the client.
    pub yiaddr: Ipv4Addr,
    /// Server of the next step (TFTP).
    pub siaddr: Ipv4Addr,
    /// Relay agent the message came through.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: MacAddress,
    /// Server name; empty when overloaded with options.
    pub sname: Text<64>,
    /// Boot file; empty when overloaded with options.
    pub file: Text<128>,
    /// All options, those of overloaded fields included. Never holds option 52.
    pub options: Options,
}

/// Direction of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// From a client.
    Request,
    /// From a server.
    Reply,
}

/// DHCP message type, option 53 (RFC 2132, section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Client looks for servers.
    Discover,
    /// Server offers.
    Offer,
    /// Client takes an offer, or confirms what it has.
    Request,
    /// Client found the address in use.
    Decline,
    /// Server confirms.
    Ack,
    /// Server refuses.
    Nak,
    /// Client gives the address back.
    Release,
    /// Client has an address and wants the rest.
    Inform,
}

/// Why bytes are not a DHCP packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than header and magic cookie.
    #[error("packet of {len} bytes is shorter than the {HEADER_LEN} bytes of a DHCP header")]
    Short {
        /// Bytes received.
        len: usize,
    },
    /// Neither request nor reply.
    #[error("op {op} is neither request (1) nor reply (2)")]
    Op {
        /// The value found.
        op: u8,
    },
    /// Not Ethernet.
    #[error("hardware type {htype} with {hlen}-byte addresses is not Ethernet")]
    Hardware {
        /// Hardware type found.
        htype: u8,
        /// Address length found.
        hlen: u8,
    },
    /// BOOTP of before 1993, or something else on the port.
    #[error("magic cookie is missing: not DHCP")]
    NoCookie,
    /// An option claims more bytes than there are.
    #[error("option {code} runs past the end of its field")]
    TruncatedOption {
        /// The option.
        code: u8,
    },
}

/// Text of a fixed field of `N` bytes, padded with NUL on the wire. Holds no NUL itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<const N: usize>(Vec<u8>);

/// The text does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("text of {len} bytes does not fit a field of {max} bytes without NUL inside")]
pub struct TextError {
    /// Bytes given.
    pub len: usize,
    /// Bytes the field takes.
    pub max: usize,
}

impl Packet {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`ParseError`] names what is wrong; nothing is guessed.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let Some((header, field)) = bytes.split_at_checked(HEADER_LEN) else {
            return Err(ParseError::Short { len: bytes.len() });
        };
        let op = match header[0] {
            1 => Op::Request,
            2 => Op::Reply,
            op => return Err(ParseError::Op { op }),
        };
        let (htype, hlen) = (header[1], header[2]);
        if (htype, hlen) != (ETHERNET, ETHERNET_ADDRESS_LEN) {
            return Err(ParseError::Hardware { htype, hlen });
        }
        if header[236..] != MAGIC_COOKIE {
            return Err(ParseError::NoCookie);
        }
        let mut options = Options::default();
        options.parse_into(field)?;
        let (sname, file) = (&header[44..108], &header[108..236]);
        // RFC 2132, section 9.3: bit 0 says `file` holds options, bit 1 `sname`.
        let overload =
            options.get(code::OVERLOAD).and_then(|value| value.first()).map_or(0, |v| *v);
        options.remove(code::OVERLOAD);
        let (file_overloaded, sname_overloaded) = (overload & 1 != 0, overload & 2 != 0);
        if file_overloaded {
            options.parse_into(file)?;
        }
        if sname_overloaded {
            options.parse_into(sname)?;
        }
        options.remove(code::OVERLOAD);
        Ok(Self {
            op,
            hops: header[3],
            xid: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            secs: u16::from_be_bytes([header[8], header[9]]),
            broadcast: u16::from_be_bytes([header[10], header[11]]) & BROADCAST_FLAG != 0,
            ciaddr: address(header, 12),
            yiaddr: address(header, 16),
            siaddr: address(header, 20),
            giaddr: address(header, 24),
            chaddr: MacAddress([
                header[28], header[29], header[30], header[31], header[32], header[33],
            ]),
            sname: if sname_overloaded { Text::default() } else { Text::from_field(sname) },
            file: if file_overloaded { Text::default() } else { Text::from_field(file) },
            options,
        })
    }

    /// Writes the packet, padded to at least 300 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MIN_PACKET_LEN);
        out.push(match self.op {
            Op::Request => 1,
            Op::Reply => 2,
        });
        out.extend([ETHERNET, ETHERNET_ADDRESS_LEN, self.hops]);
        out.extend(self.xid.to_be_bytes());
        out.extend(self.secs.to_be_bytes());
        out.extend(if self.broadcast { BROADCAST_FLAG } else { 0 }.to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.extend(address.octets());
        }
        out.extend(self.chaddr.0);
        out.extend([0; 10]);
        self.sname.encode_into(&mut out);
        self.file.encode_into(&mut out);
        out.extend(MAGIC_COOKIE);
        self.options.encode_into(&mut out);
        if out.len() < MIN_PACKET_LEN {
            out.resize(MIN_PACKET_LEN, 0);
        }
        out
    }

    /// An empty request of the client `chaddr`.
    #[must_use]
    pub fn request(kind: MessageType, xid: u32, chaddr: MacAddress) -> Self {
        let mut options = Options::default();
        options.set(code::MESSAGE_TYPE, [kind.number()]);
        Self {
            op: Op::Request,
            hops: 0,
            xid,
            secs: 0,
            broadcast: false,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
            sname: Text::default(),
            file: Text::default(),
            options,
        }
    }

    /// The reply to this request that any server would begin with (RFC 2131, table 3): transaction,
    /// relay and hardware address copied, message type and server identifier set.
    #[must_use]
    pub fn reply(&self, kind: MessageType, server: Ipv4Addr) -> Self {
        let mut reply = Self::request(kind, self.xid, self.chaddr);
        reply.op = Op::Reply;
        reply.broadcast = self.broadcast;
        reply.giaddr = self.giaddr;
        reply.options.set_address(code::SERVER_ID, server);
        reply
    }

    /// The message type; `None` for plain BOOTP or a number unknown here.
    #[must_use]
    pub fn message_type(&self) -> Option<MessageType> {
        match self.options.get(code::MESSAGE_TYPE)? {
            [number] => MessageType::from_number(*number),
            _ => None,
        }
    }
}

impl MessageType {
    const ALL: [Self; 8] = [
        Self::Discover,
        Self::Offer,
        Self::Request,
        Self::Decline,
        Self::Ack,
        Self::Nak,
        Self::Release,
        Self::Inform,
    ];

    /// The number in option 53.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Discover => 1,
            Self::Offer => 2,
            Self::Request => 3,
            Self::Decline => 4,
            Self::Ack => 5,
            Self::Nak => 6,
            Self::Release => 7,
            Self::Inform => 8,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl<const N: usize> Text<N> {
    /// Text for the field.
    ///
    /// # Errors
    /// [`TextError`] when it is longer than the field less its final NUL, or holds a NUL.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.len() >= N || text.bytes().any(|byte| byte == 0) {
            return Err(TextError { len: text.len(), max: N - 1 });
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// The bytes before the first NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_field(field: &[u8]) -> Self {
        Self(field.iter().copied().take_while(|byte| *byte != 0).collect())
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend(&self.0);
        out.resize(out.len() + N - self.0.len(), 0);
    }
}

fn address(header: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3])
}
