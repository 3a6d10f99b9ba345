//! Memory that a drive can read and write without a copy.
#![expect(unsafe_code, reason = "allocates with an alignment that Vec cannot ask for")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Alignment in bytes that O_DIRECT accepts on every drive: the largest logical sector in use, and a page.
pub const ALIGNMENT: usize = 4096;

/// Owned bytes at an address that is a multiple of [`ALIGNMENT`], zero at first.
pub struct AlignedBuf {
    start: NonNull<u8>,
    len: usize,
    layout: Layout,
}

impl AlignedBuf {
    /// Allocates `len` zero bytes.
    ///
    /// # Panics
    /// Where `len` is beyond `isize::MAX`, as `Vec` does. Out of memory ends the process.
    pub fn zeroed(len: usize) -> Self {
        // Zero bytes would be undefined behavior to allocate, hence at least one alignment unit.
        let layout = Layout::from_size_align(len.max(ALIGNMENT), ALIGNMENT)
            .expect("a buffer is smaller than the address space");
        // SAFETY: the layout's size is at least ALIGNMENT, so not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { start, len, layout }
    }

    /// A copy of `bytes` at an aligned address.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buffer = Self::zeroed(bytes.len());
        buffer.copy_from_slice(bytes);
        buffer
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` owns at least `len` initialized bytes (zeroed at allocation) until drop, and the
        // borrow of self keeps writers away.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for deref; the exclusive borrow of self makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout and freed only here.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

// SAFETY: the buffer owns its memory alone, as a Vec does; nothing in it is tied to a thread.
unsafe impl Send for AlignedBuf {}
// SAFETY: a shared reference gives only shared access to plain bytes.
unsafe impl Sync for AlignedBuf {}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuf({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_zero_and_of_the_asked_length() {
        for len in [0, 1, 511, 4096, 4097, 4 << 20] {
            let mut buffer = AlignedBuf::zeroed(len);
            assert_eq!(buffer.as_ptr().addr() % ALIGNMENT, 0);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|&byte| byte == 0));
            buffer.fill(0xa5);
            assert!(buffer.iter().all(|&byte| byte == 0xa5));
        }
        assert_eq!(&*AlignedBuf::copy_of(b"rehome"), b"rehome");
    }
}
