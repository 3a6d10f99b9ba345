//! The reading pass: what the medium holds, not what the drive said.

mod judge;
mod poison;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use drive::Drive;
use protocol::event::PassObservation;

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::overwrite::PassFailure;
use crate::pass::{N_BUFFERS, Pass, REQUEST_LEN, requests, time_limit, total};
use crate::pattern::PatternKey;
use crate::sampled::sampled;
use crate::watch::{Doing, Watch};
use judge::{Judge, Judged, Read};
pub(crate) use poison::{Poisoned, is_poisoned, poison};

/// How much of a drive is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extent<'a> {
    /// Every addressable sector.
    Full,
    /// NIST SP 800-88r1 section 4.7.2, by a seed that is random and new: see [`sampled`].
    Sampled(&'a [u8; 32]),
}

/// What must stand there.
#[derive(Clone, Copy)]
pub(crate) enum Expect<'a> {
    /// Zeros.
    Zeros,
    /// What the overwriting pass with this key wrote.
    Pattern(&'a PatternKey),
    /// Anything but what this finds. It gets byte offset and content of whole sectors, in the order of the drive and once
    /// each, on a thread of its own, and pushes the ascending byte ranges within that content, whole sectors, that must
    /// not stand there.
    Judge(&'a FindWrong<'a>),
}

/// See [`Expect::Judge`].
pub(crate) type FindWrong<'a> = dyn Fn(u64, &[u8], &mut Vec<Range<usize>>) + Sync + 'a;

/// What a reading pass saw where it found nothing wrong.
#[derive(Debug)]
pub(crate) struct ReadBack {
    pub(crate) observed: PassObservation,
    /// Bytes that were read in sectors that are all zero.
    pub(crate) zeros: u64,
    /// Where whole requests were all zero: ascending, neighbors joined.
    pub(crate) zero_extents: Vec<Range<u64>>,
}

/// Reads every addressable sector and compares every byte with zero.
pub(crate) fn verify_zeros(
    drive: &dyn Drive,
    watch: Watch<'_>,
) -> Result<PassObservation, PassFailure> {
    read_back(drive, Extent::Full, Expect::Zeros, watch).map(|read| read.observed)
}

/// Reads that much of the drive and compares every byte.
///
/// # Panics
/// Where the system gives the process no further thread, as [`std::thread::spawn`] does.
pub(crate) fn read_back(
    drive: &dyn Drive,
    extent: Extent<'_>,
    expect: Expect<'_>,
    watch: Watch<'_>,
) -> Result<ReadBack, PassFailure> {
    let extents = match extent {
        Extent::Full => std::iter::once(0..drive.size().0).collect(),
        Extent::Sampled(seed) => {
            sampled(drive.size().0, u64::from(drive.sector_size().bytes()), seed)
        }
    };
    read_within(time_limit(total(&extents)), drive, &extents, expect, watch)
}

fn read_within(
    limit: Duration,
    drive: &dyn Drive,
    extents: &[Range<u64>],
    expect: Expect<'_>,
    watch: Watch<'_>,
) -> Result<ReadBack, PassFailure> {
    drive
        .drop_caches()
        .map_err(|error| (0, BadRanges::default(), FailureCause::DropCaches(error)))?;
    let sector_len = drive.sector_size().bytes() as usize;
    let mut pass = Pass::new(drive, watch, Doing::ReadingBack, extents, limit);
    let mut tally = Tally::default();
    let ran = read_and_judge(&mut pass, extents, &Judge { expect, sector_len }, &mut tally);
    match ran {
        Err(cause) => Err((pass.covered(), tally.bad, cause)),
        Ok(()) if !tally.bad.is_empty() => {
            Err((pass.covered(), tally.bad, FailureCause::BadRanges))
        }
        Ok(()) => Ok(ReadBack {
            observed: pass.observation(),
            zeros: tally.zeros,
            zero_extents: tally.zero_extents,
        }),
    }
}

/// What was read is judged by a second thread while the next request is at the drive.
fn read_and_judge(
    pass: &mut Pass<'_>,
    extents: &[Range<u64>],
    judge: &Judge<'_>,
    tally: &mut Tally,
) -> Result<(), FailureCause> {
    thread::scope(|scope| {
        let (to_judge, reads) = mpsc::sync_channel::<Read>(N_BUFFERS);
        let (from_judge, judged) = mpsc::sync_channel::<Judged>(N_BUFFERS);
        scope.spawn(move || {
            for read in reads {
                if from_judge.send(judge.judge(read)).is_err() {
                    return;
                }
            }
        });
        let mut unused = (0..N_BUFFERS).map(|_| Poisoned::new(REQUEST_LEN));
        let mut ran = Ok(());
        for (offset, length) in requests(extents) {
            let next = unused.next().or_else(|| judged.recv().ok().map(|it| tally.add(it)));
            // Only a panic over there leaves none; leaving the scope passes it on.
            let Some(buffer) = next else { break };
            let (read, outcome) = read(pass, offset, length, buffer);
            let is_judged = to_judge.send(read).is_ok();
            ran = outcome;
            if ran.is_err() || !is_judged {
                break;
            }
        }
        drop(to_judge);
        for last in judged {
            tally.add(last);
        }
        ran
    })
}

fn read(
    pass: &mut Pass<'_>,
    offset: u64,
    length: usize,
    buffer: Poisoned,
) -> (Read, Result<(), FailureCause>) {
    let mut buffer = buffer.into_inner();
    let (parts, outcome) = pass.request(offset, length, &mut |drive, offset, part| {
        // A piece of what has failed: the failed read may have left anything in it.
        if part.len() < length {
            poison(&mut buffer[part.clone()]);
        }
        drive.read_at(offset, &mut buffer[part])
    });
    (Read { offset, length, parts, buffer }, outcome)
}

/// Adds up what was judged, in the order of the drive.
#[derive(Default)]
struct Tally {
    bad: BadRanges,
    zeros: u64,
    zero_extents: Vec<Range<u64>>,
}

impl Tally {
    /// Gives the buffer back for another read.
    fn add(&mut self, judged: Judged) -> Poisoned {
        for (range, cause) in judged.bad {
            self.bad.push(range.start, range.end - range.start, cause);
        }
        self.zeros += judged.zeros;
        if judged.zeros == judged.range.end - judged.range.start {
            match self.zero_extents.last_mut() {
                Some(last) if last.end == judged.range.start => last.end = judged.range.end,
                _ => self.zero_extents.push(judged.range),
            }
        }
        judged.buffer
    }
}
