//! The kernel interfaces that have no safe wrapper elsewhere; the only unsafe code of the workspace.
//!
//! One file per interface: structs named as in the kernel's headers with their sizes asserted, one safe function
//! per request, nothing else. Numbers and layouts are those of x86-64 and of every other 64-bit Linux.
//! Where `nix` has a safe wrapper (mount, reboot, finit_module, clock_settime), callers use that.

pub mod aligned;
pub mod blkpg;
pub mod block;
pub mod console;
pub mod ext4;
pub mod net;
pub mod nvme;
pub mod psf;
pub mod sense;
pub mod sg;
pub mod taskfile;
#[cfg(feature = "rig")]
pub mod tcmu;
pub mod terminal;

mod ioctl;

pub use aligned::AlignedBuf;
pub use ioctl::IoctlError;
