//! The thread that writes.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use protocol::{PersonId, UnixMillis};
use tokio::sync::{oneshot, watch};

use super::database::{Database, erase_from_former};
use super::export::MAX_LINE_LEN;
use super::person::Person;
use super::tables::{KeptCheckpoint, Tables, parse};
use super::{ClockAcceptance, JournalError, Published, checkpoint, sql_error};
use crate::access::Actor;
use crate::bench::Bench;
use crate::clock::Clock;
use crate::event::{Happening, JournalEvent};
use crate::metrics::Commits;

/// How many decisions one transaction takes at most.
const TRANSACTION_LIMIT: usize = 256;

type Finish = Box<dyn FnOnce(Result<(), JournalError>) + Send>;
type Decide = Box<dyn FnOnce(&Bench, UnixMillis) -> (Vec<Happening>, Finish) + Send>;

/// What the writer is asked for.
pub(super) enum Command {
    /// Decide, append, answer.
    Decide(Decide),
    /// Find or make the id of a person.
    Person { name: String, answer: oneshot::Sender<Result<PersonId, JournalError>> },
    /// Take the wall clock for right.
    AcceptClock { acceptance: ClockAcceptance, answer: oneshot::Sender<Result<(), JournalError>> },
    /// Delete a person's name.
    Forget {
        id: PersonId,
        by: Actor,
        because: String,
        answer: oneshot::Sender<Result<(), JournalError>>,
    },
    /// Keep a signed checkpoint.
    Keep { kept: KeptCheckpoint, answer: oneshot::Sender<Result<(), JournalError>> },
    /// Close the file and end.
    Close { answer: oneshot::Sender<Result<(), JournalError>> },
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decide(_) => "Decide",
            Self::Person { .. } => "Person",
            Self::AcceptClock { .. } => "AcceptClock",
            Self::Forget { .. } => "Forget",
            Self::Keep { .. } => "Keep",
            Self::Close { .. } => "Close",
        })
    }
}

/// The writer's thread, waited for when this is dropped: until then the file is not closed.
#[derive(Debug)]
pub(super) struct Scribe {
    /// None while it ends.
    pub(super) commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Scribe {
    pub(super) fn start(
        writer: Writer,
        commands: mpsc::Sender<Command>,
        inbox: mpsc::Receiver<Command>,
    ) -> Self {
        let thread = std::thread::spawn(move || writer.run(inbox));
        Self { commands: Some(commands), thread: Some(thread) }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.commands = None;
        let Some(thread) = self.thread.take() else { return };
        // The last one may have gone with a decision, in the very thread. A panic in it was said when it happened.
        if thread.thread().id() != std::thread::current().id() {
            drop(thread.join());
        }
    }
}

/// What changes in the side table, in the same transaction as the event that says so.
enum Aside {
    Name(Person),
    Erase(PersonId),
}

/// Owns the writing connection and the bench as it will be once the open transaction is on disk.
#[derive(Debug)]
pub(super) struct Writer {
    database: Database,
    working: Bench,
    published: Arc<RwLock<Published>>,
    length: watch::Sender<u64>,
    commits: Arc<Commits>,
    clock: Clock,
    /// Whether a jump of the clock was logged.
    warned: bool,
    /// How many events the last kept checkpoint has.
    kept: Option<u64>,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        published: Arc<RwLock<Published>>,
        (length, commits): (watch::Sender<u64>, Arc<Commits>),
        clock: Clock,
        kept: Option<u64>,
    ) -> Self {
        let working = read(&published, |published| published.bench.clone());
        Self { database, working, published, length, commits, clock, warned: false, kept }
    }

    /// Appends the founding event before the thread starts.
    pub(super) fn append_first(&mut self, happening: Happening) -> Result<(), JournalError> {
        self.append(vec![happening], self.now(), None)
    }

    /// Takes the wall clock for right, and says so in the journal.
    pub(super) fn accept_clock(
        &mut self,
        ClockAcceptance { by, because }: &ClockAcceptance,
    ) -> Result<(), JournalError> {
        let by = self.person(by)?;
        let (reading, before) = (self.clock.reading(), self.now());
        let because = because.clone();
        let mut happenings = vec![Happening::ClockAccepted { by, because, before }];
        if reading.wall < before {
            // Set by the later clock, they would last until it is reached again.
            let open = self.working.batches().filter(|batch| !batch.disarmed);
            happenings.extend(open.map(|it| Happening::BatchDisarmed { batch: it.id, by }));
        }
        self.append(happenings, reading.wall, None)?;
        self.clock.accept(reading);
        Ok(())
    }

