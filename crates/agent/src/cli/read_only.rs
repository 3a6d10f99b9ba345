//! A drive that cannot be written to through this value, for looking.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use drive::{Drive, IdentityError, IdentityReader as _, LinuxIdentityReader};
use nix::libc::{O_DIRECT, O_EXCL};
use protocol::{ByteLen, DriveIdentity, SectorSize};

/// Opened for reading only, past the page cache, and claimed so that nobody mounts it meanwhile.
#[derive(Debug)]
pub(super) struct ReadOnlyDrive {
    file: File,
    size: ByteLen,
    sector_size: SectorSize,
}

impl ReadOnlyDrive {
    /// Opens a whole drive (`O_RDONLY | O_EXCL | O_DIRECT`).
    pub(super) fn open(node: &Path) -> anyhow::Result<Self> {
        let doing = || format!("opening {} for reading alone", node.display());
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(O_EXCL | O_DIRECT).open(node);
        let file = file.with_context(doing)?;
        let size = ByteLen(sys::block::size(&file).with_context(doing)?);
        let sector_size = sys::block::logical_sector_size(&file).with_context(doing)?;
        let sector_size = SectorSize::try_from(sector_size).with_context(doing)?;
        Ok(Self { file, size, sector_size })
    }

    /// The node behind the open descriptor: whatever the name of the drive leads to by now.
    fn behind_descriptor(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

impl Drive for ReadOnlyDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        LinuxIdentityReader.read(&self.behind_descriptor()).map(|identified| identified.identity)
    }

    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, _offset: u64, _data: &[u8]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "the drive is open for reading only"))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn drop_caches(&self) -> io::Result<()> {
        sys::block::drop_page_cache(&self.file).map_err(|error| error.source)
    }
}
