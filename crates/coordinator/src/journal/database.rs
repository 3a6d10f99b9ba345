//! The database file: one table of events that refuses change, one of people's names.

use std::path::{Path, PathBuf};

use protocol::PersonId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction};

use super::{JournalError, Published};
use crate::event::JournalEvent;

/// "Rhom": marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x5268_6f6d;
/// Of the tables and of the events in them: 1 knew no policies, and only one technique for a drive.
const SCHEMA_VERSION: i32 = 2;

const SCHEMA: &str = "
CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
";

/// The writing connection.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let sql = |operation| sql_error(operation, path);
        let connection = Connection::open(path).map_err(sql("opening the database"))?;
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(sql("setting a time limit"))?;
        prepare(&connection, path)?;
        // FULL: with WAL, NORMAL may lose the last commits when the power goes.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(sql("choosing write-ahead logging"))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Reads and folds every event from the first.
    pub(super) fn read_all(&self) -> Result<Published, JournalError> {
        let sql = |operation| sql_error(operation, &self.path);
        let path = || self.path.display().to_string();
        let mut published = Published::default();
        let mut statement = self
            .connection
            .prepare("SELECT seq, body FROM event ORDER BY seq")
            .map_err(sql("reading events"))?;
        let mut rows = statement.query([]).map_err(sql("reading events"))?;
        while let Some(row) = rows.next().map_err(sql("reading events"))? {
            let seq =
                row.get::<_, i64>(0).map_err(sql("reading an event's number"))?.cast_unsigned();
            let body = row.get::<_, Vec<u8>>(1).map_err(sql("reading an event"))?;
            let bad = |why| JournalError::Row { seq, path: path(), why };
            if seq != published.log.len() + 1 {
                return Err(bad(format!("event {} is missing", published.log.len() + 1)));
            }
            let event = parse(&body).map_err(bad)?;
            published.bench.apply(&event).map_err(|source| JournalError::Fold {
                seq,
                path: path(),
                source: Box::new(source),
            })?;
            published.log.push(&body);
        }
        Ok(published)
    }

    pub(super) fn begin(&mut self) -> Result<Transaction<'_>, JournalError> {
        let failed = sql_error("beginning a transaction", &self.path);
        self.connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    pub(super) fn person(&self, name: &str, fresh: PersonId) -> Result<PersonId, JournalError> {
        let sql = |operation| sql_error(operation, &self.path);
        self.connection
            .execute(
                "INSERT INTO person (id, name) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                (fresh.to_string(), name),
            )
            .map_err(sql("writing a name"))?;
        let id = self
            .connection
            .query_row("SELECT id FROM person WHERE name = ?1", [name], |row| {
                row.get::<_, String>(0)
            })
            .map_err(sql("reading a name"))?;
        id.parse().map_err(|error| damaged(&self.path, &error))
    }
}

/// Turns SQLite's error into ours, naming operation and file.
pub(super) fn sql_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(rusqlite::Error) -> JournalError + use<> {
    let path = path.display().to_string();
    move |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => JournalError::DiskFull { path },
        _ => JournalError::Sql { operation, path, source },
    }
}

fn damaged(path: &Path, why: &impl ToString) -> JournalError {
    JournalError::Damaged { path: path.display().to_string(), report: why.to_string() }
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let sql = |operation| sql_error(operation, path);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let id = number("application_id").map_err(sql("reading the header"))?;
    let schema = number("user_version").map_err(sql("reading the header"))?;
    let tables = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(sql("reading the header"))?;
    if tables == 0 && id == 0 {
        let script = format!(
            "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; \
             PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        );
        return connection.execute_batch(&script).map_err(sql("making the tables"));
    }
    let name = || path.display().to_string();
    if id != APPLICATION_ID {
        return Err(JournalError::Foreign { path: name(), id });
    }
    if schema != SCHEMA_VERSION {
        return Err(JournalError::OtherVersion { path: name(), schema, ours: SCHEMA_VERSION });
    }
    let report = connection
        .pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0))
        .map_err(sql("checking the file"))?;
    if report == "ok" { Ok(()) } else { Err(damaged(path, &report)) }
}

/// Reads one event. What this version would not write back byte for byte, it has not understood.
fn parse(body: &[u8]) -> Result<JournalEvent, String> {
    let event = serde_json::from_slice::<JournalEvent>(body).map_err(|error| error.to_string())?;
    match serde_json::to_vec(&event) {
        Ok(again) if again == body => Ok(event),
        _ => Err("it has fields that this version does not know".to_owned()),
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
        body.map(|body| (*index, body))
            .ok_or_else(|| damaged(path, &format!("event {} is missing", index + 1)))
    };
    indices.iter().map(&mut read).collect()
}

pub(super) fn read_names(path: &Path) -> Result<Vec<(PersonId, String)>, JournalError> {
    let sql = |operation| sql_error(operation, path);
    let connection = open_to_read(path)?;
    let mut statement =
        connection.prepare("SELECT id, name FROM person").map_err(sql("reading names"))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(sql("reading names"))?;
    rows.map(|row| {
        let (id, name) = row.map_err(sql("reading a name"))?;
        Ok((id.parse().map_err(|error| damaged(path, &error))?, name))
    })
    .collect()
}

fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(sql_error("opening the database to read", path))
}
