//! What a manifest must be before anything believes it.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;

use super::{
    Content, Document, Encoding, Extent, FORMAT_VERSION, MAX_CHUNKS, MAX_DISK_LEN, MAX_EXTENTS,
    MAX_MANIFEST_LEN, MAX_PARTITIONS, Partition, PartitionRole,
};
use crate::extents::{CHUNK_WINDOW, windows};
use crate::layout::{FIRST_MIB, backup_table_len};

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not read at all.
    #[error("the manifest has {len} bytes, more than the {MAX_MANIFEST_LEN} that are read")]
    TooLong {
        /// In bytes.
        len: usize,
    },
    /// Not the JSON of a manifest.
    #[error("reading the manifest")]
    Json(#[source] serde_json::Error),
    /// Made for another version of this program.
    #[error(
        "the manifest has version {got}, this program reads version {FORMAT_VERSION}: update it or import the image again"
    )]
    Version {
        /// What it says.
        got: u64,
    },
    /// It says something that cannot be.
    #[error("the manifest is refused at {place}: {fault}")]
    Refused {
        /// Where.
        place: Place,
        /// What.
        fault: Fault,
    },
}

/// Where something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The image as a whole.
    Image,
    /// The partition of that number.
    Partition(u32),
    /// An extent.
    Extent {
        /// Number of its partition.
        partition: u32,
        /// Position in the partition's list, from 0.
        index: usize,
    },
    /// Position in the chunk table, from 0.
    Chunk(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => write!(f, "its head"),
            Self::Partition(number) => write!(f, "partition {number}"),
            Self::Extent { partition, index } => {
                write!(f, "extent {index} of partition {partition}")
            }
            Self::Chunk(index) => write!(f, "chunk {index}"),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not a name.
    #[error(
        "the name {0:?} is not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
    )]
    Name(String),
    /// Not a title.
    #[error("the title is longer than 200 characters or holds control characters")]
    Title,
    /// No partitions at all, or too many.
    #[error("{got} {what}, of which there may be 1 to {max}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        got: usize,
        /// How many there may be.
        max: usize,
    },
    /// A number of the table that there is not, or twice.
    #[error("the partition number is not 1 to {MAX_PARTITIONS}, or is taken twice")]
    Number,
    /// Two that must differ do not.
    #[error("its {0} is that of another")]
    Twice(&'static str),
    /// The zero GUID marks unused entries.
    #[error("a GUID is zero")]
    NilGuid,
    /// The name does not fit the table.
    #[error("its name is longer than 36 UTF-16 units or holds control characters")]
    PartitionName,
    /// Not whole sectors.
    #[error("{what} is {got} bytes, not a multiple of the {sector_size}-byte sector")]
    Unaligned {
        /// Of what.
        what: &'static str,
        /// In bytes.
        got: u64,
        /// In bytes.
        sector_size: u32,
    },
    /// Over the edge of a disk or of its own partition.
    #[error("{start} + {length} bytes is not within {from} to {to}")]
    OutOfRange {
        /// In bytes.
        start: u64,
        /// In bytes.
        length: u64,
        /// First byte that is allowed.
        from: u64,
        /// First byte that is not.
        to: u64,
    },
    /// It begins before the one before it ends.
    #[error("it begins at byte {start}, but what is before it ends at {end}: they overlap")]
    Overlap {
        /// Where it begins.
        start: u64,
        /// Where the one before it ends.
        end: u64,
    },
    /// Bytes of which nothing is said.
    #[error(
        "it begins at byte {start}, but what is before it ends at {end}: nothing is said of what lies between"
    )]
    Gap {
        /// Where it begins.
        start: u64,
        /// Where the one before it ends.
        end: u64,
    },
    /// Only the last partition has room behind it.
    #[error("it is to grow, but is not the last partition")]
    GrowNotLast,
    /// A list of chunks that does not fit its extent.
    #[error("it names {got} chunks, but touches {wanted} windows")]
    ChunkCount {
        /// How many are named.
        got: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// There is no such chunk.
    #[error("it names chunk {index} of {count}")]
    NoSuchChunk {
        /// What is named.
        index: u32,
        /// How many there are.
        count: usize,
    },
    /// A chunk of another length than its window.
    #[error("chunk {index} has {got} bytes, the window has {wanted}")]
    ChunkLength {
        /// Which.
        index: u32,
        /// Its length.
        got: u32,
        /// The window's.
        wanted: u64,
    },
    /// Lengths that no encoder gives.
    #[error("{plain_len} plain and {stored_len} stored bytes cannot be for encoding {encoding:?}")]
    ChunkLengths {
        /// Plain bytes.
        plain_len: u32,
        /// Stored bytes.
        stored_len: u32,
        /// How it is stored.
        encoding: Encoding,
    },
    /// Stored as it is, yet under another hash.
    #[error("it is stored as it is, but its two hashes differ")]
    RawHashes,
    /// Nothing needs it.
    #[error("no extent names it")]
    Unreferenced,
    /// The smallest disk cannot hold it.
    #[error("the smallest disk is given as {got} bytes, but the partitions need {needed}")]
    MinDiskSize {
        /// What it says.
        got: u64,
        /// What it needs.
        needed: u64,
    },
    /// It says that it boots, without what is needed for it.
    #[error("it is said to boot with {firmware}, but has no {missing}")]
    Boot {
        /// Which firmware.
        firmware: &'static str,
        /// What it lacks.
        missing: &'static str,
    },
}

