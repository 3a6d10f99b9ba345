//! A TFTP server's half of the protocol: read requests in octet mode.
//!
//! RFC 1350 with the options blksize (RFC 2348), timeout and tsize (RFC 2349) and windowsize
//! (RFC 7440). [`classify`] judges a datagram that came to port 69; a [`Transfer`] then sends one
//! file to one client, driven by the client's packets and by the clock.

mod packet;
mod request;
mod transfer;

pub use packet::{ErrorCode, MAX_DATAGRAM_LEN, error};
pub use request::{Incoming, MAX_BLOCK_LEN, MAX_WINDOW, Request, RequestedOptions, classify};
pub use transfer::{End, Progress, Transfer};

/// UDP port of TFTP servers.
pub const PORT: u16 = 69;
