//! The data directory: ours alone, writable, and used by one coordinator at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt, FileExt as _, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::file_lock::FileLock;

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
    _lock: FileLock,
}

/// Locked while we serve; its first line says whose directory it is. Many programs have a file of this name.
const LOCK: &str = "lock";
/// That first line.
const MARK: &[u8] = b"This is a data directory of rehome.\n";
/// Length of the file in bytes: the rest is blank.
const LOCK_LEN: usize = 4096;
/// What others may have put into it before the first start.
const WELCOME: [&str; 5] = [LOCK, "rehome.toml", "appliance", "images", "lost+found"];
/// How the folder's name begins in which `rehome journal rebuild` works.
pub(crate) const REBUILDING: &str = ".rehome-rebuild-";
/// Before there was a mark, the lock was blank: what shows that it is ours then.
const FORMERLY: [&str; 3] = ["site.key", "dashboard.hash", "journal.db"];

/// Makes a data directory ready for commands that work beside `serve`, and marks it as ours.
///
/// # Errors
/// One sentence that says what to do.
pub(crate) fn prepare(path: &Path) -> Result<(), DataDirError> {
    make(path)?;
    check_owner(path)?;
    // Written once: on a full disk, removing an image must still be possible.
    if check_content(path)? == Lock::Ours {
        return Ok(());
    }
    mark(path).map(drop)
}

/// Writes the mark, which finds a full disk now and not in the middle of the first batch. Only where [`check_content`]
/// found that the directory is ours.
fn mark(path: &Path) -> Result<File, DataDirError> {
    let mut lock = [b'\n'; LOCK_LEN];
    lock[..MARK.len()].copy_from_slice(MARK);
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(path.join(LOCK));
    open.and_then(|file| {
        file.write_all_at(&lock, 0)?;
        file.sync_all()?;
        Ok(file)
    })
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
        let lock = FileLock::take(mark(path)?).map_err(|error| match error {
            TryLockError::WouldBlock => DataDirError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => write(source),
        })?;
        remove_leftovers(path).map_err(write)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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

/// Nothing is written before the directory is known to be ours, or to hold nothing of others.
fn check_content(path: &Path) -> Result<Lock, DataDirError> {
    let read = |source| DataDirError::Read { path: path.to_owned(), source };
    let foreign = |found| Err(DataDirError::Foreign { path: path.to_owned(), found });
    let names = fs::read_dir(path).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<Vec<_>>>()
    });
    let names = names.map_err(read)?;
    let had_lock = names.iter().any(|name| name == LOCK);
    let lock = match had_lock {
        true => Lock::read(&path.join(LOCK)).map_err(read)?,
        false => Lock::Blank,
    };
    let stranger = names.iter().find(|name| !WELCOME.contains(&name.as_str()));
    let formerly = names.iter().any(|name| FORMERLY.contains(&name.as_str()));
    match (lock, stranger) {
        (Lock::Ours, _) | (Lock::Blank, None) => Ok(lock),
        (Lock::Blank, Some(_)) if had_lock && formerly => Ok(lock),
        (Lock::Blank, Some(stranger)) => foreign(stranger.clone()),
        (Lock::Foreign, _) => foreign(LOCK.to_owned()),
    }
}

/// Removes what a command left that was killed: it may hold names of people. Only with the lock, so that none is at work.
fn remove_leftovers(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_left = entry.file_name().to_string_lossy().starts_with(REBUILDING);
        if is_left && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// What a file named `lock` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// It bears our mark.
    Ours,
    /// There is nothing in it, or there is none.
    Blank,
    /// Another program's.
    Foreign,
}

impl Lock {
    fn read(path: &Path) -> io::Result<Self> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(Self::Foreign);
        }
        let mut content = Vec::new();
        File::open(path)?.take(LOCK_LEN as u64 + 1).read_to_end(&mut content)?;
        let blank = content.len() <= LOCK_LEN && content.iter().all(|byte| *byte == b'\n');
        Ok(match content.starts_with(MARK) {
            true => Self::Ours,
            false if blank => Self::Blank,
            false => Self::Foreign,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and contents.
    type Files<'a> = &'a [(&'a str, &'a [u8])];

    #[test]
    fn only_what_is_ours_is_opened_and_nothing_else_is_changed() {
        let marked = [MARK, b"\n\n"].concat();
        let blank = vec![b'\n'; LOCK_LEN];
        let all: [(Files, bool); 11] = [
            (&[], true),
            (&[("rehome.toml", b"")], true),
            (&[("lock", &marked), ("status", b"dpkg's")], true),
            // As earlier builds left it.
            (&[("lock", &blank), ("site.key", b"k"), ("journal.db", b"j")], true),
            (&[("lock", b""), ("dashboard.hash", b"h")], true),
            // A first start that ended on a full disk.
            (&[("lock", b""), ("images", b"")], true),
            (&[("lock", b""), ("status", b"dpkg's"), ("lock-frontend", b"")], false),
            (&[("lock", b"4711\n"), ("site.key", b"k")], false),
            (&[("lock", &[b'\n'; LOCK_LEN + 1]), ("site.key", b"k")], false),
            (&[("site.key", b"k")], false),
            (&[("thesis.odt", b"years of work")], false),
        ];
        for (files, ours) in all {
            let folder = tempfile::tempdir().unwrap();
            for (name, content) in files {
                fs::write(folder.path().join(name), content).unwrap();
            }
            let opened = DataDir::open(folder.path()).map(drop);
            assert_eq!(opened.is_ok(), ours, "{opened:?}");
            assert_eq!(prepare(folder.path()).is_ok(), ours);
            for (name, content) in files.iter().filter(|(name, _)| !ours || *name != "lock") {
                assert_eq!(fs::read(folder.path().join(name)).unwrap(), *content, "{name}");
            }
            if ours {
                assert!(fs::read(folder.path().join(LOCK)).unwrap().starts_with(MARK));
                DataDir::open(folder.path()).unwrap();
            }
        }
    }

    #[test]
    fn what_a_killed_command_left_goes_with_the_lock_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let opened = DataDir::open(folder.path()).unwrap();
        let left = folder.path().join(".rehome-rebuild-Xy12");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("journal.db"), "names").unwrap();
        let (file, other) = (folder.path().join(".rehome-rebuild-notes"), folder.path().join("x"));
        fs::write(&file, "a file").unwrap();
        fs::create_dir(&other).unwrap();
        // Somebody else may be at work in it.
        DataDir::open(folder.path()).unwrap_err();
        assert!(left.exists());
        drop(opened);
        DataDir::open(folder.path()).unwrap();
        assert!(!left.exists() && file.exists() && other.exists());
    }

    #[test]
    fn a_lock_that_leads_elsewhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(LOCK)).unwrap();
        assert!(matches!(DataDir::open(folder.path()), Err(DataDirError::Foreign { .. })));
        assert_eq!(fs::read(elsewhere.path()).unwrap(), b"");
    }
}
