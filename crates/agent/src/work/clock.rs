//! Time as records need it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};
use protocol::UnixMillis;

/// Wall clock, as set from the coordinator's.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since the kernel started.
pub(crate) fn uptime_ms() -> u64 {
    // CLOCK_BOOTTIME cannot fail on any kernel that we boot.
    let Ok(time) = clock_gettime(ClockId::CLOCK_BOOTTIME) else { return 0 };
    u64::try_from(time.tv_sec() * 1000 + time.tv_nsec() / 1_000_000).unwrap_or(0)
}

/// Until when consent holds, by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at_ms: u64,
}

impl Deadline {
    /// The end of what lasts from `issued_at` to `expires_at` and was issued after `asked_at_ms` of [`uptime_ms`].
    pub(crate) fn new(asked_at_ms: u64, issued_at: UnixMillis, expires_at: UnixMillis) -> Self {
        Self { at_ms: asked_at_ms.saturating_add(expires_at.0.saturating_sub(issued_at.0)) }
    }

    pub(crate) fn is_over(self) -> bool {
        uptime_ms() >= self.at_ms
    }
}

/// Sets the wall clock: a laptop with a dead CMOS battery wakes up years ago.
pub(crate) fn set(to: UnixMillis) -> anyhow::Result<()> {
    let seconds = i64::try_from(to.0 / 1000).context("the coordinator's time")?;
    let nanoseconds = i64::try_from(to.0 % 1000 * 1_000_000).context("the coordinator's time")?;
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::new(seconds, nanoseconds))
        .context("setting the clock from the coordinator's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_lasts_as_long_as_it_was_given_for_whatever_the_dates() {
        let year_2036 = 2_082_758_400_000;
        for issued in [0, year_2036] {
            let ticket =
                |life| Deadline::new(uptime_ms(), UnixMillis(issued), UnixMillis(issued + life));
            assert!(!ticket(60_000).is_over());
            assert!(ticket(0).is_over());
        }
        let asked_an_hour_ago = uptime_ms().saturating_sub(3_600_000);
        assert!(Deadline::new(asked_an_hour_ago, UnixMillis(0), UnixMillis(60_000)).is_over());
        let backwards = Deadline::new(uptime_ms(), UnixMillis(9), UnixMillis(1));
        assert!(backwards.is_over(), "issued after its own expiry");
    }
}
