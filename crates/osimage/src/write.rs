//! Putting an image on a disk: data first, all of it read back, partition tables and first MiB last.
//!
//! The order is in the types. [`Writer::begin`] makes the disk unbootable, [`Writer::read_back`] consumes the writer and
//! alone gives a [`ReadBack`], and only [`ReadBack::finish_tables`] writes what makes a disk boot.

mod error;
mod read_back;
mod target;
mod zeros;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::ByteLen;

use crate::buffer::AlignedBuffer;
use crate::chunk::{ChunkError, Decoder};
use crate::extents::{CHUNK_WINDOW, ProvenZero};
use crate::layout::Layout;
use crate::manifest::{ChunkRecord, Content, Manifest};

pub use error::{Mismatch, MismatchCause, WriteError};
pub use read_back::{Bootable, ReadBack};
pub use target::{BlockTarget, make_unbootable};

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteProgress {
    /// Bytes done.
    pub done: ByteLen,
    /// Bytes in all.
    pub total: ByteLen,
}

/// What was done, for the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Stored bytes that were taken, each chunk as often as it was put.
    pub fetched: ByteLen,
    /// Bytes of data that were written.
    pub data_written: ByteLen,
    /// Bytes of zeros that were written.
    pub zeros_written: ByteLen,
    /// Bytes that are to be zeros and were not written, because this boot's verification read them as zeros.
    pub zeros_skipped: ByteLen,
    /// Bytes that were read back and found right.
    pub read_back: ByteLen,
}

/// Writes one image to one disk. Can be used by several threads at once.
pub struct Writer<T> {
    target: T,
    image: Arc<Manifest>,
    layout: Layout,
    /// For each chunk, every byte offset of the disk where it goes.
    places: Vec<Vec<u64>>,
    written: Vec<AtomicBool>,
    /// What must be written as zeros, by byte offset of the disk.
    zeros: Vec<Range<u64>>,
    zeros_are_written: AtomicBool,
    zeros_skipped: u64,
    fetched: AtomicU64,
    data_written: AtomicU64,
    /// A decoder and a buffer for each thread that was ever in here at once.
    scratch: Mutex<Vec<Scratch>>,
}

struct Scratch {
    decoder: Decoder,
    plain: AlignedBuffer,
}

impl<T: BlockTarget> Writer<T> {
    /// Takes a disk and first makes it unbootable: first MiB and backup table become zeros, flushed.
    ///
    /// `proven_zero` must come from a verification of this disk in this boot, with nothing written since.
    ///
    /// # Errors
    /// When the disk is not the one of the layout, or cannot be written.
    pub fn begin(
        target: T,
        image: Arc<Manifest>,
        layout: Layout,
        proven_zero: &ProvenZero,
    ) -> Result<Self, WriteError> {
        let (size, sector_size) = (target.size(), target.sector_size());
        if (size, sector_size) != (layout.disk_size(), layout.sector_size()) {
            return Err(WriteError::WrongTarget {
                got: size.0,
                got_sector: sector_size.bytes(),
                expected: layout.disk_size().0,
                expected_sector: layout.sector_size().bytes(),
            });
        }
        let planned = layout.partitions().iter().map(|placed| placed.number);
        if !planned.eq(image.partitions().iter().map(|partition| partition.number)) {
            return Err(WriteError::OtherImage);
        }
        make_unbootable(&target)?;
        let mut places = vec![Vec::new(); image.chunks().len()];
        for piece in image.pieces() {
            let start = layout.partitions()[piece.partition].start;
            places[position(piece.chunk)].push(start + piece.offset);
        }
        let required = required_zeros(&image, &layout);
        let zeros: Vec<_> =
            required.iter().flat_map(|range| proven_zero.unproven(range.clone())).collect();
        Ok(Self {
            zeros_skipped: total(&required) - total(&zeros),
            written: places.iter().map(|_| AtomicBool::new(false)).collect(),
            zeros_are_written: AtomicBool::new(zeros.is_empty()),
            fetched: AtomicU64::new(0),
            data_written: AtomicU64::new(0),
            scratch: Mutex::new(Vec::new()),
            target,
            image,
            layout,
            places,
            zeros,
        })
    }

