//! An image in local files, as the coordinator keeps it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use evidence::{Envelope, SiteKeys};
use osimage::{ChunkRecord, MANIFEST_TYPE, MAX_MANIFEST_LEN, Manifest, StoredHash};

use crate::cli::refused::Refused;

/// An envelope in base64 is by a third longer than what is in it; the rest is for the signature.
const MAX_ENVELOPE_LEN: u64 = MAX_MANIFEST_LEN as u64 * 3 / 2;

/// The folder with the chunks: `ab/<hash of the stored bytes>`.
#[derive(Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    /// The folder, if every chunk of the image is there in its length. The hashes are checked while writing.
    pub(super) fn open(folder: &Path, manifest: &Manifest) -> anyhow::Result<Self> {
        let store = Self(folder.to_owned());
        for record in manifest.chunks() {
            let path = store.path(&record.stored);
            let metadata = fs::metadata(&path).map_err(|error| {
                Refused(format!(
                    "looking for chunk {}: {error}; is --chunks right?",
                    path.display()
                ))
            })?;
            let (got, expected) = (metadata.len(), u64::from(record.stored_len));
            if got != expected {
                let path = path.display();
                let sentence = format!("chunk {path} has {got} bytes, {expected} were expected");
                return Err(Refused(sentence).into());
            }
        }
        Ok(store)
    }

    /// A chunk as it is stored, unchecked.
    pub(super) fn read(&self, record: &ChunkRecord) -> anyhow::Result<Vec<u8>> {
        let path = self.path(&record.stored);
        fs::read(&path).with_context(|| format!("reading chunk {}", path.display()))
    }

    fn path(&self, stored: &StoredHash) -> PathBuf {
        let name = stored.to_string();
        self.0.join(&name[..2]).join(name)
    }
}

/// The manifest in `file`, if it is signed with the key in `key`.
pub(super) fn manifest(file: &Path, key: &Path) -> anyhow::Result<Manifest> {
    let text = fs::read_to_string(key)
        .with_context(|| format!("reading the site's public key {}", key.display()))?;
    let keys: SiteKeys =
        text.parse().with_context(|| format!("{} holds no public key", key.display()))?;
    let doing = || format!("reading the image's manifest {}", file.display());
    let length = fs::metadata(file).with_context(doing)?.len();
    ensure!(length <= MAX_ENVELOPE_LEN, "{}: it has {length} bytes, too many", doing());
    let json = fs::read(file).with_context(doing)?;
    let payload = Envelope::from_json(&json)
        .and_then(|envelope| envelope.open_bytes(MANIFEST_TYPE, keys.present().as_bytes()))
        .with_context(doing)?;
    Manifest::parse(&payload).with_context(doing)
}
