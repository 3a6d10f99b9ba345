//! Rigs: simulated drives ([`drive::sim::SimDrive`]) behind the kernel's own drivers, in a guest of their own.
//!
//! What runs here is test code, but the commands go the whole way that they go on a laptop: from
//! [`drive::LinuxDrive`] by ioctl into the kernel's block layer and driver, and from there to a device that we wrote.

#![forbid(unsafe_code)]

pub mod by_hand;
pub mod guest;
mod medium;
pub mod nvme_tcp;
pub mod scenario;
pub mod tcmu;
pub mod whole_way;
