//! Rows in and out of the tables, for whoever has a connection.

use std::path::Path;

use protocol::PersonId;
use rusqlite::{Connection, OptionalExtension as _};

use super::person::{Person, Salt};
use super::{JournalError, Published, sql_error};
use crate::event::JournalEvent;

/// The tables of a connection, or of its open transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) connection: &'a Connection,
    /// For messages.
    pub(super) path: &'a Path,
}

/// A signed checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptCheckpoint {
    /// Of how many events it speaks.
    pub(super) size: u64,
    /// Its bytes.
    pub(super) note: String,
}

impl Tables<'_> {
    /// Hands over every event in order, by its number from 1.
    pub(super) fn each_event(
        self,
        mut take: impl FnMut(u64, Vec<u8>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let sql = |operation| sql_error(operation, self.path);
        let mut statement = self
            .connection
            .prepare("SELECT seq, body FROM event ORDER BY seq")
            .map_err(sql("reading events"))?;
        let mut rows = statement.query([]).map_err(sql("reading events"))?;
        let mut next = 1;
        while let Some(row) = rows.next().map_err(sql("reading events"))? {
            let seq =
                row.get::<_, i64>(0).map_err(sql("reading an event's number"))?.cast_unsigned();
            if seq != next {
                let (path, why) =
                    (self.path.display().to_string(), format!("event {next} is missing"));
                return Err(JournalError::Row { seq, path, why });
            }
            take(seq, row.get(1).map_err(sql("reading an event"))?)?;
            next += 1;
        }
        Ok(())
    }

    /// Reads and folds every event from the first.
    pub(super) fn fold(self) -> Result<Published, JournalError> {
        let mut published = Published::default();
        self.each_event(|_, body| published.take(&body, self.path))?;
        Ok(published)
    }

    pub(super) fn insert_event(self, seq: u64, body: &[u8]) -> Result<(), JournalError> {
        self.connection
            .prepare_cached("INSERT INTO event (seq, body) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute((seq.cast_signed(), body)))
            .map_err(sql_error("writing an event", self.path))?;
        Ok(())
    }

    pub(super) fn people(self) -> Result<Vec<Person>, JournalError> {
        let sql = |operation| sql_error(operation, self.path);
        let mut statement = self
            .connection
            .prepare("SELECT id, name, contact, salt FROM person ORDER BY id")
            .map_err(sql("reading names"))?;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
            })
            .map_err(sql("reading names"))?;
        rows.map(|row| {
            let (id, name, contact, salt) = row.map_err(sql("reading a name"))?;
            let id = id.parse().map_err(|error| self.damaged(&error))?;
            let salt = Salt::try_from(salt).map_err(|error| self.damaged(&error))?;
            Ok(Person { id, name, contact, salt })
        })
        .collect()
    }

    pub(super) fn insert_person(self, person: &Person) -> Result<(), JournalError> {
        let Person { id, name, contact, salt } = person;
        self.connection
            .execute(
                "INSERT INTO person (id, name, contact, salt) VALUES (?1, ?2, ?3, ?4)",
                (id.to_string(), name, contact, salt.bytes()),
            )
            .map_err(sql_error("writing a name", self.path))?;
        Ok(())
    }

    /// The id of a name, if it has one.
    pub(super) fn id_of(self, name: &str) -> Result<Option<PersonId>, JournalError> {
        let id = self
            .connection
            .query_row("SELECT id FROM person WHERE name = ?1", [name], |row| {
                row.get::<_, String>(0)
            })
            .optional()
            .map_err(sql_error("reading a name", self.path))?;
        id.map(|id| id.parse().map_err(|error| self.damaged(&error))).transpose()
    }

    /// Takes a name out, and every trace of it out of the pages: the table is emptied and filled again, since a row that
    /// SQLite has moved before may lie a second time in what is unused of a page.
    pub(super) fn erase_person(self, id: PersonId) -> Result<(), JournalError> {
        let kept = self.people()?.into_iter().filter(|person| person.id != id);
        self.connection
            .execute("DELETE FROM person", [])
            .map_err(sql_error("deleting a name", self.path))?;
        kept.collect::<Vec<_>>().iter().try_for_each(|person| self.insert_person(person))
    }

    pub(super) fn checkpoints(self) -> Result<Vec<KeptCheckpoint>, JournalError> {
        let sql = |operation| sql_error(operation, self.path);
        let mut statement = self
            .connection
            .prepare("SELECT size, note FROM checkpoint ORDER BY size")
            .map_err(sql("reading checkpoints"))?;
        let rows = statement
            .query_map([], |row| {
                let (size, note) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?);
                Ok(KeptCheckpoint { size, note })
            })
            .map_err(sql("reading checkpoints"))?;
        rows.map(|row| row.map_err(sql("reading a checkpoint"))).collect()
    }

    pub(super) fn last_checkpoint(self) -> Result<Option<KeptCheckpoint>, JournalError> {
        self.connection
            .query_row("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1", [], |row| {
                let (size, note) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?);
                Ok(KeptCheckpoint { size, note })
            })
            .optional()
            .map_err(sql_error("reading the last checkpoint", self.path))
    }

    pub(super) fn insert_checkpoint(self, kept: &KeptCheckpoint) -> Result<(), JournalError> {
        self.connection
            .execute(
                "INSERT INTO checkpoint (size, note) VALUES (?1, ?2) ON CONFLICT (size) DO NOTHING",
                (kept.size.cast_signed(), &kept.note),
            )
            .map_err(sql_error("writing a checkpoint", self.path))?;
        Ok(())
    }

    fn damaged(self, why: &impl ToString) -> JournalError {
        JournalError::Damaged { path: self.path.display().to_string(), report: why.to_string() }
    }
}

impl Published {
    /// Takes the next event as it is stored.
    pub(super) fn take(&mut self, body: &[u8], path: &Path) -> Result<(), JournalError> {
        let seq = self.log.len() + 1;
        let path = || path.display().to_string();
        let event = parse(body).map_err(|why| JournalError::Row { seq, path: path(), why })?;
        self.bench.apply(&event).map_err(|source| JournalError::Fold {
            seq,
            path: path(),
            source: Box::new(source),
        })?;
        self.deeds.note(self.log.len(), &event.happening);
        self.log.push(body);
        Ok(())
    }
}

/// Reads one event. What this version would not write back byte for byte, it has not understood.
pub(super) fn parse(body: &[u8]) -> Result<JournalEvent, String> {
    let event = serde_json::from_slice::<JournalEvent>(body).map_err(|error| error.to_string())?;
    match serde_json::to_vec(&event) {
        Ok(again) if again == body => Ok(event),
        _ => Err("it has fields that this version does not know".to_owned()),
    }
}
