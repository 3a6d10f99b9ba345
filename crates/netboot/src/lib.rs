//! DHCP, ProxyDHCP and TFTP as bytes in, bytes out.
//!
//! A laptop asks the LAN how to boot; this crate decides what it is told. It opens no socket, reads
//! no clock and starts no task: the coordinator feeds datagrams and instants in, and sends what
//! comes out.
//!
//! * [`dhcp`]: the packet format of RFC 2131/2132 and what a PXE client says about itself.
//! * [`responder`]: who is answered, with what, and where the answer goes.
//! * [`tftp`]: RFC 1350 with the options of RFC 2348, 2349 and 7440, one transfer at a time.
//! * [`trace`]: what happened, for each machine, in words a technician understands.

#![forbid(unsafe_code)]

pub mod dhcp;
mod mac;
pub mod responder;
pub mod tftp;
pub mod trace;

pub use mac::{MacAddress, ParseMacError};
