//! The pairs of runs, and what they are measured by.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use protocol::ByteLen;
use serde::Serialize;

use crate::Sanitize;
use crate::comparison::Comparison;
use crate::loop_drive::OwnLoop;
use crate::measure::Took;
use crate::nwipe::{self, NwipeTook};
use crate::ours::{Content, Ours};
use crate::report::{Report, load_average};
use crate::rival::{self, Way};

/// nwipe takes more than a minute for a round; it does not differ by tenths.
const NWIPE_ROUNDS: usize = 3;

/// All that one round measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Round {
    pub(crate) dd_write: Took,
    pub(crate) dd_read: Took,
    pub(crate) zeros: Ours,
    pub(crate) pattern: Ours,
    /// In the first rounds with one drive, where there is an nwipe.
    pub(crate) nwipe: Option<NwipeTook>,
}

/// Runs it, prints the table, writes the report.
pub(crate) fn run(sanitize: &Sanitize) -> Result<()> {
    ensure!(sanitize.pairs >= 5, "{} pairs are too few; at least 5", sanitize.pairs);
    let load_before = load_average()?;
    let (nwipe, about_nwipe) = available_nwipe(sanitize);
    let one = rounds(sanitize.pairs, std::slice::from_ref(&sanitize.one), nwipe)?;
    let many = rounds(sanitize.pairs, &sanitize.many, None)?;
    let sizes = sanitize.many.iter().map(OwnLoop::size).collect::<Result<Vec<u64>>>()?;
    let mut comparisons = beside_dd(&one, sanitize.one.size()?);
    comparisons.extend(beside_nwipe(&one, sanitize.one.size()?));
    comparisons.extend(many_beside_dd(&many, sizes.len(), sizes.iter().sum()));
    let report = Report::new(sanitize, about_nwipe, load_before, comparisons, one, many)?;
    println!("{report}");
    let json = serde_json::to_string_pretty(&report)? + "\n";
    let output = &sanitize.output;
    std::fs::write(output, json).with_context(|| format!("writing {output:?}"))
}

/// Its first run counts for nothing: one that does not get through it is left out, and it is said why.
fn available_nwipe(sanitize: &Sanitize) -> (Option<&Path>, String) {
    let about = sanitize.about_nwipe.clone();
    let Some(root) = sanitize.nwipe.as_deref() else { return (None, about) };
    match nwipe::run(root, &sanitize.one) {
        Ok(_) => (Some(root), about),
        Err(error) => {
            let why = format!("{about} is left out: {error:#}");
            eprintln!("bench: {why}");
            (None, why)
        }
    }
}

fn beside_dd(rounds: &[Round], bytes: u64) -> Vec<Comparison> {
    let dd = |what, promised_ratio, pick: fn(&Round) -> (Took, Took)| {
        let took: Vec<_> = rounds.iter().map(pick).collect();
        Comparison::of(what, "dd", promised_ratio, bytes, &took)
    };
    vec![
        dd("zeros", 0.97, |it| (it.dd_write, it.zeros.overwrite)),
        dd("pattern", 0.95, |it| (it.dd_write, it.pattern.overwrite)).up_to(1.5e9),
        dd("verify zeros", 0.97, |it| (it.dd_read, it.zeros.verify)),
        dd("verify pattern", 0.95, |it| (it.dd_read, it.pattern.verify)).up_to(1.5e9),
    ]
}

/// Its stream of random numbers is what our pattern is to us.
fn beside_nwipe(rounds: &[Round], bytes: u64) -> Vec<Comparison> {
    let took = |pick: fn(&Round, NwipeTook) -> (Took, Took)| -> Vec<_> {
        rounds.iter().filter_map(|it| Some(pick(it, it.nwipe?))).collect()
    };
    let zeros = took(|it, nwipe| (nwipe.zeros, it.zeros.overwrite));
    let pattern = took(|it, nwipe| (nwipe.random, it.pattern.overwrite));
    if zeros.is_empty() {
        return Vec::new();
    }
    vec![
        Comparison::of("zeros", "nwipe", 1.0, bytes, &zeros),
        Comparison::of("pattern", "nwipe", 1.0, bytes, &pattern).with_cpu_ratio(0.5),
    ]
}

fn many_beside_dd(rounds: &[Round], n_drives: usize, bytes: u64) -> Vec<Comparison> {
    let dd = |what: &str, pick: fn(&Round) -> (Took, Took)| {
        let took: Vec<_> = rounds.iter().map(pick).collect();
        Comparison::of(&format!("{what}, {n_drives} at once"), "dd", 0.9, bytes, &took)
    };
    vec![
        dd("zeros", |it| (it.dd_write, it.zeros.overwrite)),
        dd("verify", |it| (it.dd_read, it.zeros.verify)),
    ]
}

/// The order changes from round to round, so that nobody always runs on the other's warm memory.
fn rounds(n_rounds: usize, loops: &[OwnLoop], nwipe: Option<&Path>) -> Result<Vec<Round>> {
    // Once for nothing: every page of the files is there afterwards.
    rival::run(Way::Write, loops)?;
    let ours_first = |number: usize| number % 2 == 1;
    (0..n_rounds)
        .map(|number| {
            let size = loops.iter().map(OwnLoop::size).sum::<Result<u64>>()?;
            eprintln!("round {} of {n_rounds}, {}", number + 1, ByteLen(size));
            let (zeros, dd_write, dd_read, pattern);
            if ours_first(number) {
                zeros = ours(Content::Zeros, loops)?;
                dd_read = rival::run(Way::Read, loops)?;
                pattern = ours(Content::Pattern, loops)?;
                dd_write = rival::run(Way::Write, loops)?;
            } else {
                dd_write = rival::run(Way::Write, loops)?;
                zeros = ours(Content::Zeros, loops)?;
                dd_read = rival::run(Way::Read, loops)?;
                pattern = ours(Content::Pattern, loops)?;
            }
            let nwipe = match (nwipe, loops) {
                (Some(root), [own]) if number < NWIPE_ROUNDS => Some(nwipe::run(root, own)?),
                _ => None,
            };
            Ok(Round { dd_write, dd_read, zeros, pattern, nwipe })
        })
        .collect()
}

/// In a process of its own, as dd(1) has, so that its memory is its own as well.
fn ours(content: Content, loops: &[OwnLoop]) -> Result<Ours> {
    let name = match content {
        Content::Zeros => "zeros",
        Content::Pattern => "pattern",
    };
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command.args(["ours", name]).args(loops.iter().map(OwnLoop::to_string));
    let ended = command.output().context("starting our side")?;
    ensure!(
        ended.status.success(),
        "our side failed with {}: {}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    serde_json::from_slice(&ended.stdout).context("reading what our side measured")
}
