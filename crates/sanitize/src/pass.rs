//! One pass over a whole drive: large requests, cut into smaller ones where they fail.

use std::io;
use std::time::Instant;

use drive::Drive;
use nix::libc::{ENODEV, ENOMEDIUM, ENXIO};
use protocol::event::{BadCause, PassObservation};
use protocol::{ByteLen, Stage};

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::watch::{Reporter, Watch};

/// Length of a request in bytes: direct I/O is as fast as the drive from here on.
pub(crate) const REQUEST_LEN: usize = 4 << 20;

/// A failed request is cut into that many.
const CUT_INTO: usize = 8;

/// After that many failed requests none is cut any more: a dying disk takes seconds for each, and the pass must
/// still reach the parts that work.
const MAX_FAILED_REQUESTS: u64 = 20_000;

/// A pass under way.
pub(crate) struct Pass<'a> {
    drive: &'a dyn Drive,
    watch: Watch<'a>,
    reporter: Reporter<'a>,
    size: u64,
    sector_len: usize,
    cause: BadCause,
    started: Instant,
    /// Bytes that took their request.
    covered: u64,
    retries: u64,
    worst_request_ms: u64,
    n_failed: u64,
    pub(crate) bad: BadRanges,
}

/// What a request does; it may add ranges that are bad for another reason than failing.
type Request<'r> = &'r mut dyn FnMut(&dyn Drive, u64, usize, &mut BadRanges) -> io::Result<()>;

impl<'a> Pass<'a> {
    /// A pass whose requests, where they fail, leave ranges that are bad by `cause`.
    pub(crate) fn new(
        drive: &'a dyn Drive,
        watch: Watch<'a>,
        stage: Stage,
        cause: BadCause,
    ) -> Self {
        let size = drive.size();
        Self {
            drive,
            watch,
            reporter: Reporter::new(watch, stage, size),
            size: size.0,
            sector_len: drive.sector_size().bytes() as usize,
            cause,
            started: Instant::now(),
            covered: 0,
            retries: 0,
            worst_request_ms: 0,
            n_failed: 0,
            bad: BadRanges::default(),
        }
    }

    /// Sends the request for every part of the drive, in order, once.
    pub(crate) fn run(&mut self, request: Request<'_>) -> Result<(), FailureCause> {
        let mut offset = 0;
        while offset < self.size {
            let length = clamp_len(self.size - offset);
            self.attempt(offset, length, request)?;
            offset += length as u64;
            self.reporter.advanced(offset);
        }
        Ok(())
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
            worst_request_ms: self.worst_request_ms,
        }
    }

    /// Whether all of the range took the request, if need be in smaller pieces.
    fn attempt(
        &mut self,
        offset: u64,
        length: usize,
        request: Request<'_>,
    ) -> Result<bool, FailureCause> {
        if self.watch.is_stopped() {
            return Err(FailureCause::Stopped);
        }
        let sent = Instant::now();
        let outcome = request(self.drive, offset, length, &mut self.bad);
        self.worst_request_ms = self.worst_request_ms.max(elapsed_ms(sent));
        match outcome {
            Ok(()) => {
                self.covered += length as u64;
                Ok(true)
            }
            Err(error) if is_gone(&error) => Err(FailureCause::Gone(error)),
            Err(_) => self.cut(offset, length, request),
        }
    }

    fn cut(
        &mut self,
        offset: u64,
        length: usize,
        request: Request<'_>,
    ) -> Result<bool, FailureCause> {
        self.n_failed += 1;
        if length <= self.sector_len || self.n_failed > MAX_FAILED_REQUESTS {
            self.bad.push(offset, length as u64, self.cause);
            return Ok(false);
        }
        let sectors = length / self.sector_len;
        let piece = sectors.div_ceil(CUT_INTO) * self.sector_len;
        let mut all = true;
        for start in (0..length).step_by(piece) {
            let piece = piece.min(length - start);
            all &= self.attempt(offset + start as u64, piece, request)?;
        }
        self.retries += u64::from(all);
        Ok(all)
    }
}

/// Whether no further request can succeed.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENODEV | ENXIO | ENOMEDIUM))
}

fn clamp_len(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(REQUEST_LEN)
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
