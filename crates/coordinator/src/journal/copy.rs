//! A copy of the database as it is at one moment, while others read and write it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::database::open_to_read;
use super::{JournalError, sql_error};

/// How long to wait for somebody who has the database to himself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies a journal, which may be in use, into the new file `to`, for nobody else to read. It is on the medium afterwards.
///
/// # Errors
/// When either cannot be read or written.
pub(crate) fn copy_to(path: &Path, to: &Path) -> Result<(), JournalError> {
    if !path.exists() {
        return Err(JournalError::None { path: path.display().to_string() });
    }
    let source = open_to_read(path)?;
    create(to, true)?;
    into(&source, path, to)
}

/// Copies into `to`, an empty file that is there already. It is on the medium afterwards, and needs no other file.
///
/// # Errors
/// When either cannot be read or written; `to` is then of no use.
pub(super) fn into(source: &Connection, path: &Path, to: &Path) -> Result<(), JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let sql = |operation| sql_error(operation, to);
    let mut copy = Connection::open_with_flags(to, flags).map_err(sql("opening the copy"))?;
    {
        let backup = Backup::new(source, &mut copy).map_err(sql("beginning the copy"))?;
        let start = Instant::now();
        // All pages in one step: they are of one moment, and nobody who writes meanwhile is held up.
        loop {
            match backup.step(-1).map_err(sql("copying"))? {
                StepResult::Done => break,
                _ if start.elapsed() > PATIENCE => {
                    return Err(JournalError::Busy { path: path.display().to_string() });
                }
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
    copy.execute_batch("PRAGMA journal_mode = DELETE;").map_err(sql("closing the copy"))?;
    copy.close().map_err(|(_, error)| sql_error("closing the copy", to)(error))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|source| file_error(to, source))
}

/// Keeps a copy as `to`: there whole or not at all, whenever the power goes.
///
/// # Errors
/// As of [`into`]; nothing is left then.
pub(super) fn keep(source: &Connection, path: &Path, to: &Path) -> Result<(), JournalError> {
    let half = to.with_extension("new");
    let make = || {
        let failed = |source| file_error(&half, source);
        create(&half, false)?;
        into(source, path, &half)?;
        std::fs::rename(&half, to).map_err(failed)?;
        let folder = to.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    };
    make().inspect_err(|_| {
        // The first error is the one to tell.
        drop(std::fs::remove_file(&half));
    })
}

/// Makes a file for a database, for nobody else to read, or empties what an interrupted copy left.
pub(super) fn create(path: &Path, new: bool) -> Result<(), JournalError> {
    let mut open = OpenOptions::new();
    open.write(true).mode(0o600);
    match new {
        true => open.create_new(true),
        false => open.create(true).truncate(true),
    };
    open.open(path).map(drop).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: std::io::Error) -> JournalError {
    JournalError::File { path: path.display().to_string(), source }
}