/// The version is read before the rest: what another version holds is not ours to judge.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Document, ManifestError> {
    if bytes.len() > MAX_MANIFEST_LEN {
        return Err(ManifestError::TooLong { len: bytes.len() });
    }
    let versioned: Versioned = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
    if versioned.version != u64::from(FORMAT_VERSION) {
        return Err(ManifestError::Version { got: versioned.version });
    }
    let document: Document = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
    check_head(&document)?;
    check_chunks(&document)?;
    let mut referenced = vec![false; document.chunks.len()];
    check_partitions(&document, &mut referenced)?;
    if let Some(index) = referenced.iter().position(|referenced| !referenced) {
        return refuse(Place::Chunk(index), Fault::Unreferenced);
    }
    Ok(document)
}

fn refuse<T>(place: Place, fault: Fault) -> Result<T, ManifestError> {
    Err(ManifestError::Refused { place, fault })
}

fn require(holds: bool, place: Place, fault: impl FnOnce() -> Fault) -> Result<(), ManifestError> {
    if holds { Ok(()) } else { refuse(place, fault()) }
}

fn check_head(document: &Document) -> Result<(), ManifestError> {
    let name = &document.name;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    require(
        name.len() <= 64
            && name.bytes().next().is_some_and(plain)
            && name.bytes().all(|byte| plain(byte) || b"._-".contains(&byte)),
        Place::Image,
        || Fault::Name(name.chars().take(80).collect()),
    )?;
    let title = &document.title;
    let fits = title.chars().count() <= 200 && !title.contains(char::is_control);
    require(fits, Place::Image, || Fault::Title)?;
    let extents = document.partitions.iter().map(|partition| partition.extents.len()).sum();
    let partitions = document.partitions.len();
    // There is never less than one extent where there is a partition; an image of zeros has no chunk at all.
    for (what, got, min, max) in [
        ("partitions", partitions, 1, MAX_PARTITIONS as usize),
        ("extents", extents, 1, MAX_EXTENTS),
        ("chunks", document.chunks.len(), 0, MAX_CHUNKS),
    ] {
        let fits = (min..=max).contains(&got);
        require(fits, Place::Image, || Fault::Count { what, got, max })?;
    }
    Ok(())
}

fn check_chunks(document: &Document) -> Result<(), ManifestError> {
    let sector_size = document.sector_size_of_source.bytes();
    let mut ids = HashSet::new();
    let mut stored = HashSet::new();
    for (index, chunk) in document.chunks.iter().enumerate() {
        let place = Place::Chunk(index);
        let (plain_len, stored_len) = (chunk.plain_len, chunk.stored_len);
        let encoded = match chunk.encoding {
            Encoding::Zstd => (1..plain_len).contains(&stored_len),
            Encoding::Raw => stored_len == plain_len,
        };
        require(encoded && (1..=CHUNK_WINDOW).contains(&u64::from(plain_len)), place, || {
            Fault::ChunkLengths { plain_len, stored_len, encoding: chunk.encoding }
        })?;
        aligned("its plain length", u64::from(plain_len), sector_size, place)?;
        let raw_fits =
            chunk.encoding != Encoding::Raw || chunk.id.as_bytes() == chunk.stored.as_bytes();
        require(raw_fits, place, || Fault::RawHashes)?;
        require(ids.insert(chunk.id), place, || Fault::Twice("id"))?;
        require(stored.insert(chunk.stored), place, || Fault::Twice("stored hash"))?;
    }
    Ok(())
}

