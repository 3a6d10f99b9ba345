//! The journal: the only truth. Append-only, on disk before anybody is answered.
//!
//! One thread owns the database's one writing connection. It takes *decisions*: functions of the bench as the
//! journal has it at that moment. So no decision ever rests on a state that another one has already changed, and
//! a client that hangs up in the middle leaves no half of one. All decisions that wait are taken in one
//! transaction; they are answered, and seen by others, once it is on disk.

mod checkpoint;
mod copy;
mod database;
mod error;
mod export;
mod person;
mod schema;
mod tables;
mod verify;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, mpsc};

use evidence::merkle::Log;
use evidence::{SigningKey, SiteKeys};
use protocol::{PersonId, SiteKey, UnixMillis};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::access::Actor;
use crate::bench::{Bench, Locks};
use crate::clock::{self, Clock};
use crate::deeds::Deeds;
use crate::event::Happening;
use crate::metrics::Commits;
use database::Database;
use tables::Tables;
use writer::{Command, Scribe, Writer};

pub(crate) use copy::copy_to;
pub(crate) use error::JournalError;
use error::sql_error;
pub(crate) use export::{Header as ExportHeader, export, rebuild_in};
pub(crate) use verify::{Findings, verify};

/// The events and what follows from them, shared with everybody who only looks.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// What follows from the events.
    pub(crate) bench: Bench,
    /// Their Merkle tree.
    pub(crate) log: Log,
    /// What people did, among them.
    pub(crate) deeds: Deeds,
}

/// What a journal is begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Founding {
    /// The site's key.
    pub(crate) site: SiteKey,
    /// Whether its machines are made up.
    pub(crate) simulated: bool,
}

impl From<SiteKey> for Founding {
    /// Of real machines.
    fn from(site: SiteKey) -> Self {
        Self { site, simulated: false }
    }
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

/// The journal, open. Cheap to clone; closed when the last clone is gone, which waits for the writer.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    writer: Arc<Scribe>,
    published: Arc<RwLock<Published>>,
    length: watch::Receiver<u64>,
    path: Arc<Path>,
    clock: Clock,
    commits: Arc<Commits>,
}

impl Journal {
    /// Opens the journal, reads every event again, and starts the writer.
    ///
    /// # Errors
    /// When it is not ours, damaged, or holds what cannot be understood. Nothing is ever skipped.
    pub(crate) fn open(path: &Path, site: impl Into<Founding>) -> Result<Self, JournalError> {
        Self::open_by(Clock::start(), None, path, site)
    }

