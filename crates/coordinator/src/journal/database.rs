//! The database file, open: a connection that writes, or one that only reads.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evidence::SiteKeys;
use evidence::merkle::Log;
use protocol::{PersonId, UnixMillis};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

use super::checkpoint::{self, Place};
use super::tables::{KeptCheckpoint, Tables};
use super::{JournalError, Published, copy, schema, sql_error};

/// How long one waits for another who has the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writing connection.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    version: i32,
}

impl Database {
    /// Opens the file, making it at first. One of the former version is left as it is: see [`Self::migrate`].
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let sql = |operation| sql_error(operation, path);
        if !path.exists() {
            // For nobody else to read: SQLite would go by the umask, and gives the files beside it the same mode.
            copy::create(path, true)?;
        }
        let connection = Connection::open(path).map_err(sql("opening the database"))?;
        connection.busy_timeout(PATIENCE).map_err(sql("setting a time limit"))?;
        // What is refused stays as it is: closing would throw away what is behind damage in the write-ahead log.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(sql("keeping the write-ahead log"))?;
        let version = match schema::version(&connection, path)? {
            Some(version) => {
                check(&connection, "quick_check", path)?;
                version
            }
            None => {
                schema::create(&connection, path)?;
                schema::VERSION
            }
        };
        // FULL: with WAL, NORMAL may lose the last commits when the power goes. Deleted names shall leave no bytes.
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
            )
            .map_err(sql("choosing write-ahead logging"))?;
        Ok(Self { connection, path: path.to_owned(), version })
    }

    /// The journal is in order and will be written to.
    pub(super) fn take_over(&self) -> Result<(), JournalError> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .map_err(sql_error("taking over the write-ahead log", &self.path))?;
        // Earlier versions made them by the umask.
        std::iter::once(self.path.clone())
            .chain(beside(&self.path))
            .try_for_each(|file| make_private(&file))
    }

    /// Finishes what an interrupted [`super::Journal::forget`] may have left: names of `forgotten` people in the copy of
    /// the former version, or in the write-ahead log.
    pub(super) fn finish_forgetting(&self, forgotten: &[PersonId]) -> Result<(), JournalError> {
        if forgotten.is_empty() {
            return Ok(());
        }
        erase_from_former(&self.path, forgotten)?;
        match has_content(&log_of(&self.path)) {
            true => self.empty_log(),
            false => Ok(()),
        }
    }

    /// Whether it must be migrated before anything is written.
    pub(super) fn is_former(&self) -> bool {
        self.version == schema::FORMER
    }

    /// Brings it from the former version to this one.
    pub(super) fn migrate(&mut self, size: u64, at: UnixMillis) -> Result<(), JournalError> {
        schema::migrate(&mut self.connection, &self.path, size, at)?;
        self.version = schema::VERSION;
        Ok(())
    }

    /// Holds the kept checkpoints against the events: the last row, and `note`, the content of the file beside. Gives the
    /// size of the latter, unless a later one must be written.
    pub(super) fn check_kept(
        &self,
        note: Option<&str>,
        log: &Log,
        keys: &SiteKeys,
    ) -> Result<Option<u64>, JournalError> {
        let row = if self.is_former() { None } else { self.tables().last_checkpoint()? };
        if let Some(KeptCheckpoint { size, note }) = &row {
            checkpoint::check(note, Place::Row(*size), log, keys)?;
        }
        let filed = checkpoint::check_file(&self.path, note, log, keys)?;
        Ok(filed.filter(|filed| row.is_none_or(|row| row.size <= *filed)))
    }

    pub(super) fn tables(&self) -> Tables<'_> {
        Tables { connection: &self.connection, path: &self.path }
    }

    /// Reads and folds every event from the first.
    pub(super) fn read_all(&self) -> Result<Published, JournalError> {
        self.tables().fold()
    }

    pub(super) fn begin(&mut self) -> Result<Transaction<'_>, JournalError> {
        let failed = sql_error("beginning a transaction", &self.path);
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file, so that it holds everything by itself and nothing is left beside it. Somebody who reads it just
    /// then keeps it from that; nothing is lost by it.
    pub(super) fn close(self) -> Result<(), JournalError> {
        self.empty_log()?;
        self.connection
            .close()
            .map_err(|(_, error)| sql_error("closing the database", &self.path)(error))
    }

    /// Writes everything into the database file proper and empties the write-ahead log, which may hold old pages.
    pub(super) fn empty_log(&self) -> Result<(), JournalError> {
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
            .map_err(sql_error("emptying the write-ahead log", &self.path))?;
        match busy {
            false => Ok(()),
            true => Err(JournalError::Busy { path: self.path.display().to_string() }),
        }
    }
}

