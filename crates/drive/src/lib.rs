//! Find, identify and command a drive unit. Linux only; synchronous; nothing here decides to destroy anything.
//!
//! * [`discover()`] lists every drive unit the kernel shows, with what it says of itself and who uses it.
//! * [`Drive`] is the seam: a drive at the level of commands. [`LinuxDrive`] sends them to the kernel,
//!   `sim::SimDrive` (feature `sim`) keeps a drive's states in memory and misbehaves on request.

#![forbid(unsafe_code)]

pub mod ata;
mod discover;
mod identity;
mod linux;
pub mod nvme;
mod roots;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

use std::io;
use std::time::Duration;

use protocol::{ByteLen, DriveIdentity, SectorSize};

pub use discover::{DiscoverError, discover};
pub use identity::{Identified, IdentityError, IdentityReader};
pub use linux::{LinuxDrive, LinuxIdentityReader, OpenError, ReadOnlyDrive};
pub use roots::Roots;
pub use sys::AlignedBuf;
pub use sys::nvme::{AdminCommand, AdminError};
pub use sys::sense::Sense;
pub use sys::sg::AtaError;
pub use sys::taskfile::{Registers, Taskfile, Transfer};

/// A drive at the level of commands. Several threads may send them at once.
///
/// Offsets and lengths are multiples of [`Drive::sector_size`]; memory comes from [`AlignedBuf`], since drives
/// read and write it directly. Both are checked by the kernel and by the simulation alike (`EINVAL`).
pub trait Drive: Send + Sync {
    /// What the drive says it is now: asked of the drive itself, through the descriptor that is already open.
    fn identity(&self) -> Result<DriveIdentity, IdentityError>;

    /// Addressable size when it was opened.
    fn size(&self) -> ByteLen;

    /// Logical sector size when it was opened.
    fn sector_size(&self) -> SectorSize;

    /// Fills the whole buffer, or fails and leaves it in any state.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Hands all of the data to the drive, whose volatile cache may keep it until [`Drive::flush`]. After a
    /// failure any part of it may have been written.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable: fdatasync(2), which ends in FLUSH CACHE EXT or NVMe Flush.
    fn flush(&self) -> io::Result<()>;

    /// Drops the kernel's copies (`BLKFLSBUF`), so that the next read is answered by the drive. Direct reads
    /// pass them by anyway; this is the second lock on the door.
    fn drop_caches(&self) -> io::Result<()>;

    /// The numbers of the namespaces, ascending, whose contents one after the other are the drive's; empty where it
    /// does not speak NVMe.
    fn namespaces(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Sends one ATA command and waits for it; the registers where they came along.
    ///
    /// `name` is for errors. Past `timeout` the kernel resets the link, which ends an erase under way: it must be longer
    /// than the command may take. [`AtaError::NotAta`] from what speaks NVMe, or takes no command of its own. The
    /// commands that are sent are values: [`ata::AtaCommand`].
    fn ata(
        &self,
        name: &'static str,
        taskfile: &Taskfile,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        let _ = (taskfile, transfer, timeout);
        Err(AtaError::NotAta { command: name })
    }

    /// Sends one NVMe admin command and waits for its completion, of which it gives dword 0.
    ///
    /// [`AdminError::NotNvme`] from what speaks ATA, or takes no command of its own. The commands that are sent are
    /// values: [`nvme::NvmeCommand`].
    fn nvme(
        &self,
        name: &'static str,
        command: &AdminCommand,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<u32, AdminError> {
        let _ = (command, transfer, timeout);
        Err(AdminError::NotNvme { command: name })
    }
}
