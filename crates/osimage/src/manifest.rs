//! The manifest, version 1: JSON that says what every byte of every partition is.
//!
//! [`Document`] is what was written; [`Manifest`] is what was checked. Everything after parsing takes the latter.

mod check;

use std::fmt;

use protocol::{ByteLen, ImageId, SectorSize};
use serde::{Deserialize, Serialize};

use crate::digest::{ChunkId, StoredHash};
use crate::extents::windows;
use crate::guid::Guid;

pub use check::{Fault, ManifestError, Place};

/// DSSE payload type of a manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.rehome.manifest.v1+json";
/// The only version there is.
pub const FORMAT_VERSION: u32 = 1;
/// A longer manifest is not read, in bytes: about 280,000 chunks, 1.1 TB of content.
pub const MAX_MANIFEST_LEN: usize = 64 << 20;
/// More chunks are refused.
pub const MAX_CHUNKS: usize = 300_000;
/// More extents, over all partitions, are refused.
pub const MAX_EXTENTS: usize = 600_000;
/// Entries of the partition table.
pub const MAX_PARTITIONS: u32 = 128;
/// Larger disks are refused, in bytes: no sum of offsets below it overflows.
pub const MAX_DISK_LEN: u64 = 1 << 60;

/// A manifest as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// What it is called in commands: `a-z`, `0-9`, `.`, `_`, `-`, at most 64.
    pub name: String,
    /// What it is called on screens, at most 200 characters.
    pub title: String,
    /// When it was imported, seconds since 1970-01-01 UTC.
    pub created: u64,
    /// What it was made from.
    pub source: SourceKind,
    /// Logical sectors of the source: offsets and lengths are multiples of it.
    pub sector_size_of_source: SectorSize,
    /// The smallest disk it can be written to.
    pub min_disk_size: ByteLen,
    /// How it can boot.
    pub boot: Boot,
    /// Whether a written disk gets its own GUIDs.
    pub guids: Guids,
    /// GUID of the source's disk.
    pub disk_guid: Guid,
    /// What the first MiB holds beside the partition table.
    pub first_mib: FirstMib,
    /// In the order of the disk.
    pub partitions: Vec<Partition>,
    /// Each chunk once; extents name them by position.
    pub chunks: Vec<ChunkRecord>,
}

/// What an image was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A raw disk with a GUID partition table.
    RawDisk,
}

/// How an image can boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// It has boot code in the first sector.
    pub bios: bool,
    /// It has an EFI system partition.
    pub uefi: bool,
}

/// Whether a written disk gets its own GUIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guids {
    /// Disk and partitions get fresh ones: no two laptops share them.
    Fresh,
    /// As in the manifest, for systems that find their root by `PARTUUID=`.
    Keep,
}

/// What the first MiB holds beside the partition table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstMib {
    /// Code that a BIOS starts; zeros where there is none.
    pub boot_code: BootCode,
}

/// The first 440 bytes of the disk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BootCode(Box<[u8; 440]>);

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Its place in the table, from 1.
    pub number: u32,
    /// What it is for.
    pub role: PartitionRole,
    /// Its type.
    pub type_guid: Guid,
    /// Its own GUID in the source.
    pub guid: Guid,
    /// Its attribute bits (UEFI 2.10, section 5.3.3).
    pub attributes: u64,
    /// Its name in the table, at most 36 UTF-16 units.
    pub name: String,
    /// Where it starts on the disk, in bytes, not below 1 MiB: boot code finds its next stage by absolute sectors, so
    /// partitions stay where they were.
    pub start: u64,
    /// Its size in the source.
    pub size: ByteLen,
    /// Whether it takes the rest of a larger disk. Only the last may.
    pub grow: bool,
    /// What it holds, where that was recognized.
    pub file_system: Option<FileSystem>,
    /// How it was found out which blocks are in use.
    pub used_map: UsedMap,
    /// Relative to the partition, in order, without gap or overlap, from 0 to `size`.
    pub extents: Vec<Extent>,
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionRole {
    /// EFI system partition.
    Esp,
    /// Where GRUB keeps its core image for BIOS.
    BiosBoot,
    /// Root of the operating system: personalized.
    Root,
    /// Anything else: written as it is.
    Data,
}

/// A file system that was recognized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    /// Which.
    pub kind: FileSystemKind,
    /// Its UUID or serial as its tools print it.
    pub uuid: String,
    /// Why the agent's kernel would not mount or grow it, where that was seen. Manifests before there was this field
    /// say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

/// Kinds of file system that are recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileSystemKind {
    /// Second extended file system.
    Ext2,
    /// With a journal.
    Ext3,
    /// With extents or another feature of its own.
    Ext4,
    /// FAT of any width.
    Fat,
    /// Linux swap space.
    Swap,
}

