//! The verified drive as the image writer sees it, and as it is lent to the kernel for mounting.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use anyhow::Context;
use drive::{Drive, LinuxDrive};
use osimage::BlockTarget;
use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::stop::Stop;

/// A drive that takes no write once a person stopped everything. It holds its exclusive claim except while its file system is mounted. Each claim anew asks the drive
/// who it is.
pub(crate) struct ImageDrive {
    path: PathBuf,
    identity: DriveIdentity,
    size: ByteLen,
    sector_size: SectorSize,
    open: RwLock<Option<Box<dyn Drive>>>,
    stop: Stop,
}

impl ImageDrive {
    pub(crate) fn new(
        drive: Box<dyn Drive>,
        path: PathBuf,
        identity: DriveIdentity,
        stop: Stop,
    ) -> Self {
        let (size, sector_size) = (drive.size(), drive.sector_size());
        Self { path, identity, size, sector_size, open: RwLock::new(Some(drive)), stop }
    }

    pub(crate) fn identity(&self) -> &DriveIdentity {
        &self.identity
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Gives up the exclusive claim, so that a partition can be mounted. Until [`Self::reclaim`] nothing can be
    /// written through this value. The descriptor that comes back is of the same drive and keeps its name from going
    /// to another one.
    pub(crate) fn release(&self) -> anyhow::Result<File> {
        let shared = LinuxDrive::open_shared(&self.path, &self.identity)
            .with_context(|| format!("keeping hold of {}", self.identity))?;
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(shared)
    }

    /// Claims the drive again, if it is still the same.
    pub(crate) fn reclaim(&self) -> anyhow::Result<()> {
        let drive = LinuxDrive::open(std::slice::from_ref(&self.path), &self.identity)
            .with_context(|| format!("claiming {} again", self.identity))?;
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(drive));
        Ok(())
    }

    fn with<R>(&self, work: impl FnOnce(&dyn Drive) -> io::Result<R>) -> io::Result<R> {
        match &*self.open.read().unwrap_or_else(PoisonError::into_inner) {
            Some(drive) => work(drive.as_ref()),
            None => Err(io::Error::other("the drive is lent to a mounted file system")),
        }
    }
}

impl BlockTarget for ImageDrive {
    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.stop.check().map_err(io::Error::other)?;
        self.with(|drive| drive.write_at(offset, bytes).map_err(io::Error::other))
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|drive| drive.read_at(offset, bytes).map_err(io::Error::other))
    }

    fn flush(&self) -> io::Result<()> {
        self.with(|drive| drive.flush().map_err(io::Error::other))
    }
}
