//! `rehome journal ...`

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use evidence::SiteKeys;

use super::{Asker, Verdict, verify as certificates};
use crate::console::{begin_with, say, say_json};
use crate::data_dir::DataDir;
use crate::journal::{self, ExportHeader, Findings};
use crate::simulated::NOTICE;
use crate::site;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check everything that can be checked, also while `rehome serve` runs; exits with 0 if all holds, with 1 if not
    Verify {
        /// A journal's file elsewhere [default: the one in the data directory]
        file: Option<PathBuf>,
        /// The site's public key that it must belong to [default: that of the data directory]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Write the journal as text, one JSON value a line, also while `rehome serve` runs
    Export {
        /// A new file
        file: PathBuf,
        /// With the names of people, which are otherwise left out
        #[arg(long)]
        with_names: bool,
    },
    /// Make a journal anew from an export, in a data directory that has none
    Rebuild {
        /// What `rehome journal export` wrote
        file: PathBuf,
    },
}

pub(super) fn run(asker: &Asker, command: &Command) -> Result<Verdict> {
    match command {
        Command::Verify { file, key } => verify(asker, file.as_deref(), key.as_deref()),
        Command::Export { file, with_names } => export(asker, file, *with_names),
        Command::Rebuild { file } => rebuild(asker, file),
    }
}

fn verify(asker: &Asker, file: Option<&Path>, key: Option<&Path>) -> Result<Verdict> {
    let own = asker.data.join("journal.db");
    let wanted = match (key, file) {
        (Some(key), _) => Some(certificates::read_keys(key)?),
        (None, None) => site::read_public(&asker.data)?.map(SiteKeys::from),
        (None, Some(_)) => None,
    };
    let findings = journal::verify(file.unwrap_or(&own), wanted.as_ref())?;
    if findings.simulated {
        begin_with(NOTICE);
    }
    if asker.json {
        say_json(&serde_json::to_string(&findings)?)?;
    } else {
        lines(&findings).iter().try_for_each(|line| say(line))?;
    }
    Ok(if findings.hold() { Verdict::Done } else { Verdict::Refused })
}

fn lines(findings: &Findings) -> Vec<String> {
    let mark = |holds| if holds { "holds " } else { "BROKEN" };
    let checks = findings.checks.iter();
    let mut lines: Vec<_> =
        checks.map(|it| format!("{}  {}: {}", mark(it.holds), it.check, it.says)).collect();
    lines.push(match findings.hold() {
        true => "the journal holds".to_owned(),
        false => "the journal does not hold: keep its files as they are, and restore a backup by `rehome restore`"
            .to_owned(),
    });
    lines
}

fn export(asker: &Asker, to: &Path, with_names: bool) -> Result<Verdict> {
    let failed = || format!("failed to write {}", to.display());
    let folder = to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Under another name until it is whole, and for nobody else to read.
    let file = tempfile::Builder::new().prefix(".rehome-export-").tempfile_in(folder);
    let file = file.with_context(failed)?;
    let out = BufWriter::new(file.as_file());
    let header = journal::export(&asker.data.join("journal.db"), with_names, out)?;
    file.as_file().sync_all().with_context(failed)?;
    if let Err(error) = file.persist_noclobber(to) {
        return Err(error.error).with_context(failed);
    }
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(failed)?;
    let names = match (with_names, header.names) {
        (true, n) => format!("{n} names; keep the file as you keep the names"),
        (false, _) => "no names".to_owned(),
    };
    let sentence = format!("exported {} and {names}", counts(&header));
    told(asker, &header, &sentence)
}

fn rebuild(asker: &Asker, from: &Path) -> Result<Verdict> {
    let file = File::open(from).with_context(|| format!("failed to read {}", from.display()))?;
    // Nobody may serve from it meanwhile.
    let data = DataDir::open(&asker.data)?;
    let path = data.join("journal.db");
    if path.exists() {
        bail!("{} is there already and stays as it is; name another --data", path.display());
    }
    let site = site::read_public(data.path())?;
    let header = journal::rebuild_in(BufReader::new(file), &path, site)?;
    let names = format!("{} names", header.names);
    let sentence = format!("made a journal of {} and {names} anew; it holds", counts(&header));
    told(asker, &header, &sentence)
}

fn counts(header: &ExportHeader) -> String {
    let ExportHeader { events, checkpoints, root, .. } = header;
    format!("{events} events (root {root}), {checkpoints} checkpoints")
}

fn told(asker: &Asker, header: &ExportHeader, sentence: &str) -> Result<Verdict> {
    asker.said(serde_json::to_string(header)?.as_bytes(), sentence)?;
    Ok(Verdict::Done)
}
