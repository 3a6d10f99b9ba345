//! Ranges that a pass could not vouch for, in the order of the drive.

use protocol::ByteLen;
use protocol::event::{BadCause, BadRange};

/// How many ranges are listed one by one; beyond that they are only counted.
pub const MAX_LISTED_RANGES: usize = 1000;

/// Bad ranges, neighbors joined.
#[derive(Debug, Default)]
pub(crate) struct BadRanges {
    listed: Vec<BadRange>,
    n_ranges: u64,
    bytes: u64,
    /// Where the latest range ends, what is wrong with it, and whether it is listed.
    latest: Option<(u64, BadCause, bool)>,
}

impl BadRanges {
    /// Adds a range that lies after all former ones.
    pub(crate) fn push(&mut self, offset: u64, length: u64, cause: BadCause) {
        self.bytes += length;
        let end = offset + length;
        match self.latest {
            Some((latest_end, latest_cause, is_listed))
                if latest_end == offset && latest_cause == cause =>
            {
                if let (true, Some(last)) = (is_listed, self.listed.last_mut()) {
                    last.length.0 += length;
                }
                self.latest = Some((end, cause, is_listed));
            }
            _ => {
                let is_listed = self.listed.len() < MAX_LISTED_RANGES;
                if is_listed {
                    self.listed.push(BadRange { offset, length: ByteLen(length), cause });
                }
                self.n_ranges += 1;
                self.latest = Some((end, cause, is_listed));
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.n_ranges == 0
    }

    /// How many ranges, listed or not.
    pub(crate) fn n_ranges(&self) -> u64 {
        self.n_ranges
    }

    /// Their length together.
    pub(crate) fn bytes(&self) -> ByteLen {
        ByteLen(self.bytes)
    }

    pub(crate) fn into_listed(self) -> Vec<BadRange> {
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_of_one_cause_are_one_range() {
        let mut ranges = BadRanges::default();
        assert!(ranges.is_empty());
        ranges.push(0, 512, BadCause::WriteError);
        ranges.push(512, 512, BadCause::WriteError);
        ranges.push(1024, 512, BadCause::OldContent);
        ranges.push(4096, 512, BadCause::OldContent);
        assert_eq!((ranges.n_ranges(), ranges.bytes()), (3, ByteLen(2048)));
        let starts: Vec<(u64, u64)> =
            ranges.into_listed().iter().map(|range| (range.offset, range.length.0)).collect();
        assert_eq!(starts, [(0, 1024), (1024, 512), (4096, 512)]);
    }

    #[test]
    fn beyond_the_list_ranges_are_counted_and_still_joined() {
        let mut ranges = BadRanges::default();
        let beyond = MAX_LISTED_RANGES as u64 + 5;
        for number in 0..beyond {
            ranges.push(number * 4096, 512, BadCause::ReadError);
            ranges.push(number * 4096 + 512, 512, BadCause::ReadError);
        }
        assert_eq!((ranges.n_ranges(), ranges.bytes()), (beyond, ByteLen(beyond * 1024)));
        let listed = ranges.into_listed();
        assert_eq!(listed.len(), MAX_LISTED_RANGES);
        assert!(listed.iter().all(|range| range.length == ByteLen(1024)));
    }
}
