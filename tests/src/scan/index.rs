//! Which words occur in which markers.
//!
//! A piece of 16 bytes, wherever it lies on the disk, holds one whole word at a disk offset
//! divisible by 8. So it is enough to look up the disk's aligned words among all words that
//! markers hold at any alignment: 8 times fewer look-ups than byte by byte, none of them missed.

use std::collections::HashMap;

use crate::marker::{MARKER_LEN, Marker};

/// Length of a word, bytes.
pub(super) const WORD_LEN: usize = 8;
/// Shortest piece of a marker that counts as a survivor, bytes.
pub(super) const MIN_FRAGMENT_LEN: usize = 2 * WORD_LEN;
/// Size of the filter: one bit each; most words of a disk are rejected by it alone.
const FILTER_BITS: usize = 1 << 21;

pub(super) struct Index<'a> {
    markers: &'a [Marker],
    filter: Vec<u64>,
    /// Marker and position in it of each word.
    places: HashMap<[u8; WORD_LEN], Vec<(usize, usize)>>,
}

/// A piece of a marker found in some bytes.
pub(super) struct Match {
    /// Where in these bytes it starts.
    pub(super) start: usize,
    pub(super) len: usize,
    /// Whose piece it is; the first of several that share it.
    pub(super) marker: usize,
}

impl<'a> Index<'a> {
    pub(super) fn new(markers: &'a [Marker]) -> Self {
        let mut filter = vec![0; FILTER_BITS / 64];
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for (n_marker, marker) in markers.iter().enumerate() {
            for (position, word) in marker.bytes.windows(WORD_LEN).enumerate() {
                let word: [u8; WORD_LEN] = word.try_into().expect("a window has its length");
                // A run of one byte is what empty disks are made of, no trace of anybody.
                if word.iter().all(|byte| *byte == word[0]) {
                    continue;
                }
                let bit = filter_bit(word);
                filter[bit / 64] |= 1 << (bit % 64);
                places.entry(word).or_default().push((n_marker, position));
            }
        }
        Self { markers, filter, places }
    }

    /// Whether some marker may hold `word`; `false` is certain.
    pub(super) fn may_hold(&self, word: &[u8]) -> bool {
        let Ok(word) = word.try_into() else { return false };
        let bit = filter_bit(word);
        self.filter[bit / 64] & (1 << (bit % 64)) != 0
    }

    /// The longest piece of a marker in `bytes` that covers the word at `at`.
    pub(super) fn longest_match(&self, bytes: &[u8], at: usize, word: &[u8]) -> Option<Match> {
        let mut longest: Option<Match> = None;
        for &(marker, position) in self.places.get(word)? {
            let found = self.extend(bytes, at, marker, position);
            if longest.as_ref().is_none_or(|longest| longest.len < found.len) {
                let is_whole = found.len == MARKER_LEN;
                longest = Some(found);
                if is_whole {
                    break;
                }
            }
        }
        longest.filter(|longest| longest.len >= MIN_FRAGMENT_LEN)
    }

    fn extend(&self, bytes: &[u8], at: usize, marker: usize, position: usize) -> Match {
        let expected = &self.markers[marker].bytes;
        let equal = |(left, right): &(&u8, &u8)| left == right;
        let n_before = bytes[..at]
            .iter()
            .rev()
            .zip(expected[..position].iter().rev())
            .take_while(equal)
            .count();
        let n_from = bytes[at..].iter().zip(&expected[position..]).take_while(equal).count();
        Match { start: at - n_before, len: n_before + n_from, marker }
    }
}

/// Multiplicative hashing: the upper bits of the product depend on every byte of the word.
fn filter_bit(word: [u8; WORD_LEN]) -> usize {
    let product = u64::from_le_bytes(word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let shift = u64::BITS - FILTER_BITS.trailing_zeros();
    usize::try_from(product >> shift).expect("21 bits fit")
}
