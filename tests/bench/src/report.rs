//! What comes of the benchmark: a table for people, JSON for the record.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::Sanitize;
use crate::comparison::Comparison;
use crate::sanitize_bench::Round;

/// The record of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    date: String,
    command: String,
    machine: Machine,
    /// Of the last minute, before and after: what else ran.
    load_average: [f64; 2],
    device: String,
    /// Which one, or why it was left out.
    nwipe: String,
    comparisons: Vec<Comparison>,
    memory: Memory,
    one_drive: Vec<Round>,
    many_drives: Vec<Round>,
}

/// What it ran on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
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

impl Report {
    pub(crate) fn new(
        sanitize: &Sanitize,
        about_nwipe: String,
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
            nwipe: about_nwipe,
            comparisons,
            memory,
            one_drive,
            many_drives,
        })
    }
}

impl Machine {
    pub(crate) fn this() -> Result<Self> {
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
            "\n{:<18} {:<6} {:>9} {:>9} {:>7} {:>8}  {:>8} {:>7} {:>6} {:>8}",
            "",
            "peer",
            "its MB/s",
            "ours",
            "ratio",
            "promised",
            "its cpu",
            "ours",
            "ratio",
            "promised"
        )?;
        for it in &self.comparisons {
            let promised_cpu =
                it.promised_cpu_ratio.map_or_else(String::new, |most| format!("<={most:.2}"));
            writeln!(
                f,
                "{:<18} {:<6} {:>9.0} {:>9.0} {:>7.2} {:>8.2}  {:>7.2}s {:>6.2}s {:>6.2} {:>8}{}",
                it.what,
                it.peer,
                it.peer_bytes_per_second / 1e6,
                it.our_bytes_per_second / 1e6,
                it.ratio,
                it.promised_ratio,
                it.peer_cpu_seconds,
                it.our_cpu_seconds,
                it.cpu_ratio,
                promised_cpu,
                if it.is_kept() { "" } else { "  MISSED" },
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
