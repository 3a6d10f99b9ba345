//! Signed checkpoints that are kept: what the journal has said of itself, so that one that has lost its end, or is an
//! older copy, is noticed.
//!
//! Each is a row of the database; the last one is also the file `journal.checkpoint` beside it, since the row would go
//! with the events it speaks of.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use evidence::checkpoint::{self, Checkpoint};
use evidence::merkle::Log;
use evidence::{SigningKey, SiteKeys};
use protocol::SiteKey;

use super::JournalError;
use super::tables::KeptCheckpoint;
use crate::private_file::{self, PrivateFileError};

/// Where a kept checkpoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A row of the database, of so many events.
    Row(u64),
    /// The file beside it.
    File(PathBuf),
    /// A line of an export.
    Line(u64),
}

/// Why a kept checkpoint cannot be made or does not fit the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// It could not be signed.
    #[error("signing a checkpoint")]
    Sign(#[source] checkpoint::CheckpointError),
    /// The file could not be written.
    #[error(transparent)]
    Write(PrivateFileError),
    /// The file could not be read.
    #[error("reading {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Not signed by the site.
    #[error(
        "{place} is no checkpoint that site {site} has signed; put back the one that was kept with this journal; nothing \
         was changed"
    )]
    Signature {
        place: Place,
        site: SiteKey,
        #[source]
        source: checkpoint::CheckpointError,
    },
    /// A row that speaks of another journal, or of another number of events than it is filed under.
    #[error("{place} is filed wrongly: it speaks of {size} events of {origin}")]
    Misfiled { place: Place, size: u64, origin: String },
    /// Events are missing at the end.
    #[error(
        "the journal has {events} events, but {place} says that it had {size}: the last {} are lost, by a damaged \
         write-ahead log or because an older copy was put in its place; {}; nothing was changed",
        .size - .events, .place.remedy()
    )]
    Shorter { place: Place, size: u64, events: u64 },
    /// Other events than those it speaks of.
    #[error(
        "the first {size} events of the journal are not those of which {place} speaks: they were changed, or it is \
         another journal; {}; nothing was changed",
        .place.remedy()
    )]
    OtherRoot { place: Place, size: u64 },
}

/// The checkpoint file of a journal.
pub(crate) fn file_of(journal: &Path) -> PathBuf {
    journal.with_extension("checkpoint")
}

/// Signs the present head of a log by `key`, the present one of the site's `keys`.
pub(super) fn sign(
    keys: &SiteKeys,
    log: &Log,
    key: &SigningKey,
) -> Result<KeptCheckpoint, CheckpointError> {
    let (size, origin) = (log.len(), checkpoint::origin(&keys.first()));
    let note = checkpoint::sign(key, &origin, size, &log.root()).map_err(CheckpointError::Sign)?;
    Ok(KeptCheckpoint { size, note })
}

/// Reads a checkpoint that one of the site's keys signed, most likely the present one.
fn open(note: &str, keys: &SiteKeys) -> Result<Checkpoint, checkpoint::CheckpointError> {
    let opened = checkpoint::open(note, &keys.present());
    let earlier = || keys.keys().iter().find_map(|key| checkpoint::open(note, key).ok());
    opened.or_else(|error| earlier().ok_or(error))
}

/// Replaces the file by a newer checkpoint.
pub(super) fn write_file(journal: &Path, kept: &KeptCheckpoint) -> Result<(), CheckpointError> {
    private_file::replace(&file_of(journal), kept.note.as_bytes()).map_err(CheckpointError::Write)
}

/// The file's content, if there is one.
pub(super) fn read_file(journal: &Path) -> Result<Option<String>, CheckpointError> {
    let path = file_of(journal);
    match fs::read_to_string(&path) {
        Ok(note) => Ok(Some(note)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CheckpointError::Read { path, source }),
    }
}

/// Whether a signed checkpoint is the site's and the log is what it says, or has grown out of that. Gives its size.
pub(super) fn check(
    note: &str,
    place: Place,
    log: &Log,
    keys: &SiteKeys,
) -> Result<u64, CheckpointError> {
    let site = keys.present();
    let Checkpoint { origin, size, root } = open(note, keys)
        .map_err(|source| CheckpointError::Signature { place: place.clone(), site, source })?;
    if origin != checkpoint::origin(&keys.first())
        || matches!(place, Place::Row(filed) if filed != size)
    {
        return Err(CheckpointError::Misfiled { place, size, origin });
    }
    match log.root_at(size) {
        None => Err(CheckpointError::Shorter { place, size, events: log.len() }),
        Some(ours) if ours != root => Err(CheckpointError::OtherRoot { place, size }),
        Some(_) => Ok(size),
    }
}

/// As [`check`], for the file beside a journal, where there is one.
pub(super) fn check_file(
    journal: &Path,
    note: Option<&str>,
    log: &Log,
    keys: &SiteKeys,
) -> Result<Option<u64>, JournalError> {
    let checked = note.map(|note| check(note, Place::File(file_of(journal)), log, keys));
    checked.transpose().map_err(JournalError::Checkpoint)
}

impl Place {
    fn remedy(&self) -> String {
        let restore = "restore a backup by `rehome restore`";
        match self {
            Self::Row(_) | Self::Line(_) => restore.to_owned(),
            Self::File(path) => format!(
                "{restore}, or if there is none and what is missing is lost for good, move {} away to go on with what \
                 is there",
                path.display()
            ),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(size) => write!(f, "the kept checkpoint of {size} events"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(line) => write!(f, "line {line} of the export"),
        }
    }
}
