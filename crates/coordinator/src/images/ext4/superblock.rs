//! What the superblock says, as far as it is needed to find the block bitmaps.

use std::ops::Range;

use super::super::source::Part;
use super::crc32c::crc32c;
use super::{half, word};

/// So many blocks are looked after: 8 TiB of 4 KiB blocks, 256 MiB of bitmap.
const MAX_BLOCKS: u64 = 1 << 31;

/// More groups only come of a superblock that was made to hurt: 16 MiB of descriptors.
const MAX_GROUPS: u64 = 1 << 18;

/// Incompatible features that change nothing about block bitmaps: file types, extents, 64 bits, multiple mount
/// protection, flexible groups, values in inodes, checksum seed, large directories, inline data, encryption of files,
/// case folding.
const KNOWN_INCOMPATIBLE: u64 =
    0x2 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;

/// The superblock of a file system that was cleanly unmounted.
#[derive(Debug)]
pub(super) struct Superblock {
    /// In bytes.
    pub(super) block_size: u64,
    pub(super) blocks: u64,
    pub(super) first_data_block: u64,
    pub(super) blocks_per_group: u64,
    /// In bytes.
    pub(super) descriptor_size: u64,
    pub(super) reserved_descriptor_blocks: u64,
    /// Descriptors have checksums, and flags that may be believed.
    pub(super) has_group_checksums: bool,
    /// Bitmaps have checksums, which begin with this.
    pub(super) checksum_seed: Option<u32>,
    inodes_per_group: u64,
    inode_size: u64,
    backups: Backups,
}

/// Which groups have a copy of superblock and descriptors.
#[derive(Debug)]
enum Backups {
    All,
    /// 0, 1 and powers of 3, 5 and 7.
    Sparse,
    /// 0 and these.
    Named([u64; 2]),
}

impl Superblock {
    pub(super) fn read(part: Part<'_>) -> Result<Self, String> {
        let mut bytes = [0; 1024];
        part.read_exact(&mut bytes, 1024)
            .map_err(|error| format!("its superblock cannot be read: {error}"))?;
        Self::parse(&bytes, part.len)
    }

    fn parse(bytes: &[u8; 1024], partition_len: u64) -> Result<Self, String> {
        let (compatible, incompatible) = (word(bytes, 0x5c), word(bytes, 0x60));
        let read_only = word(bytes, 0x64);
        check_features(bytes, incompatible, read_only)?;
        let log_block_size = word(bytes, 0x18);
        if log_block_size > 6 {
            return Err(format!("its blocks of 2^{} bytes are too large", log_block_size + 10));
        }
        let block_size = 1024 << log_block_size;
        let is_64bit = incompatible & 0x80 != 0;
        let high = if is_64bit { word(bytes, 0x150) << 32 } else { 0 };
        let has_metadata_checksums = read_only & 0x400 != 0;
        let seed = if incompatible & 0x2000 != 0 {
            word32(bytes, 0x270)
        } else {
            crc32c(!0, &bytes[0x68..0x78])
        };
        let superblock = Self {
            block_size,
            blocks: word(bytes, 0x04) | high,
            first_data_block: word(bytes, 0x14),
            blocks_per_group: word(bytes, 0x20),
            descriptor_size: if is_64bit { u64::from(half(bytes, 0xfe)) } else { 32 },
            reserved_descriptor_blocks: u64::from(half(bytes, 0xce)),
            has_group_checksums: read_only & 0x410 != 0,
            checksum_seed: has_metadata_checksums.then_some(seed),
            inodes_per_group: word(bytes, 0x28),
            inode_size: if word(bytes, 0x4c) == 0 { 128 } else { u64::from(half(bytes, 0x58)) },
            backups: match (compatible & 0x200 != 0, read_only & 0x1 != 0) {
                (true, _) => Backups::Named([word(bytes, 0x24c), word(bytes, 0x250)]),
                (false, true) => Backups::Sparse,
                (false, false) => Backups::All,
            },
        };
        superblock.check_numbers(partition_len)?;
        Ok(superblock)
    }

