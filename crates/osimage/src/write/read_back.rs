//! Reading all of it again, and what only that permits.

use std::ops::Range;
use std::sync::atomic::Ordering;

use protocol::ByteLen;

use super::error::{Mismatch, MismatchCause, WriteError};
use super::target::{BlockTarget, make_unbootable, write_checked};
use super::{WriteProgress, WriteReport, Writer, position};
use crate::buffer::AlignedBuffer;
use crate::chunk::check_id;
use crate::extents::{CHUNK_WINDOW, windows};
use crate::is_zero;
use crate::layout::Layout;
use crate::manifest::ChunkRecord;

/// So many places are named.
const MAX_MISMATCHES: usize = 1000;

/// Proof that every extent of the image was read back from the disk and was right. The disk does not boot yet.
#[derive(Debug)]
pub struct ReadBack<T> {
    target: T,
    layout: Layout,
    report: WriteReport,
}

/// Proof that tables and first MiB are on the disk as well: it boots from here on.
#[derive(Debug)]
pub struct Bootable<T> {
    target: T,
    layout: Layout,
    report: WriteReport,
}

impl<T: BlockTarget> Writer<T> {
    /// Flushes, then reads back every byte of data and every zero that was written, and compares.
    ///
    /// # Errors
    /// When something is not written yet, cannot be flushed, or is not there. All places are looked at, then the first
    /// thousand bad ones are named.
    pub fn read_back(
        self,
        progress: &mut dyn FnMut(WriteProgress),
    ) -> Result<ReadBack<T>, WriteError> {
        let count = self.places.len();
        let chunks = self.written.iter().filter(|done| !done.load(Ordering::Acquire)).count();
        let zeros = self.zeros_are_written.load(Ordering::Acquire);
        if chunks > 0 || !zeros {
            return Err(WriteError::Incomplete { chunks, count, zeros });
        }
        self.target.flush().map_err(WriteError::Flush)?;
        let mut report = self.report();
        report.read_back = compare(&self, progress)?;
        Ok(ReadBack { target: self.target, layout: self.layout, report })
    }
}

impl<T: BlockTarget> ReadBack<T> {
    /// Writes the backup table, then, last of all, the first MiB, each flushed and read back.
    ///
    /// # Errors
    /// When one of them fails. The disk was then made unbootable again, unless the error says otherwise.
    pub fn finish_tables(self) -> Result<Bootable<T>, WriteError> {
        let Self { target, layout, report } = self;
        let written = write_checked(&target, layout.backup_table(), layout.backup_offset())
            .and_then(|()| write_checked(&target, layout.first_mib(), 0));
        match written {
            Ok(()) => Ok(Bootable { target, layout, report }),
            Err(source) => match make_unbootable(&target) {
                Ok(()) => Err(source),
                Err(cleanup) => {
                    Err(WriteError::Unsafe { cleanup: Box::new(cleanup), source: Box::new(source) })
                }
            },
        }
    }

    /// What was done.
    pub fn report(&self) -> WriteReport {
        self.report
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The disk.
    pub fn target(&self) -> &T {
        &self.target
    }
}

impl<T> Bootable<T> {
    /// What was done.
    pub fn report(&self) -> WriteReport {
        self.report
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The disk.
    pub fn into_target(self) -> T {
        self.target
    }
}

/// What a range of the disk must hold.
enum Expected {
    Chunk(ChunkRecord),
    Zeros,
}

/// Compares in the order of the disk, so that an HDD reads without seeking. Returns the bytes that were right.
fn compare<T: BlockTarget>(
    writer: &Writer<T>,
    progress: &mut dyn FnMut(WriteProgress),
) -> Result<ByteLen, WriteError> {
    let data = writer.image.pieces().map(|piece| {
        let start = writer.layout.partitions()[piece.partition].start + piece.offset;
        let record = writer.image.chunks()[position(piece.chunk)];
        (start..start + piece.length, Expected::Chunk(record))
    });
    let zeros = writer.zeros.iter().flat_map(|range| {
        windows(range.start, range.end - range.start).map(|window| (window, Expected::Zeros))
    });
    let mut all: Vec<(Range<u64>, Expected)> = data.chain(zeros).collect();
    all.sort_unstable_by_key(|(range, _)| range.start);
    let total = ByteLen(all.iter().map(|(range, _)| range.end - range.start).sum());

    let mut buffer = AlignedBuffer::zeroed(usize::try_from(CHUNK_WINDOW).unwrap_or(0));
    let mut first = Vec::new();
    let mut count = 0;
    let mut done = 0;
    for (range, expected) in all {
        let length = range.end - range.start;
        let bytes = &mut buffer[..usize::try_from(length).unwrap_or(usize::MAX)];
        let cause = match writer.target.read_at(bytes, range.start) {
            Err(error) => Some(MismatchCause::Unreadable(error.to_string())),
            Ok(()) if holds(&expected, bytes) => None,
            Ok(()) => Some(MismatchCause::OtherContent),
        };
        if let Some(cause) = cause {
            count += 1;
            if first.len() < MAX_MISMATCHES {
                first.push(Mismatch { offset: range.start, length, cause });
            }
        }
        done += length;
        progress(WriteProgress { done: ByteLen(done), total });
    }
    if count > 0 {
        return Err(WriteError::Mismatch { count, first });
    }
    Ok(total)
}

fn holds(expected: &Expected, bytes: &[u8]) -> bool {
    match expected {
        Expected::Chunk(record) => check_id(record, bytes).is_ok(),
        Expected::Zeros => is_zero(bytes),
    }
}
