//! A drive in memory that asks for what O_DIRECT asks for, and can be made to fail or lie.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::{ByteLen, SectorSize};
use rehome_osimage::{AlignedBuffer, BlockTarget};

/// What a drive does wrong at one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refuses to write it.
    Write(u64),
    /// Refuses to read it.
    Read(u64),
    /// Says that it wrote, and keeps what was there.
    Lie(u64),
}

#[derive(Debug)]
pub(crate) struct MemoryDisk {
    bytes: Mutex<Vec<u8>>,
    fault: Option<Fault>,
    sector_size: u32,
    pub(crate) writes: AtomicU64,
}

impl MemoryDisk {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Mutex::new(bytes), fault: None, sector_size: 512, writes: AtomicU64::new(0) }
    }

    pub(crate) fn with_fault(bytes: Vec<u8>, fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::new(bytes) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    fn check(&self, bytes: &[u8], offset: u64) {
        assert_eq!(bytes.as_ptr().addr() % AlignedBuffer::ALIGNMENT, 0, "unaligned buffer");
        assert_eq!(bytes.len() % 512, 0, "{} bytes are not whole sectors", bytes.len());
        assert_eq!(offset % 512, 0, "byte {offset} is not at a sector");
        assert!(bytes.len() <= 4 << 20, "a request of {} bytes", bytes.len());
    }
}

fn touches(at: u64, bytes: &[u8], offset: u64) -> bool {
    (offset..offset + bytes.len() as u64).contains(&at)
}

impl BlockTarget for MemoryDisk {
    fn size(&self) -> ByteLen {
        ByteLen(self.bytes.lock().unwrap().len() as u64)
    }

    fn sector_size(&self) -> SectorSize {
        SectorSize::try_from(self.sector_size).unwrap()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check(bytes, offset);
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut disk = self.bytes.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        match self.fault {
            Some(Fault::Write(at)) if touches(at, bytes, offset) => {
                return Err(io::Error::other("medium error"));
            }
            Some(Fault::Lie(at)) if touches(at, bytes, offset) => {
                let at = usize::try_from(at).unwrap();
                let kept = disk[at];
                disk[start..start + bytes.len()].copy_from_slice(bytes);
                disk[at] = kept;
            }
            _ => disk[start..start + bytes.len()].copy_from_slice(bytes),
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.check(bytes, offset);
        if matches!(self.fault, Some(Fault::Read(at)) if touches(at, bytes, offset)) {
            return Err(io::Error::other("unrecovered read error"));
        }
        let start = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(&self.bytes.lock().unwrap()[start..start + bytes.len()]);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
