//! Which images there are.

use std::path::{Path, PathBuf};

use evidence::Envelope;
use osimage::{MANIFEST_TYPE, Manifest};
use protocol::{ByteLen, ImageId};

use super::error::{ImageError, at};
use super::{ImageStore, StoredHash};

/// All images, and what is there but cannot be used.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// By name.
    pub(crate) images: Vec<CatalogEntry>,
    /// Files among the manifests that are none.
    pub(crate) damaged: Vec<DamagedManifest>,
}

/// One image.
#[derive(Debug)]
pub(crate) struct CatalogEntry {
    /// What it is.
    pub(crate) manifest: Manifest,
    /// What its chunks take on the coordinator's disk, those shared with others counted here too.
    pub(crate) stored: ByteLen,
    /// What of it no other image shares: what removing it would free.
    pub(crate) own: ByteLen,
}

/// A manifest that cannot be used.
#[derive(Debug)]
pub(crate) struct DamagedManifest {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is wrong.
    pub(crate) error: ImageError,
}

impl ImageStore {
    /// All images by name, with their sizes.
    ///
    /// # Errors
    /// When the folder cannot be read. Single manifests that cannot be used are in the catalog.
    pub(crate) fn list(&self) -> Result<Catalog, ImageError> {
        let folder = self.manifest_folder();
        let mut catalog = Catalog::default();
        let entries =
            std::fs::read_dir(&folder).map_err(|source| at("listing", &folder, source))?;
        let mut manifests = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| at("listing", &folder, source))?.path();
            match self.read_manifest_file(&path) {
                Ok((_, manifest)) => manifests.push(manifest),
                Err(error) => catalog.damaged.push(DamagedManifest { path, error }),
            }
        }
        let mut references = std::collections::HashMap::<StoredHash, usize>::new();
        for chunk in manifests.iter().flat_map(Manifest::chunks) {
            *references.entry(chunk.stored).or_default() += 1;
        }
        for manifest in manifests {
            let own = manifest
                .chunks()
                .iter()
                .filter(|chunk| references.get(&chunk.stored) == Some(&1))
                .map(|chunk| u64::from(chunk.stored_len))
                .sum();
            let stored = manifest.stored_len();
            catalog.images.push(CatalogEntry { manifest, stored, own: ByteLen(own) });
        }
        catalog.images.sort_by(|a, b| a.name().cmp(b.name()));
        catalog.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(catalog)
    }

    /// All that is known of an image.
    ///
    /// # Errors
    /// As of [`ImageStore::manifest_envelope`].
    pub(crate) fn show(&self, image: ImageId) -> Result<Manifest, ImageError> {
        Ok(self.read_manifest(image)?.1)
    }

    /// Finds an image by its name, or by the beginning of its id.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(crate) fn find(&self, wanted: &str) -> Result<ImageId, ImageError> {
        let catalog = self.list()?;
        let ids = |fits: &dyn Fn(&CatalogEntry) -> bool| -> Vec<ImageId> {
            catalog.images.iter().filter(|image| fits(image)).map(CatalogEntry::id).collect()
        };
        let mut found = ids(&|image| image.name() == wanted);
        if found.is_empty() && wanted.len() >= 4 {
            found = ids(&|image| image.id().to_string().starts_with(wanted));
        }
        match found.as_slice() {
            [id] => Ok(*id),
            [] => Err(ImageError::NoSuchImage { wanted: wanted.to_owned() }),
            more => Err(ImageError::Ambiguous { wanted: wanted.to_owned(), count: more.len() }),
        }
    }

    /// The catalog, if every manifest in it can be used: whoever removes chunks must know all that are needed.
    pub(super) fn list_all(&self) -> Result<Vec<CatalogEntry>, ImageError> {
        let catalog = self.list()?;
        match catalog.damaged.into_iter().next() {
            None => Ok(catalog.images),
            Some(damaged) => Err(damaged.error),
        }
    }

    pub(super) fn read_manifest(&self, image: ImageId) -> Result<(String, Manifest), ImageError> {
        let path = self.manifest_path(image);
        if !path.exists() {
            return Err(ImageError::NoSuchImage { wanted: image.to_string() });
        }
        self.read_manifest_file(&path)
    }

    fn read_manifest_file(&self, path: &Path) -> Result<(String, Manifest), ImageError> {
        let json = std::fs::read_to_string(path).map_err(|source| at("reading", path, source))?;
        let payload = Envelope::from_json(json.as_bytes())
            .and_then(|envelope| envelope.open_bytes(MANIFEST_TYPE, self.site_key.as_bytes()))
            .map_err(|source| ImageError::Envelope { path: path.to_owned(), source })?;
        let manifest = Manifest::parse(&payload)
            .map_err(|source| ImageError::Manifest { path: path.to_owned(), source })?;
        if path != self.manifest_path(manifest.id()) {
            return Err(ImageError::Misnamed { path: path.to_owned(), got: manifest.id() });
        }
        Ok((json, manifest))
    }
}

impl CatalogEntry {
    /// Its id.
    pub(crate) fn id(&self) -> ImageId {
        self.manifest.id()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.manifest.document().name
    }
}
