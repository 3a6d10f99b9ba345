//! A bit for each block of a file system.

use std::ops::Range;

/// Which blocks are in use.
#[derive(Debug, Clone)]
pub(super) struct BlockMap {
    bits: Vec<u64>,
    blocks: u64,
}

impl BlockMap {
    /// All free.
    pub(super) fn new(blocks: u64) -> Option<Self> {
        let words = usize::try_from(blocks.div_ceil(64)).ok()?;
        Some(Self { bits: vec![0; words], blocks })
    }

    pub(super) fn set(&mut self, block: u64) {
        if let Some(word) = self.bits.get_mut(usize::try_from(block / 64).unwrap_or(usize::MAX)) {
            *word |= 1 << (block % 64);
        }
    }

    pub(super) fn is_set(&self, block: u64) -> bool {
        let word = self.bits.get(usize::try_from(block / 64).unwrap_or(usize::MAX));
        word.is_some_and(|word| word >> (block % 64) & 1 == 1)
    }

    /// Runs of blocks in use, in order.
    pub(super) fn runs(&self) -> Vec<Range<u64>> {
        let mut runs = Vec::new();
        let mut start = None;
        let mut block = 0;
        while block < self.blocks {
            let word = self.bits[usize::try_from(block / 64).unwrap_or(0)];
            let uniform = block.is_multiple_of(64) && (word == 0 || word == u64::MAX);
            let used = word >> (block % 64) & 1 == 1;
            match (start, used) {
                (None, true) => start = Some(block),
                (Some(first), false) => {
                    runs.push(first..block);
                    start = None;
                }
                _ => {}
            }
            block += if uniform { 64 } else { 1 };
        }
        runs.extend(start.map(|first| first..self.blocks));
        runs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_what_is_set(
            blocks in 1u64..400,
            ranges in prop::collection::vec((0u64..400, 0u64..200), 0..6),
        ) {
            let mut map = BlockMap::new(blocks).unwrap();
            for (start, len) in ranges {
                (start..(start + len).min(blocks)).for_each(|block| map.set(block));
            }
            let runs = map.runs();
            for block in 0..blocks {
                prop_assert_eq!(map.is_set(block), runs.iter().any(|run| run.contains(&block)));
            }
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
