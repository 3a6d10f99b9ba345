//! Waiting for a drive that works by itself.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use protocol::ByteLen;
use protocol::features::{EraseTime, SanitizeState};

use crate::failed::FailureCause;
use crate::talk::Talk;
use crate::watch::{Doing, Reporter, Watch};

/// Questions in a row that a drive may leave unanswered: some reset their link while they sanitize.
const MAX_SILENT: u32 = 10;
const PARTS: u64 = 0x1_0000;
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Asks until the drive no longer sanitizes itself, and gives the state in which it ended.
///
/// It stands still where it gets no further for twice its estimate and at least
/// [`crate::Patience::stall`]; then it is said once, and it is still waited for, since nothing can stop it: Intel's 660p
/// stood at 1 % for a week. After [`crate::Patience::give_up`] without a change it is left alone: it goes on by itself, and a
/// later start of the machine picks it up.
pub(crate) fn wait_until_idle(
    talk: &mut Talk<'_>,
    estimate: EraseTime,
    watch: Watch<'_>,
) -> Result<SanitizeState, FailureCause> {
    let size = talk.drive.size();
    let reporter = Reporter::new(watch, Doing::ErasingItself, size);
    let stall = stall_after(estimate, watch.patience().stall);
    let (mut progress, mut changed, mut has_told) = (None, Instant::now(), false);
    let mut silent = 0;
    loop {
        let state = match super::state(talk) {
            // What sanitized itself a moment ago and does not say how far it is has not said that it is done either.
            Ok(SanitizeState::Unknown) if progress.is_some() && silent < MAX_SILENT => None,
            Ok(state) => Some(state),
            Err(error) if silent >= MAX_SILENT => return Err(error),
            Err(_) => None,
        };
        let Some(state) = state else {
            silent += 1;
            watch.pause()?;
            continue;
        };
        silent = 0;
        let SanitizeState::Running(now) = state else {
            if progress.is_some() {
                reporter.advanced(size.0);
            }
            return Ok(state);
        };
        let asked = Instant::now();
        // Only further than ever is progress: 655, 654, 655 is a drive that stands.
        if progress.is_none_or(|furthest| now > furthest) {
            (progress, changed, has_told) = (Some(now), asked, false);
            reporter.advanced(done(size, now));
        }
        let still = asked.duration_since(changed);
        if still >= stall && !has_told {
            has_told = true;
            watch.stalled(&format!(
                "{} has stood at {} % of sanitizing itself for {} minutes; it is still running and cannot be stopped; \
                 it is waited for",
                talk.drive.identity().map_or_else(|_| "the drive".to_owned(), |drive| drive.to_string()),
                percent(now),
                still.as_secs() / 60
            ));
        }
        if still >= watch.patience().give_up {
            let (percent, for_s) = (percent(now), still.as_secs());
            return Err(FailureCause::StillRunning { percent, for_s });
        }
        watch.pause()?;
    }
}

fn stall_after(estimate: EraseTime, least: Duration) -> Duration {
    match estimate {
        EraseTime::NotReported => least,
        EraseTime::Seconds(seconds) | EraseTime::LongerThan(seconds) => {
            least.max(Duration::from_secs(u64::from(seconds) * 2))
        }
    }
}

fn done(size: ByteLen, progress: u16) -> u64 {
    let done = u128::from(size.0) * u128::from(progress) / u128::from(PARTS);
    u64::try_from(done).unwrap_or(size.0)
}

fn percent(progress: u16) -> u64 {
    u64::from(progress) * 100 / PARTS
}

/// Runs a command that says nothing until it ends, and shows time passing meanwhile: as a share of the drive's own
/// estimate where there is one, never as done.
pub(super) fn while_showing_time<T: Send>(
    watch: Watch<'_>,
    size: ByteLen,
    expected: Option<Duration>,
    command: impl FnOnce() -> T + Send,
) -> T {
    let reporter = Reporter::new(watch, Doing::ErasingItself, size);
    // From here on nothing can stop the drive: said before it is so.
    reporter.advanced(0);
    let began = Instant::now();
    let share =
        || expected.map_or(0.0, |expected| began.elapsed().as_secs_f64() / expected.as_secs_f64());
    let (end, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let answer = command();
            drop(end);
            answer
        });
        while ended.recv_timeout(SHOW_EVERY) == Err(RecvTimeoutError::Timeout) {
            reporter.advanced(at_most(size, share()));
        }
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// That share of the size in whole percents, 99 at most.
fn at_most(size: ByteLen, share: f64) -> u64 {
    let percent =
        (1..100).take_while(|&percent| f64::from(percent) <= share * 100.0).count() as u64;
    size.0 / 100 * percent
}