    pub(super) fn groups(&self) -> u64 {
        (self.blocks - self.first_data_block).div_ceil(self.blocks_per_group)
    }

    pub(super) fn group_blocks(&self, group: u64) -> Range<u64> {
        let start = self.first_data_block + group * self.blocks_per_group;
        start..(start + self.blocks_per_group).min(self.blocks)
    }

    pub(super) fn descriptor_blocks(&self) -> u64 {
        (self.groups() * self.descriptor_size).div_ceil(self.block_size)
    }

    pub(super) fn inode_table_blocks(&self) -> u64 {
        (self.inodes_per_group * self.inode_size).div_ceil(self.block_size)
    }

    pub(super) fn has_backup(&self, group: u64) -> bool {
        let is_power_of = |base: u64| {
            let mut power = base;
            while power < group {
                power *= base;
            }
            power == group
        };
        match self.backups {
            Backups::All => true,
            Backups::Sparse => group <= 1 || [3, 5, 7].into_iter().any(is_power_of),
            Backups::Named(named) => group == 0 || named.contains(&group),
        }
    }

    fn check_numbers(&self, partition_len: u64) -> Result<(), String> {
        let in_partition =
            self.blocks.checked_mul(self.block_size).is_some_and(|length| length <= partition_len);
        let bounds = [
            ("blocks", self.blocks, 8, MAX_BLOCKS),
            ("first data block", self.first_data_block, 0, 1),
            // A bitmap is one block: eight blocks for each of its bytes.
            ("blocks per group", self.blocks_per_group, 8, 8 * self.block_size),
            ("inodes per group", self.inodes_per_group, 1, 8 * self.block_size),
            ("bytes per inode", self.inode_size, 128, self.block_size),
            ("bytes per group descriptor", self.descriptor_size, 32, 64),
        ];
        for (what, got, min, max) in bounds {
            if !(min..=max).contains(&got) {
                return Err(format!("its superblock says {got} {what}"));
            }
        }
        if !self.descriptor_size.is_power_of_two() || !self.blocks_per_group.is_multiple_of(8) {
            return Err("its superblock has odd sizes".to_owned());
        }
        if self.groups() > MAX_GROUPS {
            return Err(format!("it has {} block groups, more than {MAX_GROUPS}", self.groups()));
        }
        if !in_partition {
            return Err(format!(
                "it has {} blocks of {} bytes, more than the partition holds",
                self.blocks, self.block_size
            ));
        }
        Ok(())
    }
}

fn check_features(bytes: &[u8; 1024], incompatible: u64, read_only: u64) -> Result<(), String> {
    // EXT4_FEATURE_INCOMPAT_RECOVER, JOURNAL_DEV, META_BG; EXT4_FEATURE_RO_COMPAT_BIGALLOC.
    for (feature, reason) in [
        (
            incompatible & 0x4,
            "its journal was not replayed: mount or check it once before importing",
        ),
        (incompatible & 0x8, "it is the journal of another file system"),
        (incompatible & 0x10, "its descriptors are spread (meta_bg), which is not supported yet"),
        (read_only & 0x200, "its bitmaps are by cluster (bigalloc), which is not supported yet"),
    ] {
        if feature != 0 {
            return Err(reason.to_owned());
        }
    }
    let unknown = incompatible & !KNOWN_INCOMPATIBLE;
    if unknown != 0 {
        return Err(format!("it has incompatible features {unknown:#x}, which are not known here"));
    }
    if half(bytes, 0x38) != 0xef53 {
        return Err("it has no superblock".to_owned());
    }
    match half(bytes, 0x3a) {
        1 => Ok(()),
        state => {
            Err(format!("it was not cleanly unmounted (state {state}): check it before importing"))
        }
    }
}

fn word32(bytes: &[u8; 1024], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
