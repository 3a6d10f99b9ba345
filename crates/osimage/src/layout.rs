//! Where the image goes on the real disk, and the exact bytes of its partition tables (UEFI 2.10, section 5.3).

mod tables;

use protocol::{ByteLen, SectorSize};

use crate::guid::Guid;
use crate::manifest::{Guids, MAX_DISK_LEN, Manifest, Partition, PartitionRole};

/// The first MiB holds boot code and the primary table; no partition starts below it. In bytes.
pub const FIRST_MIB: u64 = 1 << 20;
/// Sectors of the backup table at the disk's end, for sectors of 512 bytes: 32 of entries and the header.
pub const TABLE_SECTORS: u64 = 33;

/// Bytes of one copy of the partition table: the entries and a sector for the header.
pub fn backup_table_len(sector_size: u32) -> u64 {
    u64::from(16_384u32.next_multiple_of(sector_size)) + u64::from(sector_size)
}

/// An image placed on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    disk_size: ByteLen,
    sector_size: SectorSize,
    disk_guid: Guid,
    partitions: Vec<PlacedPartition>,
    first_mib: Vec<u8>,
    backup_table: Vec<u8>,
}

/// A partition on the real disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedPartition {
    /// Its place in the table, from 1.
    pub number: u32,
    /// What it is for.
    pub role: PartitionRole,
    /// Its GUID on this disk.
    pub guid: Guid,
    /// First byte on the disk.
    pub start: u64,
    /// Its size on this disk, not below that in the image.
    pub size: ByteLen,
}

/// Why an image cannot be placed on a disk.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Another sector size than the image's.
    #[error(
        "the drive has sectors of {drive} bytes and the image was made for {image}; so far only 512-byte sectors are \
         supported: use another drive, or switch this one to 512-byte sectors where it can"
    )]
    SectorSize {
        /// The drive's, in bytes.
        drive: u32,
        /// The image's, in bytes.
        image: u32,
    },
    /// The disk is too small.
    #[error(
        "the image needs a disk of at least {needed} bytes ({}), this one has {disk} ({}): choose a smaller image or \
         a larger drive", ByteLen(*.needed), ByteLen(*.disk)
    )]
    TooSmall {
        /// In bytes.
        needed: u64,
        /// In bytes.
        disk: u64,
    },
    /// No disk is that large.
    #[error(
        "a disk of {disk} bytes is beyond the {MAX_DISK_LEN} that are supported, or is not whole sectors"
    )]
    DiskSize {
        /// In bytes.
        disk: u64,
    },
    /// The table could not be made of what the manifest says.
    #[error("making the partition table")]
    Table(#[source] gptman::Error),
}

impl Layout {
    /// Places `image` on a disk. The last partition grows to the disk's end if the manifest lets it.
    ///
    /// Fresh GUIDs, where the manifest wants them, are derived from `seed`, which must be random and secret of no one;
    /// the same seed gives the same GUIDs.
    ///
    /// # Errors
    /// When the disk is too small or has other sectors, with both numbers.
    pub fn new(
        image: &Manifest,
        disk_size: ByteLen,
        sector_size: SectorSize,
        seed: &[u8; 32],
    ) -> Result<Self, LayoutError> {
        let document = image.document();
        let (drive, wanted) = (sector_size.bytes(), document.sector_size_of_source.bytes());
        if (drive, wanted) != (512, 512) {
            return Err(LayoutError::SectorSize { drive, image: wanted });
        }
        let disk = disk_size.0;
        let needed = document.min_disk_size.0;
        if disk < needed {
            return Err(LayoutError::TooSmall { needed, disk });
        }
        if disk > MAX_DISK_LEN || !disk.is_multiple_of(u64::from(drive)) {
            return Err(LayoutError::DiskSize { disk });
        }
        let end = disk - backup_table_len(drive);
        let partitions = document
            .partitions
            .iter()
            .map(|partition| place(partition, end, document.guids, seed))
            .collect::<Vec<_>>();
        let disk_guid = guid(document.guids, document.disk_guid, seed, 0);
        let boot_code = document.first_mib.boot_code.as_bytes();
        let (first_mib, backup_table) =
            tables::make(image, &partitions, disk_size, disk_guid, boot_code)
                .map_err(LayoutError::Table)?;
        Ok(Self { disk_size, sector_size, disk_guid, partitions, first_mib, backup_table })
    }

    /// Size of the disk it is for.
    pub fn disk_size(&self) -> ByteLen {
        self.disk_size
    }

    /// Sectors of the disk it is for.
    pub fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    /// GUID of the disk.
    pub fn disk_guid(&self) -> Guid {
        self.disk_guid
    }

    /// In the order of the manifest, which is that of the disk.
    pub fn partitions(&self) -> &[PlacedPartition] {
        &self.partitions
    }

    /// The partition of that role, if there is one.
    pub fn partition(&self, role: PartitionRole) -> Option<&PlacedPartition> {
        self.partitions.iter().find(|partition| partition.role == role)
    }

    /// The first MiB: boot code, protective MBR, primary table, zeros. Written last of all.
    pub fn first_mib(&self) -> &[u8] {
        &self.first_mib
    }

    /// The backup table.
    pub fn backup_table(&self) -> &[u8] {
        &self.backup_table
    }

    /// Where the backup table goes: the disk's end, in bytes.
    pub fn backup_offset(&self) -> u64 {
        self.disk_size.0 - self.backup_table.len() as u64
    }
}

fn place(partition: &Partition, end: u64, guids: Guids, seed: &[u8; 32]) -> PlacedPartition {
    let start = partition.start;
    let mut size = partition.size;
    if partition.grow {
        // Whole MiB, so that what is put behind it one day is aligned; never smaller than the image has it.
        let room = (end / FIRST_MIB * FIRST_MIB).saturating_sub(start);
        size = size.max(ByteLen(room));
    }
    let number = partition.number;
    let guid = guid(guids, partition.guid, seed, number);
    PlacedPartition { number, role: partition.role, guid, start, size }
}

/// `number` is that of the partition, or 0 for the disk.
fn guid(guids: Guids, of_source: Guid, seed: &[u8; 32], number: u32) -> Guid {
    match guids {
        Guids::Keep => of_source,
        Guids::Fresh => {
            let hash = blake3::Hasher::new_keyed(seed)
                .update(b"rehome partition table guid")
                .update(&number.to_le_bytes())
                .finalize();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&hash.as_bytes()[..16]);
            Guid::random(bytes)
        }
    }
}
