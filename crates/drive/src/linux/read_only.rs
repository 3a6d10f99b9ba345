//! A drive that cannot be written to through this value, for looking.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use nix::libc::{O_DIRECT, O_EXCL};
use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::identify;
use super::open_error::OpenError;
use super::parts::Parts;
use super::sector_size;
use crate::{Drive, IdentityError};

/// A drive opened for reading only, past the page cache, and claimed so that nobody mounts it meanwhile.
#[derive(Debug)]
pub struct ReadOnlyDrive {
    parts: Parts,
    size: ByteLen,
    sector_size: SectorSize,
}

impl ReadOnlyDrive {
    /// Opens all nodes of one drive unit (`O_RDONLY | O_EXCL | O_DIRECT`). Who it is, the caller asks.
    pub fn open(nodes: &[PathBuf]) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(O_EXCL | O_DIRECT);
        let parts = Parts::open(nodes, &options)?;
        let sector_size = sector_size(&parts)?;
        let size = ByteLen(parts.all().iter().map(|part| part.size.0).sum());
        Ok(Self { parts, size, sector_size })
    }
}

impl Drive for ReadOnlyDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        identify::identity(self.parts.all())
    }

    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let length = buffer.len();
        self.parts
            .each(offset, length, |file, at, bytes| file.read_exact_at(&mut buffer[bytes], at))
    }

    fn write_at(&self, _offset: u64, _data: &[u8]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "the drive is open for reading only"))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn drop_caches(&self) -> io::Result<()> {
        super::drop_caches(&self.parts)
    }
}
