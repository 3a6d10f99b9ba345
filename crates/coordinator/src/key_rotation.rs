//! The site's key hands over to a new one, while nobody serves.
//!
//! In this order, each on disk before the next, so that the power may go at any instant:
//!
//! 1. the new private key, as [`NEXT`] beside the present one;
//! 2. the event in the journal, signed by both: from here on the new key is the site's;
//! 3. [`NEXT`] takes the place of the present private key, which nothing needs any more;
//! 4. the images' manifests signed again, and `site.pub` with the new line of keys.
//!
//! Before 2 nothing has happened, and the next attempt takes the key that lies there. After 2 whoever opens the data
//! directory next goes on, be it `serve` or another rotation.

use std::fs::File;
use std::path::{Path, PathBuf};

use evidence::{SigningKey, SiteKeys};
use protocol::SiteKey;

use crate::data_dir::DataDir;
use crate::event::Happening;
use crate::images::{ImageError, ImageStore};
use crate::journal::{Journal, JournalError};
use crate::site::{self, Site, SiteError};

/// The new private key until it has taken its place.
const NEXT: &str = "site-next.key";
/// The journal's file.
const JOURNAL: &str = "journal.db";

/// Why the key is not rotated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyRotationError {
    /// Looked at and refused.
    #[error(
        "the key is not rotated, nothing was changed: {0}; agents at work know only the present key. Start `rehome serve`, \
         let the work end or `rehome batch disarm` it, stop `serve` and try again"
    )]
    AtWork(String),
    #[error("the key is not rotated: say with --because why")]
    NoReason,
    #[error(
        "{data} holds no journal yet, so there is no key to rotate; the first `rehome serve` makes both"
    )]
    NoJournal { data: PathBuf },
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Images(#[from] ImageError),
    #[error("the new key does not follow the present one")]
    Keys(#[source] evidence::site_keys::SiteKeysError),
    #[error(
        "failed to put the new key in its place as {path}; run `rehome site rotate-key` again, it goes on from here"
    )]
    Replace {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Who rotates, and why.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) by: String,
    pub(crate) because: String,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Rotated {
    /// All keys, the new one last.
    pub(crate) keys: SiteKeys,
    /// How many images' manifests were signed again.
    pub(crate) images: usize,
    /// Whether only a rotation was finished that had been interrupted.
    pub(crate) only_finished: bool,
}

/// Rotates the key from beginning to end. A rotation that was interrupted after it was recorded is only finished.
///
/// # Errors
/// [`KeyRotationError`] says what to do.
pub(crate) async fn rotate(data: &DataDir, word: Word) -> Result<Rotated, KeyRotationError> {
    if word.because.trim().is_empty() {
        return Err(KeyRotationError::NoReason);
    }
    if !data.join(JOURNAL).exists() {
        return Err(KeyRotationError::NoJournal { data: data.path().to_owned() });
    }
    let only_finished = finish(data)?.is_some() || !is_published(data)?;
    if !only_finished {
        let next = prepare(data)?;
        record(data, next, word).await?;
        finish(data)?;
    }
    let site = Site::open(data.path())?;
    let keys = Journal::site_keys_at(&data.join(JOURNAL))?;
    let keys = keys.unwrap_or_else(|| site.public().into());
    let images = ImageStore::open(data.path(), site.public())?;
    let images = publish(data, &site, &keys, &images)?;
    Ok(Rotated { keys, images, only_finished })
}

/// Whether the last rotation came to its end, if there was one: its last step is that `site.pub` has all keys.
fn is_published(data: &DataDir) -> Result<bool, KeyRotationError> {
    let keys = Journal::site_keys_at(&data.join(JOURNAL))?;
    let Some(keys) = keys.filter(|keys| !keys.rotations().is_empty()) else { return Ok(true) };
    Ok(site::published(data.path())?.is_some_and(|published| published == keys))
}

/// Step 1.
fn prepare(data: &DataDir) -> Result<SigningKey, KeyRotationError> {
    let path = data.join(NEXT);
    match site::read_key(&path)? {
        Some(begun) => Ok(begun),
        None => Ok(site::make_key(&path)?),
    }
}

/// Step 2.
async fn record(data: &DataDir, next: SigningKey, word: Word) -> Result<(), KeyRotationError> {
    let site = Site::open(data.path())?;
    let journal = Journal::open_of_either_kind(&data.join(JOURNAL), site.public())?;
    let by = journal.person(word.by).await?;
    let decided = journal.decide(move |bench, now| {
        let at_work = bench.batches().find(|batch| bench.is_needed(batch, now));
        if let Some(batch) = at_work {
            let why = format!("batch {} is armed or its machines are at work", batch.id);
            return (Vec::new(), Err(KeyRotationError::AtWork(why)));
        }
        let mut keys = bench.site_keys().cloned().unwrap_or_else(|| SiteKeys::from(site.public()));
        match keys.rotate(&site.key, &next, now) {
            Ok(rotation) => {
                let because = word.because;
                (vec![Happening::KeyRotated { by, because, rotation }], Ok(()))
            }
            Err(error) => (Vec::new(), Err(KeyRotationError::Keys(error))),
        }
    });
    decided.await?
}

/// Whether a rotation may wait for its end in a data directory: only then need anybody call [`finish`].
pub(crate) fn is_begun(data: &Path) -> bool {
    data.join(NEXT).exists()
}

/// Step 3, where step 2 was taken: gives the key that is the site's since. None where no rotation waits for its end.
///
/// # Errors
/// When the journal or the keys cannot be read, or the new key cannot take its place.
pub(crate) fn finish(data: &DataDir) -> Result<Option<SiteKey>, KeyRotationError> {
    let next = data.join(NEXT);
    let Some(key) = site::read_key(&next)? else { return Ok(None) };
    let public = SiteKey::from_bytes(key.public());
    let keys = Journal::site_keys_at(&data.join(JOURNAL))?;
    if keys.is_none_or(|keys| keys.present() != public) {
        tracing::info!(target: "site", "a rotation of the key was begun and not recorded: the key stays");
        return Ok(None);
    }
    let path = data.join(site::KEY);
    let replaced = std::fs::rename(&next, &path).and_then(|()| File::open(data.path())?.sync_all());
    replaced.map_err(|source| KeyRotationError::Replace { path, source })?;
    Ok(Some(public))
}

/// Step 4: `keys` are the journal's. Gives the number of manifests that were signed again.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn publish(
    data: &DataDir,
    site: &Site,
    keys: &SiteKeys,
    images: &ImageStore,
) -> Result<usize, KeyRotationError> {
    let signed = images.resign(keys, &site.key)?;
    // Last, as the mark that all is done.
    site::publish(data.path(), keys)?;
    Ok(signed)
}

/// A rotation that ends once it is recorded, as where the power goes. Gives the new key.
#[cfg(test)]
pub(crate) async fn interrupted(data: &DataDir) -> SiteKey {
    let next = prepare(data).unwrap();
    let public = SiteKey::from_bytes(next.public());
    let word = Word { by: "Ola".to_owned(), because: "yearly".to_owned() };
    record(data, next, word).await.unwrap();
    public
}

#[cfg(test)]
mod tests;
