//! Manifests under a new site key.
//!
//! They are signed again rather than checked against the line of keys: an agent destroys and writes by the one key that
//! it was booted with, and shall not have to know any other.

use evidence::{Envelope, SigningKey, SiteKeys};
use osimage::MANIFEST_TYPE;

use super::error::{ImageError, at};
use super::{ImageStore, durable};

impl ImageStore {
    /// Signs by `key` what earlier ones of the site's `keys` signed, and gives the number of such manifests. What nobody
    /// of them signed is left as it is, for [`ImageStore::list`] to name. After a power cut it simply goes on.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(crate) fn resign(&self, keys: &SiteKeys, key: &SigningKey) -> Result<usize, ImageError> {
        if keys.rotations().is_empty() {
            return Ok(0);
        }
        let folder = self.manifest_folder();
        let mut outdated = Vec::new();
        let entries =
            std::fs::read_dir(&folder).map_err(|source| at("listing", &folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| at("listing", &folder, source))?.path();
            let json = std::fs::read(&path).map_err(|source| at("reading", &path, source))?;
            if let Some(payload) = signed_earlier(&json, keys) {
                outdated.push((path, payload));
            }
        }
        if outdated.is_empty() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        for (path, payload) in &outdated {
            let envelope = Envelope::sign_bytes(MANIFEST_TYPE, payload, key).to_json();
            durable::write_file(&self.temporary_folder(), path, envelope.as_bytes())?;
        }
        durable::sync_folder(&folder)?;
        Ok(outdated.len())
    }
}

/// The manifest's bytes if it is signed by one of the keys, but not by the present one.
fn signed_earlier(json: &[u8], keys: &SiteKeys) -> Option<Vec<u8>> {
    let envelope = Envelope::from_json(json).ok()?;
    let (_, earlier) = keys.keys().split_last()?;
    earlier.iter().find_map(|key| envelope.open_bytes(MANIFEST_TYPE, key.as_bytes()).ok())
}