    /// Checks, decodes, checks again and writes one chunk to every place where it goes. Returns the bytes written.
    ///
    /// Nothing is written unless both hashes are right. A chunk may be put again; it is then written again.
    ///
    /// # Errors
    /// Which check failed, or which write.
    pub fn put(&self, chunk: u32, stored: &[u8]) -> Result<ByteLen, WriteError> {
        let count = self.places.len();
        let record = *self
            .image
            .chunks()
            .get(position(chunk))
            .ok_or(WriteError::NoSuchChunk { chunk, count })?;
        let refuse = |source| WriteError::Chunk { chunk, source };
        let mut scratch = self.take_scratch().map_err(refuse)?;
        let result = self.put_with(&mut scratch, chunk, &record, stored);
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }

    /// Chunks that were not put yet, each once, in the order of the disk: the order to fetch them in.
    pub fn missing(&self) -> Vec<u32> {
        let mut seen = HashSet::new();
        self.image
            .pieces()
            .map(|piece| piece.chunk)
            .filter(|chunk| !self.written[position(*chunk)].load(Ordering::Acquire))
            .filter(|chunk| seen.insert(*chunk))
            .collect()
    }

    /// The image.
    pub fn image(&self) -> &Manifest {
        &self.image
    }

    /// Where it goes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The disk.
    pub fn target(&self) -> &T {
        &self.target
    }

    /// What was done so far.
    pub fn report(&self) -> WriteReport {
        let zeros_are_written = self.zeros_are_written.load(Ordering::Acquire);
        WriteReport {
            fetched: ByteLen(self.fetched.load(Ordering::Relaxed)),
            data_written: ByteLen(self.data_written.load(Ordering::Relaxed)),
            zeros_written: ByteLen(if zeros_are_written { total(&self.zeros) } else { 0 }),
            zeros_skipped: ByteLen(self.zeros_skipped),
            read_back: ByteLen(0),
        }
    }

    fn put_with(
        &self,
        scratch: &mut Scratch,
        chunk: u32,
        record: &ChunkRecord,
        stored: &[u8],
    ) -> Result<ByteLen, WriteError> {
        let plain = &mut scratch.plain[..position(record.plain_len)];
        scratch
            .decoder
            .decode(record, stored, plain)
            .map_err(|source| WriteError::Chunk { chunk, source })?;
        let mut bytes_written = 0;
        for &offset in &self.places[position(chunk)] {
            target::write(&self.target, plain, offset)?;
            bytes_written += plain.len() as u64;
        }
        self.written[position(chunk)].store(true, Ordering::Release);
        self.fetched.fetch_add(stored.len() as u64, Ordering::Relaxed);
        self.data_written.fetch_add(bytes_written, Ordering::Relaxed);
        Ok(ByteLen(bytes_written))
    }

    fn take_scratch(&self) -> Result<Scratch, ChunkError> {
        // Poison means that a thread died between taking and giving back: what is still there is whole.
        let free = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match free {
            Some(scratch) => Ok(scratch),
            None => Ok(Scratch {
                decoder: Decoder::new()?,
                plain: AlignedBuffer::zeroed(usize::try_from(CHUNK_WINDOW).unwrap_or(0)),
            }),
        }
    }
}

/// What the image needs as zeros, by byte offset of the disk.
fn required_zeros(image: &Manifest, layout: &Layout) -> Vec<Range<u64>> {
    let placed = image.partitions().iter().zip(layout.partitions());
    placed
        .flat_map(|(partition, placed)| {
            let zero = partition.extents.iter().filter(|extent| extent.content == Content::Zero);
            zero.map(|extent| {
                let start = placed.start + extent.offset;
                start..start + extent.length
            })
        })
        .collect()
}

fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// A chunk's number or length as an index: lossless wherever this can run.
fn position(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl<T> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("image", &self.image.id())
            .field("disk_size", &self.layout.disk_size())
            .finish_non_exhaustive()
    }
}
