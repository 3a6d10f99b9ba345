//! What comes of the benchmark: a table for people, JSON for the record.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::Sanitize;
use crate::measure::{Took, median};
use crate::sanitize_bench::Round;

const WHY_NO_NWIPE: &str = "nwipe is left out in this version: without a device it wipes every disk of the machine, so it \
    may run only where it is shown nothing but the loop device";

/// The record of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    date: String,
    command: String,
    machine: Machine,
    /// Of the last minute, before and after: what else ran.
    load_average: [f64; 2],
    device: String,
    nwipe: &'static str,
    comparisons: Vec<Comparison>,
    memory: Memory,
    one_drive: Vec<Round>,
    many_drives: Vec<Round>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
}

#[derive(Debug, Serialize)]
struct Memory {
    one_drive_mib: f64,
    many_drives_mib_each: f64,
    promised_mib_each: f64,
}

/// One promise: medians over all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    what: String,
    dd_bytes_per_second: f64,
    our_bytes_per_second: f64,
    /// Where dd's rate is above this, it counts as this.
    counted_up_to: Option<f64>,
    /// The median of what the rounds gave, each by itself.
    ratio: f64,
    promised_ratio: f64,
    dd_cpu_seconds: f64,
    our_cpu_seconds: f64,
    #[serde(skip)]
    pairs: Vec<(f64, f64)>,
}

impl Comparison {
    pub(crate) fn of(
        what: &str,
        rounds: &[Round],
        bytes: u64,
        promised_ratio: f64,
        pick: impl Fn(&Round) -> (Took, Took),
    ) -> Self {
        let took: Vec<(Took, Took)> = rounds.iter().map(pick).collect();
        // A benchmark's few GiB are exact in a double.
        #[expect(clippy::cast_precision_loss)]
        let rate = |took: &Took| bytes as f64 / took.seconds;
        let pairs: Vec<(f64, f64)> =
            took.iter().map(|(theirs, ours)| (rate(theirs), rate(ours))).collect();
        Self {
            what: what.to_owned(),
            dd_bytes_per_second: median(pairs.iter().map(|(theirs, _)| *theirs)),
            our_bytes_per_second: median(pairs.iter().map(|(_, ours)| *ours)),
            counted_up_to: None,
            ratio: median(pairs.iter().map(|(theirs, ours)| ours / theirs)),
            promised_ratio,
            dd_cpu_seconds: median(took.iter().map(|(theirs, _)| theirs.cpu_seconds)),
            our_cpu_seconds: median(took.iter().map(|(_, ours)| ours.cpu_seconds)),
            pairs,
        }
    }

    /// With dd counted as no faster than that.
    pub(crate) fn up_to(self, limit: f64) -> Self {
        let ratio = median(self.pairs.iter().map(|(theirs, ours)| ours / theirs.min(limit)));
        Self { counted_up_to: Some(limit), ratio, ..self }
    }
}

impl Report {
    pub(crate) fn new(
        sanitize: &Sanitize,
        load_before: f64,
        comparisons: Vec<Comparison>,
        one_drive: Vec<Round>,
        many_drives: Vec<Round>,
    ) -> Result<Self> {
        // KiB of a process are exact in a double.
        #[expect(clippy::cast_precision_loss)]
        let mib = |rounds: &[Round], n_drives: usize| {
            let peaks = rounds.iter().flat_map(|it| [it.zeros.peak_kib, it.pattern.peak_kib]);
            peaks.max().unwrap_or_default() as f64 / 1024.0 / n_drives as f64
        };
        let memory = Memory {
            one_drive_mib: mib(&one_drive, 1),
            many_drives_mib_each: mib(&many_drives, sanitize.many.len()),
            promised_mib_each: 32.0,
        };
        Ok(Self {
            date: sanitize.date.clone(),
            command: "scripts/bench sanitize".to_owned(),
            machine: Machine::this()?,
            load_average: [load_before, load_average()?],
            device: "loop device with direct I/O over a file in memory (tmpfs)".to_owned(),
            nwipe: WHY_NO_NWIPE,
            comparisons,
            memory,
            one_drive,
            many_drives,
        })
    }
}

impl Machine {
    fn this() -> Result<Self> {
        let cpuinfo = read("/proc/cpuinfo")?;
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        Ok(Self {
            processor: model.context("no model name in /proc/cpuinfo")?.to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// Of the last minute.
pub(crate) fn load_average() -> Result<f64> {
    let said = read("/proc/loadavg")?;
    let first = said.split(' ').next().unwrap_or_default();
    first.parse().with_context(|| format!("/proc/loadavg says {said:?}"))
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, kernel } = &self.machine;
        writeln!(f, "{processor}, {cores} cores, Linux {kernel}, {}", self.date)?;
        let [before, after] = self.load_average;
        writeln!(f, "{}; load average {before} before, {after} after", self.device)?;
        writeln!(
            f,
            "\n{:<22} {:>9} {:>9} {:>7} {:>8}  {:>7} {:>7}",
            "", "dd MB/s", "ours", "ratio", "promised", "dd cpu", "ours"
        )?;
        for it in &self.comparisons {
            let verdict = if it.ratio >= it.promised_ratio { "" } else { "  MISSED" };
            writeln!(
                f,
                "{:<22} {:>9.0} {:>9.0} {:>7.2} {:>8.2}  {:>6.2}s {:>6.2}s{verdict}",
                it.what,
                it.dd_bytes_per_second / 1e6,
                it.our_bytes_per_second / 1e6,
                it.ratio,
                it.promised_ratio,
                it.dd_cpu_seconds,
                it.our_cpu_seconds,
            )?;
        }
        let Memory { one_drive_mib, many_drives_mib_each, promised_mib_each } = self.memory;
        writeln!(
            f,
            "memory: {one_drive_mib:.0} MiB with one drive, {many_drives_mib_each:.0} MiB for each of many; promised: {promised_mib_each:.0}"
        )?;
        writeln!(f, "pattern: dd counts as no faster than 1,500 MB/s")?;
        write!(f, "{}", self.nwipe)
    }
}
