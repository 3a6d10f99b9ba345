//! The other side: nwipe, in its cage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;

use crate::cage::Method;
use crate::loop_drive::OwnLoop;
use crate::measure::Took;

/// How often its thread is looked at: what the seconds may be wrong by.
const INTERVAL: Duration = Duration::from_millis(2);
/// Longer than any run takes.
const LIMIT: Duration = Duration::from_secs(300);

/// What its passes took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct NwipeTook {
    pub(crate) zeros: Took,
    pub(crate) random: Took,
}

/// Both passes, each of which writes the device once and flushes it.
pub(crate) fn run(root: &Path, own: &OwnLoop) -> Result<NwipeTook> {
    Ok(NwipeTook {
        zeros: pass(Method::Zero, root, own)?,
        random: pass(Method::Random, root, own)?,
    })
}

fn pass(method: Method, root: &Path, own: &OwnLoop) -> Result<Took> {
    own.check()?;
    let before = own.bytes_written()?;
    let mut caged = start(method, root, own)?;
    let took = watch(&mut caged);
    if took.is_err() {
        // unshare(1) takes nwipe with it.
        caged.kill().context("stopping nwipe")?;
    }
    let ended = caged.wait_with_output().context("waiting for nwipe")?;
    let [out, err] =
        [ended.stdout, ended.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    let took = took.with_context(|| format!("nwipe ended with {}: {out}{err}", ended.status))?;
    ensure!(
        ended.status.success() && out.contains("Nwipe successfully completed"),
        "nwipe failed with {}: {out}{err}",
        ended.status
    );
    let (written, size) = (own.bytes_written()? - before, own.size()?);
    ensure!(written >= size, "nwipe wrote {written} bytes of {size}");
    // It writes through the page cache: what it leaves there must not slow down who comes next.
    own.drop_page_cache()?;
    Ok(took)
}

fn start(method: Method, root: &Path, own: &OwnLoop) -> Result<Child> {
    let method = method.to_possible_value().context("a method without a name")?;
    let program = std::env::current_exe().context("finding this program")?;
    // Where the benchmark is killed, unshare(1) dies with it, and nwipe with that.
    let mut unshare = Command::new("setpriv");
    unshare
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(["--mount", "--propagation", "private", "--pid", "--net", "--ipc", "--uts"])
        .args(["--fork", "--kill-child"])
        .arg(program)
        .args(["caged", "--outside", &std::process::id().to_string()])
        .args([method.get_name(), &own.to_string()])
        .arg(root);
    unshare.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    unshare.spawn().context("starting setpriv")
}

/// What the thread took that wipes. nwipe as a whole sleeps for seconds before it notices that its thread has ended.
fn watch(unshare: &mut Child) -> Result<Took> {
    let began = Instant::now();
    let thread = loop {
        if let Some(thread) = wiping_thread(unshare.id()) {
            break thread;
        }
        if unshare.try_wait()?.is_some() {
            bail!("it ended before it was seen wiping");
        }
        ensure!(began.elapsed() < LIMIT, "it did not begin to wipe within {LIMIT:?}");
        sleep(INTERVAL);
    };
    let began = Instant::now();
    let mut cpu_seconds = None;
    while let Some(so_far) = cpu_seconds_of(&thread) {
        cpu_seconds = Some(so_far);
        ensure!(began.elapsed() < LIMIT, "it was still wiping after {LIMIT:?}");
        sleep(INTERVAL);
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Took { seconds, cpu_seconds: cpu_seconds.context("its thread was not seen running")? })
}

/// The thread beside the first one of nwipe, which is the only child of unshare(1). Nothing as long as it is not there.
fn wiping_thread(unshare: u32) -> Option<PathBuf> {
    let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    let first = children.trim();
    if fs::read_to_string(format!("/proc/{first}/comm")).ok()? != "nwipe\n" {
        return None;
    }
    let threads = fs::read_dir(format!("/proc/{first}/task")).ok()?;
    threads.flatten().find(|thread| thread.file_name() != first).map(|thread| thread.path())
}

fn cpu_seconds_of(thread: &Path) -> Option<f64> {
    seconds_on_cpu(&fs::read_to_string(thread.join("schedstat")).ok()?)
}

/// Out of `765656 14068721 3`, of which the first are the nanoseconds on a processor:
/// Documentation/scheduler/sched-stats.rst.
fn seconds_on_cpu(schedstat: &str) -> Option<f64> {
    let nanoseconds = schedstat.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_a_processor_is_found() {
        assert_eq!(seconds_on_cpu("1500000000 14068721 3\n"), Some(1.5));
        assert_eq!(seconds_on_cpu(""), None);
    }

    #[test]
    fn what_is_not_nwipe_is_not_seen_wiping() {
        assert_eq!(wiping_thread(std::process::id()), None);
    }
}
