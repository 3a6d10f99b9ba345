//! Hashing everything in the store again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use osimage::{ChunkRecord, Manifest, StoredHash};
use protocol::ByteLen;

use super::catalog::DamagedManifest;
use super::error::ImageError;
use super::{ImageStore, ImportProgress};

/// What a check of the store found.
#[derive(Debug, Default)]
pub(crate) struct CheckReport {
    /// Images whose manifest is whole.
    pub(crate) images: usize,
    /// Manifests that cannot be used.
    pub(crate) damaged: Vec<DamagedManifest>,
    /// Chunks that were hashed and are right.
    pub(crate) chunks_good: usize,
    /// What they take.
    pub(crate) bytes_good: ByteLen,
    /// Chunks that are missing or changed.
    pub(crate) bad: Vec<BadChunk>,
    /// Files among the chunks that no image needs: left by an interrupted import.
    pub(crate) orphans: Vec<PathBuf>,
}

/// A chunk that is missing or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadChunk {
    /// Where it is or should be.
    pub(crate) path: PathBuf,
    /// Names of the images that need it: import them again.
    pub(crate) images: Vec<String>,
    /// What is wrong.
    pub(crate) reason: String,
}

impl CheckReport {
    /// Whether every image can be written.
    ///
    /// # Errors
    /// How much is bad.
    pub(crate) fn verdict(&self) -> Result<(), ImageError> {
        match (self.bad.len(), self.damaged.len()) {
            (0, 0) => Ok(()),
            (chunks, manifests) => Err(ImageError::NotGood { chunks, manifests }),
        }
    }
}

impl ImageStore {
    /// Hashes every chunk of every image and names the bad ones. Changes nothing.
    ///
    /// # Errors
    /// When the store's folders cannot be read.
    pub(crate) fn check(
        &self,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<CheckReport, ImageError> {
        let _lock = self.lock()?;
        let catalog = self.list()?;
        let mut report = CheckReport {
            images: catalog.images.len(),
            damaged: catalog.damaged,
            ..CheckReport::default()
        };
        let mut needed = BTreeMap::<StoredHash, (ChunkRecord, Vec<String>)>::new();
        for entry in &catalog.images {
            for chunk in entry.manifest.chunks() {
                let (_, images) =
                    needed.entry(chunk.stored).or_insert_with(|| (*chunk, Vec::new()));
                images.push(entry.name().to_owned());
            }
        }
        let total = needed.values().map(|(chunk, _)| u64::from(chunk.stored_len)).sum();
        let mut done = 0;
        for (chunk, images) in needed.values() {
            let path = self.chunk_path(chunk.stored);
            match check_chunk(&path, chunk) {
                Ok(()) => {
                    report.chunks_good += 1;
                    report.bytes_good.0 += u64::from(chunk.stored_len);
                }
                Err(reason) => report.bad.push(BadChunk { path, images: images.clone(), reason }),
            }
            done += u64::from(chunk.stored_len);
            progress(ImportProgress { done: ByteLen(done), total: ByteLen(total) });
        }
        let orphan =
            |hash: &Option<StoredHash>| hash.is_none_or(|hash| !needed.contains_key(&hash));
        report.orphans = self
            .stored_chunks()?
            .into_iter()
            .filter(|(_, hash)| orphan(hash))
            .map(|(path, _)| path)
            .collect();
        Ok(report)
    }

    /// Whether all chunks of an image are there in their length. That takes no time; what is in them is hashed by
    /// [`ImageStore::check`], and by every agent.
    ///
    /// # Errors
    /// How many are not.
    pub(crate) fn check_present(&self, manifest: &Manifest) -> Result<(), ImageError> {
        let chunks = manifest.chunks();
        let is_missing = |chunk: &&ChunkRecord| {
            let found = std::fs::metadata(self.chunk_path(chunk.stored));
            !found.is_ok_and(|found| found.len() == u64::from(chunk.stored_len))
        };
        match chunks.iter().filter(is_missing).count() {
            0 => Ok(()),
            missing => {
                let name = manifest.document().name.clone();
                Err(ImageError::Incomplete { name, missing, count: chunks.len() })
            }
        }
    }
}

fn check_chunk(path: &Path, chunk: &ChunkRecord) -> Result<(), String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    // The length first: what is not a chunk may be too large to read.
    if length != u64::from(chunk.stored_len) {
        return Err(format!("it has {length} bytes instead of {}", chunk.stored_len));
    }
    let stored = std::fs::read(path).map_err(|error| error.to_string())?;
    osimage::chunk::check_stored(chunk, &stored).map_err(|error| error.to_string())
}