/// Has SQLite look for damage: `quick_check`, or `integrity_check` which also compares indexes.
pub(super) fn check(
    connection: &Connection,
    pragma: &str,
    path: &Path,
) -> Result<(), JournalError> {
    let report = connection
        .pragma_query_value(None, pragma, |row| row.get::<_, String>(0))
        .map_err(sql_error("checking the file", path))?;
    match report.as_str() {
        "ok" => Ok(()),
        _ => Err(JournalError::Damaged { path: path.display().to_string(), report }),
    }
}

/// Deletes names from the copy that was kept when the journal was migrated, where there is one that has them.
pub(super) fn erase_from_former(path: &Path, ids: &[PersonId]) -> Result<(), JournalError> {
    let copy = schema::former_copy(path);
    if !copy.exists() {
        return Ok(());
    }
    let sql = |operation| sql_error(operation, &copy);
    let connection = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(sql("opening the former journal"))?;
    let ids: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
    let ids = ids.join(", ");
    let there = connection
        .query_row(&format!("SELECT count(*) FROM person WHERE id IN ({ids})"), [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(sql("looking for a name"))?;
    if there == 0 {
        return Ok(());
    }
    // Emptied and filled again, as in `Tables::erase_person`.
    connection
        .execute_batch(&format!(
            "PRAGMA secure_delete = ON; BEGIN IMMEDIATE; \
             CREATE TEMP TABLE kept AS SELECT id, name FROM person WHERE id NOT IN ({ids}); \
             DELETE FROM person; INSERT INTO person SELECT id, name FROM kept; COMMIT;"
        ))
        .map_err(sql("deleting a name"))
}

/// The write-ahead log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// What SQLite keeps beside a database while it is open, or after a crash.
pub(super) fn beside(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| with_suffix(path, suffix))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether there is a file with anything in it.
pub(super) fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.len() > 0)
}

fn make_private(path: &Path) -> Result<(), JournalError> {
    match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::File { path: path.display().to_string(), source })
        }
        _ => Ok(()),
    }
}

pub(super) fn read_bodies(
    path: &Path,
    indices: &[u64],
) -> Result<Vec<(u64, String)>, JournalError> {
    let sql = |operation| sql_error(operation, path);
    let connection = open_to_read(path)?;
    let mut statement = connection
        .prepare("SELECT body FROM event WHERE seq = ?1")
        .map_err(sql("reading events"))?;
    let mut read = |index: &u64| {
        let body = statement
            .query_row([(index + 1).cast_signed()], |row| row.get::<_, Vec<u8>>(0))
            .optional()
            .map_err(sql("reading an event"))?;
        let body = body.and_then(|body| String::from_utf8(body).ok());
        let missing = || JournalError::Damaged {
            path: path.display().to_string(),
            report: format!("event {} is missing", index + 1),
        };
        body.map(|body| (*index, body)).ok_or_else(missing)
    };
    indices.iter().map(&mut read).collect()
}

pub(super) fn read_names(path: &Path) -> Result<Vec<(PersonId, String)>, JournalError> {
    let connection = open_to_read(path)?;
    let people = Tables { connection: &connection, path }.people()?;
    Ok(people.into_iter().map(|person| (person.id, person.name)).collect())
}

/// Whether there is a journal, or nothing from which one can see that there was one: SQLite would throw away the
/// write-ahead log of a database that is empty.
pub(super) fn is_not_lost(path: &Path, has_checkpoint: bool) -> Result<(), JournalError> {
    let log = log_of(path);
    let left = match has_checkpoint {
        true => checkpoint::file_of(path),
        false if has_content(&log) => log,
        false => return Ok(()),
    };
    match has_content(path) {
        true => Ok(()),
        false => Err(JournalError::Gone {
            path: path.display().to_string(),
            left: left.display().to_string(),
        }),
    }
}

pub(super) fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    // SQLite would do that also for who only reads.
    is_not_lost(path, false)?;
    let failed = |operation| sql_error(operation, path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(failed("opening the database to read"))?;
    connection.busy_timeout(PATIENCE).map_err(failed("setting a time limit"))?;
    Ok(connection)
}
