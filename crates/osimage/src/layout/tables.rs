//! The bytes of both partition tables, made in memory.

use std::io::{self, Read, Seek, SeekFrom, Write};

use gptman::{GPT, GPTPartitionEntry};
use protocol::ByteLen;

use super::{FIRST_MIB, PlacedPartition, backup_table_len};
use crate::guid::Guid;
use crate::manifest::Manifest;

/// Both ends of a disk that is otherwise not there. Whatever reaches the middle is an error.
struct Ends {
    head: Vec<u8>,
    tail: Vec<u8>,
    disk_len: u64,
    position: u64,
}

/// First MiB and backup table of a disk with these partitions.
pub(super) fn make(
    image: &Manifest,
    partitions: &[PlacedPartition],
    disk_size: ByteLen,
    disk_guid: Guid,
    boot_code: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), gptman::Error> {
    let sector_size = image.document().sector_size_of_source.bytes();
    let mut ends = Ends {
        head: vec![0; usize_of(FIRST_MIB)],
        tail: vec![0; usize_of(backup_table_len(sector_size))],
        disk_len: disk_size.0,
        position: 0,
    };
    let sector_size = u64::from(sector_size);
    let mut table = GPT::new_from(&mut ends, sector_size, *disk_guid.disk_bytes())?;
    for (placed, described) in partitions.iter().zip(image.partitions()) {
        table[placed.number] = GPTPartitionEntry {
            partition_type_guid: *described.type_guid.disk_bytes(),
            unique_partition_guid: *placed.guid.disk_bytes(),
            starting_lba: placed.start / sector_size,
            ending_lba: (placed.start + placed.size.0) / sector_size - 1,
            attribute_bits: described.attributes,
            partition_name: described.name.as_str().into(),
        };
    }
    table.write_into(&mut ends)?;
    // Never marked active, as the standard has it: some UEFI firmware takes an active one for a legacy disk.
    GPT::write_protective_mbr_into(&mut ends, sector_size)?;
    ends.head[..boot_code.len()].copy_from_slice(boot_code);
    Ok((ends.head, ends.tail))
}

/// Lossless: the two lengths are constants far below 4 GiB.
fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

impl Ends {
    /// The `len` bytes at the position, which moves on.
    fn next(&mut self, len: usize) -> io::Result<&mut [u8]> {
        let tail_start = self.disk_len - self.tail.len() as u64;
        let (end, base) = if self.position >= tail_start {
            (&mut self.tail, tail_start)
        } else {
            (&mut self.head, 0)
        };
        let from = usize::try_from(self.position - base).map_err(io::Error::other)?;
        let bytes = from
            .checked_add(len)
            .and_then(|to| end.get_mut(from..to))
            .ok_or_else(|| io::Error::other("a partition table reaches into a partition"))?;
        self.position += len as u64;
        Ok(bytes)
    }
}

impl Read for Ends {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.copy_from_slice(self.next(buffer.len())?);
        Ok(buffer.len())
    }
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.next(bytes.len())?.copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Ends {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.disk_len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
