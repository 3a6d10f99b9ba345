//! Memory that O_DIRECT takes.

use std::ops::{Deref, DerefMut};

/// Bytes whose address is a multiple of 4,096, which is what direct I/O asks for on every drive of today.
///
/// A vector with room to spare and an offset into it: alignment without `unsafe`. The vector is never resized, so
/// its bytes stay where they are.
#[derive(Debug)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// Alignment of the first byte.
    pub const ALIGNMENT: usize = 4096;

    /// `len` zero bytes.
    pub fn zeroed(len: usize) -> Self {
        let memory = vec![0; len + Self::ALIGNMENT];
        let start = memory.as_ptr().align_offset(Self::ALIGNMENT);
        assert!(start < Self::ALIGNMENT, "a byte pointer can always be aligned");
        Self { memory, start, len }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_stay_so_when_moved() {
        for len in [1, 512, 4096, 4 << 20] {
            let moved = Box::new(AlignedBuffer::zeroed(len));
            assert_eq!(moved.as_ptr().addr() % AlignedBuffer::ALIGNMENT, 0);
            assert_eq!(moved.len(), len);
        }
    }
}
