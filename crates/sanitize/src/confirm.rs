//! A sampled second look at a drive that was verified before the machine was restarted.

use std::collections::BTreeSet;
use std::ops::Range;

use drive::{AlignedBuf, Drive};
use protocol::Sha256Digest;
use protocol::event::BadCause;

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::numbers::Numbers;
use crate::overwrite::PassFailure;
use crate::pass::is_gone;
use crate::verify::{is_poisoned, poison};
use crate::watch::{Hour, Watch};
use crate::zeros::is_zero;

/// Sectors that are sampled at least. Where one in a thousand held old data, all of 4,096 being zero would have a
/// probability of 1.7 %; where one in a hundred did, below 10^-17.
pub const MIN_SAMPLED_SECTORS: u64 = 4096;

/// Bytes at either end of a drive that are looked at whole, where finished work is confirmed.
pub(crate) const EDGE_LEN: u64 = 1 << 20;

/// That an earlier record was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// Digest of the earlier record's signed bytes.
    pub record: Sha256Digest,
    /// How many sectors were sampled, all zero.
    pub sectors_sampled: u64,
}

/// Reads sectors that nobody could foresee outside the `skipped` byte ranges, and so many bytes at either end whole; all
/// must be zero.
pub(crate) fn sample_zeros(
    drive: &dyn Drive,
    skipped: &[Range<u64>],
    (seed, edges): (&[u8; 32], u64),
    watch: Watch<'_>,
) -> Result<u64, PassFailure> {
    let fail = |done: u64, cause| (done, BadRanges::default(), cause);
    drive.drop_caches().map_err(|error| fail(0, FailureCause::DropCaches(error)))?;
    let sector_len = u64::from(drive.sector_size().bytes());
    let outside = Outside::of(drive.size().0 / sector_len, skipped, sector_len);
    if outside.n_sectors < MIN_SAMPLED_SECTORS {
        let (available, needed) = (outside.n_sectors, MIN_SAMPLED_SECTORS);
        return Err(fail(0, FailureCause::TooFewSectors { available, needed }));
    }

    let mut buffer = AlignedBuf::zeroed(drive.sector_size().bytes() as usize);
    let (mut bad, hour) = (BadRanges::default(), Hour::begin());
    let mut sample = outside.sample(seed);
    sample.extend(outside.edges(drive.size().0 / sector_len, edges / sector_len));
    for (n_read, &sector) in (0..).zip(&sample) {
        let done = n_read * sector_len;
        if let Err(cause) = hour.go_on(watch) {
            return Err((done, bad, cause));
        }
        let offset = sector * sector_len;
        poison(&mut buffer);
        match drive.read_at(offset, &mut buffer) {
            Ok(()) if is_zero(&buffer) => (),
            Ok(()) if is_poisoned(&buffer) => bad.push(offset, sector_len, BadCause::ReadError),
            Ok(()) => bad.push(offset, sector_len, BadCause::OldContent),
            Err(error) if is_gone(&error) => return Err((done, bad, FailureCause::Gone(error))),
            Err(_) => bad.push(offset, sector_len, BadCause::ReadError),
        }
    }
    let n_sampled = sample.len() as u64;
    if !bad.is_empty() {
        return Err((n_sampled * sector_len, bad, FailureCause::BadRanges));
    }
    Ok(n_sampled)
}

/// The sectors outside the skipped ranges, as ascending, disjoint runs.
struct Outside {
    runs: Vec<Range<u64>>,
    n_sectors: u64,
}

