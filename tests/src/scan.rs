//! The marker scanner: what of the planted data is still on a disk, at its place or anywhere.

mod index;
mod report;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::marker::{MARKER_LEN, Marker};
use index::{Index, WORD_LEN};
pub use report::{ScanReport, Sighting};

/// Disk bytes read at once; whole words.
const CHUNK_LEN: usize = 4 << 20;

/// Looks for every marker at its offset, and for every piece of at least
/// [`MIN_FRAGMENT_LEN`](index::MIN_FRAGMENT_LEN) bytes of any marker anywhere on the disk.
///
/// # Errors
/// When the disk cannot be read, or is too short to hold a marker at its offset.
pub fn scan(disk: &Path, markers: &[Marker]) -> Result<ScanReport> {
    let file = File::open(disk).with_context(|| format!("failed to open {}", disk.display()))?;
    let disk_len = file.metadata()?.len();
    let at_offset = look_at_offsets(&file, disk_len, markers).with_context(|| {
        format!("failed to look for markers at their offsets in {}", disk.display())
    })?;
    let index = Index::new(markers);
    let mut sightings = Sightings { file: &file, disk_len, index: &index, found: BTreeMap::new() };
    let mut chunk = vec![0; CHUNK_LEN];
    let mut chunk_offset = 0;
    while chunk_offset < disk_len {
        let len = read_at_most(&file, &mut chunk, chunk_offset)
            .with_context(|| format!("failed to read {} at {chunk_offset}", disk.display()))?;
        ensure!(len > 0, "{} became shorter while it was scanned", disk.display());
        for (n_word, word) in chunk[..len].chunks_exact(WORD_LEN).enumerate() {
            if index.may_hold(word) {
                sightings.inspect(chunk_offset + (n_word * WORD_LEN) as u64, word)?;
            }
        }
        chunk_offset += len as u64;
    }
    Ok(ScanReport::new(disk_len, markers.len(), at_offset, sightings.found.into_values()))
}

fn look_at_offsets(file: &File, disk_len: u64, markers: &[Marker]) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (index, marker) in markers.iter().enumerate() {
        let range = marker.range();
        ensure!(
            range.end <= disk_len,
            "marker at {} ends behind the disk's {disk_len} bytes: the list is another disk's",
            range.start
        );
        let mut bytes = [0; MARKER_LEN];
        file.read_exact_at(&mut bytes, range.start)?;
        if bytes == marker.bytes {
            found.push(index);
        }
    }
    Ok(found)
}

struct Sightings<'a> {
    file: &'a File,
    disk_len: u64,
    index: &'a Index<'a>,
    /// By the disk offset of their first byte; a longer one replaces a shorter one.
    found: BTreeMap<u64, Sighting>,
}

impl Sightings<'_> {
    /// The word at `offset` is also in a marker: how much more of that marker is around it?
    fn inspect(&mut self, offset: u64, word: &[u8]) -> Result<()> {
        let start = offset.saturating_sub(MARKER_LEN as u64);
        let end = (offset + (WORD_LEN + MARKER_LEN) as u64).min(self.disk_len);
        let mut context = vec![0; usize::try_from(end - start)?];
        self.file
            .read_exact_at(&mut context, start)
            .with_context(|| format!("failed to read the disk at {start}"))?;
        let at = usize::try_from(offset - start)?;
        if let Some(found) = self.index.longest_match(&context, at, word) {
            let sighting = Sighting {
                offset: start + found.start as u64,
                len: found.len,
                marker: found.marker,
            };
            let known = self.found.entry(sighting.offset).or_insert_with(|| sighting.clone());
            if known.len < sighting.len {
                *known = sighting;
            }
        }
        Ok(())
    }
}

/// Fills the buffer as far as the file goes; the length is whole words but at the file's end.
fn read_at_most(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read_at(&mut buffer[len..], offset + len as u64)? {
            0 => break,
            n => len += n,
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests;
