//! The disk as the writer sees it.

use std::io;
use std::ops::Deref;
use std::sync::Arc;

use protocol::{ByteLen, SectorSize};

use super::error::WriteError;
use crate::buffer::AlignedBuffer;
use crate::layout::{FIRST_MIB, backup_table_len};

/// A disk that takes an image. Offsets and lengths that it is given are whole sectors, buffers are aligned to
/// [`AlignedBuffer::ALIGNMENT`], requests have at most 4 MiB: fit for O_DIRECT.
pub trait BlockTarget: Send + Sync {
    /// Its size.
    fn size(&self) -> ByteLen;
    /// Its logical sectors.
    fn sector_size(&self) -> SectorSize;
    /// Writes all of `bytes` at byte `offset`.
    ///
    /// # Errors
    /// Unless all of it was taken.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills `bytes` from byte `offset` of the medium, not of a cache of this computer.
    ///
    /// # Errors
    /// Unless all of it could be read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Returns when all that was taken is on the medium.
    ///
    /// # Errors
    /// When the drive does not confirm that.
    fn flush(&self) -> io::Result<()>;
}

/// Makes a disk unbootable: its first MiB and its backup partition table become zeros, flushed and read back.
///
/// The backup too, because firmware repairs a missing primary table from it.
///
/// # Errors
/// When the drive refuses, or keeps what was there.
pub fn make_unbootable<T: BlockTarget + ?Sized>(target: &T) -> Result<(), WriteError> {
    let size = target.size().0;
    let head = FIRST_MIB.min(size);
    let tail = backup_table_len(target.sector_size().bytes()).min(size - head);
    // The first MiB first: without it the rest is no longer looked for.
    for (offset, length) in [(0, head), (size - tail, tail)] {
        write_checked(target, &vec![0; usize::try_from(length).unwrap_or(0)], offset)?;
    }
    Ok(())
}

/// Writes, flushes and reads back one of the two ends of a disk.
pub(super) fn write_checked<T: BlockTarget + ?Sized>(
    target: &T,
    bytes: &[u8],
    offset: u64,
) -> Result<(), WriteError> {
    let mut buffer = AlignedBuffer::zeroed(bytes.len());
    buffer.copy_from_slice(bytes);
    write(target, &buffer, offset)?;
    target.flush().map_err(WriteError::Flush)?;
    buffer.fill(0xff);
    read(target, &mut buffer, offset)?;
    if *buffer == *bytes { Ok(()) } else { Err(WriteError::Tables { offset, length: bytes.len() }) }
}

pub(super) fn write<T: BlockTarget + ?Sized>(
    target: &T,
    bytes: &[u8],
    offset: u64,
) -> Result<(), WriteError> {
    let length = bytes.len();
    target.write_at(bytes, offset).map_err(|source| WriteError::Drive {
        operation: "writing",
        offset,
        length,
        source,
    })
}

pub(super) fn read<T: BlockTarget + ?Sized>(
    target: &T,
    bytes: &mut [u8],
    offset: u64,
) -> Result<(), WriteError> {
    let length = bytes.len();
    target.read_at(bytes, offset).map_err(|source| WriteError::Drive {
        operation: "reading",
        offset,
        length,
        source,
    })
}

macro_rules! forward_block_target {
    ($pointer:ty) => {
        impl<T: BlockTarget + ?Sized> BlockTarget for $pointer {
            fn size(&self) -> ByteLen {
                self.deref().size()
            }
            fn sector_size(&self) -> SectorSize {
                self.deref().sector_size()
            }
            fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
                self.deref().write_at(bytes, offset)
            }
            fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
                self.deref().read_at(bytes, offset)
            }
            fn flush(&self) -> io::Result<()> {
                self.deref().flush()
            }
        }
    };
}

forward_block_target!(&T);
forward_block_target!(Arc<T>);