/// How it was found out which blocks are in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", deny_unknown_fields)]
pub enum UsedMap {
    /// The file system's own block bitmaps.
    BlockBitmap {},
    /// Every byte counts as used; runs of zeros are zeros.
    ZeroScan {
        /// Why not by the file system's own map.
        reason: String,
    },
}

/// A run of bytes of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// From the partition's start, in bytes.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
    /// What is there.
    pub content: Content,
}

/// What an extent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// One chunk per 4 MiB window that the extent touches, by position in the chunk table.
    Data(Vec<u32>),
    /// In use and zero: must read as zeros.
    Zero,
    /// Not in use: whatever is there may stay.
    Unused,
}

/// A chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkRecord {
    /// BLAKE3 of the plain bytes.
    pub id: ChunkId,
    /// BLAKE3 of the stored bytes; also its name in the store.
    pub stored: StoredHash,
    /// Plain bytes, at most [`crate::CHUNK_WINDOW`].
    pub plain_len: u32,
    /// Stored bytes: fewer than the plain ones if compressed, else as many.
    pub stored_len: u32,
    /// How it is stored.
    pub encoding: Encoding,
}

/// How a chunk is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// One Zstandard frame (RFC 8878).
    Zstd,
    /// As it is, where compression gains nothing.
    Raw,
}

/// A manifest that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    id: ImageId,
    payload_len: usize,
    document: Document,
}

/// One chunk at one place of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Position in the chunk table.
    pub chunk: u32,
    /// Position in [`Manifest::partitions`].
    pub partition: usize,
    /// From the partition's start, in bytes.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
}

impl Manifest {
    /// Reads and checks the payload of a manifest's envelope. Hostile bytes are expected.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let document = check::parse(bytes)?;
        let id = ImageId::from_bytes(*blake3::hash(bytes).as_bytes());
        Ok(Self { id, payload_len: bytes.len(), document })
    }

    /// Checks a document and writes it as the bytes to be signed.
    ///
    /// # Errors
    /// What [`Manifest::parse`] would say of those bytes.
    pub fn seal(document: &Document) -> Result<(Self, Vec<u8>), ManifestError> {
        let bytes = serde_json::to_vec(document).map_err(ManifestError::Json)?;
        Ok((Self::parse(&bytes)?, bytes))
    }

    /// BLAKE3 of the manifest's bytes.
    pub fn id(&self) -> ImageId {
        self.id
    }

    /// How long it is before it is signed, in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// All that it says.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// In the order of the disk.
    pub fn partitions(&self) -> &[Partition] {
        &self.document.partitions
    }

    /// The chunk table.
    pub fn chunks(&self) -> &[ChunkRecord] {
        &self.document.chunks
    }

    /// The partition of that role, if there is one. There is never more than one but for [`PartitionRole::Data`].
    pub fn partition(&self, role: PartitionRole) -> Option<&Partition> {
        self.document.partitions.iter().find(|partition| partition.role == role)
    }

    /// Every place of every chunk, in the order of the disk.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.document.partitions.iter().enumerate().flat_map(|(partition, described)| {
            described.extents.iter().flat_map(move |extent| pieces_of(partition, extent))
        })
    }

    /// Bytes to fetch: every chunk once, as stored.
    pub fn stored_len(&self) -> ByteLen {
        ByteLen(self.document.chunks.iter().map(|chunk| u64::from(chunk.stored_len)).sum())
    }

    /// Bytes of data to write, every place of a chunk counted.
    pub fn data_len(&self) -> ByteLen {
        ByteLen(self.pieces().map(|piece| piece.length).sum())
    }
}

fn pieces_of(partition: usize, extent: &Extent) -> impl Iterator<Item = Piece> {
    let chunks: &[u32] = match &extent.content {
        Content::Data(chunks) => chunks,
        Content::Zero | Content::Unused => &[],
    };
    chunks.iter().zip(windows(extent.offset, extent.length)).map(move |(&chunk, window)| Piece {
        chunk,
        partition,
        offset: window.start,
        length: window.end - window.start,
    })
}

impl BootCode {
    /// How long it is, in bytes.
    pub const LEN: usize = 440;

    /// Takes the code as it is.
    pub fn new(code: [u8; Self::LEN]) -> Self {
        Self(Box::new(code))
    }

    /// The code.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        crate::is_zero(&self.0[..])
    }
}

impl TryFrom<String> for BootCode {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut code = Box::new([0; Self::LEN]);
        hex::decode_to_slice(text, &mut code[..])
            .map_err(|_| format!("expected {} hexadecimal digits of boot code", 2 * Self::LEN))?;
        Ok(Self(code))
    }
}

impl From<BootCode> for String {
    fn from(code: BootCode) -> Self {
        hex::encode(&code.0[..])
    }
}

impl fmt::Debug for BootCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootCode({}…)", hex::encode(&self.0[..8]))
    }
}

impl fmt::Display for PartitionRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Esp => "EFI system partition",
            Self::BiosBoot => "BIOS boot partition",
            Self::Root => "root",
            Self::Data => "data",
        })
    }
}
