//! Memory that a drive can read and write without a copy.
#![expect(unsafe_code, reason = "allocates with an alignment that Vec cannot ask for")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use nix::libc::{MADV_HUGEPAGE, madvise};

/// Alignment in bytes that O_DIRECT accepts on every drive: the largest logical sector in use, and a page.
pub const ALIGNMENT: usize = 4096;

/// Buffers from this length on lie in pages of this length where the kernel has them. Direct I/O pins and lists every page:
/// measured, that costs 0.1 ms for the thousand small ones of 4 MiB, which a drive in memory reads in 0.6 ms. And a request
/// in few long pieces is cut less often on its way to the drive.
const HUGE_PAGE_LEN: usize = 2 << 20;

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
        let is_huge = len >= HUGE_PAGE_LEN;
        let alignment = if is_huge { HUGE_PAGE_LEN } else { ALIGNMENT };
        // Zero bytes would be undefined behavior to allocate, hence at least one alignment unit.
        let layout = Layout::from_size_align(len.max(ALIGNMENT), alignment)
            .expect("a buffer is smaller than the address space");
        // SAFETY: the layout's size is at least ALIGNMENT, so not zero.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        if is_huge {
            // SAFETY: the range lies within the allocation and begins at a page. This advice changes no content, only what
            // pages it gets once it is touched, which is below. A kernel without such pages refuses it, and small ones serve.
            let _ =
                unsafe { madvise(start.as_ptr().cast(), len - len % HUGE_PAGE_LEN, MADV_HUGEPAGE) };
        }
        // SAFETY: the allocation has that many bytes, and nobody else knows it yet.
        unsafe { start.as_ptr().write_bytes(0, layout.size()) };
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
        for len in [0, 1, 511, 4096, 4097, HUGE_PAGE_LEN - 1, HUGE_PAGE_LEN + 1, 4 << 20] {
            let mut buffer = AlignedBuf::zeroed(len);
            let alignment = if len < HUGE_PAGE_LEN { ALIGNMENT } else { HUGE_PAGE_LEN };
            assert_eq!(buffer.as_ptr().addr() % alignment, 0);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|&byte| byte == 0));
            buffer.fill(0xa5);
            assert!(buffer.iter().all(|&byte| byte == 0xa5));
        }
        assert_eq!(&*AlignedBuf::copy_of(b"rehome"), b"rehome");
    }
}
