//! A content that nobody without the key can foretell, and that needs no memory: every byte follows from its place.

use std::fmt;

use aes::Aes128;
use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

/// Length of a key in bytes.
pub(crate) const KEY_LEN: usize = 16;

/// How much is encrypted at once: little enough to be in the processor's cache from zeroing to encrypting.
const CHUNK_LEN: usize = 16 << 10;

/// The key of one overwriting pass.
///
/// The pattern is the key stream of AES-128 in counter mode (NIST SP 800-38A section 6.5): the block that stands at byte
/// offset `o` of the drive, a multiple of 16, is the encrypted number `o / 16`, most significant byte first. So no two
/// blocks of a drive are equal, and reading back starts anywhere. A drive can neither compress it nor have it already.
pub(crate) struct PatternKey([u8; KEY_LEN]);

impl PatternKey {
    /// `random` is the caller's, from the system's random number generator, for this pass alone.
    pub(crate) fn new(random: [u8; KEY_LEN]) -> Self {
        Self(random)
    }

    /// Fills `bytes` with what stands from byte `offset` of the drive on. Any offset and length.
    pub(crate) fn fill(&self, offset: u64, bytes: &mut [u8]) {
        let mut stream = ctr::Ctr128BE::<Aes128>::new(&self.0.into(), &[0; 16].into());
        stream.seek(offset);
        for chunk in bytes.chunks_mut(CHUNK_LEN) {
            chunk.fill(0);
            stream.apply_keystream(chunk);
        }
    }
}

impl fmt::Debug for PatternKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatternKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key of FIPS 197 appendix C.1, and zeros encrypted with it as blocks 0 and 1 of a drive.
    #[test]
    fn it_is_aes_in_counter_mode() {
        let key = PatternKey::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let mut bytes = [0xff; 32];
        key.fill(0, &mut bytes);
        let expected = "c6a13b37878f5b826f4f8162a1c8d8797346139595c0b41e497bbde365f42d0a";
        let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
        assert!(!format!("{key:?}").contains(|c: char| c.is_ascii_digit()));
    }

    proptest! {
        #[test]
        fn any_part_is_cut_from_the_same_stream(
            key in any::<[u8; KEY_LEN]>(),
            start in prop_oneof![0_u64..1 << 20, 1_u64 << 40..1 << 60],
            cuts in proptest::collection::vec(0_usize..70_000, 0..4),
        ) {
            let key = PatternKey::new(key);
            let mut whole = vec![0; 70_000];
            key.fill(start, &mut whole);
            for from in cuts {
                let mut part = vec![0xa5; (whole.len() - from).min(33_000)];
                key.fill(start + from as u64, &mut part);
                prop_assert_eq!(&part[..], &whole[from..from + part.len()]);
            }
        }
    }
}
