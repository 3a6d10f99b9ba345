//! The other side: dd(1).

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::UsageWho;

use crate::loop_drive::OwnLoop;
use crate::measure::{Took, measured};

const BLOCK_LEN: u64 = 4 << 20;

/// Which way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Write,
    Read,
}

/// A dd(1) for each of the devices, all at once. For a single one its own time is taken, without that of its start.
pub(crate) fn run(way: Way, loops: &[OwnLoop]) -> Result<Took> {
    let (own_seconds, mut took) = measured(UsageWho::RUSAGE_CHILDREN, || {
        let started = loops.iter().map(|own| start(way, own)).collect::<Result<Vec<_>>>()?;
        started.into_iter().map(finish).collect::<Result<Vec<f64>>>()
    })?;
    if let [seconds] = own_seconds[..] {
        took.seconds = seconds;
    }
    Ok(took)
}

fn start(way: Way, own: &OwnLoop) -> Result<Child> {
    own.check()?;
    let size = own.size()?;
    ensure!(
        size > 0 && size.is_multiple_of(BLOCK_LEN),
        "{own:?} has {size} bytes, not whole blocks"
    );
    let node = own.node().to_str().context("a device's name")?;
    let [input, output, flag] = match way {
        Way::Write => ["if=/dev/zero".to_owned(), format!("of={node}"), "oflag=direct".to_owned()],
        Way::Read => [format!("if={node}"), "of=/dev/null".to_owned(), "iflag=direct".to_owned()],
    };
    let count = format!("count={}", size / BLOCK_LEN);
    let mut dd = Command::new("dd");
    dd.args([&input, &output, "bs=4M", &flag, &count]).env("LC_ALL", "C").stderr(Stdio::piped());
    dd.spawn().context("starting dd")
}

/// Its own account of the seconds that it took.
fn finish(dd: Child) -> Result<f64> {
    let ended = dd.wait_with_output().context("waiting for dd")?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    if !ended.status.success() {
        bail!("dd failed with {}: {said}", ended.status);
    }
    seconds(&said).with_context(|| format!("dd said {said:?}"))
}

/// Out of `2147483648 bytes (2.1 GB, 2.0 GiB) copied, 0.476732 s, 4.5 GB/s`.
fn seconds(said: &str) -> Option<f64> {
    said.split("copied, ").nth(1)?.split(" s,").next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_time_is_found() {
        let said = "512+0 records in\n512+0 records out\n2147483648 bytes (2.1 GB, 2.0 GiB) copied, 0.476732 s, 4.5 GB/s\n";
        assert_eq!(seconds(said), Some(0.476_732));
        assert_eq!(seconds("dd: failed to open"), None);
    }
}
