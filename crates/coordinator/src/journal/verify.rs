//! Everything that can be checked of a journal, without changing it, also while it is written to.

use std::path::Path;

use evidence::SiteKeys;
use protocol::{PersonId, Sha256Digest, SiteKey, UnixMillis};
use rusqlite::Connection;
use serde::Serialize;

use super::checkpoint::{self, Place};
use super::database::{check, open_to_read};
use super::person::Person;
use super::tables::Tables;
use super::{JournalError, Published, schema, sql_error};

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    /// Whose journal it says it is; none where its events cannot be read.
    pub(crate) site: Option<SiteKey>,
    /// Whether its machines are made up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) simulated: bool,
    /// How many events could be read.
    pub(crate) events: u64,
    /// The root over them.
    pub(crate) root: Sha256Digest,
    /// When the last of them happened.
    pub(crate) last_event: UnixMillis,
    /// What was looked at, in order.
    pub(crate) checks: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What.
    pub(crate) check: &'static str,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// What holds or what does not, in plain words.
    pub(crate) says: String,
}

impl Findings {
    /// Whether everything holds.
    pub(crate) fn hold(&self) -> bool {
        self.checks.iter().all(|it| it.holds)
    }

    fn note(&mut self, check: &'static str, outcome: Result<String, String>) {
        let holds = outcome.is_ok();
        let says = outcome.unwrap_or_else(|why| why);
        self.checks.push(Finding { check, holds, says });
    }
}

/// Checks a journal. `wanted` are keys of the site it must belong to, where they are known from elsewhere; its checkpoint file is
/// looked at if there is one.
///
/// # Errors
/// When it could not be looked at, or is no journal.
pub(crate) fn verify(path: &Path, wanted: Option<&SiteKeys>) -> Result<Findings, JournalError> {
    if !path.exists() {
        return Err(JournalError::None { path: path.display().to_string() });
    }
    // Before the events: they are written before the file speaks of them.
    let file = checkpoint::read_file(path).map_err(JournalError::Checkpoint)?;
    let connection = open_to_read(path)?;
    connection.execute_batch("BEGIN").map_err(sql_error("beginning to read", path))?;
    let mut findings = Findings {
        site: None,
        simulated: false,
        events: 0,
        root: Published::default().log.root(),
        last_event: UnixMillis(0),
        checks: Vec::new(),
    };
    let version = match schema::version(&connection, path) {
        Err(error) if error.is_damage() => {
            findings.note("database", Err(error.sentence()));
            return Ok(findings);
        }
        Ok(None) => return Err(JournalError::None { path: path.display().to_string() }),
        version => version?,
    };
    let integrity = check(&connection, "integrity_check", path);
    let integrity = integrity.map(|()| "SQLite finds no damage".to_owned());
    findings.note("database", damage(integrity)?);
    let tables = Tables { connection: &connection, path };
    let published = match damage(tables.fold())? {
        Ok(published) => published,
        Err(why) => {
            findings.note("events", Err(why));
            return Ok(findings);
        }
    };
    let (events, root) = (published.log.len(), published.log.root());
    (findings.events, findings.root, findings.site) = (events, root, published.bench.site());
    findings.simulated = published.bench.simulated();
    findings.last_event = published.bench.last_at();
    let folded = format!(
        "{events} events, numbered without a gap, each follows from those before; root {root}"
    );
    findings.note("events", Ok(folded));
    let Some(keys) = published.bench.site_keys() else {
        findings.note("site", Err("there is no founding event".to_owned()));
        return Ok(findings);
    };
    findings.note("site", belongs(keys, wanted));
    if version == Some(schema::FORMER) {
        let old =
            "none yet: it is of the version before, and `rehome serve` will migrate it".to_owned();
        findings.note("checkpoints", Ok(old));
        return Ok(findings);
    }
    let kept = checkpoints(tables, &published, file.as_deref(), path, keys);
    findings.note("checkpoints", damage(kept)?);
    findings.note("names", damage(names(&connection, path, &published))?);
    Ok(findings)
}

fn belongs(keys: &SiteKeys, wanted: Option<&SiteKeys>) -> Result<String, String> {
    let site = keys.present();
    // A copy from before a rotation knows fewer keys than are known now, and is the site's all the same.
    match wanted.map(|wanted| (wanted.present(), keys.join(wanted))) {
        Some((wanted, Ok(None))) => Err(format!("it belongs to site {site}, not to {wanted}")),
        Some((_, Err(error))) => {
            Err(format!("it belongs to site {site}, whose keys are not one line: {error}"))
        }
        Some((_, Ok(Some(_)))) => Ok(format!("it belongs to site {site}, as expected")),
        None => Ok(format!(
            "it says that it belongs to site {site}; compare that with a site.pub of your own"
        )),
    }
}

fn checkpoints(
    tables: Tables<'_>,
    published: &Published,
    file: Option<&str>,
    path: &Path,
    keys: &SiteKeys,
) -> Result<String, JournalError> {
    let rows = tables.checkpoints()?;
    for row in &rows {
        checkpoint::check(&row.note, Place::Row(row.size), &published.log, keys)?;
    }
    let filed = checkpoint::check_file(path, file, &published.log, keys)?;
    let last = rows.last().map(|row| row.size).max(filed);
    Ok(match last {
        None => "none was kept yet".to_owned(),
        Some(last) => {
            let file = if filed.is_some() { " and journal.checkpoint" } else { "" };
            format!(
                "{} kept{file}, all signed by the site and true; the last is of {last} events",
                rows.len()
            )
        }
    })
}

fn names(
    connection: &Connection,
    path: &Path,
    published: &Published,
) -> Result<String, JournalError> {
    let people = Tables { connection, path }.people()?;
    for person in &people {
        proven(person, published).map_err(|why| {
            let report = format!("{why} (person {})", person.id);
            JournalError::Damaged { path: path.display().to_string(), report }
        })?;
    }
    let known = &published.bench.people();
    let is_here = |id: &PersonId| people.iter().any(|person| person.id == *id);
    let absent = known.remembered().filter(|id| !is_here(id)).count();
    let absent = match absent {
        0 => String::new(),
        n => format!("; {n} more are not in this file, as after an export without names"),
    };
    Ok(format!("{} names, each as the journal is committed to it{absent}", people.len()))
}

/// Whether a name is the one that the journal is committed to.
pub(super) fn proven(person: &Person, published: &Published) -> Result<(), &'static str> {
    match published.bench.people().get(&person.id) {
        None => Err("a name of which the journal knows nothing"),
        Some(known) if known.forgotten => Err("a name that the journal says was deleted"),
        Some(known) if known.digest != person.commitment() => {
            Err("a name that is not the one the journal is committed to")
        }
        Some(_) => Ok(()),
    }
}

/// Tells what is wrong with the journal from what kept us from looking.
fn damage<T>(outcome: Result<T, JournalError>) -> Result<Result<T, String>, JournalError> {
    match outcome {
        Ok(fine) => Ok(Ok(fine)),
        Err(error) if error.is_damage() => Ok(Err(error.sentence())),
        Err(error) => Err(error),
    }
}
