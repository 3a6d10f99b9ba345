//! Removing an image, and the chunks that nothing else needs.

use std::collections::HashSet;
use std::path::PathBuf;

use osimage::{Manifest, StoredHash};
use protocol::{ByteLen, ImageId};

use super::error::{ImageError, at};
use super::{ImageStore, durable};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RemoveReport {
    /// Chunks that nothing needs any more, those left by interrupted imports included.
    pub(crate) chunks_removed: usize,
    /// What they took.
    pub(crate) freed: ByteLen,
    /// Chunks of the image that stay, because others need them.
    pub(crate) chunks_kept: usize,
}

impl ImageStore {
    /// Removes an image unless `in_use` says by what it is used (an armed batch).
    ///
    /// # Errors
    /// When it is in use, or some manifest cannot be read: then nobody knows which chunks are needed, and all stay.
    pub(crate) fn remove(
        &self,
        image: ImageId,
        in_use: &dyn Fn(ImageId) -> Option<String>,
    ) -> Result<RemoveReport, ImageError> {
        let _lock = self.lock()?;
        let all = self.list_all()?;
        let removed = all
            .iter()
            .find(|entry| entry.id() == image)
            .ok_or_else(|| ImageError::NoSuchImage { wanted: image.to_string() })?;
        if let Some(by) = in_use(image) {
            return Err(ImageError::InUse { image, by });
        }
        let needed: HashSet<StoredHash> = all
            .iter()
            .filter(|entry| entry.id() != image)
            .flat_map(|entry| stored_hashes(&entry.manifest))
            .collect();
        let chunks_kept =
            stored_hashes(&removed.manifest).filter(|hash| needed.contains(hash)).count();

        let path = self.manifest_path(image);
        std::fs::remove_file(&path).map_err(|source| at("removing", &path, source))?;
        // Before the first chunk goes, nothing on the medium may name it.
        durable::sync_folder(&self.manifest_folder())?;
        let mut report = RemoveReport { chunks_kept, ..RemoveReport::default() };
        for (path, hash) in self.stored_chunks()? {
            if hash.is_none_or(|hash| needed.contains(&hash)) {
                continue;
            }
            let length = std::fs::metadata(&path).map_err(|source| at("reading", &path, source))?;
            std::fs::remove_file(&path).map_err(|source| at("removing", &path, source))?;
            report.chunks_removed += 1;
            report.freed.0 += length.len();
        }
        Ok(report)
    }

    /// Every file among the chunks; with its hash, if it is named like a chunk.
    pub(super) fn stored_chunks(&self) -> Result<Vec<(PathBuf, Option<StoredHash>)>, ImageError> {
        let mut found = Vec::new();
        for folder in list_folder(&self.chunk_folder())? {
            for path in list_folder(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str());
                let hash: Option<StoredHash> = name.and_then(|name| name.parse().ok());
                let hash = hash.filter(|hash| self.chunk_path(*hash) == path);
                found.push((path, hash));
            }
        }
        Ok(found)
    }
}

fn stored_hashes(manifest: &Manifest) -> impl Iterator<Item = StoredHash> {
    manifest.chunks().iter().map(|chunk| chunk.stored)
}

fn list_folder(folder: &std::path::Path) -> Result<Vec<PathBuf>, ImageError> {
    let failed = |source| at("listing", folder, source);
    std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}
