//! Which bytes of an ext2, ext3 or ext4 file system are in use, by its own block bitmaps
//! (kernel documentation, filesystems/ext4: "Super Block", "Block Group Descriptors").
//!
//! Whatever is not understood, or does not agree with itself, is an error with the reason: the caller then copies
//! every byte that is not zero, and says so.

use std::ops::Range;

use super::bitmap::BlockMap;
use super::source::Part;

mod crc32c;
mod superblock;

use superblock::Superblock;

/// Descriptor flag: the bitmap was never written, only metadata is in use.
const BLOCK_UNINIT: u16 = 0x2;

/// A group of blocks.
struct Group {
    index: u64,
    blocks: Range<u64>,
    bitmap: u64,
    flags: u16,
    free: u64,
    checksum: u32,
}

/// Byte ranges of the partition that are in use, in order. What lies behind the file system counts as used.
///
/// # Errors
/// A sentence: why the bitmaps cannot be used.
pub(super) fn used_ranges(part: Part<'_>) -> Result<Vec<Range<u64>>, String> {
    let superblock = Superblock::read(part)?;
    let block_size = superblock.block_size;
    let mut used = BlockMap::new(superblock.blocks).ok_or("it has too many blocks")?;
    (0..superblock.first_data_block).for_each(|block| used.set(block));
    let groups = read_groups(part, &superblock, &mut used)?;
    let mut bitmap = vec![0; usize::try_from(block_size).map_err(|error| error.to_string())?];
    for group in &groups {
        if group.flags & BLOCK_UNINIT == 0 {
            take_bitmap(part, &superblock, group, &mut bitmap, &mut used)?;
        }
        let used_blocks = group.blocks.clone().filter(|block| used.is_set(*block)).count() as u64;
        let length = group.blocks.end - group.blocks.start;
        if used_blocks + group.free != length {
            return Err(format!(
                "group {} says that {} of {length} blocks are free, its bitmap has {} free",
                group.index,
                group.free,
                length - used_blocks
            ));
        }
    }
    let mut ranges: Vec<_> =
        used.runs().into_iter().map(|run| run.start * block_size..run.end * block_size).collect();
    let end = superblock.blocks * block_size;
    if end < part.len {
        match ranges.last_mut() {
            Some(last) if last.end == end => last.end = part.len,
            _ => ranges.push(end..part.len),
        }
    }
    Ok(ranges)
}

/// Reads the descriptors, and marks all metadata that they and the superblock name.
fn read_groups(
    part: Part<'_>,
    superblock: &Superblock,
    used: &mut BlockMap,
) -> Result<Vec<Group>, String> {
    let size = superblock.descriptor_size;
    let count = superblock.groups();
    let table_len = usize::try_from(count * size).map_err(|error| error.to_string())?;
    let mut table = vec![0; table_len];
    let table_at = (superblock.first_data_block + 1) * superblock.block_size;
    part.read_exact(&mut table, table_at)
        .map_err(|error| format!("its {count} group descriptors cannot be read: {error}"))?;
    let descriptors = table.chunks_exact(usize::try_from(size).map_err(|error| error.to_string())?);
    let mut groups = Vec::with_capacity(descriptors.len());
    for (index, descriptor) in (0..).zip(descriptors) {
        let blocks = superblock.group_blocks(index);
        if superblock.has_backup(index) {
            let metadata =
                1 + superblock.descriptor_blocks() + superblock.reserved_descriptor_blocks;
            let end = (blocks.start + metadata).min(blocks.end);
            (blocks.start..end).for_each(|block| used.set(block));
        }
        let wide = size >= 64;
        let bitmap = number(descriptor, 0x00, 0x20, wide);
        for (at, high, length) in
            [(0x00, 0x20, 1), (0x04, 0x24, 1), (0x08, 0x28, superblock.inode_table_blocks())]
        {
            let start = number(descriptor, at, high, wide);
            let end = start.saturating_add(length);
            if start < superblock.first_data_block || end > superblock.blocks {
                return Err(format!("group {index} has its metadata at block {start}, outside"));
            }
            (start..end).for_each(|block| used.set(block));
        }
        groups.push(Group {
            index,
            blocks,
            bitmap,
            flags: if superblock.has_group_checksums { half(descriptor, 0x12) } else { 0 },
            free: u64::from(half(descriptor, 0x0c))
                | if wide { u64::from(half(descriptor, 0x2c)) << 16 } else { 0 },
            checksum: u32::from(half(descriptor, 0x18))
                | if wide { u32::from(half(descriptor, 0x38)) << 16 } else { 0 },
        });
    }
    Ok(groups)
}

fn take_bitmap(
    part: Part<'_>,
    superblock: &Superblock,
    group: &Group,
    bitmap: &mut [u8],
    used: &mut BlockMap,
) -> Result<(), String> {
    part.read_exact(bitmap, group.bitmap * superblock.block_size).map_err(|error| {
        format!("the block bitmap of group {} cannot be read: {error}", group.index)
    })?;
    if let Some(seed) = superblock.checksum_seed {
        let covered = usize::try_from(superblock.blocks_per_group / 8).unwrap_or(usize::MAX);
        let covered = &bitmap[..covered.min(bitmap.len())];
        let mask = if superblock.descriptor_size >= 64 { u32::MAX } else { 0xffff };
        if (crc32c::crc32c(seed, covered) ^ group.checksum) & mask != 0 {
            return Err(format!("the block bitmap of group {} has a wrong checksum", group.index));
        }
    }
    for (block, bit) in group.blocks.clone().zip(0usize..) {
        let in_bitmap = bitmap[bit / 8] >> (bit % 8) & 1 == 1;
        if in_bitmap {
            used.set(block);
        } else if used.is_set(block) {
            return Err(format!(
                "the block bitmap of group {} has the metadata in block {block} as free",
                group.index
            ));
        }
    }
    Ok(())
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from(half(bytes, at)) | u64::from(half(bytes, at + 2)) << 16
}

/// A block number whose upper half stands elsewhere, in wide descriptors.
fn number(bytes: &[u8], low: usize, high: usize, wide: bool) -> u64 {
    word(bytes, low) | if wide { word(bytes, high) << 32 } else { 0 }
}
