//! The OS image: a signed manifest that says what every byte of every partition is, chunks named by their hash,
//! and the writer that puts them on a verified drive.
//!
//! In the order of the data: [`Manifest::parse`] checks a manifest, [`Layout::new`] places it on the real disk,
//! [`Writer::put`] checks and writes one chunk, [`Writer::read_back`] reads all of it again, and only the value
//! that comes of that, [`ReadBack`], can make the disk bootable. [`Manifest::check_installable`] says beforehand whether
//! an agent can go that way to its end. Signatures are the caller's: this crate handles the
//! payload of an envelope of type [`MANIFEST_TYPE`].

#![forbid(unsafe_code)]

mod buffer;
pub mod chunk;
mod digest;
mod extents;
mod guid;
mod installable;
mod layout;
mod manifest;
mod write;

pub use buffer::AlignedBuffer;
pub use digest::{ChunkId, StoredHash};
pub use extents::{CHUNK_WINDOW, ProvenZero, windows};
pub use guid::{Guid, ParseGuidError};
pub use installable::{MAX_ENVELOPE_LEN, NotInstallable};
pub use layout::{
    FIRST_MIB, Layout, LayoutError, PlacedPartition, TABLE_SECTORS, backup_table_len,
};
pub use manifest::{
    Boot, BootCode, ChunkRecord, Content, Document, Encoding, Extent, FORMAT_VERSION, Fault,
    FileSystem, FileSystemKind, FirstMib, Guids, MANIFEST_TYPE, MAX_CHUNKS, MAX_DISK_LEN,
    MAX_EXTENTS, MAX_MANIFEST_LEN, MAX_PARTITIONS, Manifest, ManifestError, Partition,
    PartitionRole, Piece, Place, SourceKind, UsedMap,
};
pub use write::{
    BlockTarget, Bootable, Mismatch, MismatchCause, ReadBack, WriteError, WriteProgress,
    WriteReport, Writer, make_unbootable,
};

/// Whether every byte is zero. One `memcmp` of the bytes with themselves moved by one: at full memory speed in
/// every build profile.
pub fn is_zero(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [first, rest @ ..] => *first == 0 && bytes[..rest.len()] == *rest,
    }
}