    /// As [`Journal::open`], of real machines or of simulated ones, whichever it holds: for who has nothing to do with
    /// machines.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub(crate) fn open_of_either_kind(path: &Path, site: SiteKey) -> Result<Self, JournalError> {
        let simulated = Self::at_rest(path, Bench::simulated)?.unwrap_or_default();
        Self::open(path, Founding { site, simulated })
    }

    /// As [`Journal::open`], by a clock that a person may vouch for.
    ///
    /// # Errors
    /// Also when that is not needed.
    pub(crate) fn open_by(
        clock: Clock,
        acceptance: Option<&ClockAcceptance>,
        path: &Path,
        founding: impl Into<Founding>,
    ) -> Result<Self, JournalError> {
        let Founding { site, simulated } = founding.into();
        let kept = checkpoint::read_file(path)?;
        database::is_not_lost(path, kept.is_some())?;
        let mut database = Database::open(path)?;
        let mut published = database.read_all()?;
        if let Some(theirs) = published.bench.site().filter(|theirs| *theirs != site) {
            let path = path.display().to_string();
            return Err(JournalError::OtherSite { path, ours: site, theirs });
        }
        let journal = published.bench.simulated();
        if published.bench.site().is_some() && journal != simulated {
            return Err(JournalError::OtherKind { path: path.display().to_string(), journal });
        }
        let keys = published.bench.site_keys().cloned().unwrap_or_else(|| site.into());
        let last_kept = database.check_kept(kept.as_deref(), &published.log, &keys)?;
        let (now, last) = (clock.now(), published.bench.last_at());
        match (is_behind(now, last), acceptance) {
            (true, None) => {
                let path = path.display().to_string();
                return Err(JournalError::ClockBehind { path, now, last });
            }
            (false, Some(_)) => return Err(JournalError::ClockEven),
            _ => {}
        }
        database.take_over()?;
        if database.is_former() {
            database.migrate(published.log.len(), now.max(last))?;
            published = database.read_all()?;
        }
        let known = published.bench.people().all();
        let forgotten: Vec<_> = known.filter(|(_, it)| it.forgotten).map(|(id, _)| id).collect();
        database.finish_forgetting(&forgotten)?;
        let founded = published.bench.site().is_some();
        let (commands, inbox) = mpsc::channel();
        let (length_sender, length) = watch::channel(published.log.len());
        let published = Arc::new(RwLock::new(published));
        let shared = published.clone();
        let commits = Arc::<Commits>::default();
        let told = (length_sender, commits.clone());
        let mut writer = Writer::new(database, shared, told, clock.clone(), last_kept);
        if !founded {
            writer.append_first(Happening::Founded { site, simulated })?;
        }
        if let Some(acceptance) = acceptance {
            writer.accept_clock(acceptance)?;
        }
        let writer = Arc::new(Scribe::start(writer, commands, inbox));
        Ok(Self { writer, published, length, path: path.into(), clock, commits })
    }

    /// The drives whose lock may be ours, from a journal that is not in use; none where there is none.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub(crate) fn locks_at(path: &Path) -> Result<Locks, JournalError> {
        Ok(Self::at_rest(path, |bench| bench.locks().clone())?.unwrap_or_default())
    }

    /// The keys of the site, from a journal that is not in use; none where there is none.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub(crate) fn site_keys_at(path: &Path) -> Result<Option<SiteKeys>, JournalError> {
        Ok(Self::at_rest(path, |bench| bench.site_keys().cloned())?.flatten())
    }

    fn at_rest<R>(path: &Path, look: impl FnOnce(&Bench) -> R) -> Result<Option<R>, JournalError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = database::open_to_read(path)?;
        if schema::version(&connection, path)?.is_none() {
            return Ok(None);
        }
        database::check(&connection, "quick_check", path)?;
        Ok(Some(look(&Tables { connection: &connection, path }.fold()?.bench)))
    }

    /// How its transactions go.
    pub(crate) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// The database's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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
    /// Also while the clock is in doubt or a person has stopped everything; then nothing has happened.
    pub(crate) async fn grant<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Bench, UnixMillis) -> (Vec<Happening>, R) + Send + 'static,
    ) -> Result<R, JournalError> {
        let clock = self.clock.clone();
        let decided = self.decide(move |bench, now| {
            if bench.panic().is_some() {
                return (Vec::new(), Err(JournalError::Stopped));
            }
            if let Some(jump) = clock.jump() {
                return (Vec::new(), Err(JournalError::ClockJump(jump)));
            }
            let (happenings, reply) = decide(bench, now);
            (happenings, Ok(reply))
        });
        decided.await?
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
        self.send(command)?;
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
        self.send(command)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The random id of a person by name, made at first use.
    pub(crate) async fn person(&self, name: String) -> Result<PersonId, JournalError> {
        let (sender, answer) = oneshot::channel();
        let command = Command::Person { name, answer: sender };
        self.send(command)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Writes down what is still asked for and closes the file, whoever else has this journal: from then on nothing is
    /// recorded. The file then holds everything by itself.
    ///
    /// # Errors
    /// When something stayed in the files beside it, from where the next one to open it takes it.
    pub(crate) async fn close(&self) -> Result<(), JournalError> {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Close { answer: sender })?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Deletes a person's name for good, from the database's files too. May be asked again, where that was not finished.
    ///
    /// # Errors
    /// When there is no such name, it is a user's, the reason names the person, or it could not be recorded or finished.
    pub(crate) async fn forget(
        &self,
        id: PersonId,
        by: Actor,
        because: String,
    ) -> Result<(), JournalError> {
        let (sender, answer) = oneshot::channel();
        let command = Command::Forget { id, by, because, answer: sender };
        self.send(command)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Signs a checkpoint of the journal as it is now and keeps it, unless there is one already. Blocks.
    ///
    /// # Errors
    /// When it could not be written.
    pub(crate) fn keep_checkpoint(&self, key: &SigningKey) -> Result<(), JournalError> {
        let kept = {
            let published = self.published();
            let keys = published.bench.site_keys().cloned();
            let keys = keys.unwrap_or_else(|| SiteKey::from_bytes(key.public()).into());
            checkpoint::sign(&keys, &published.log, key)?
        };
        let (sender, answer) = oneshot::channel();
        let command = Command::Keep { kept, answer: sender };
        self.send(command)?;
        answer.blocking_recv().map_err(|_| JournalError::Closed)?
    }

    fn send(&self, command: Command) -> Result<(), JournalError> {
        self.writer
            .commands
            .as_ref()
            .ok_or(JournalError::Closed)?
            .send(command)
            .map_err(|_| JournalError::Closed)
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
