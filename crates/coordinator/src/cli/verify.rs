//! `rehome verify`: certificates checked with nothing but the site's public keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use evidence::SiteKeys;
use evidence::certificate::{Facts, Failure, verify};
use protocol::{BatchId, MachineId};
use serde_json::{Value, json};

use super::{Verdict, certificate};
use crate::console::{say, say_json, tell};

/// What a certificate's file in a folder is called.
const EXTENSIONS: [&str; 2] = ["json", "cert"];

/// Checks files, and what lies in folders.
pub(super) fn run(key: &Path, paths: &[PathBuf], json: bool) -> Result<Verdict> {
    let keys = read_keys(key)?;
    if let [path] = paths
        && !path.is_dir()
    {
        return one(&keys, path, json);
    }
    let Found { files, left_out } = find(paths)?;
    for path in &left_out {
        tell(&format!("left out: {} (not named .json or .cert)", path.display()));
    }
    let mut heap = Heap::default();
    let mut lines = Vec::new();
    for path in &files {
        let verdict = verify(&read(path)?, &keys);
        lines.push(line(path, &verdict, json)?);
        heap.add(path, verdict);
    }
    for note in heap.said.iter().chain(&heap.contradictions) {
        tell(note);
    }
    let Heap { held, refused, contradictions, said, .. } = heap;
    let good = refused == 0 && contradictions.is_empty() && held > 0;
    if json {
        let value = json!({
            "files": lines, "left_out": left_out, "held": held, "refused": refused,
            "notes": said, "contradictions": contradictions, "holds": good,
        });
        say_json(&value.to_string())?;
    } else if files.is_empty() {
        say("refused: no certificate was found there")?;
    } else {
        say(&format!(
            "{} of {} certificates hold, {refused} are refused, {} contradict another one",
            held,
            files.len(),
            contradictions.len()
        ))?;
    }
    Ok(if good { Verdict::Done } else { Verdict::Refused })
}

/// The public keys in a file as `site.pub`.
pub(super) fn read_keys(path: &Path) -> Result<SiteKeys> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "failed to read the site's public keys {}; name the file with --key",
            path.display()
        )
    })?;
    text.parse()
        .with_context(|| format!("{} does not hold the public keys of a site", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

/// One file, with all that it says.
fn one(keys: &SiteKeys, path: &Path, json: bool) -> Result<Verdict> {
    match verify(&read(path)?, keys) {
        Ok(facts) => {
            certificate::print(&facts, json)?;
            Ok(Verdict::Done)
        }
        Err(failure) => {
            say(&format!("refused: {:#}", anyhow::Error::new(failure)))?;
            Ok(Verdict::Refused)
        }
    }
}

/// Says one file's verdict, or gives it as JSON.
fn line(path: &Path, verdict: &Result<Facts, Failure>, json: bool) -> Result<Value> {
    let value = match verdict {
        Ok(facts) => json!({
            "path": path, "holds": true, "machine": facts.number, "site_name": facts.site_name,
        }),
        Err(failure) => json!({
            "path": path, "holds": false, "check": failure.name(), "sentence": sentence(failure),
        }),
    };
    if !json {
        let path = path.display();
        match verdict {
            Ok(facts) => {
                let (number, site, drives) = (facts.number, &facts.site_name, facts.drives.len());
                say(&format!("holds    {path}: machine {number} of {site}, {drives} drives"))?;
            }
            Err(failure) => say(&format!("refused  {path}: {}", sentence(failure)))?,
        }
    }
    Ok(value)
}

fn sentence(failure: &Failure) -> String {
    let causes: Vec<_> = anyhow::Chain::new(failure).map(ToString::to_string).collect();
    causes.join(": ")
}

/// What there is to be checked.
struct Found {
    files: Vec<PathBuf>,
    /// What lies in the folders beside that.
    left_out: Vec<PathBuf>,
}

fn find(paths: &[PathBuf]) -> Result<Found> {
    let mut found = Found { files: Vec::new(), left_out: Vec::new() };
    for path in paths {
        if !path.is_dir() {
            found.files.push(path.clone());
            continue;
        }
        let listing = || format!("failed to list {}", path.display());
        let entries = std::fs::read_dir(path).with_context(listing)?;
        let inner = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>();
        let mut inner = inner.with_context(listing)?;
        inner.sort();
        for path in inner {
            let is_named =
                path.extension().is_some_and(|it| EXTENSIONS.iter().any(|one| it == *one));
            let to =
                if is_named && path.is_file() { &mut found.files } else { &mut found.left_out };
            to.push(path);
        }
    }
    Ok(found)
}

/// Certificates beside one another: what each alone cannot show.
#[derive(Default)]
struct Heap {
    seen: BTreeMap<(MachineId, BatchId), (PathBuf, Facts)>,
    held: usize,
    refused: usize,
    /// Those that say the same as another one.
    said: Vec<String>,
    /// Those that do not.
    contradictions: Vec<String>,
}

impl Heap {
    fn add(&mut self, path: &Path, verdict: Result<Facts, Failure>) {
        let Ok(mut facts) = verdict else {
            self.refused += 1;
            return;
        };
        self.held += 1;
        // One that was given out again after a rotation says the same by another key, and a site may be renamed.
        facts.site = protocol::SiteKey::from_bytes([0; 32]);
        facts.site_name.clear();
        let job = (facts.machine, facts.batch);
        match self.seen.get(&job) {
            None => drop(self.seen.insert(job, (path.to_owned(), facts))),
            Some((other, theirs)) => {
                let (path, other, number) = (path.display(), other.display(), facts.number);
                if *theirs == facts {
                    self.said.push(format!(
                        "twice: {path} certifies the same work on machine {number} as {other}"
                    ));
                } else {
                    self.contradictions.push(format!(
                        "contradiction: {path} and {other} certify work of one batch on machine {number}, and differ"
                    ));
                }
            }
        }
    }
}
