//! The database's tables, and how those of the version before become them.

use std::path::{Path, PathBuf};

use protocol::{PersonId, UnixMillis};
use rusqlite::{Connection, TransactionBehavior};

use super::person::Person;
use super::tables::Tables;
use super::{JournalError, copy, sql_error};
use crate::event::{Happening, JournalEvent};

/// "Rhom": marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x5268_6f6d;
/// Of the tables and of the events in them. 1 knew no policies, and only one technique for a drive.
pub(super) const VERSION: i32 = 3;
/// The version that is migrated: it had no commitments to names, and kept no checkpoints.
pub(super) const FORMER: i32 = 2;

const EVENT: &str = "
CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";
const PERSON: &str = "
CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, contact TEXT,
  salt BLOB NOT NULL CHECK (length(salt) = 32)) STRICT;
";
const CHECKPOINT: &str = "
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TRIGGER checkpoint_is_never_changed BEFORE UPDATE ON checkpoint
  BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER checkpoint_is_never_deleted BEFORE DELETE ON checkpoint
  BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
";

/// Makes the tables of a new journal.
///
/// # Errors
/// When they cannot be written.
pub(super) fn create(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let script = format!(
        "BEGIN; {EVENT} {PERSON} {CHECKPOINT} PRAGMA application_id = {APPLICATION_ID}; \
         PRAGMA user_version = {VERSION}; COMMIT;"
    );
    connection.execute_batch(&script).map_err(sql_error("making the tables", path))
}

/// The version of the tables; none where there is nothing yet.
///
/// # Errors
/// When the file is another program's, or of a version that this one does not understand.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<Option<i32>, JournalError> {
    let sql = |operation| sql_error(operation, path);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let id = number("application_id").map_err(sql("reading the header"))?;
    let schema = number("user_version").map_err(sql("reading the header"))?;
    let tables = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(sql("reading the header"))?;
    if tables == 0 && id == 0 {
        return Ok(None);
    }
    let name = || path.display().to_string();
    if id != APPLICATION_ID {
        return Err(JournalError::Foreign { path: name(), id });
    }
    match schema {
        FORMER | VERSION => Ok(Some(schema)),
        1 => Err(JournalError::NeverReleased { path: name() }),
        _ => Err(JournalError::OtherVersion { path: name(), schema, ours: VERSION }),
    }
}

/// Where the journal is kept as it was before it is migrated.
pub(super) fn former_copy(path: &Path) -> PathBuf {
    path.with_extension(format!("schema-{FORMER}.db"))
}

/// Brings a journal of the former version to this one, `size` events long: its file is kept beside, then every name gets
/// its salt and its commitment in an event, all at once or not at all.
///
/// # Errors
/// When something cannot be written; the journal is as it was then.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    size: u64,
    at: UnixMillis,
) -> Result<(), JournalError> {
    let sql = |operation| sql_error(operation, path);
    copy::keep(connection, path, &former_copy(path))?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sql("beginning a transaction"))?;
    let people = former_people(&transaction, path)?;
    transaction
        .execute_batch(&format!("DROP TABLE person; {PERSON} {CHECKPOINT}"))
        .map_err(sql("making the tables"))?;
    let tables = Tables { connection: &transaction, path };
    for (seq, person) in (size + 1..).zip(&people) {
        tables.insert_person(person)?;
        let (person, commitment) = (person.id, person.commitment());
        let event = JournalEvent { at, happening: Happening::PersonNamed { person, commitment } };
        tables.insert_event(seq, &serde_json::to_vec(&event).map_err(JournalError::Json)?)?;
    }
    transaction.pragma_update(None, "user_version", VERSION).map_err(sql("writing the version"))?;
    transaction.commit().map_err(sql("committing the migration"))
}

fn former_people(connection: &Connection, path: &Path) -> Result<Vec<Person>, JournalError> {
    let sql = |operation| sql_error(operation, path);
    let mut statement = connection
        .prepare("SELECT id, name FROM person ORDER BY id")
        .map_err(sql("reading names"))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .map_err(sql("reading names"))?;
    rows.map(|row| {
        let (id, name) = row.map_err(sql("reading a name"))?;
        let id = id.parse::<PersonId>().map_err(|error| JournalError::Damaged {
            path: path.display().to_string(),
            report: error.to_string(),
        })?;
        Person::known_as(id, &name).map_err(JournalError::Random)
    })
    .collect()
}
