//! Compares what was read with what must stand there.

use std::ops::Range;

use drive::AlignedBuf;
use protocol::event::BadCause;

use super::Expect;
use super::poison::{Filled, Poisoned, is_poisoned};
use crate::pass::{Parts, push};
use crate::pattern::PatternKey;
use crate::zeros::{is_zero, nonzero_sectors};

/// How much of the pattern is made at once: it stays in the processor's cache until it is compared.
const PATTERN_LEN: usize = 64 << 10;

/// A request on its way from the drive.
pub(super) struct Read {
    /// Of the drive.
    pub(super) offset: u64,
    pub(super) length: usize,
    /// What became of it.
    pub(super) parts: Parts,
    pub(super) buffer: AlignedBuf,
}

/// What was found in it.
pub(super) struct Judged {
    /// Of the drive.
    pub(super) range: Range<u64>,
    /// Of the drive: ascending, disjoint.
    pub(super) bad: Vec<(Range<u64>, BadCause)>,
    /// Bytes in sectors that are all zero.
    pub(super) zeros: u64,
    /// For the next one.
    pub(super) buffer: Poisoned,
}

pub(super) struct Judge<'a> {
    pub(super) expect: Expect<'a>,
    pub(super) sector_len: usize,
}

impl Judge<'_> {
    pub(super) fn judge(&self, read: Read) -> Judged {
        let Read { offset, length, parts, buffer } = read;
        let mut filled = Filled::from(buffer);
        let (mut unread, mut wrong, mut zeros) = (parts.failed, Vec::new(), 0);
        for part in parts.taken {
            let part = match self.expect {
                Expect::Zeros if part.start == 0 => {
                    zeros = filled.take_zeros(part.end, self.sector_len);
                    zeros..part.end
                }
                _ => part,
            };
            let content = filled.content();
            // The usual case. No sector of it is poisoned: a mark is not zero.
            if is_zero(&content[part.clone()]) {
                zeros += part.len();
                if !matches!(self.expect, Expect::Zeros) {
                    self.find_wrong(offset, content, part, &mut wrong);
                }
                continue;
            }
            for run in self.filled_runs(content, part, &mut unread) {
                zeros += self.zeros_among(&content[run.clone()]);
                self.find_wrong(offset, content, run, &mut wrong);
            }
        }
        let on_drive = |range: Range<usize>| offset + range.start as u64..offset + range.end as u64;
        let unread = unread.into_iter().map(|range| (on_drive(range), BadCause::ReadError));
        let wrong = wrong.into_iter().map(|range| (on_drive(range), BadCause::OldContent));
        let mut bad: Vec<_> = unread.chain(wrong).collect();
        bad.sort_by_key(|(range, _)| range.start);
        let range = offset..offset + length as u64;
        Judged { range, bad, zeros: zeros as u64, buffer: filled.into() }
    }

    /// The runs of sectors that the drive has filled. It said so of all; the others go to `unread`.
    fn filled_runs(
        &self,
        buffer: &[u8],
        part: Range<usize>,
        unread: &mut Vec<Range<usize>>,
    ) -> Vec<Range<usize>> {
        let sectors = part.step_by(self.sector_len);
        let mut filled = Vec::new();
        for sector in sectors.map(|start| start..start + self.sector_len) {
            if is_poisoned(&buffer[sector.clone()]) {
                unread.push(sector);
            } else {
                push(&mut filled, sector);
            }
        }
        filled
    }

    /// Adds the ranges of this run, within the buffer, that must not stand there.
    fn find_wrong(
        &self,
        offset: u64,
        buffer: &[u8],
        run: Range<usize>,
        wrong: &mut Vec<Range<usize>>,
    ) {
        let (content, on_drive) = (&buffer[run.clone()], offset + run.start as u64);
        let mut found = Vec::new();
        match self.expect {
            Expect::Zeros => found.extend(nonzero_sectors(content, self.sector_len)),
            Expect::Pattern(key) => self.compare(key, on_drive, content, &mut found),
            Expect::Judge(judge) => judge(on_drive, content, &mut found),
        }
        let in_buffer = |range: Range<usize>| run.start + range.start..run.start + range.end;
        wrong.extend(found.into_iter().map(in_buffer));
    }

    fn zeros_among(&self, content: &[u8]) -> usize {
        let nonzero = nonzero_sectors(content, self.sector_len);
        content.len() - nonzero.map(|sector| sector.len()).sum::<usize>()
    }

    fn compare(
        &self,
        key: &PatternKey,
        offset: u64,
        content: &[u8],
        wrong: &mut Vec<Range<usize>>,
    ) {
        let mut expected = vec![0; PATTERN_LEN];
        for (start, found) in (0..).step_by(PATTERN_LEN).zip(content.chunks(PATTERN_LEN)) {
            let expected = &mut expected[..found.len()];
            key.fill(offset + start as u64, expected);
            if found == expected {
                continue;
            }
            let pairs = found.chunks(self.sector_len).zip(expected.chunks(self.sector_len));
            let starts = (start..).step_by(self.sector_len);
            let unlike = starts.zip(pairs).filter(|(_, (found, expected))| found != expected);
            wrong.extend(unlike.map(|(at, (sector, _))| at..at + sector.len()));
        }
    }
}
