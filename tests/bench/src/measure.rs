//! Time on the clock and on the processors.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// What something took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Took {
    /// On the clock.
    pub(crate) seconds: f64,
    /// On the processors, user and system together. What the kernel does for a loop device on threads of its own is in
    /// nobody's account.
    pub(crate) cpu_seconds: f64,
}

/// Measures what `work` takes, by the account of `who`.
pub(crate) fn measured<T>(who: UsageWho, work: impl FnOnce() -> Result<T>) -> Result<(T, Took)> {
    let (began, cpu_before) = (Instant::now(), cpu_seconds(who)?);
    let done = work()?;
    let seconds = began.elapsed().as_secs_f64();
    Ok((done, Took { seconds, cpu_seconds: cpu_seconds(who)? - cpu_before }))
}

/// The most memory that this process has had, in KiB.
pub(crate) fn peak_kib() -> Result<i64> {
    Ok(getrusage(UsageWho::RUSAGE_SELF).context("asking for the memory used")?.max_rss())
}

fn cpu_seconds(who: UsageWho) -> Result<f64> {
    let usage = getrusage(who).context("asking for the processor time used")?;
    let seconds = |time: TimeVal| -> Result<f64> {
        let micros = u64::try_from(time.tv_sec())? * 1_000_000 + u64::try_from(time.tv_usec())?;
        Ok(Duration::from_micros(micros).as_secs_f64())
    };
    Ok(seconds(usage.user_time())? + seconds(usage.system_time())?)
}

/// The middle one; the mean of both in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in
            [(&[3.0][..], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)]
        {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        }
        assert!(median(std::iter::empty()).is_nan());
    }
}
