//! Names that say which run made a thing, and removal of what crashed runs left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

use crate::namespace;
use crate::process::run;

const PREFIX: &str = "rehome";
/// Where each workshop has its sockets: short paths, since a socket's path holds 107 bytes.
const RUN_DIR: &str = "/run/rehome-workshop";

/// The process that made a workshop. The start time tells it from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    pid: u32,
    /// Clock ticks after boot, field 22 of `/proc/PID/stat`.
    start_time: u64,
}

/// A name no other workshop on this host has: `rehome-PID-STARTTIME-COUNTER`.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn unique_name() -> Result<String> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    let start_time = start_time_of(pid).context("failed to read this process's start time")?;
    Ok(format!("{PREFIX}-{pid}-{start_time}-{}", COUNTER.fetch_add(1, Ordering::Relaxed)))
}

/// The directory for sockets of the workshop `name`, or for something else that this host has once.
pub fn run_dir(name: &str) -> PathBuf {
    Path::new(RUN_DIR).join(name)
}

/// Removes namespaces and socket directories of runs that no longer live.
///
/// # Errors
/// When something dead cannot be removed.
pub fn sweep() -> Result<()> {
    for line in run(Command::new("ip").args(["netns", "list"]))?.lines() {
        let name = line.split_ascii_whitespace().next().unwrap_or_default();
        if is_dead(name)
            && let Err(error) = namespace::remove(name)
        {
            // Another run may have swept it in the same moment.
            ensure!(!Path::new("/run/netns").join(name).exists(), error);
        }
    }
    let Ok(entries) = fs::read_dir(RUN_DIR) else { return Ok(()) };
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list {RUN_DIR}"))?;
        if is_dead(&entry.file_name().to_string_lossy()) {
            remove_dir(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a directory tree; one that is already gone is no error.
///
/// # Errors
/// When it is still there afterwards.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if path.exists() => {
            Err(error).with_context(|| format!("failed to remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whether `name` is one of ours and the run that made it no longer lives.
fn is_dead(name: &str) -> bool {
    run_of(name).is_some_and(|run| start_time_of(run.pid) != Some(run.start_time))
}

fn run_of(name: &str) -> Option<Run> {
    let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-');
    let run = Run { pid: parts.next()?.parse().ok()?, start_time: parts.next()?.parse().ok()? };
    parts.next()?.parse::<u32>().ok()?;
    Some(run)
}

fn start_time_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold spaces: count from behind it.
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_dead_runs_are_dead() {
        let own = unique_name().unwrap();
        let pid = std::process::id();
        for (name, dead) in [
            (own.as_str(), false),
            (&format!("{own}-desk"), false),
            (&format!("rehome-{pid}-1-0"), true),
            ("rehome-4194305-77-0", true),
            ("rehome-4194305-77-0-desk", true),
            ("rehome", false),
            ("rehome-4194305-77", false),
            ("rehome-lab-1-0", false),
            ("somebody-4194305-77-0", false),
        ] {
            assert_eq!(is_dead(name), dead, "{name}");
        }
    }
}
