//! What can go wrong while an image is written.

use std::fmt;

use crate::chunk::ChunkError;

/// Why an image is not on the disk. The disk does not boot then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The layout was made for another disk.
    #[error(
        "the layout is for a disk of {expected} bytes in {expected_sector}-byte sectors, this one has {got} in \
         {got_sector}-byte sectors"
    )]
    WrongTarget {
        /// In bytes.
        got: u64,
        /// In bytes.
        got_sector: u32,
        /// In bytes.
        expected: u64,
        /// In bytes.
        expected_sector: u32,
    },
    /// The layout was made for another image.
    #[error("the layout and the manifest have different partitions")]
    OtherImage,
    /// A number beyond the chunk table.
    #[error("there is no chunk {chunk}, the image has {count}")]
    NoSuchChunk {
        /// What was asked for.
        chunk: u32,
        /// How many there are.
        count: usize,
    },
    /// A chunk was refused; nothing of it was written.
    #[error("refusing chunk {chunk}, nothing of it was written")]
    Chunk {
        /// Its position in the chunk table.
        chunk: u32,
        /// Which check failed.
        #[source]
        source: ChunkError,
    },
    /// The drive refused.
    #[error("{operation} {length} bytes at byte {offset} of the drive")]
    Drive {
        /// What was asked of it: `writing`, `reading`.
        operation: &'static str,
        /// In bytes, from the drive's start.
        offset: u64,
        /// In bytes.
        length: usize,
        /// What the kernel says.
        #[source]
        source: std::io::Error,
    },
    /// The drive did not confirm that what it took is on the medium.
    #[error("flushing the drive's write cache")]
    Flush(#[source] std::io::Error),
    /// Read back before all was written.
    #[error("{chunks} of {count} chunks are not written yet, zeros {}", if *.zeros { "are" } else { "are not" })]
    Incomplete {
        /// Chunks that are missing.
        chunks: usize,
        /// How many there are.
        count: usize,
        /// Whether the zeros are written.
        zeros: bool,
    },
    /// The drive holds something other than what was written: it is failing.
    #[error("{count} places of the drive do not hold what was written, the first {}: replace the drive", First(.first))]
    Mismatch {
        /// How many.
        count: u64,
        /// The first 1,000.
        first: Vec<Mismatch>,
    },
    /// The first MiB or the tables did not read back as written.
    #[error("{length} bytes at byte {offset} of the drive do not read back as they were written")]
    Tables {
        /// In bytes, from the drive's start.
        offset: u64,
        /// In bytes.
        length: usize,
    },
    /// Making the disk bootable failed, and so did taking it back.
    #[error(
        "the disk could neither be made bootable nor unbootable again ({cleanup}): do not start from it, replace the drive"
    )]
    Unsafe {
        /// Why it could not be taken back.
        cleanup: Box<WriteError>,
        /// Why it could not be made bootable.
        #[source]
        source: Box<WriteError>,
    },
}

/// A place that does not hold what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// In bytes, from the drive's start.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
    /// What is wrong.
    pub cause: MismatchCause,
}

/// What is wrong with a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MismatchCause {
    /// It holds something else.
    OtherContent,
    /// It cannot be read; what the kernel says.
    Unreadable(String),
}

struct First<'a>(&'a [Mismatch]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(Mismatch { offset, length, cause: MismatchCause::OtherContent }) => {
                write!(f, "{length} bytes at byte {offset}")
            }
            Some(Mismatch { offset, length, cause: MismatchCause::Unreadable(why) }) => {
                write!(f, "{length} bytes at byte {offset}, unreadable: {why}")
            }
            None => f.write_str("unknown"),
        }
    }
}
