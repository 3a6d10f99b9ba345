//! One pass over a drive: large requests, in order, one at a time, cut into smaller ones where they fail.
//!
//! Whether a second thread makes or judges the content meanwhile or not, the drive sees one ascending row of requests, the
//! same in every run.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use drive::Drive;
use nix::libc::{ENODEV, ENOMEDIUM, ENXIO};
use protocol::ByteLen;
use protocol::event::PassObservation;

use crate::failed::FailureCause;
use crate::watch::{Doing, Reporter, Watch};
use crate::zones::Zones;

/// Length of a request in bytes: direct I/O is as fast as the drive from here on.
pub(crate) const REQUEST_LEN: usize = 4 << 20;

/// Buffers of a pass that has a second thread: one at the drive, one at the other thread. More would only push one another
/// out of the processor's cache.
pub(crate) const N_BUFFERS: usize = 2;

/// A failed request is cut into that many.
const CUT_INTO: usize = 8;

/// After that many failed requests none is cut any more: a dying disk takes seconds for each, and the pass must
/// still reach the parts that work.
const MAX_FAILED_REQUESTS: u64 = 20_000;

/// What every pass is granted beside [`SLOWEST_RATE`], however short it is: a drive may spin up and retry.
const GRACE: Duration = Duration::from_secs(3600);

/// Bytes a second. A drive that is slower on the whole is dying or is no drive one would give away; the slowest 4,200 rpm
/// disks write 15 MB/s at their inner edge.
const SLOWEST_RATE: u64 = 5_000_000;

/// The rule that cuts slow and dying drives off: a pass over `length` bytes may take one hour, plus what its length takes
/// at 5 MB/s. It is asked before each request; a request that hangs is ended by the kernel's own time limit.
pub(crate) fn time_limit(length: u64) -> Duration {
    GRACE + Duration::from_secs(length / SLOWEST_RATE)
}

/// A pass under way.
pub(crate) struct Pass<'a> {
    drive: &'a dyn Drive,
    watch: Watch<'a>,
    reporter: Reporter<'a>,
    sector_len: usize,
    started: Instant,
    time_limit: Duration,
    /// Bytes that were to take their request so far, and those that did.
    reached: u64,
    covered: u64,
    retries: u64,
    worst_request: Duration,
    n_failed: u64,
    /// None where the pass does not go over all of the drive.
    zones: Option<Zones>,
}

/// What became of one request, as byte ranges within it: whole sectors, ascending, disjoint, neighbors joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// These took it.
    pub(crate) taken: Vec<Range<usize>>,
    /// These failed, each sector by itself.
    pub(crate) failed: Vec<Range<usize>>,
}

/// Sends the request for that part of it, whose byte offset on the drive comes first.
type Send<'r> = &'r mut dyn FnMut(&dyn Drive, u64, Range<usize>) -> io::Result<()>;

impl<'a> Pass<'a> {
    /// A pass over these byte ranges.
    pub(crate) fn new(
        drive: &'a dyn Drive,
        watch: Watch<'a>,
        doing: Doing,
        extents: &[Range<u64>],
        time_limit: Duration,
    ) -> Self {
        let length = total(extents);
        let is_whole = length == drive.size().0;
        Self {
            drive,
            watch,
            reporter: Reporter::new(watch, doing, ByteLen(length)),
            sector_len: drive.sector_size().bytes() as usize,
            started: Instant::now(),
            time_limit,
            reached: 0,
            covered: 0,
            retries: 0,
            worst_request: Duration::ZERO,
            n_failed: 0,
            zones: is_whole.then(|| Zones::of(length)),
        }
    }

    /// Sends one request, if need be in pieces. What became of its parts is said even where the pass ends here.
    pub(crate) fn request(
        &mut self,
        offset: u64,
        length: usize,
        send: Send<'_>,
    ) -> (Parts, Result<(), FailureCause>) {
        let mut parts = Parts::default();
        let ran = self.attempt(offset, 0..length, send, &mut parts);
        if ran.is_ok() {
            self.reached += length as u64;
            self.reporter.advanced(self.reached);
        }
        (parts, ran.map(|_| ()))
    }

    /// How many bytes took their request.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    pub(crate) fn observation(&self) -> PassObservation {
        PassObservation {
            bytes: ByteLen(self.covered),
            duration_ms: elapsed_ms(self.started),
            retries: self.retries,
            worst_request_ms: in_ms(self.worst_request),
            zones: self.zones.as_ref().map(Zones::observed).unwrap_or_default(),
        }
    }

    /// Whether all of the part took the request, if need be in smaller pieces.
    fn attempt(
        &mut self,
        offset: u64,
        part: Range<usize>,
        send: Send<'_>,
        parts: &mut Parts,
    ) -> Result<bool, FailureCause> {
        self.watch.go_on()?;
        if self.started.elapsed() > self.time_limit {
            return Err(FailureCause::TooSlow { limit_s: self.time_limit.as_secs() });
        }
        let sent = Instant::now();
        let outcome = send(self.drive, offset + part.start as u64, part.clone());
        self.note_request(
            offset + part.start as u64,
            part.len() as u64,
            sent.elapsed(),
            outcome.is_ok(),
        );
        match outcome {
            Ok(()) => {
                self.covered += part.len() as u64;
                push(&mut parts.taken, part);
                Ok(true)
            }
            Err(error) if is_gone(&error) => Err(FailureCause::Gone(error)),
            Err(_) => self.cut(offset, part, send, parts),
        }
    }

    fn note_request(&mut self, offset: u64, length: u64, took: Duration, has_succeeded: bool) {
        self.worst_request = self.worst_request.max(took);
        if let Some(zones) = &mut self.zones {
            zones.add(offset, length, took, has_succeeded);
        }
    }

    fn cut(
        &mut self,
        offset: u64,
        part: Range<usize>,
        send: Send<'_>,
        parts: &mut Parts,
    ) -> Result<bool, FailureCause> {
        self.n_failed += 1;
        if part.len() <= self.sector_len || self.n_failed > MAX_FAILED_REQUESTS {
            push(&mut parts.failed, part);
            return Ok(false);
        }
        let sectors = part.len() / self.sector_len;
        let piece = sectors.div_ceil(CUT_INTO) * self.sector_len;
        let mut all = true;
        for start in part.clone().step_by(piece) {
            all &= self.attempt(offset, start..part.end.min(start + piece), send, parts)?;
        }
        self.retries += u64::from(all);
        Ok(all)
    }
}

/// The requests for these byte ranges: where each begins, and how long it is.
pub(crate) fn requests(extents: &[Range<u64>]) -> impl Iterator<Item = (u64, usize)> {
    extents.iter().flat_map(|extent| {
        let starts = extent.clone().step_by(REQUEST_LEN);
        starts.map(|start| (start, clamp_len(extent.end - start)))
    })
}

/// How many bytes these ranges are together.
pub(crate) fn total(extents: &[Range<u64>]) -> u64 {
    extents.iter().map(|extent| extent.end - extent.start).sum()
}

/// Whether no further request can succeed.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENODEV | ENXIO | ENOMEDIUM))
}

/// Adds a range that lies after all former ones.
pub(crate) fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

fn clamp_len(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(REQUEST_LEN)
}

/// Milliseconds since then.
pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    in_ms(since.elapsed())
}

fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
