//! What a buffer holds before a read: a read that fills nothing must not pass for content.

use drive::AlignedBuf;

/// The shortest sector there is: what a drive fills, it fills in whole ones.
const STEP: usize = 512;

/// Stands at the start of every step; random, so that no content of a drive is likely to be equal.
const MARK: [u8; 16] = 0x1d5f_c3a9_4e07_b862_90d3_7be4_26fa_518c_u128.to_be_bytes();

/// A buffer of which no sector can pass for read. Marks are enough, and leave the memory to the drive.
pub(crate) struct Poisoned(AlignedBuf);

impl Poisoned {
    pub(crate) fn new(len: usize) -> Self {
        AlignedBuf::zeroed(len).into()
    }

    /// For reading into.
    pub(crate) fn into_inner(self) -> AlignedBuf {
        self.0
    }
}

impl From<AlignedBuf> for Poisoned {
    fn from(mut buffer: AlignedBuf) -> Self {
        poison(&mut buffer);
        Self(buffer)
    }
}

/// Marks every sector of a piece.
pub(crate) fn poison(bytes: &mut [u8]) {
    for step in bytes.chunks_mut(STEP) {
        let len = step.len().min(MARK.len());
        step[..len].copy_from_slice(&MARK[..len]);
    }
}

/// Whether any part of the sector was not read.
pub(crate) fn is_poisoned(sector: &[u8]) -> bool {
    sector.chunks(STEP).any(|step| step.starts_with(&MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sector_of_which_any_step_was_not_read_is_poisoned() {
        for sector_len in [512, 4096] {
            let mut buffer = Poisoned::new(4 * sector_len).into_inner();
            assert!(buffer.chunks(sector_len).all(is_poisoned));
            buffer[..2 * sector_len].fill(0);
            buffer[2 * sector_len..3 * sector_len - STEP].fill(0);
            let found: Vec<bool> = buffer.chunks(sector_len).map(is_poisoned).collect();
            assert_eq!(found, [false, false, true, true], "{sector_len}");
        }
    }
}
