//! Whether an agent can make an image a machine's own. Decided by the manifest alone, so that it can be said before
//! anything is wiped.

use crate::manifest::{Document, FileSystemKind, Manifest, PartitionRole, UsedMap};

/// An agent reads no longer answer than this for a manifest in its envelope, in bytes.
pub const MAX_ENVELOPE_LEN: usize = 64 << 20;
/// Of an envelope, what is not the payload in base64: types, key, signature. A few hundred bytes, in truth.
const ENVELOPE_FRAME: usize = 4096;
/// Drives with other sectors get no image so far, in bytes.
const SECTOR_SIZE: u32 = 512;

/// Why no agent could install an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInstallable {
    /// There is nothing to personalize.
    #[error(
        "it has no root partition that could get a name, keys and the drive's whole size; if one of its partitions \
         is the root, add the image again and name it with --root NUMBER"
    )]
    NoRoot,
    /// The root is something else than ext4.
    #[error(
        "its root, partition {number}, holds {}, and only ext4 can be given a name, keys and the drive's whole size; \
         make the system on ext4 and add the image again", said(.kind.as_ref())
    )]
    RootIsNotExt4 {
        /// Its number.
        number: u32,
        /// What was recognized there.
        kind: Option<FileSystemKind>,
    },
    /// The kernel would not mount or grow the root.
    #[error(
        "its root, partition {number}, could not be mounted and grown on the laptop: {reason}; make that file system \
         anew without it and add the image again"
    )]
    RootRefused {
        /// Its number.
        number: u32,
        /// What the kernel would object to.
        reason: String,
    },
    /// Whoever imported the root could not believe its own maps.
    #[error(
        "its root, partition {number}, could not be looked through ({reason}), so nobody knows whether it can be \
         mounted and grown on the laptop; run `e2fsck -f` on that partition and add the image again"
    )]
    RootNotUnderstood {
        /// Its number.
        number: u32,
        /// What was in the way.
        reason: String,
    },
    /// Another sector size than the drives'.
    #[error(
        "it was made for sectors of {got} bytes, and so far only drives with those of {SECTOR_SIZE} get an image; \
         make it on a disk with {SECTOR_SIZE}-byte sectors"
    )]
    SectorSize {
        /// In bytes.
        got: u32,
    },
    /// Longer than agents read.
    #[error(
        "its signed manifest has some {len} bytes, and agents read no more than {MAX_ENVELOPE_LEN}: make an image \
         with less in it"
    )]
    TooLong {
        /// In bytes.
        len: usize,
    },
}

impl Manifest {
    /// Whether an agent can fetch it, place it, mount and grow its root and write settings there. Whether a drive is
    /// large enough is another question, asked for each machine.
    ///
    /// # Errors
    /// The first thing that is in the way, and what to do.
    pub fn check_installable(&self) -> Result<(), NotInstallable> {
        check_len(self.payload_len())?;
        check(self.document())
    }
}

fn check_len(payload_len: usize) -> Result<(), NotInstallable> {
    let len = payload_len.div_ceil(3) * 4 + ENVELOPE_FRAME;
    if len > MAX_ENVELOPE_LEN { Err(NotInstallable::TooLong { len }) } else { Ok(()) }
}

fn check(document: &Document) -> Result<(), NotInstallable> {
    let got = document.sector_size_of_source.bytes();
    if got != SECTOR_SIZE {
        return Err(NotInstallable::SectorSize { got });
    }
    let root = document.partitions.iter().find(|it| it.role == PartitionRole::Root);
    let root = root.ok_or(NotInstallable::NoRoot)?;
    let number = root.number;
    let file_system = root.file_system.as_ref();
    let Some(ext4) = file_system.filter(|it| it.kind == FileSystemKind::Ext4) else {
        let kind = file_system.map(|it| it.kind);
        return Err(NotInstallable::RootIsNotExt4 { number, kind });
    };
    if let Some(reason) = ext4.obstacle.clone() {
        return Err(NotInstallable::RootRefused { number, reason });
    }
    match &root.used_map {
        UsedMap::BlockBitmap {} => Ok(()),
        UsedMap::ZeroScan { reason } => {
            Err(NotInstallable::RootNotUnderstood { number, reason: reason.clone() })
        }
    }
}

fn said(kind: Option<&FileSystemKind>) -> &'static str {
    match kind {
        None => "no file system that is known here",
        Some(FileSystemKind::Ext2) => "ext2",
        Some(FileSystemKind::Ext3) => "ext3",
        Some(FileSystemKind::Ext4) => "ext4",
        Some(FileSystemKind::Fat) => "FAT",
        Some(FileSystemKind::Swap) => "swap space",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_would_not_read_to_its_end_is_too_long() {
        let longest = (MAX_ENVELOPE_LEN - ENVELOPE_FRAME) / 4 * 3;
        assert_eq!(check_len(longest), Ok(()));
        let len = MAX_ENVELOPE_LEN + 4;
        assert_eq!(check_len(longest + 1), Err(NotInstallable::TooLong { len }));
    }
}
