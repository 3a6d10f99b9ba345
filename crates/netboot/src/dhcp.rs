//! The DHCP packet (RFC 2131, RFC 2132) and what a PXE client says in it (RFC 4578).
//!
//! Parsing is strict about structure and lenient about content: firmware leaves out the end option,
//! sends short packets and omits its UUID, and must boot all the same.

mod client;
mod datagram;
mod options;
mod packet;

pub use client::{Architecture, ClientUuid, PxeClient, Transport};
pub use datagram::{UdpDatagram, udp_datagram};
pub use options::Options;
pub use packet::{MessageType, Op, Packet, ParseError, Text, TextError};

/// UDP port of DHCP servers and relays.
pub const SERVER_PORT: u16 = 67;
/// UDP port of DHCP clients.
pub const CLIENT_PORT: u16 = 68;
/// UDP port of PXE boot servers (PXE specification 2.1, section 2.2.1).
pub const BOOT_SERVER_PORT: u16 = 4011;

/// Option codes, by their names in RFC 2132 and RFC 4578.
pub mod code {
    /// Subnet mask.
    pub const SUBNET_MASK: u8 = 1;
    /// Routers on the client's subnet.
    pub const ROUTER: u8 = 3;
    /// Broadcast address of the client's subnet.
    pub const BROADCAST_ADDRESS: u8 = 28;
    /// Vendor-specific information; for PXE, encapsulated options.
    pub const VENDOR_SPECIFIC: u8 = 43;
    /// The address the client would like.
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// Lease time in seconds.
    pub const LEASE_TIME: u8 = 51;
    /// `file` and/or `sname` carry options.
    pub const OVERLOAD: u8 = 52;
    /// DHCP message type.
    pub const MESSAGE_TYPE: u8 = 53;
    /// Address of the server meant or speaking.
    pub const SERVER_ID: u8 = 54;
    /// Options the client would like.
    pub const PARAMETER_LIST: u8 = 55;
    /// A sentence for the client's log (used in DHCPNAK).
    pub const MESSAGE: u8 = 56;
    /// The largest message the client takes.
    pub const MAX_MESSAGE_SIZE: u8 = 57;
    /// Renewal (T1) time in seconds.
    pub const RENEWAL_TIME: u8 = 58;
    /// Rebinding (T2) time in seconds.
    pub const REBINDING_TIME: u8 = 59;
    /// Vendor class: `PXEClient...` or `HTTPClient...`.
    pub const VENDOR_CLASS: u8 = 60;
    /// Client identifier.
    pub const CLIENT_ID: u8 = 61;
    /// TFTP server name.
    pub const TFTP_SERVER: u8 = 66;
    /// Boot file name or URL.
    pub const BOOT_FILE: u8 = 67;
    /// User class; iPXE says `iPXE`.
    pub const USER_CLASS: u8 = 77;
    /// Relay agent information, echoed as it came (RFC 3046).
    pub const RELAY_AGENT: u8 = 82;
    /// Client system architectures, a list of 16-bit numbers.
    pub const ARCHITECTURE: u8 = 93;
    /// Client network interface identifier (UNDI version).
    pub const INTERFACE: u8 = 94;
    /// Client machine identifier: a type byte and a UUID.
    pub const MACHINE_ID: u8 = 97;
    /// iPXE encapsulated options.
    pub const IPXE: u8 = 175;
}
