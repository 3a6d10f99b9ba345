//! The journal: the only truth. Append-only, on disk before anybody is answered.
//!
//! One thread owns the database's one writing connection. It takes *decisions*: functions of the bench as the
//! journal has it at that moment. So no decision ever rests on a state that another one has already changed, and
//! a client that hangs up in the middle leaves no half of one. All decisions that wait are taken in one
//! transaction; they are answered, and seen by others, once it is on disk.

mod database;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, mpsc};

use evidence::merkle::Log;
use protocol::{PersonId, SiteKey, UnixMillis};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::bench::{Bench, FoldError, Locks};
use crate::calendar::utc;
use crate::clock::{self, Clock, ClockJump};
use crate::event::Happening;
use database::Database;
use writer::{Command, Writer};

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// SQLite would not.
    #[error("{operation} in the journal {path}; is the disk full, or failing?")]
    Sql {
        operation: &'static str,
        path: String,
        #[source]
        source: rusqlite::Error,
    },
    /// There is no room, which a person can do something about.
    #[error(
        "the disk of the journal {path} is full, no event was written; make room, then try again"
    )]
    DiskFull { path: String },
    /// Another program's database.
    #[error("{path} is not a journal of rehome (application id {id:#x}); nothing was changed")]
    Foreign { path: String, id: i32 },
    /// A journal that another version of rehome has written.
    #[error(
        "{path} was written by another version of rehome (schema {schema}, this one has {ours}); start that version on \
         this directory to finish and to export its certificates, and give this one a new --data; nothing was changed"
    )]
    OtherVersion { path: String, schema: i32, ours: i32 },
    /// SQLite's own check found damage.
    #[error("the journal {path} is damaged: {report}; restore it from a copy, nothing was changed")]
    Damaged { path: String, report: String },
    /// A row that this version did not write.
    #[error("event {seq} of the journal {path} cannot be read: {why}; nothing was changed")]
    Row { seq: u64, path: String, why: String },
    /// A row that contradicts those before it.
    #[error("event {seq} of the journal {path} contradicts those before it; nothing was changed")]
    Fold {
        seq: u64,
        path: String,
        #[source]
        source: Box<FoldError>,
    },
    /// The clock is set back: every batch would stay armed until it has caught up.
    #[error(
        "the clock is behind the journal {path}: it says {}, and the last event happened at {}; set the clock, or if it \
         is right, start with `rehome serve --accept-clock --because \"...\"`; nothing was changed",
        utc(*.now), utc(*.last)
    )]
    ClockBehind { path: String, now: UnixMillis, last: UnixMillis },
    /// The clock is in doubt.
    #[error(transparent)]
    ClockJump(ClockJump),
    /// A person accepts a clock that nobody doubts.
    #[error(
        "the clock is not in doubt, so there is nothing to accept (serve: leave out --accept-clock)"
    )]
    ClockEven,
    /// Begun by a site with another key.
    #[error("the journal {path} belongs to site {theirs}, but the site key here is {ours}")]
    OtherSite { path: String, ours: SiteKey, theirs: SiteKey },
    /// An appended event would contradict the ones before it: a mistake of the program.
    #[error("refusing to write an event that contradicts the journal")]
    Inconsistent(#[source] Box<FoldError>),
    /// An event could not be written as JSON.
    #[error("writing an event as JSON")]
    Json(#[source] serde_json::Error),
    /// Another command of the same transaction failed it; this one may be tried again.
    #[error("nothing was recorded: {0}")]
    Rolled(String),
    /// A reader has ended before its time.
    #[error("reading the journal was not finished")]
    Interrupted(#[source] tokio::task::JoinError),
    /// The writer has ended.
    #[error("the journal is closed: the coordinator is stopping")]
    Closed,
}

/// The events and what follows from them, shared with everybody who only looks.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// What follows from the events.
    pub(crate) bench: Bench,
    /// Their Merkle tree.
    pub(crate) log: Log,
}

/// A person's word that the clock is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockAcceptance {
    /// Who says so.
    pub(crate) by: String,
    /// Why.
    pub(crate) because: String,
}

/// The journal, open. Cheap to clone; closed when the last clone is gone.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    commands: mpsc::Sender<Command>,
    published: Arc<RwLock<Published>>,
    length: watch::Receiver<u64>,
    path: Arc<Path>,
    clock: Clock,
}

impl Journal {
    /// Opens the journal, reads every event again, and starts the writer.
    ///
    /// # Errors
    /// When it is not ours, damaged, or holds what cannot be understood. Nothing is ever skipped.
    pub(crate) fn open(path: &Path, site: SiteKey) -> Result<Self, JournalError> {
        Self::open_by(Clock::start(), None, path, site)
    }

