//! Is it all zeros?

use std::ops::Range;

/// Blocks that are looked at between two chances to stop early: 4 KiB.
const STRIDE_BLOCKS: usize = 64;

/// Whether every byte is zero. As fast as memory: eight rows of words are or-ed together, without a branch for each, which
/// fills the vector registers of every processor.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.chunks(STRIDE_BLOCKS).all(is_zero_stride) && rest.iter().all(|&byte| byte == 0)
}

fn is_zero_stride(blocks: &[[u8; 64]]) -> bool {
    let mut rows = [0; 8];
    for block in blocks {
        for (row, word) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
            *row |= u64::from_ne_bytes(*word);
        }
    }
    rows == [0; 8]
}

/// The sectors of a buffer that hold anything but zeros, as byte ranges within it, one per sector.
pub(crate) fn nonzero_sectors(
    bytes: &[u8],
    sector_len: usize,
) -> impl Iterator<Item = Range<usize>> {
    let sectors = bytes.chunks(sector_len).enumerate();
    sectors.filter(|(_, sector)| !is_zero(sector)).map(move |(index, sector)| {
        let start = index * sector_len;
        start..start + sector.len()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_bit_anywhere_is_seen() {
        for len in [0, 1, 15, 16, 17, 63, 64, 65, 512, 4096, 4097, 8192 + 3] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes));
            for position in [0, len / 2, len.saturating_sub(1)].into_iter().filter(|&at| at < len) {
                bytes[position] = 0x80;
                assert!(!is_zero(&bytes), "byte {position} of {len}");
                bytes[position] = 0;
            }
        }
    }

    proptest! {
        #[test]
        fn exactly_the_sectors_with_a_bit_set_are_named(set in proptest::collection::btree_set(0_usize..16_384, 0..40)) {
            let mut bytes = vec![0; 16_384];
            for &position in &set {
                bytes[position] = 1;
            }
            let found: Vec<usize> = nonzero_sectors(&bytes, 512).map(|range| range.start / 512).collect();
            let mut expected: Vec<usize> = set.iter().map(|position| position / 512).collect();
            expected.dedup();
            prop_assert_eq!(found, expected);
        }
    }
}
