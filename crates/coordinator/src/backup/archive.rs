//! The members of a backup: which there may be, how they are written, and how a hostile archive is read.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;

use protocol::{ImageId, Sha256Digest};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::users;

/// Longer than any key or setting, in bytes.
const MAX_SMALL_LEN: u64 = 1 << 20;
/// Longer than any image's manifest, in bytes: 4 MiB chunks of a disk of 4 TB.
const MAX_IMAGE_LEN: u64 = 512 << 20;
/// Longer than any list of members, in bytes.
const MAX_MANIFEST_LEN: u64 = 16 << 20;
/// Where manifests of images are.
const IMAGES: &str = "images/manifests/";

/// The name of a member: one of a few words, or an image's manifest. There is no other, so none leads out of the
/// directory that it is restored into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct MemberName(String);

/// A name that no backup has.
#[derive(Debug, thiserror::Error)]
#[error("no backup has a member {0:?}")]
pub(super) struct UnknownName(String);

impl MemberName {
    pub(super) const MANIFEST: &'static str = "rehome-backup.json";
    pub(super) const JOURNAL: &'static str = "journal.db";
    pub(super) const CHECKPOINT: &'static str = "journal.checkpoint";
    pub(super) const CONFIG: &'static str = "rehome.toml";
    /// The small ones, and whether a coordinator cannot go on without.
    pub(super) const SMALL: [(&'static str, bool); 8] = [
        (Self::CHECKPOINT, false),
        ("site.key", true),
        ("site.pub", true),
        ("tls.key", true),
        ("recovery.key", false),
        (users::FILE, false),
        ("leases.json", false),
        (Self::CONFIG, false),
    ];

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.0 == name
    }

    /// How long it may be at most, in bytes. A journal is as long as the archive may be.
    pub(super) fn max_len(&self) -> u64 {
        match self.0.as_str() {
            Self::MANIFEST => MAX_MANIFEST_LEN,
            Self::JOURNAL => u64::MAX,
            name if name.starts_with(IMAGES) => MAX_IMAGE_LEN,
            _ => MAX_SMALL_LEN,
        }
    }
}

impl TryFrom<String> for MemberName {
    type Error = UnknownName;
    fn try_from(name: String) -> Result<Self, UnknownName> {
        let small = Self::SMALL.iter().any(|(known, _)| *known == name);
        // From before there were users. The first start takes the password over, where there were none.
        let formerly = name == users::FORMERLY;
        let image = name.strip_prefix(IMAGES).and_then(|rest| rest.strip_suffix(".json"));
        // The id written back must be the same: no capital letters, nothing beside.
        let image = image
            .and_then(|id| Some((id, id.parse::<ImageId>().ok()?.to_string())))
            .is_some_and(|(id, again)| id == again);
        match small || formerly || image || name == Self::JOURNAL || name == Self::MANIFEST {
            true => Ok(Self(name)),
            false => Err(UnknownName(name)),
        }
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        name.0
    }
}

/// A member that will be written.
pub(super) struct Member {
    pub(super) name: MemberName,
    content: Content,
}

enum Content {
    Small(Vec<u8>),
    Large(File),
}

impl Member {
    pub(super) fn text(name: &'static str, content: Vec<u8>) -> Self {
        Self { name: MemberName(name.to_owned()), content: Content::Small(content) }
    }

    pub(super) fn image(id: ImageId, content: Vec<u8>) -> Self {
        Self { name: MemberName(format!("{IMAGES}{id}.json")), content: Content::Small(content) }
    }

    pub(super) fn large(name: &'static str, path: &Path) -> io::Result<Self> {
        Ok(Self { name: MemberName(name.to_owned()), content: Content::Large(File::open(path)?) })
    }

    /// The content, where it is in memory.
    pub(super) fn small(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Small(bytes) => Some(bytes),
            Content::Large(_) => None,
        }
    }

    /// Its length and digest.
    pub(super) fn measure(&mut self) -> io::Result<(u64, Sha256Digest)> {
        match &mut self.content {
            Content::Small(bytes) => Ok((bytes.len() as u64, evidence::sha256(bytes))),
            Content::Large(file) => {
                let measured = copy_and_measure(&mut *file, &mut io::sink(), u64::MAX)?;
                file.rewind()?;
                Ok(measured)
            }
        }
    }

    /// Appends it to an archive. Nothing in its header tells when or by whom.
    pub(super) fn append(&mut self, archive: &mut tar::Builder<impl Write>) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o600);
        let name = self.name.as_str();
        match &mut self.content {
            Content::Small(bytes) => {
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, name, bytes.as_slice())
            }
            Content::Large(file) => {
                header.set_size(file.metadata()?.len());
                archive.append_data(&mut header, name, file)
            }
        }
    }
}

/// Copies at most `max_len` bytes, and gives length and SHA-256 of what there was. More is an error.
pub(super) fn copy_and_measure(
    from: &mut impl Read,
    to: &mut impl Write,
    max_len: u64,
) -> io::Result<(u64, Sha256Digest)> {
    let (mut context, mut len) = (Context::new(&SHA256), 0_u64);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        len += n as u64;
        if len > max_len {
            let why = format!("it is longer than {max_len} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        context.update(&buffer[..n]);
        to.write_all(&buffer[..n])?;
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok((len, Sha256Digest::from_bytes(digest)))
}
