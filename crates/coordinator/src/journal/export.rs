//! The journal as text, and a journal made anew from it.
//!
//! One JSON value a line: a header, then each event's bytes exactly as they are hashed, then the kept checkpoints, then,
//! where they are asked for, the names (`docs/journal.md`).

use std::fs::{File, Permissions};
use std::io::{BufRead, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use evidence::SiteKeys;
use protocol::{Sha256Digest, SiteKey};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Place};
use super::database::{beside, open_to_read};
use super::person::Person;
use super::tables::{KeptCheckpoint, Tables};
use super::verify::{proven, verify};
use super::{JournalError, Published, copy, schema, sql_error};
use crate::data_dir::REBUILDING;

/// What the first line says it is.
const KIND: &str = "rehome-journal";
/// Version of this format.
const FORMAT: u32 = 1;
/// Longer than any line, in bytes: an inventory or a piece of evidence has some ten thousand.
pub(super) const MAX_LINE_LEN: u64 = 16 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    kind: String,
    format: u32,
    /// The version of rehome that wrote it.
    rehome: String,
    /// Whose journal.
    pub(crate) site: SiteKey,
    /// How many lines of events follow.
    pub(crate) events: u64,
    /// Root over them.
    pub(crate) root: Sha256Digest,
    /// How many lines of checkpoints follow those.
    pub(crate) checkpoints: u64,
    /// How many lines of names follow those.
    pub(crate) names: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonLine {
    person: Person,
}

