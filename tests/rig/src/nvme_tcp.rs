//! A drive behind `nvme-tcp`: NVMe over Fabrics 1.1 on its TCP transport (NVM Express TCP Transport 1.0), no digests.
//!
//! The target only transports. What a drive is and does is [`drive::sim::SimDrive`]'s; answered here is only what
//! belongs to a controller on a network: Connect, properties, queues, keep alive, and the fields of Identify that
//! speak of those.

mod admin;
mod command;
mod controller;
mod fabrics;
mod host;
mod identify;
mod io;
mod pdu;
mod queue;
pub mod scenarios;
mod target;

pub use host::Host;
pub use target::Target;
