//! The data directory: ours alone, writable, and used by one coordinator at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error(
        "failed to make the data directory {path}; make it yourself or name another with --data"
    )]
    Make {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the data directory {path}; run as its owner or name another with --data")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not a directory; name another with --data")]
    NotADirectory { path: PathBuf },
    #[error(
        "the data directory {path} belongs to user {owner}, not to user {us} who runs this; run \
         as its owner or name another with --data"
    )]
    Owner { path: PathBuf, owner: u32, us: u32 },
    #[error("others may write to {path} (mode {mode:o}); `chmod go-w {path}` first")]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("{path} holds something else ({found}); name an empty directory with --data")]
    Foreign { path: PathBuf, found: String },
    #[error("cannot write to the data directory {path}; is the disk full or read-only?")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another rehome is serving from {path}; stop it first, or name another with --data")]
    InUse { path: PathBuf },
}

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    // Its lock ends with the process, however that ends.
    _lock: File,
}

/// What a directory of ours may be known by.
const MARK: &str = "lock";
/// What others may have put into it before the first start.
const WELCOME: [&str; 4] = ["rehome.toml", "appliance", "images", "lost+found"];

/// Makes a data directory ready for commands that work beside `serve`, and marks it as ours.
///
/// # Errors
/// One sentence that says what to do.
pub(crate) fn prepare(path: &Path) -> Result<(), DataDirError> {
    make(path)?;
    check_owner(path)?;
    check_content(path)?;
    mark(path).map(drop)
}

fn mark(path: &Path) -> Result<File, DataDirError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path.join(MARK))
        .map_err(|source| DataDirError::Write { path: path.to_owned(), source })
}

impl DataDir {
    /// Opens a data directory, making it at first.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        make(path)?;
        check_owner(path)?;
        check_content(path)?;
        let write = |source| DataDirError::Write { path: path.to_owned(), source };
        let mut lock = mark(path)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => DataDirError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => write(source),
        })?;
        // Finds a full disk now and not in the middle of the first batch.
        lock.set_len(0).map_err(write)?;
        lock.write_all(&[b'\n'; 4096]).and_then(|()| lock.sync_all()).map_err(write)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// A file in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn make(path: &Path) -> Result<(), DataDirError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataDirError::NotADirectory { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(path)
            .map_err(|source| DataDirError::Make { path: path.to_owned(), source }),
        Err(source) => Err(DataDirError::Read { path: path.to_owned(), source }),
    }
}

fn check_owner(path: &Path) -> Result<(), DataDirError> {
    let read = |source| DataDirError::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(read)?;
    let (us, owner, mode) =
        (nix::unistd::geteuid().as_raw(), metadata.uid(), metadata.mode() & 0o777);
    let path = path.to_owned();
    if owner != us {
        return Err(DataDirError::Owner { path, owner, us });
    }
    if mode & 0o022 != 0 {
        return Err(DataDirError::OpenToOthers { path, mode });
    }
    Ok(())
}

fn check_content(path: &Path) -> Result<(), DataDirError> {
    let read = |source| DataDirError::Read { path: path.to_owned(), source };
    let mut stranger = None;
    for entry in fs::read_dir(path).map_err(read)? {
        let name = entry.map_err(read)?.file_name().to_string_lossy().into_owned();
        if name == MARK {
            return Ok(());
        }
        if !WELCOME.contains(&name.as_str()) {
            stranger = stranger.or(Some(name));
        }
    }
    match stranger {
        Some(found) => Err(DataDirError::Foreign { path: path.to_owned(), found }),
        None => Ok(()),
    }
}
