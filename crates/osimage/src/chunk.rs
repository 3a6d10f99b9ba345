//! One chunk: plain bytes to stored bytes and back, with both hashes checked.

use std::fmt;

use crate::digest::{ChunkId, StoredHash};
use crate::extents::CHUNK_WINDOW;
use crate::manifest::{ChunkRecord, Encoding};

/// Compression level. Decoding is as fast as at higher ones, encoding ten times faster than at 12.
pub const ZSTD_LEVEL: i32 = 3;

/// Makes chunks. Keeps its tables from one to the next.
pub struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
}

/// A chunk ready to be stored.
#[derive(Debug)]
pub struct EncodedChunk {
    /// For the manifest.
    pub record: ChunkRecord,
    /// What is stored and sent; none if the plain bytes are stored as they are.
    pub compressed: Option<Vec<u8>>,
}

/// Checks and decodes chunks. Keeps its tables from one to the next.
pub struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
}

/// Why a chunk is refused, or cannot be made. Nothing of it may be written.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// Truncated or too long.
    #[error("the chunk has {got} stored bytes, the manifest says {expected}")]
    StoredLength {
        /// What came.
        got: usize,
        /// What was promised.
        expected: u32,
    },
    /// Changed in the store or on the way.
    #[error("the stored bytes have hash {got}, the manifest says {expected}")]
    StoredHash {
        /// Of what came.
        got: StoredHash,
        /// What was promised.
        expected: StoredHash,
    },
    /// Not one whole Zstandard frame, or one that holds more than was promised.
    #[error("decoding a Zstandard frame of {stored_len} bytes that shall hold {plain_len}")]
    Frame {
        /// Stored bytes.
        stored_len: u32,
        /// Plain bytes that were promised.
        plain_len: u32,
        /// What the decoder says.
        #[source]
        source: std::io::Error,
    },
    /// A whole frame with too little in it.
    #[error("the frame holds {got} bytes, the manifest says {expected}")]
    PlainLength {
        /// What was decoded.
        got: usize,
        /// What was promised.
        expected: u32,
    },
    /// Intact, yet not what the image holds.
    #[error("the plain bytes have hash {got}, the manifest says {expected}")]
    Id {
        /// Of what was decoded.
        got: ChunkId,
        /// What was promised.
        expected: ChunkId,
    },
    /// The compressor or decompressor could not be made or failed.
    #[error("setting up or running Zstandard at level {ZSTD_LEVEL}")]
    Zstd(#[source] std::io::Error),
    /// Empty or longer than a window.
    #[error("a chunk of {0} bytes is not 1 to {CHUNK_WINDOW}")]
    Length(usize),
}

impl Encoder {
    /// Makes an encoder.
    ///
    /// # Errors
    /// When the compressor cannot be set up.
    pub fn new() -> Result<Self, ChunkError> {
        let zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(ChunkError::Zstd)?;
        Ok(Self { zstd })
    }

    /// Hashes and compresses plain bytes of at most one window.
    ///
    /// # Errors
    /// When the length is not that of a chunk, or the compressor fails.
    pub fn encode(&mut self, plain: &[u8]) -> Result<EncodedChunk, ChunkError> {
        let id = ChunkId::of(plain);
        self.encode_known(id, plain)
    }

    /// As [`Encoder::encode`], for bytes whose hash is known already.
    ///
    /// # Errors
    /// As of [`Encoder::encode`].
    pub fn encode_known(&mut self, id: ChunkId, plain: &[u8]) -> Result<EncodedChunk, ChunkError> {
        let plain_len = u32::try_from(plain.len())
            .ok()
            .filter(|len| (1..=CHUNK_WINDOW).contains(&u64::from(*len)))
            .ok_or(ChunkError::Length(plain.len()))?;
        let compressed = self.zstd.compress(plain).map_err(ChunkError::Zstd)?;
        let record = |stored, stored_len, encoding| ChunkRecord {
            id,
            stored,
            plain_len,
            stored_len,
            encoding,
        };
        Ok(match u32::try_from(compressed.len()) {
            Ok(stored_len) if stored_len < plain_len => EncodedChunk {
                record: record(StoredHash::of(&compressed), stored_len, Encoding::Zstd),
                compressed: Some(compressed),
            },
            _ => EncodedChunk {
                record: record(StoredHash::from_bytes(*id.as_bytes()), plain_len, Encoding::Raw),
                compressed: None,
            },
        })
    }
}

impl EncodedChunk {
    /// The bytes to store, given the plain ones it was made of.
    pub fn stored<'a>(&'a self, plain: &'a [u8]) -> &'a [u8] {
        self.compressed.as_deref().unwrap_or(plain)
    }
}

impl Decoder {
    /// Makes a decoder.
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub fn new() -> Result<Self, ChunkError> {
        let zstd = zstd::bulk::Decompressor::new().map_err(ChunkError::Zstd)?;
        Ok(Self { zstd })
    }

    /// Checks the stored bytes, decodes them into `plain` and checks what came out.
    ///
    /// Memory is bounded by `plain`: the frame is decoded in one go with it as the window, so a frame that holds more,
    /// or asks for a larger window, cannot make anything grow. `plain` must be as long as the record says.
    ///
    /// # Errors
    /// Which check failed. `plain` then holds nothing that may be used.
    pub fn decode(
        &mut self,
        record: &ChunkRecord,
        stored: &[u8],
        plain: &mut [u8],
    ) -> Result<(), ChunkError> {
        let plain_len = record.plain_len;
        if u32::try_from(plain.len()) != Ok(plain_len) {
            return Err(ChunkError::PlainLength { got: plain.len(), expected: plain_len });
        }
        check_stored(record, stored)?;
        let got = match record.encoding {
            Encoding::Raw => {
                if stored.len() != plain.len() {
                    return Err(ChunkError::PlainLength { got: stored.len(), expected: plain_len });
                }
                plain.copy_from_slice(stored);
                stored.len()
            }
            Encoding::Zstd => self.zstd.decompress_to_buffer(stored, plain).map_err(|source| {
                ChunkError::Frame { stored_len: record.stored_len, plain_len, source }
            })?,
        };
        if got != plain.len() {
            return Err(ChunkError::PlainLength { got, expected: plain_len });
        }
        check_id(record, plain)
    }
}

/// Checks length and hash of stored bytes, as they come from the store or the network.
///
/// # Errors
/// Which of the two is wrong.
pub fn check_stored(record: &ChunkRecord, stored: &[u8]) -> Result<(), ChunkError> {
    // The length first: hashing what was never asked for is work for the sender of too much.
    if u32::try_from(stored.len()) != Ok(record.stored_len) {
        return Err(ChunkError::StoredLength { got: stored.len(), expected: record.stored_len });
    }
    let got = StoredHash::of(stored);
    if got != record.stored {
        return Err(ChunkError::StoredHash { got, expected: record.stored });
    }
    Ok(())
}

/// Checks the hash of plain bytes, as they were decoded or read back.
///
/// # Errors
/// When they are not those of the chunk.
pub fn check_id(record: &ChunkRecord, plain: &[u8]) -> Result<(), ChunkError> {
    let got = ChunkId::of(plain);
    if got != record.id {
        return Err(ChunkError::Id { got, expected: record.id });
    }
    Ok(())
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}