    /// As [`Journal::open`], by a clock that a person may vouch for.
    ///
    /// # Errors
    /// Also when that is not needed.
    pub(crate) fn open_by(
        clock: Clock,
        acceptance: Option<&ClockAcceptance>,
        path: &Path,
        site: SiteKey,
    ) -> Result<Self, JournalError> {
        let database = Database::open(path)?;
        let published = database.read_all()?;
        if let Some(theirs) = published.bench.site().filter(|theirs| *theirs != site) {
            let path = path.display().to_string();
            return Err(JournalError::OtherSite { path, ours: site, theirs });
        }
        let (now, last) = (clock.now(), published.bench.last_at());
        match (is_behind(now, last), acceptance) {
            (true, None) => {
                let path = path.display().to_string();
                return Err(JournalError::ClockBehind { path, now, last });
            }
            (false, Some(_)) => return Err(JournalError::ClockEven),
            _ => {}
        }
        let founded = published.bench.site().is_some();
        let (commands, inbox) = mpsc::channel();
        let (length_sender, length) = watch::channel(published.log.len());
        let published = Arc::new(RwLock::new(published));
        let mut writer = Writer::new(database, published.clone(), length_sender, clock.clone());
        if !founded {
            writer.append_first(Happening::Founded { site })?;
        }
        if let Some(acceptance) = acceptance {
            writer.accept_clock(acceptance)?;
        }
        std::thread::spawn(move || writer.run(&inbox));
        Ok(Self { commands, published, length, path: path.into(), clock })
    }

    /// The drives whose lock may be ours, from a journal that is not in use; none where there is none.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub(crate) fn locks_at(path: &Path) -> Result<Locks, JournalError> {
        if !path.exists() {
            return Ok(Locks::default());
        }
        Ok(Database::open(path)?.read_all()?.bench.locks().clone())
    }

    /// The clock that events are stamped by.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time now, by that clock.
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Takes a decision that lets something be done to machines, as [`Journal::decide`] does.
    ///
    /// # Errors
    /// Also while the clock is in doubt; then nothing has happened.
    pub(crate) async fn grant<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Bench, UnixMillis) -> (Vec<Happening>, R) + Send + 'static,
    ) -> Result<R, JournalError> {
        let clock = self.clock.clone();
        let decided = self.decide(move |bench, now| match clock.jump() {
            Some(jump) => (Vec::new(), Err(jump)),
            None => {
                let (happenings, reply) = decide(bench, now);
                (happenings, Ok(reply))
            }
        });
        decided.await?.map_err(JournalError::ClockJump)
    }

    /// Takes the wall clock for right, on a person's word. If that sets time back, all batches end that it would bring
    /// back.
    ///
    /// # Errors
    /// When the clock is not in doubt, or nothing can be recorded.
    pub(crate) async fn accept_clock(
        &self,
        acceptance: ClockAcceptance,
    ) -> Result<(), JournalError> {
        let (sender, answer) = oneshot::channel();
        let command = Command::AcceptClock { acceptance, answer: sender };
        self.commands.send(command).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Resolves when the writer has ended, and nothing can be recorded any more.
    pub(crate) async fn ended(&self) {
        let mut length = self.length.clone();
        while length.changed().await.is_ok() {}
    }

    /// Takes a decision: `decide` sees the bench, gives the events to append and an answer. The answer is handed
    /// out once the events are on disk.
    ///
    /// # Errors
    /// When they could not be written; then nothing has happened.
    pub(crate) async fn decide<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Bench, UnixMillis) -> (Vec<Happening>, R) + Send + 'static,
    ) -> Result<R, JournalError> {
        let (sender, answer) = oneshot::channel();
        let command = Command::Decide(Box::new(move |bench, now| {
            let (happenings, reply) = decide(bench, now);
            let finish = move |outcome: Result<(), JournalError>| {
                // Whoever asked may have hung up; what is recorded is recorded.
                drop(sender.send(outcome.map(|()| reply)));
            };
            (happenings, Box::new(finish))
        }));
        self.commands.send(command).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The random id of a person by name, made at first use.
    pub(crate) async fn person(&self, name: String) -> Result<PersonId, JournalError> {
        let (sender, answer) = oneshot::channel();
        let command = Command::Person { name, answer: sender };
        self.commands.send(command).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The present state. Hold it briefly: the writer waits for it.
    pub(crate) fn published(&self) -> RwLockReadGuard<'_, Published> {
        // The writer only ever replaces this value by a consistent one, so a poisoned lock holds no half state.
        self.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of every change: the number of events.
    pub(crate) fn length(&self) -> watch::Receiver<u64> {
        self.length.clone()
    }

    /// Reads from the database where blocking is allowed.
    ///
    /// # Errors
    /// As of `look`.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Self) -> Result<R, JournalError> + Send + 'static,
    ) -> Result<R, JournalError> {
        let journal = self.clone();
        let looked = tokio::task::spawn_blocking(move || look(&journal)).await;
        looked.map_err(JournalError::Interrupted)?
    }

    /// The bytes of some events, by their index from 0. Blocks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn bodies(&self, indices: &[u64]) -> Result<Vec<(u64, String)>, JournalError> {
        database::read_bodies(&self.path, indices)
    }

    /// Names of people, for a person to read. Blocks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn names(&self) -> Result<Vec<(PersonId, String)>, JournalError> {
        database::read_names(&self.path)
    }
}

/// Whether the clock is so far behind the last event that time would stand still.
fn is_behind(now: UnixMillis, last: UnixMillis) -> bool {
    clock::after(now, clock::SLACK) < last
}

#[cfg(test)]
mod tests;
