//! What a buffer holds before a read: a read that fills nothing must not pass for content.

use drive::AlignedBuf;

use crate::zeros::is_zero;

/// The shortest sector there is: what a drive fills, it fills in whole ones.
const STEP: usize = 512;

/// How much is marked again at once, if no sector is longer: it is in the processor's first cache since it was looked at.
const PIECE_LEN: usize = 4096;

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
    fn from(buffer: AlignedBuf) -> Self {
        Filled::from(buffer).into()
    }
}

/// A buffer with content of a drive, on its way back to a poisoned one.
pub(crate) struct Filled {
    buffer: AlignedBuf,
    /// So many bytes at the start were zeros and are marked again.
    n_taken: usize,
}

impl Filled {
    /// Takes the zeros off the start of what lies before `end`, in whole sectors, and marks them for the next read: memory
    /// is gone over but once for both. Returns where what is left begins.
    pub(crate) fn take_zeros(&mut self, end: usize, sector_len: usize) -> usize {
        let piece_len = PIECE_LEN.max(sector_len);
        for piece in self.buffer[self.n_taken..end].chunks_exact_mut(piece_len) {
            if !is_zero(piece) {
                break;
            }
            poison(piece);
            self.n_taken += piece.len();
        }
        self.n_taken
    }

    /// All of the buffer.
    pub(crate) fn content(&self) -> &[u8] {
        &self.buffer
    }
}

impl From<AlignedBuf> for Filled {
    fn from(buffer: AlignedBuf) -> Self {
        Self { buffer, n_taken: 0 }
    }
}

impl From<Filled> for Poisoned {
    fn from(Filled { mut buffer, n_taken }: Filled) -> Self {
        poison(&mut buffer[n_taken..]);
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

    #[test]
    fn zeros_are_taken_up_to_the_first_other_byte_and_all_is_poisoned_in_the_end() {
        const LEN: usize = 8 * PIECE_LEN;
        for (sector_len, end, other, n_taken) in [
            (512, LEN, None, LEN),
            (512, LEN, Some(0), 0),
            (512, LEN, Some(3 * PIECE_LEN - 1), 2 * PIECE_LEN),
            (512, LEN, Some(LEN - 1), LEN - PIECE_LEN),
            (512, 5 * PIECE_LEN, Some(5 * PIECE_LEN), 5 * PIECE_LEN),
            (512, 5 * PIECE_LEN - STEP, None, 4 * PIECE_LEN),
            (4 * PIECE_LEN, LEN, None, LEN),
            (4 * PIECE_LEN, LEN, Some(7 * PIECE_LEN), 4 * PIECE_LEN),
        ] {
            let mut buffer = AlignedBuf::zeroed(LEN);
            if let Some(other) = other {
                buffer[other] = 1;
            }
            let mut filled = Filled::from(buffer);
            assert_eq!(filled.take_zeros(end, sector_len), n_taken, "{end} {other:?}");
            assert!(filled.content()[..n_taken].chunks(STEP).all(is_poisoned));
            assert!(!filled.content()[n_taken..].chunks(STEP).any(is_poisoned));
            let poisoned = Poisoned::from(filled).into_inner();
            assert!(poisoned.chunks(STEP).all(is_poisoned), "{end} {other:?}");
        }
    }
}