impl Outside {
    /// A sector that a skipped range touches is skipped as a whole.
    fn of(n_sectors: u64, skipped: &[Range<u64>], sector_len: u64) -> Self {
        let mut skipped: Vec<Range<u64>> = skipped
            .iter()
            .filter(|range| !range.is_empty())
            .map(|range| range.start / sector_len..range.end.div_ceil(sector_len))
            .collect();
        skipped.sort_by_key(|range| range.start);
        let mut runs = Vec::new();
        let mut next = 0;
        for range in skipped {
            runs.push(next..range.start.min(n_sectors));
            next = next.max(range.end);
        }
        runs.push(next..n_sectors);
        runs.retain(|run| !run.is_empty());
        let n_sectors = runs.iter().map(|run| run.end - run.start).sum();
        Self { runs, n_sectors }
    }

    /// Distinct sectors, ascending: pseudo-random ones, the first and the last.
    fn sample(&self, seed: &[u8; 32]) -> BTreeSet<u64> {
        let mut numbers = Numbers::new(seed, "confirmation");
        let ends =
            [self.runs.first().map(|run| run.start), self.runs.last().map(|run| run.end - 1)];
        let mut sample: BTreeSet<u64> = ends.into_iter().flatten().collect();
        while (sample.len() as u64) < MIN_SAMPLED_SECTORS {
            sample.extend(self.sector(numbers.below(self.n_sectors)));
        }
        sample
    }

    /// The sectors outside that are among the first or the last so many of the drive.
    fn edges(&self, n_sectors: u64, length: u64) -> impl Iterator<Item = u64> {
        let (first, last) = (0..length.min(n_sectors), n_sectors.saturating_sub(length)..n_sectors);
        let is_outside = |sector: &u64| self.runs.iter().any(|run| run.contains(sector));
        first.chain(last).filter(move |sector| is_outside(sector))
    }

    /// The sector of that number, counted outside only.
    fn sector(&self, mut index: u64) -> Option<u64> {
        for run in &self.runs {
            let length = run.end - run.start;
            if index < length {
                return Some(run.start + index);
            }
            index -= length;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(n_sectors: u64, skipped: &[(u64, u64)], expected: &[(u64, u64)]) {
        let ranges = |pairs: &[(u64, u64)]| -> Vec<Range<u64>> {
            pairs.iter().map(|&(start, end)| start..end).collect()
        };
        let outside = Outside::of(n_sectors, &ranges(skipped), 512);
        assert_eq!(outside.runs, ranges(expected));
        let all: Vec<u64> = (0..outside.n_sectors).map_while(|i| outside.sector(i)).collect();
        assert_eq!(all, ranges(expected).into_iter().flatten().collect::<Vec<u64>>());
        assert_eq!(outside.sector(outside.n_sectors), None);
    }

    #[test]
    fn sectors_that_are_touched_are_skipped_as_a_whole() {
        check(10, &[], &[(0, 10)]);
        check(10, &[(511, 513)], &[(2, 10)]);
        check(10, &[(4096, 5120), (0, 512)], &[(1, 8)]);
        check(10, &[(512, 2048), (1024, 1536), (9000, 9000)], &[(0, 1), (4, 10)]);
        check(10, &[(0, 99_999)], &[]);
        check(10, &[(99_999, 100_000)], &[(0, 10)]);
    }

    proptest! {
        #[test]
        fn samples_are_distinct_lie_outside_and_include_both_ends(
            n_sectors in 6000_u64..1 << 40,
            start in 0_u64..1 << 20,
            length in 0_u64..1 << 20,
            seed in any::<[u8; 32]>(),
        ) {
            let skipped = start..start + length;
            let outside = Outside::of(n_sectors, std::slice::from_ref(&skipped), 512);
            prop_assume!(outside.n_sectors >= MIN_SAMPLED_SECTORS);
            let sample = outside.sample(&seed);
            prop_assert_eq!(sample.len() as u64, MIN_SAMPLED_SECTORS);
            prop_assert!(sample.iter().all(|sector| !skipped.contains(&(sector * 512)) && *sector < n_sectors));
            prop_assert_eq!(sample.first().copied(), outside.sector(0));
            prop_assert_eq!(sample.last().copied(), outside.sector(outside.n_sectors - 1));
        }
    }
}
