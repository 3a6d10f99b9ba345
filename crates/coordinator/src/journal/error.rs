//! What can go wrong with the journal.

use std::path::Path;

use protocol::{PersonId, SiteKey, UnixMillis};

use super::checkpoint::CheckpointError;
use crate::bench::FoldError;
use crate::calendar::utc;
use crate::clock::ClockJump;
use crate::random::RandomError;

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
    /// One from before the first release.
    #[error(
        "{path} was written by a version of rehome from before its first release (schema 1), which this one cannot read; \
         give this one a new --data; nothing was changed"
    )]
    NeverReleased { path: String },
    /// Not yet of this version, and we only read.
    #[error("{path} is of the version before; start `rehome serve` on it once, which migrates it")]
    NotMigrated { path: String },
    /// There is none.
    #[error("{path} is no journal: there is nothing in it; name the data directory with --data")]
    None { path: String },
    /// There was one.
    #[error(
        "the journal {path} is gone or empty, but {left} is there; put the journal back, or restore a backup by \
         `rehome restore`; nothing was changed"
    )]
    Gone { path: String, left: String },
    /// A file beside the database.
    #[error("writing {path}; is the disk full?")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// Somebody reads, and does not end.
    #[error(
        "another program keeps the journal {path} open (`fuser {path}` says which); end it, then try again"
    )]
    Busy { path: String },
    /// A kept checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// There is nothing to delete.
    #[error("the journal knows no name of person {id}; `rehome person list` shows all")]
    NoName { id: PersonId },
    /// The name would stay in the users' file, and come back from there.
    #[error(
        "person {id} may log in, so the name is needed; remove the user first (`rehome user remove`), then forget"
    )]
    StillUser { id: PersonId },
    /// What is said to delete a name would keep it.
    #[error("the reason names the person, and it stays in the journal; say it without the name")]
    NameInReason,
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
    /// A person stopped everything.
    #[error(
        "a person stopped all machines, so nothing is armed, picked or consented to; `rehome panic --over` takes that back"
    )]
    Stopped,
    /// A person accepts a clock that nobody doubts.
    #[error(
        "the clock is not in doubt, so there is nothing to accept (serve: leave out --accept-clock)"
    )]
    ClockEven,
    /// Begun by a site with another key.
    #[error("the journal {path} belongs to site {theirs}, but the site key here is {ours}")]
    OtherSite { path: String, ours: SiteKey, theirs: SiteKey },
    /// Simulated machines in a journal of real ones, or the other way round.
    #[error(
        "the journal {path} is {}; {}", kind_of(*.journal),
        if *.journal { "start with --simulated" } else { "name another directory with --data for simulated machines" }
    )]
    OtherKind { path: String, journal: bool },
    /// An appended event would contradict the ones before it: a mistake of the program.
    #[error("refusing to write an event that contradicts the journal")]
    Inconsistent(#[source] Box<FoldError>),
    /// An appended event could not be read back as it is: a mistake of the program, which would refuse the journal at its
    /// next start.
    #[error("refusing to write an event that could not be read again: {why}")]
    Unreadable { why: String },
    /// An appended event would be too long for an export.
    #[error(
        "refusing to write an event of {len} bytes: less than {max} can be recorded at once; divide it (a register: \
         fewer columns or rows)"
    )]
    Long { len: usize, max: u64 },
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

impl JournalError {
    /// Whether it says that the journal itself is not as it should be, in contrast to something in the way of reading it.
    pub(super) fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{
            ConstraintViolation, DatabaseCorrupt, NotADatabase, TypeMismatch,
        };
        match self {
            Self::Sql { source, .. } => {
                let code = source.sqlite_error_code();
                let wrong_type = matches!(
                    source,
                    rusqlite::Error::InvalidColumnType(..)
                        | rusqlite::Error::FromSqlConversionFailure(..)
                        | rusqlite::Error::IntegralValueOutOfRange(..)
                );
                let damaged = [DatabaseCorrupt, NotADatabase, TypeMismatch, ConstraintViolation];
                wrong_type || code.is_some_and(|code| damaged.contains(&code))
            }
            Self::Damaged { .. } | Self::Row { .. } | Self::Fold { .. } => true,
            Self::Checkpoint(error) => !matches!(error, CheckpointError::Read { .. }),
            _ => false,
        }
    }

    /// The error and its causes in one sentence.
    pub(super) fn sentence(&self) -> String {
        let causes: Vec<_> = anyhow::Chain::new(self).map(ToString::to_string).collect();
        causes.join(": ")
    }
}

fn kind_of(simulated: bool) -> &'static str {
    if simulated { "of simulated machines" } else { "of real machines" }
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
