//! The store of OS images: signed manifests, and the chunks they share, in a folder.
//!
//! `DATA/images/manifests/<image id>.json` holds the signed envelope, `DATA/images/chunks/ab/<stored hash>` a chunk as it
//! is sent. A manifest appears only when all its chunks are on the medium, and goes before any of them goes.
//! Commands that change the store lock it against one another, but not against `serve`, which only reads.

mod bitmap;
mod catalog;
mod check;
mod durable;
mod error;
mod ext4;
mod extent_list;
mod gpt;
mod import;
mod pipeline;
mod probe;
mod remove;
mod resign;
mod source;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use osimage::StoredHash;
use protocol::{ImageId, SiteKey};

pub(crate) use error::ImageError;
pub(crate) use import::{ImportOptions, ImportProgress, ImportReport};

use crate::file_lock::FileLock;
use error::at;

/// The store in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct ImageStore {
    root: PathBuf,
    site_key: SiteKey,
}

impl ImageStore {
    /// Opens the store of a data directory, and makes its folders where they are missing. Only manifests that
    /// `site_key` signed are believed.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub(crate) fn open(data_dir: &Path, site_key: SiteKey) -> Result<Self, ImageError> {
        let store = Self { root: data_dir.join("images"), site_key };
        for folder in [store.chunk_folder(), store.manifest_folder(), store.temporary_folder()] {
            std::fs::create_dir_all(&folder)
                .map_err(|source| at("making the folder", &folder, source))?;
        }
        Ok(store)
    }

    /// Where a chunk is, by the hash of its stored bytes, whether it is there or not.
    pub(crate) fn chunk_path(&self, stored: StoredHash) -> PathBuf {
        let name = stored.to_string();
        self.chunk_folder().join(&name[..2]).join(name)
    }

    /// The signed manifest of an image, as it is sent to agents.
    ///
    /// # Errors
    /// When there is no such image, or it cannot be read, or is not what it is called.
    pub(crate) fn manifest_envelope(&self, image: ImageId) -> Result<String, ImageError> {
        Ok(self.read_manifest(image)?.0)
    }

    fn chunk_folder(&self) -> PathBuf {
        self.root.join("chunks")
    }

    fn manifest_folder(&self) -> PathBuf {
        self.root.join("manifests")
    }

    fn manifest_path(&self, image: ImageId) -> PathBuf {
        self.manifest_folder().join(format!("{image}.json"))
    }

    fn temporary_folder(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Waits for nobody: two imports at once would compete for both cores and gain nothing.
    fn lock(&self) -> Result<FileLock, ImageError> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| at("opening the lock", &path, source))?;
        FileLock::take(file).map_err(|error| match error {
            TryLockError::WouldBlock => ImageError::Busy { store: self.root.clone() },
            TryLockError::Error(source) => at("locking", &path, source),
        })
    }
}

#[cfg(test)]
mod tests;
