//! What a partition holds, by its signatures.

use osimage::{FileSystem, FileSystemKind, Guid};

use super::error::ImageError;
use super::source::Part;

/// So much is looked at, in bytes.
const HEAD_LEN: usize = 8192;

/// What was recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A file system.
    FileSystem(FileSystem),
    /// Nothing that is known: taken as it is.
    Unknown,
    /// Encrypted: an image of it would carry one key to every laptop. Says what it is.
    Encrypted(&'static str),
}

pub(super) fn probe(part: Part<'_>) -> Result<Content, ImageError> {
    let mut head = [0; HEAD_LEN];
    let len = HEAD_LEN.min(usize::try_from(part.len).unwrap_or(HEAD_LEN));
    part.read(&mut head[..len], 0)?;
    Ok(recognize(&head))
}

fn recognize(head: &[u8; HEAD_LEN]) -> Content {
    // The identifier of BitLocker To Go, where other FAT boot sectors have code.
    let to_go: Result<Guid, _> = "4967d63b-2e29-4ad8-8399-f6a339e3d001".parse();
    let is_to_go = to_go.is_ok_and(|to_go| head[424..440] == to_go.disk_bytes()[..]);
    if head.starts_with(b"LUKS\xba\xbe") || head.starts_with(b"SKUL\xba\xbe") {
        return Content::Encrypted("LUKS");
    }
    if &head[3..11] == b"-FVE-FS-" || is_to_go {
        return Content::Encrypted("BitLocker");
    }
    if head[1080..1082] == [0x53, 0xef] {
        return Content::FileSystem(extended(head));
    }
    if &head[4086..4096] == b"SWAPSPACE2" {
        return file_system(FileSystemKind::Swap, uuid(&head[1036..1052]));
    }
    if head[510..512] == [0x55, 0xaa] {
        for (name, serial_at) in [(82, 67), (54, 39)] {
            if head[name..name + 3] == *b"FAT" {
                let serial = [3, 2, 1, 0].map(|n| format!("{:02X}", head[serial_at + n]));
                let serial = format!("{}{}-{}{}", serial[0], serial[1], serial[2], serial[3]);
                return file_system(FileSystemKind::Fat, serial);
            }
        }
    }
    Content::Unknown
}

fn file_system(kind: FileSystemKind, uuid: String) -> Content {
    Content::FileSystem(FileSystem { kind, uuid, obstacle: None })
}

/// The superblock begins at 1,024; features tell the three apart as `blkid` does.
fn extended(head: &[u8; HEAD_LEN]) -> FileSystem {
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (compatible, incompatible, read_only) = (word(1116), word(1120), word(1124));
    // What ext3 knows: file types, recovery, meta groups; sparse superblocks, large files.
    let kind = if incompatible & !0x16 != 0 || read_only & !0x3 != 0 {
        FileSystemKind::Ext4
    } else if compatible & 0x4 != 0 {
        FileSystemKind::Ext3
    } else {
        FileSystemKind::Ext2
    };
    // EXT4_FEATURE_COMPAT_SPARSE_SUPER2, EXT4_FEATURE_COMPAT_HAS_JOURNAL without the inode of one.
    let obstacle = if word(1048) > 2 {
        Some("its blocks are larger than a page of memory, 4096 bytes")
    } else if compatible & 0x200 != 0 {
        Some("it was made with sparse_super2, and the kernel grows no such file system")
    } else if compatible & 0x4 != 0 && word(1248) == 0 {
        Some("its journal is on another device")
    } else {
        None
    };
    let obstacle = obstacle.map(str::to_owned);
    FileSystem { kind, uuid: uuid(&head[1128..1144]), obstacle }
}

/// In the order of the text, unlike those of a partition table.
fn uuid(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
