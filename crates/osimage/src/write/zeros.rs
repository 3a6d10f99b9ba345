//! Writing the zeros that the image needs and nobody has proven.

use std::sync::atomic::Ordering;

use protocol::ByteLen;

use super::{BlockTarget, WriteError, WriteProgress, Writer, target, total};
use crate::buffer::AlignedBuffer;

/// Zeros are written in requests of this many bytes.
const ZEROS_LEN: usize = 1 << 20;

impl<T: BlockTarget> Writer<T> {
    /// Writes zeros wherever the image needs them and `proven_zero` does not have them already.
    ///
    /// Must be called once before reading back; it may run beside [`Writer::put`].
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn write_zeros(&self, progress: &mut dyn FnMut(WriteProgress)) -> Result<(), WriteError> {
        let zeros = AlignedBuffer::zeroed(ZEROS_LEN);
        let total = ByteLen(total(&self.zeros));
        let mut done = 0;
        for range in &self.zeros {
            let mut offset = range.start;
            while offset < range.end {
                let left = usize::try_from(range.end - offset).unwrap_or(ZEROS_LEN);
                let bytes = &zeros[..left.min(ZEROS_LEN)];
                target::write(&self.target, bytes, offset)?;
                offset += bytes.len() as u64;
                done += bytes.len() as u64;
                progress(WriteProgress { done: ByteLen(done), total });
            }
        }
        self.zeros_are_written.store(true, Ordering::Release);
        Ok(())
    }
}