/// Why an export is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("reading the export")]
    Read(#[source] std::io::Error),
    #[error("writing the export; is the disk full?")]
    Write(#[source] std::io::Error),
    #[error("line {line} of the export is longer than {MAX_LINE_LEN} bytes")]
    Long { line: u64 },
    #[error("line {line} of the export: {why}")]
    Line { line: u64, why: String },
    #[error("the export ends at line {line}, where {wanted} was expected: it was cut short")]
    Short { line: u64, wanted: &'static str },
    #[error("the root over the export's events is {got}, but its header says {wanted}")]
    Root { wanted: Sha256Digest, got: Sha256Digest },
    #[error(
        "{} is there: it belongs to another journal, whose events would get into this one; put that journal back, or move \
         the file away and keep it; nothing was made",
        .path.display()
    )]
    Leftover { path: PathBuf },
    #[error("the journal that was made does not hold: {why}")]
    Unsound { why: String },
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Writes the journal, as it is at this moment.
///
/// # Errors
/// When it cannot be read or written, or contradicts itself.
pub(crate) fn export(
    path: &Path,
    with_names: bool,
    mut out: impl Write,
) -> Result<Header, ExportError> {
    let connection = open_to_read(path)?;
    connection.execute_batch("BEGIN").map_err(sql_error("beginning to read", path))?;
    let tables = Tables { connection: &connection, path };
    if schema::version(&connection, path)? != Some(schema::VERSION) {
        return Err(JournalError::NotMigrated { path: path.display().to_string() }.into());
    }
    let published = tables.fold()?;
    let (checkpoints, people) = (tables.checkpoints()?, tables.people()?);
    let people = if with_names { people } else { Vec::new() };
    let none = || JournalError::None { path: path.display().to_string() };
    let header = Header {
        kind: KIND.to_owned(),
        format: FORMAT,
        rehome: env!("CARGO_PKG_VERSION").to_owned(),
        site: published.bench.site().ok_or_else(none)?,
        events: published.log.len(),
        root: published.log.root(),
        checkpoints: checkpoints.len() as u64,
        names: people.len() as u64,
    };
    let mut line = |bytes: &[u8]| {
        out.write_all(bytes).and_then(|()| out.write_all(b"\n")).map_err(ExportError::Write)
    };
    line(&json(&header)?)?;
    let mut failed = None;
    tables.each_event(|_, body| {
        // The events are read to their end in any case; the first error is the one to tell.
        failed = failed.take().or_else(|| line(&body).err());
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    for KeptCheckpoint { note, .. } in checkpoints {
        line(&json(&CheckpointLine { checkpoint: note })?)?;
    }
    for person in people {
        line(&json(&PersonLine { person })?)?;
    }
    out.flush().map_err(ExportError::Write)?;
    Ok(header)
}

/// Makes a journal anew from an export, as `path`, which is there whole or not at all. `wanted` is the site that it must
/// belong to, where that is known; a checkpoint file that is beside `path` already must fit.
///
/// # Errors
/// When the export is not whole or contradicts itself, with the line.
pub(crate) fn rebuild_in(
    export: impl BufRead,
    path: &Path,
    wanted: Option<SiteKey>,
) -> Result<Header, ExportError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if let Some(path) = beside(path).into_iter().find(|it| it.symlink_metadata().is_ok()) {
        return Err(ExportError::Leftover { path });
    }
    let room = tempfile::Builder::new()
        .prefix(REBUILDING)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(folder);
    let room = room.map_err(ExportError::Write)?;
    let half = room.path().join("journal.db");
    let header = rebuild(export, &half)?;
    if let Some(note) = checkpoint::read_file(path).map_err(JournalError::from)? {
        let beside = checkpoint::file_of(&half);
        std::fs::write(beside, note).map_err(ExportError::Write)?;
    }
    is_sound(&half, wanted, &header)?;
    // Fails where there is one meanwhile.
    std::fs::hard_link(&half, path).map_err(ExportError::Write)?;
    // In its own place, as whoever opens it there will read it.
    if let Err(error) = is_sound(path, wanted, &header) {
        std::fs::remove_file(path).map_err(ExportError::Write)?;
        return Err(error);
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ExportError::Write)?;
    Ok(header)
}

/// Whether a journal that was made holds, and is what the header says.
fn is_sound(path: &Path, wanted: Option<SiteKey>, header: &Header) -> Result<(), ExportError> {
    let findings = verify(path, wanted.map(SiteKeys::from).as_ref())?;
    if let Some(bad) = findings.checks.into_iter().find(|it| !it.holds) {
        return Err(ExportError::Unsound { why: bad.says });
    }
    if (findings.events, findings.root) != (header.events, header.root) {
        let why = format!("it has {} events with the root {}", findings.events, findings.root);
        return Err(ExportError::Unsound { why });
    }
    Ok(())
}

/// Makes the database `path`, which is of no use if this fails.
///
/// # Errors
/// When the export is not whole, or contradicts itself, with the line.
fn rebuild(export: impl BufRead, path: &Path) -> Result<Header, ExportError> {
    let mut lines = Lines { reader: export, line: 0 };
    let header: Header = lines.parse("a header")?;
    if (header.kind.as_str(), header.format) != (KIND, FORMAT) {
        let why = format!("it is {} {}, not {KIND} {FORMAT}", header.kind, header.format);
        return Err(ExportError::Line { line: 1, why });
    }
    copy::create(path, true)?;
    let mut connection = Connection::open(path).map_err(sql_error("making a database", path))?;
    schema::create(&connection, path)?;
    let transaction =
        connection.transaction().map_err(sql_error("beginning a transaction", path))?;
    let tables = Tables { connection: &transaction, path };
    let mut published = Published::default();
    for seq in 1..=header.events {
        let body = lines.next("an event")?;
        published.take(&body, path).map_err(|error| lines.bad(&error.sentence()))?;
        tables.insert_event(seq, &body)?;
    }
    let (wanted, got) = (header.root, published.log.root());
    if wanted != got {
        return Err(ExportError::Root { wanted, got });
    }
    let keys = published.bench.site_keys().cloned().unwrap_or_else(|| header.site.into());
    for _ in 0..header.checkpoints {
        let CheckpointLine { checkpoint: note } = lines.parse("a checkpoint")?;
        let place = Place::Line(lines.line);
        let size = checkpoint::check(&note, place, &published.log, &keys);
        let size = size.map_err(|error| lines.bad(&JournalError::from(error).sentence()))?;
        tables.insert_checkpoint(&KeptCheckpoint { size, note })?;
    }
    for _ in 0..header.names {
        let PersonLine { person } = lines.parse("a name")?;
        proven(&person, &published).map_err(|why| lines.bad(&why))?;
        tables.insert_person(&person)?;
    }
    lines.end()?;
    transaction.commit().map_err(sql_error("committing the journal", path))?;
    connection.close().map_err(|(_, error)| sql_error("closing the journal", path)(error))?;
    Ok(header)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    serde_json::to_vec(value).map_err(JournalError::Json)
}

/// Lines with their numbers.
struct Lines<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self, wanted: &'static str) -> Result<Vec<u8>, ExportError> {
        let mut bytes = Vec::new();
        self.line += 1;
        let line = self.line;
        std::io::Read::take(&mut self.reader, MAX_LINE_LEN)
            .read_until(b'\n', &mut bytes)
            .map_err(ExportError::Read)?;
        match bytes.pop() {
            Some(b'\n') => Ok(bytes),
            Some(_) if bytes.len() as u64 + 1 == MAX_LINE_LEN => Err(ExportError::Long { line }),
            _ => Err(ExportError::Short { line, wanted }),
        }
    }

    fn parse<T: for<'de> Deserialize<'de>>(
        &mut self,
        wanted: &'static str,
    ) -> Result<T, ExportError> {
        let bytes = self.next(wanted)?;
        serde_json::from_slice(&bytes).map_err(|error| self.bad(&format!("not {wanted}: {error}")))
    }

    fn end(&mut self) -> Result<(), ExportError> {
        match self.reader.fill_buf().map_err(ExportError::Read)?.is_empty() {
            true => Ok(()),
            false => Err(ExportError::Line {
                line: self.line + 1,
                why: "there is more than the header says".to_owned(),
            }),
        }
    }

    fn bad(&self, why: &impl ToString) -> ExportError {
        ExportError::Line { line: self.line, why: why.to_string() }
    }
}
