//! A blank drive as the image writer sees it.

use std::io;

use drive::Drive;
use osimage::BlockTarget;
use protocol::{ByteLen, SectorSize};

/// A drive that stays claimed until the image is on it.
pub(super) struct BlankDrive(Box<dyn Drive>);

impl BlankDrive {
    pub(super) fn new(drive: Box<dyn Drive>) -> Self {
        Self(drive)
    }
}

impl BlockTarget for BlankDrive {
    fn size(&self) -> ByteLen {
        self.0.size()
    }

    fn sector_size(&self) -> SectorSize {
        self.0.sector_size()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_at(offset, bytes)
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
