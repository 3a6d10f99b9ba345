//! Numbers that nobody could foresee, out of a key.

/// A stream of numbers: keyed BLAKE3 in extendable output mode.
pub(crate) struct Numbers(blake3::OutputReader);

impl Numbers {
    /// The stream of `key` for one purpose; streams of different purposes have nothing in common.
    pub(crate) fn new(key: &[u8; 32], purpose: &str) -> Self {
        Self(blake3::Hasher::new_keyed(key).update(purpose.as_bytes()).finalize_xof())
    }

    /// The next number below `bound`, zero where that is zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let mut word = [0; 8];
        self.0.fill(&mut word);
        // Scaling favors some numbers by at most one part in 2^64 / bound. The high half of the product is below bound.
        u64::try_from((u128::from(u64::from_le_bytes(word)) * u128::from(bound)) >> 64).unwrap_or(0)
    }
}

/// A key of its own for one purpose.
pub(crate) fn derived(key: &[u8; 32], purpose: &str) -> [u8; 32] {
    *blake3::keyed_hash(key, purpose.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_keep_below_and_depend_on_key_and_purpose(key in any::<[u8; 32]>(), bound in 1_u64..) {
            let first = |purpose| {
                let mut numbers = Numbers::new(&key, purpose);
                [(); 4].map(|()| numbers.below(bound))
            };
            prop_assert!(first("a").iter().all(|&number| number < bound));
            prop_assert_eq!(first("a"), first("a"));
            prop_assert!(bound < 1 << 40 || first("a") != first("b"));
        }
    }
}