    fn append(
        &mut self,
        happenings: Vec<Happening>,
        at: UnixMillis,
        aside: Option<&Aside>,
    ) -> Result<(), JournalError> {
        let mut outcome = Err(JournalError::Closed);
        let decide: Decide = Box::new(move |_, _| (happenings, Box::new(drop)));
        self.transaction(vec![decide], at, aside, |_, result| outcome = result);
        outcome
    }

    fn person(&mut self, name: &str) -> Result<PersonId, JournalError> {
        if let Some(id) = self.database.tables().id_of(name)? {
            return Ok(id);
        }
        let person = Person::new(name)?;
        let (id, commitment) = (person.id, person.commitment());
        let named = Happening::PersonNamed { person: id, commitment };
        self.append(vec![named], self.now(), Some(&Aside::Name(person)))?;
        Ok(id)
    }

    fn forget(&mut self, id: PersonId, by: &Actor, because: String) -> Result<(), JournalError> {
        if self.working.users().contains_key(&id) {
            return Err(JournalError::StillUser { id });
        }
        let known = self.working.people().get(&id).ok_or(JournalError::NoName { id })?;
        if !known.forgotten {
            let people = self.database.tables().people()?;
            let named = |person: &Person| person.id == id && is_named(&because, &person.name);
            if people.iter().any(named) {
                return Err(JournalError::NameInReason);
            }
            // A user is known by id: by name, one who was forgotten would be recorded anew.
            let by = match by.person {
                Some(by) => by,
                None => self.person(&by.name)?,
            };
            let forgotten = Happening::PersonForgotten { person: id, by, because };
            self.append(vec![forgotten], self.now(), Some(&Aside::Erase(id)))?;
        }
        // Also where it was not finished the last time.
        erase_from_former(self.database.path(), &[id])?;
        self.database.empty_log()
    }

    fn keep(&mut self, kept: &KeptCheckpoint) -> Result<(), JournalError> {
        if self.kept >= Some(kept.size) {
            return Ok(());
        }
        self.database.tables().insert_checkpoint(kept)?;
        // After the row, so that the file never speaks of what is not in the database.
        checkpoint::write_file(self.database.path(), kept)?;
        self.kept = Some(kept.size);
        Ok(())
    }

    /// The moment for a new event: never before the last one.
    fn now(&self) -> UnixMillis {
        self.clock.now().max(self.working.last_at())
    }

    fn warn_of_jump(&mut self) {
        let jump = self.clock.jump();
        if let Some(jump) = jump.filter(|_| !self.warned) {
            tracing::error!(target: "journal", "{jump}");
        }
        self.warned = jump.is_some();
    }

    /// Serves until it is told to end or every [`super::Journal`] is gone.
    fn run(mut self, inbox: mpsc::Receiver<Command>) {
        let told = self.serve(&inbox);
        // Whoever still asks learns that nothing more is recorded.
        drop(inbox);
        let closed = self.database.close();
        if let Err(error) = &closed {
            tracing::warn!(
                target: "journal",
                "{error}; nothing is lost: what is in the -wal file beside the journal belongs to it"
            );
        }
        if let Some(answer) = told {
            drop(answer.send(closed));
        }
    }

    /// Gives whom to tell when the file is closed.
    fn serve(
        &mut self,
        inbox: &mpsc::Receiver<Command>,
    ) -> Option<oneshot::Sender<Result<(), JournalError>>> {
        let mut told = None;
        while told.is_none() {
            let Ok(first) = inbox.recv() else { break };
            let mut waiting = vec![first];
            waiting.extend(inbox.try_iter().take(TRANSACTION_LIMIT - 1));
            let mut decisions = Vec::new();
            for command in waiting {
                match command {
                    Command::Decide(decide) => decisions.push(decide),
                    // Whoever asked may have hung up.
                    Command::Person { name, answer } => drop(answer.send(self.person(&name))),
                    Command::AcceptClock { acceptance, answer } => {
                        let in_doubt = self.clock.jump().ok_or(JournalError::ClockEven);
                        let accepted = in_doubt.and_then(|_| self.accept_clock(&acceptance));
                        drop(answer.send(accepted));
                    }
                    Command::Forget { id, by, because, answer } => {
                        drop(answer.send(self.forget(id, &by, because)));
                    }
                    Command::Keep { kept, answer } => drop(answer.send(self.keep(&kept))),
                    Command::Close { answer } => told = Some(answer),
                }
            }
            self.warn_of_jump();
            self.transaction(decisions, self.now(), None, |finish, outcome| finish(outcome));
        }
        told
    }