fn check_partitions(document: &Document, referenced: &mut [bool]) -> Result<(), ManifestError> {
    let sector_size = document.sector_size_of_source.bytes();
    let mut numbers = HashSet::new();
    let mut guids = HashSet::from([document.disk_guid]);
    let mut roles = Vec::new();
    let mut end = FIRST_MIB;
    require(!document.disk_guid.is_nil(), Place::Image, || Fault::NilGuid)?;
    for (position, partition) in document.partitions.iter().enumerate() {
        let place = Place::Partition(partition.number);
        let fits = (1..=MAX_PARTITIONS).contains(&partition.number);
        require(fits && numbers.insert(partition.number), place, || Fault::Number)?;
        require(guids.insert(partition.guid), place, || Fault::Twice("GUID"))?;
        let nil = partition.guid.is_nil() || partition.type_guid.is_nil();
        require(!nil, place, || Fault::NilGuid)?;
        let name = &partition.name;
        let fits = name.encode_utf16().count() <= 36 && !name.contains(char::is_control);
        require(fits, place, || Fault::PartitionName)?;
        let role_is_free =
            partition.role == PartitionRole::Data || !roles.contains(&partition.role);
        require(role_is_free, place, || Fault::Twice("role"))?;
        roles.push(partition.role);
        let last = position + 1 == document.partitions.len();
        require(last || !partition.grow, place, || Fault::GrowNotLast)?;
        check_bounds(partition, end, sector_size)?;
        end = partition.start + partition.size.0;
        check_extents(document, partition, referenced)?;
    }
    let (got, needed) = (document.min_disk_size.0, end + backup_table_len(sector_size));
    let fits = (needed..=MAX_DISK_LEN).contains(&got);
    require(fits, Place::Image, || Fault::MinDiskSize { got, needed })?;
    let has = |role| roles.contains(&role);
    for (said, firmware, missing, there) in [
        (document.boot.uefi, "UEFI", "EFI system partition", has(PartitionRole::Esp)),
        (document.boot.bios, "BIOS", "boot code", !document.first_mib.boot_code.is_empty()),
    ] {
        require(there || !said, Place::Image, || Fault::Boot { firmware, missing })?;
    }
    Ok(())
}

fn check_bounds(
    partition: &Partition,
    previous_end: u64,
    sector_size: u32,
) -> Result<(), ManifestError> {
    let place = Place::Partition(partition.number);
    let (start, length) = (partition.start, partition.size.0);
    let within = start >= FIRST_MIB
        && length > 0
        && start.checked_add(length).is_some_and(|end| end <= MAX_DISK_LEN);
    require(within, place, || Fault::OutOfRange {
        start,
        length,
        from: FIRST_MIB,
        to: MAX_DISK_LEN,
    })?;
    require(start >= previous_end, place, || Fault::Overlap { start, end: previous_end })?;
    aligned("its start", start, sector_size, place)?;
    aligned("its size", length, sector_size, place)
}

fn check_extents(
    document: &Document,
    partition: &Partition,
    referenced: &mut [bool],
) -> Result<(), ManifestError> {
    let sector_size = document.sector_size_of_source.bytes();
    let mut end = 0;
    for (index, extent) in partition.extents.iter().enumerate() {
        let place = Place::Extent { partition: partition.number, index };
        let (start, length) = (extent.offset, extent.length);
        let to = partition.size.0;
        let within =
            length > 0 && start.checked_add(length).is_some_and(|extent_end| extent_end <= to);
        require(within, place, || Fault::OutOfRange { start, length, from: 0, to })?;
        require(start >= end, place, || Fault::Overlap { start, end })?;
        require(start == end, place, || Fault::Gap { start, end })?;
        aligned("its offset", start, sector_size, place)?;
        aligned("its length", length, sector_size, place)?;
        check_data(document, extent, place, referenced)?;
        end = start + length;
    }
    let fault = || Fault::Gap { start: partition.size.0, end };
    require(end == partition.size.0, Place::Partition(partition.number), fault)
}

fn check_data(
    document: &Document,
    extent: &Extent,
    place: Place,
    referenced: &mut [bool],
) -> Result<(), ManifestError> {
    let Content::Data(chunks) = &extent.content else { return Ok(()) };
    let first = extent.offset / CHUNK_WINDOW;
    let last = (extent.offset + extent.length - 1) / CHUNK_WINDOW;
    let wanted = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
    require(chunks.len() == wanted, place, || Fault::ChunkCount { got: chunks.len(), wanted })?;
    for (&index, window) in chunks.iter().zip(windows(extent.offset, extent.length)) {
        let count = document.chunks.len();
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(chunk) = document.chunks.get(position) else {
            return refuse(place, Fault::NoSuchChunk { index, count });
        };
        let wanted = window.end - window.start;
        let got = chunk.plain_len;
        require(u64::from(got) == wanted, place, || Fault::ChunkLength { index, got, wanted })?;
        referenced[position] = true;
    }
    Ok(())
}

fn aligned(
    what: &'static str,
    got: u64,
    sector_size: u32,
    place: Place,
) -> Result<(), ManifestError> {
    let fault = || Fault::Unaligned { what, got, sector_size };
    require(got.is_multiple_of(u64::from(sector_size)), place, fault)
}
