//! The partition table of a raw disk (UEFI 2.10, section 5.3). Hostile bytes are expected.

use std::io::Cursor;

use gptman::{GPTHeader, GPTPartitionEntry};
use osimage::{BootCode, FIRST_MIB, Guid, MAX_PARTITIONS};

use super::error::ImageError;
use super::source::RawSource;

/// In bytes. Disks with sectors of 4,096 bytes are recognized, and refused.
pub(super) const SECTOR_SIZE: u64 = 512;

/// What is carried over of a table.
#[derive(Debug)]
pub(super) struct PartitionTable {
    pub(super) disk_guid: Guid,
    pub(super) boot_code: BootCode,
    /// Bytes of the first MiB, beside boot code and table, that are not zero. They are not carried over.
    pub(super) uncarried: usize,
    /// In the order of the disk.
    pub(super) entries: Vec<TableEntry>,
}

/// A partition.
#[derive(Debug, Clone)]
pub(super) struct TableEntry {
    pub(super) number: u32,
    pub(super) type_guid: Guid,
    pub(super) guid: Guid,
    pub(super) attributes: u64,
    pub(super) name: String,
    /// In bytes.
    pub(super) start: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// Reads and checks the table. The primary one only: a disk that needs its backup wants repair first.
pub(super) fn read(source: &RawSource) -> Result<PartitionTable, ImageError> {
    if source.len() < 2 * FIRST_MIB {
        return source.refuse(format!("it has {} bytes: too short for a disk", source.len()));
    }
    let mut first_mib = vec![0; usize::try_from(FIRST_MIB).unwrap_or(0)];
    source.part(0..FIRST_MIB).read(&mut first_mib, 0)?;
    let header = read_header(source, &first_mib)?;
    check_header(source, &header)?;
    let entries = header
        .read_partitions(&mut Cursor::new(&first_mib), SECTOR_SIZE)
        .or_else(|error| source.refuse(format!("its partition entries are damaged: {error}")))?;

    let numbered = (1..).zip(&entries).filter(|(_, entry)| entry.is_used());
    let mut entries = numbered
        .map(|(number, entry)| table_entry(source, &header, number, entry))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.start);
    check_order(source, &entries)?;

    let mut boot_code = [0; BootCode::LEN];
    boot_code.copy_from_slice(&first_mib[..BootCode::LEN]);
    let table_end = usize_of(2 * SECTOR_SIZE + 16_384);
    Ok(PartitionTable {
        disk_guid: Guid::from_disk_bytes(header.disk_guid),
        boot_code: BootCode::new(boot_code),
        uncarried: first_mib[table_end..].iter().filter(|byte| **byte != 0).count(),
        entries,
    })
}

fn read_header(source: &RawSource, first_mib: &[u8]) -> Result<GPTHeader, ImageError> {
    const SIGNATURE: &[u8] = b"EFI PART";
    if first_mib[4096..].starts_with(SIGNATURE) && !first_mib[512..].starts_with(SIGNATURE) {
        return source.refuse(
            "it was made for sectors of 4096 bytes, so far only those of 512 are supported",
        );
    }
    if !first_mib[512..].starts_with(SIGNATURE) {
        return source.refuse(
            "it has no GUID partition table; so far only raw disks with one are imported \
             (convert an MBR disk with `sgdisk --mbrtogpt`, decompress a compressed one)",
        );
    }
    GPTHeader::read_from(&mut Cursor::new(&first_mib[512..]))
        .or_else(|error| source.refuse(format!("its partition table is damaged: {error}")))
}

/// All that gptman takes on trust.
fn check_header(source: &RawSource, header: &GPTHeader) -> Result<(), ImageError> {
    let (entries, entry_size) =
        (header.number_of_partition_entries, header.size_of_partition_entry);
    if entries != MAX_PARTITIONS || entry_size != 128 || header.partition_entry_lba != 2 {
        return source.refuse(format!(
            "its partition table has {entries} entries of {entry_size} bytes at sector {}; only the usual {MAX_PARTITIONS} \
             of 128 at sector 2 are supported",
            header.partition_entry_lba
        ));
    }
    let sectors = source.len() / SECTOR_SIZE;
    let last = header.backup_lba.max(header.last_usable_lba);
    if header.primary_lba != 1 || last >= sectors {
        return source.refuse(format!(
            "it is truncated: the file has {sectors} sectors, its partition table reaches to sector {last}"
        ));
    }
    Ok(())
}

fn table_entry(
    source: &RawSource,
    header: &GPTHeader,
    number: u32,
    entry: &GPTPartitionEntry,
) -> Result<TableEntry, ImageError> {
    let refuse = |reason: String| ImageError::RefusedPartition {
        path: source.path().to_owned(),
        number,
        reason,
    };
    let (first, last) = (entry.starting_lba, entry.ending_lba);
    if first > last || last > header.last_usable_lba {
        return Err(refuse(format!(
            "sectors {first} to {last} are not within those that the table may use, up to {}",
            header.last_usable_lba
        )));
    }
    // The last usable sector is within the file, which is no longer than 16 TiB: nothing below overflows.
    let start = first.saturating_mul(SECTOR_SIZE);
    if start < FIRST_MIB {
        return Err(refuse(format!(
            "it starts at byte {start}, within the first MiB, which is reserved: move it to 1 MiB or later"
        )));
    }
    Ok(TableEntry {
        number,
        type_guid: Guid::from_disk_bytes(entry.partition_type_guid),
        guid: Guid::from_disk_bytes(entry.unique_partition_guid),
        attributes: entry.attribute_bits,
        name: entry.partition_name.as_str().chars().filter(|c| !c.is_control()).collect(),
        start,
        size: (last - first + 1) * SECTOR_SIZE,
    })
}

fn check_order(source: &RawSource, entries: &[TableEntry]) -> Result<(), ImageError> {
    if entries.is_empty() {
        return source.refuse("its partition table is empty");
    }
    for pair in entries.windows(2) {
        let [before, after] = pair else { continue };
        if before.start + before.size > after.start {
            return source
                .refuse(format!("partitions {} and {} overlap", before.number, after.number));
        }
    }
    Ok(())
}

/// Lossless: for constants.
fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
