//! A raw disk in a file, which may have holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::error::{ImageError, at};

/// Larger files are not imported, in bytes.
const MAX_SOURCE_LEN: u64 = 16 << 40;

/// A file with the content of a disk.
#[derive(Debug)]
pub(super) struct RawSource {
    path: PathBuf,
    file: File,
    len: u64,
}

/// A part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    source: &'a RawSource,
    start: u64,
    /// In bytes.
    pub(super) len: u64,
}

impl RawSource {
    pub(super) fn open(path: &Path) -> Result<Self, ImageError> {
        let failed = |source| at("opening", path, source);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let refuse = |reason: String| ImageError::Refused { path: path.to_owned(), reason };
        if !metadata.is_file() {
            return Err(refuse("it is not a regular file".to_owned()));
        }
        let len = metadata.len();
        if len > MAX_SOURCE_LEN {
            return Err(refuse(format!(
                "it has {len} bytes, more than the {MAX_SOURCE_LEN} that are imported"
            )));
        }
        Ok(Self { path: path.to_owned(), file, len })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// In bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes of a range, which must lie within the file.
    pub(super) fn part(&self, range: Range<u64>) -> Part<'_> {
        Part { source: self, start: range.start, len: range.end - range.start }
    }

    pub(super) fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, ImageError> {
        Err(ImageError::Refused { path: self.path.clone(), reason: reason.into() })
    }
}

impl Part<'_> {
    /// Fills `bytes` from `offset` of the part.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), ImageError> {
        self.read_exact(bytes, offset).map_err(|source| at("reading", &self.source.path, source))
    }

    /// As [`Part::read`], for those who have their own errors.
    pub(super) fn read_exact(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.source.file.read_exact_at(bytes, self.start + offset)
    }

    /// The first byte at or after `offset` of the part that is not in a hole; `len` if all the rest is one.
    ///
    /// File systems that know no holes say that everything is data.
    pub(super) fn next_data(&self, offset: u64) -> Result<u64, ImageError> {
        let from = self.start + offset;
        let position = i64::try_from(from)
            .map_err(io::Error::other)
            .and_then(|from| match lseek(&self.source.file, from, Whence::SeekData) {
                Ok(found) => u64::try_from(found).map_err(io::Error::other),
                Err(Errno::ENXIO) => Ok(self.source.len),
                Err(Errno::EINVAL) => Ok(self.start + offset),
                Err(error) => Err(error.into()),
            })
            .map_err(|source| at("looking for holes in", &self.source.path, source))?;
        Ok((position.max(from) - self.start).min(self.len))
    }
}
