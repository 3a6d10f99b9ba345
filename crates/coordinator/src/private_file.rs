//! Small files that are ours alone: nobody else may read them, and after a power cut each is the old or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a file of ours cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateFileError {
    #[error("failed to read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write {path}; is the disk full?")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to remove {path}")]
    Remove {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "others may read {path} (mode {mode:o}); if nobody has, `chmod 600 {path}`, otherwise {remedy}"
    )]
    Exposed { path: PathBuf, mode: u32, remedy: &'static str },
}

/// A secret's text; none if there is no such file. `remedy` says what to do once others may have read it.
///
/// # Errors
/// When others may read it, or it cannot be read.
pub(crate) fn read(path: &Path, remedy: &'static str) -> Result<Option<String>, PrivateFileError> {
    let failed = |source| PrivateFileError::Read { path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), mode, remedy });
    }
    std::fs::read_to_string(path).map_err(failed).map(Some)
}

/// Makes or replaces a file, so that after a power cut it is the old or the new one, whole.
///
/// # Errors
/// When that fails; the old one stays then.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    let half = path.with_extension("new");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&half, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|source| {
        // On a full disk it would take the room it could not use. The first error is the one to tell.
        drop(std::fs::remove_file(&half));
        PrivateFileError::Write { path: path.to_owned(), source }
    })
}

/// Removes a file for good, if it is there.
///
/// # Errors
/// When it may still be there.
pub(crate) fn remove(path: &Path) -> Result<(), PrivateFileError> {
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed,
    };
    removed
        .and_then(|()| path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all()))
        .map_err(|source| PrivateFileError::Remove { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_for_nobody_else_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        assert_eq!(read(&path, "begin anew").unwrap(), None);
        replace(&path, b"first and long").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(read(&path, "begin anew").unwrap().as_deref(), Some("second"));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half is left");
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let refused = read(&path, "begin anew").unwrap_err().to_string();
            assert!(refused.contains("chmod 600") && refused.contains("begin anew"), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_stays_and_leaves_nothing_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        // A folder in its place cannot be replaced by a file.
        std::fs::create_dir(&path).unwrap();
        let refused = replace(&path, b"new").unwrap_err();
        assert!(matches!(refused, PrivateFileError::Write { .. }), "{refused}");
        assert!(path.is_dir() && !folder.path().join("site.new").exists());
    }
}
