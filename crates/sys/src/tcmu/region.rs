//! The memory that is shared with the kernel: bounds-checked copies in and out, and its two counters.
#![expect(unsafe_code, reason = "memory that the kernel writes to as well")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use nix::libc::c_void;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::RingError;
use super::layout::Plain;

/// A mapping of a whole device. Places in it are bytes from its start.
#[derive(Debug)]
pub(super) struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and is tied to no thread.
unsafe impl Send for Region {}

impl Region {
    pub(super) fn map(device: &File, len: NonZeroUsize) -> Result<Self, RingError> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice takes no memory away from anybody.
        let start = unsafe { mmap(None, len, protection, MapFlags::MAP_SHARED, device, 0) }
            .map_err(|errno| RingError::Map { len: len.get(), source: errno.into() })?;
        Ok(Self { start: start.cast(), len: len.get() })
    }

    pub(super) fn read<T: Plain>(&self, at: u64) -> Result<T, RingError> {
        let place = self.place::<T>(at)?;
        // SAFETY: inside the mapping and aligned by `place`; any bytes are a T. Volatile, because the kernel is a
        // writer that the compiler knows nothing of.
        Ok(unsafe { place.read_volatile() })
    }

    pub(super) fn write<T: Plain>(&mut self, at: u64, value: T) -> Result<(), RingError> {
        let place = self.place::<T>(at)?;
        // SAFETY: inside the mapping and aligned by `place`. There are no references into the mapping but to atomics,
        // and those are never written to by this.
        unsafe { place.write_volatile(value) };
        Ok(())
    }

    /// Fills `bytes` from there on.
    pub(super) fn copy_out(&self, at: u64, bytes: &mut [u8]) -> Result<(), RingError> {
        let from = self.span(at, bytes.len() as u64)?;
        // SAFETY: `span` found as many bytes inside the mapping; `bytes` is not part of it, since no reference to bytes
        // of it is given out. The kernel leaves entries and data of a command alone until it is answered; were it not
        // to, bytes of two moments would be mixed, and any bytes are bytes.
        unsafe { from.copy_to_nonoverlapping(NonNull::from(&mut *bytes).cast(), bytes.len()) };
        Ok(())
    }

    /// Puts `bytes` there.
    pub(super) fn copy_in(&mut self, at: u64, bytes: &[u8]) -> Result<(), RingError> {
        let to = self.span(at, bytes.len() as u64)?;
        // SAFETY: as for `copy_out`, the other way round.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Ok(())
    }

    /// A number that both sides change.
    pub(super) fn counter(&self, at: u64) -> Result<&AtomicU32, RingError> {
        let place = self.place::<u32>(at)?;
        // SAFETY: inside the mapping and aligned by `place`, for as long as the mapping is borrowed. Kernel and process
        // access counters as whole words.
        Ok(unsafe { AtomicU32::from_ptr(place.as_ptr()) })
    }

    /// Makes sure that so many bytes from there on are part of the region.
    pub(super) fn check(&self, at: u64, len: u64) -> Result<(), RingError> {
        self.span(at, len).map(drop)
    }

    pub(super) fn damaged(&self, what: &'static str, at: u64) -> RingError {
        RingError::Damaged { what, at, len: self.len }
    }

    fn place<T: Plain>(&self, at: u64) -> Result<NonNull<T>, RingError> {
        let place = self.span(at, size_of::<T>() as u64)?.cast::<T>();
        if place.is_aligned() { Ok(place) } else { Err(self.damaged("misaligned entry", at)) }
    }

    fn span(&self, at: u64, len: u64) -> Result<NonNull<u8>, RingError> {
        let end = at.checked_add(len).filter(|&end| end <= self.len as u64);
        let start = end.and_then(|_| usize::try_from(at).ok());
        let start = start.ok_or_else(|| self.damaged("reaches beyond the region", at))?;
        // SAFETY: not more than the length of the mapping, from its start.
        Ok(unsafe { self.start.add(start) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping of `map`, with its length; nothing borrows from it any more.
        let unmapped = unsafe { munmap(self.start.cast::<c_void>(), self.len) };
        debug_assert!(unmapped.is_ok(), "munmap of a whole mapping cannot fail: {unmapped:?}");
    }
}
