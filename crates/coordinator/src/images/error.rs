//! What can go wrong with images.

use std::io;
use std::path::{Path, PathBuf};

use evidence::EnvelopeError;
use osimage::ManifestError;
use osimage::chunk::ChunkError;
use protocol::{ByteLen, ImageId};

/// Why something could not be done with an image. Nothing half done is left in the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("{operation} {}", .path.display())]
    File {
        operation: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{operation} {}: the disk is full, {free_bytes} bytes ({}) are free: remove images or make room, then start again",
        .path.display(), ByteLen(*.free_bytes)
    )]
    DiskFull { operation: &'static str, path: PathBuf, free_bytes: u64 },
    #[error("another image command is at work in {}: wait for it to end", .store.display())]
    Busy { store: PathBuf },
    #[error("there is no image {wanted:?}: `rehome image list` shows those there are")]
    NoSuchImage { wanted: String },
    #[error("{wanted:?} is the beginning of {count} image ids: give more digits")]
    Ambiguous { wanted: String, count: usize },
    #[error(
        "there is already an image {name:?} ({id}): choose another name, or remove that one first"
    )]
    NameTaken { name: String, id: ImageId },
    #[error("image {image} is in use: {by}")]
    InUse { image: ImageId, by: String },
    #[error("the manifest {} is not signed by this site's key or is damaged: import the image again", .path.display())]
    Envelope {
        path: PathBuf,
        #[source]
        source: EnvelopeError,
    },
    #[error("the manifest in {} cannot be used", .path.display())]
    Manifest {
        path: PathBuf,
        #[source]
        source: ManifestError,
    },
    #[error("the manifest in {} is that of image {got}", .path.display())]
    Misnamed { path: PathBuf, got: ImageId },
    #[error("what was read cannot be described as an image")]
    Describe(#[source] ManifestError),
    #[error("refusing {}: {reason}", .path.display())]
    Refused { path: PathBuf, reason: String },
    #[error("refusing partition {number} of {}: {reason}", .path.display())]
    RefusedPartition { path: PathBuf, number: u32, reason: String },
    #[error(
        "{missing} of the {count} chunks of image {name} are missing or cut short: `rehome image check` names them, and \
         adding the image again brings them back"
    )]
    Incomplete { name: String, missing: usize, count: usize },
    #[error("{chunks} chunks and {manifests} manifests are bad; add those images again")]
    NotGood { chunks: usize, manifests: usize },
    #[error("making a chunk")]
    Chunk(#[source] ChunkError),
    #[error("starting a thread for compression")]
    Thread(#[source] io::Error),
    #[error("a thread that compresses ended early")]
    WorkerDied,
}

/// An error at a path. A full disk is told apart, because a person can do something about it.
pub(super) fn at(operation: &'static str, path: &Path, source: io::Error) -> ImageError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let free_bytes = free_bytes(&path);
            ImageError::DiskFull { operation, path, free_bytes }
        }
        _ => ImageError::File { operation, path, source },
    }
}

/// Bytes that are free where `path` is or would be; 0 if nobody knows, which is near enough on a full disk.
fn free_bytes(path: &Path) -> u64 {
    path.ancestors()
        .find_map(|folder| nix::sys::statvfs::statvfs(folder).ok())
        .map_or(0, |space| space.blocks_available().saturating_mul(space.fragment_size()))
}
