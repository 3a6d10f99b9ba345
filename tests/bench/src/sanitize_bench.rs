//! The pairs of runs, and what they are measured by.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use protocol::ByteLen;
use serde::Serialize;

use crate::Sanitize;
use crate::loop_drive::OwnLoop;
use crate::measure::Took;
use crate::ours::{Content, Ours};
use crate::report::{Comparison, Report, load_average};
use crate::rival::{self, Way};

/// All that one round measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Round {
    pub(crate) dd_write: Took,
    pub(crate) dd_read: Took,
    pub(crate) zeros: Ours,
    pub(crate) pattern: Ours,
}

/// Runs it, prints the table, writes the report.
pub(crate) fn run(sanitize: &Sanitize) -> Result<()> {
    ensure!(sanitize.pairs >= 5, "{} pairs are too few; at least 5", sanitize.pairs);
    let load_before = load_average()?;
    let one = rounds(sanitize.pairs, std::slice::from_ref(&sanitize.one))?;
    let many = rounds(sanitize.pairs, &sanitize.many)?;
    let one_size = sanitize.one.size()?;
    let sizes = sanitize.many.iter().map(OwnLoop::size).collect::<Result<Vec<u64>>>()?;
    let (n_drives, many_size) = (sizes.len(), sizes.iter().sum());
    let comparisons = vec![
        Comparison::of("zeros", &one, one_size, 0.97, |it| (it.dd_write, it.zeros.overwrite)),
        Comparison::of("pattern", &one, one_size, 0.95, |it| (it.dd_write, it.pattern.overwrite))
            .up_to(1.5e9),
        Comparison::of("verify zeros", &one, one_size, 0.97, |it| (it.dd_read, it.zeros.verify)),
        Comparison::of("verify pattern", &one, one_size, 0.95, |it| {
            (it.dd_read, it.pattern.verify)
        })
        .up_to(1.5e9),
        Comparison::of(&format!("zeros, {n_drives} at once"), &many, many_size, 0.9, |it| {
            (it.dd_write, it.zeros.overwrite)
        }),
        Comparison::of(&format!("verify, {n_drives} at once"), &many, many_size, 0.9, |it| {
            (it.dd_read, it.zeros.verify)
        }),
    ];
    let report = Report::new(sanitize, load_before, comparisons, one, many)?;
    println!("{report}");
    let json = serde_json::to_string_pretty(&report)? + "\n";
    let output = &sanitize.output;
    std::fs::write(output, json).with_context(|| format!("writing {output:?}"))
}

/// The order changes from round to round, so that nobody always runs on the other's warm memory.
fn rounds(n_rounds: usize, loops: &[OwnLoop]) -> Result<Vec<Round>> {
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
            Ok(Round { dd_write, dd_read, zeros, pattern })
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