    /// Takes `decisions` in one transaction and hands each its outcome.
    fn transaction(
        &mut self,
        decisions: Vec<Decide>,
        at: UnixMillis,
        aside: Option<&Aside>,
        mut answer: impl FnMut(Finish, Result<(), JournalError>),
    ) {
        if decisions.is_empty() {
            return;
        }
        let mut finishes = Vec::with_capacity(decisions.len());
        let size = read(&self.published, |published| published.log.len());
        match self.write(decisions, size, at, aside, &mut finishes, &mut answer) {
            Ok(events) => {
                self.publish(&events);
                finishes.into_iter().for_each(|finish| answer(finish, Ok(())));
            }
            Err(error) => {
                self.commits.failed(Instant::now());
                tracing::error!(target: "journal", %error, "nothing was recorded");
                self.working = read(&self.published, |published| published.bench.clone());
                let causes: Vec<_> = anyhow::Chain::new(&error).map(ToString::to_string).collect();
                let sentence = causes.join(": ");
                let mut first = Some(error);
                for finish in finishes {
                    let rolled = || JournalError::Rolled(sentence.clone());
                    answer(finish, Err(first.take().unwrap_or_else(rolled)));
                }
            }
        }
    }

    fn write(
        &mut self,
        decisions: Vec<Decide>,
        size: u64,
        at: UnixMillis,
        aside: Option<&Aside>,
        finishes: &mut Vec<Finish>,
        answer: &mut impl FnMut(Finish, Result<(), JournalError>),
    ) -> Result<Vec<(JournalEvent, Vec<u8>)>, JournalError> {
        let path = self.database.path().to_owned();
        let mut events = Vec::new();
        // Every decision is taken first, so that each has somebody to tell should the database refuse.
        let mut fault = None;
        for decide in decisions {
            let (happenings, finish) = decide(&self.working, at);
            let written = happenings.into_iter().map(|happening| written(at, happening));
            // What could not be read again concerns nobody else: the others of the transaction go on.
            let written = match written.collect::<Result<Vec<_>, _>>() {
                Ok(written) => written,
                Err(error) => {
                    tracing::error!(target: "journal", %error, "an event was refused");
                    answer(finish, Err(error));
                    continue;
                }
            };
            finishes.push(finish);
            for (event, body) in written {
                match self.working.apply(&event) {
                    Ok(()) => events.push((event, body)),
                    Err(error) => {
                        let error = JournalError::Inconsistent(Box::new(error));
                        fault = fault.or(Some(error));
                    }
                }
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        if events.is_empty() {
            return Ok(events);
        }
        let begun = Instant::now();
        let transaction = self.database.begin()?;
        let tables = Tables { connection: &transaction, path: &path };
        for (seq, (_, body)) in (size + 1..).zip(&events) {
            tables.insert_event(seq, body)?;
        }
        match aside {
            None => {}
            Some(Aside::Name(person)) => tables.insert_person(person)?,
            Some(Aside::Erase(id)) => tables.erase_person(*id)?,
        }
        transaction.commit().map_err(sql_error("committing events", &path))?;
        self.commits.succeeded(begun.elapsed());
        Ok(events)
    }

    fn publish(&self, events: &[(JournalEvent, Vec<u8>)]) {
        if events.is_empty() {
            return;
        }
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        for (event, body) in events {
            let index = published.log.len();
            published.deeds.note(index, &event.happening);
            published.log.push(body);
        }
        // Equal to applying the events once more, which the working bench has just proven possible.
        published.bench.clone_from(&self.working);
        let length = published.log.len();
        drop(published);
        self.length.send_replace(length);
    }
}

/// An event as it is stored: nothing that the next start would refuse, and nothing that is too long for an export.
fn written(at: UnixMillis, happening: Happening) -> Result<(JournalEvent, Vec<u8>), JournalError> {
    let event = JournalEvent { at, happening };
    let body = serde_json::to_vec(&event).map_err(JournalError::Json)?;
    // A line of an export ends in one byte more.
    if body.len() as u64 >= MAX_LINE_LEN {
        return Err(JournalError::Long { len: body.len(), max: MAX_LINE_LEN });
    }
    parse(&body).map_err(|why| JournalError::Unreadable { why })?;
    Ok((event, body))
}

/// Whether a text holds a name, however it is capitalized.
fn is_named(text: &str, name: &str) -> bool {
    text.to_lowercase().contains(&name.trim().to_lowercase())
}

fn read<R>(published: &RwLock<Published>, look: impl FnOnce(&Published) -> R) -> R {
    look(&published.read().unwrap_or_else(PoisonError::into_inner))
}
