//! Markers taken from a disk that came without a list: pieces of what it really holds.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::marker::{MARKER_LEN, Marker, write_list};
use crate::scan::scan;

/// How many pieces are taken.
const N_PIECES: usize = 2000;
const SECTOR_LEN: usize = 512;
/// Disk bytes read at once; whole sectors.
const CHUNK_LEN: usize = 4 << 20;
/// A piece with fewer different bytes is a table's or an empty field's, not somebody's data.
const MIN_DISTINCT: usize = 16;

/// Chooses pieces all over `disk`, the first and the last sector with data included, and writes their list. What is
/// also in the OS image of the site at `data` is left out: it will rightly be there again.
///
/// # Errors
/// When something cannot be read, or the disk holds nothing that could be recognized afterwards.
pub fn sample(disk: &Path, data: &Path, list: &Path) -> Result<Vec<Marker>> {
    let mut markers = pieces(disk)?;
    let image = tempfile::NamedTempFile::new()?;
    unpack_chunks(&data.join("images/chunks"), image.as_file())?;
    let installed = scan(image.path(), &at_start(&markers))?;
    let mut known: Vec<usize> = installed.anywhere.iter().map(|seen| seen.marker).collect();
    known.sort_unstable();
    let mut index = 0;
    markers.retain(|_| {
        index += 1;
        known.binary_search(&(index - 1)).is_err()
    });
    ensure!(
        !markers.is_empty(),
        "{} holds nothing that could be recognized afterwards; give a disk that was in use",
        disk.display()
    );
    write_list(list, &markers)?;
    Ok(markers)
}

/// The image has another length than the disk: what is looked for anywhere needs no place of its own.
fn at_start(markers: &[Marker]) -> Vec<Marker> {
    markers.iter().map(|marker| Marker { offset: 0, ..marker.clone() }).collect()
}

/// At most [`N_PIECES`] different pieces, by offset. Those with the smallest hashes are taken: an even choice that is the
/// same every time.
fn pieces(disk: &Path) -> Result<Vec<Marker>> {
    let file = File::open(disk).with_context(|| format!("failed to open {}", disk.display()))?;
    let disk_len = file.metadata()?.len();
    let mut chosen: BTreeMap<[u8; 32], Marker> = BTreeMap::new();
    let (mut first, mut last) = (None, None);
    let mut chunk = vec![0; CHUNK_LEN];
    let mut offset = 0;
    while offset < disk_len {
        let len = chunk.len().min(usize::try_from(disk_len - offset).unwrap_or(usize::MAX));
        file.read_exact_at(&mut chunk[..len], offset)
            .with_context(|| format!("failed to read {} at {offset}", disk.display()))?;
        for (n_sector, sector) in chunk[..len].chunks(SECTOR_LEN).enumerate() {
            let start = offset + (n_sector * SECTOR_LEN) as u64;
            let Some(marker) = piece(sector, start) else { continue };
            first.get_or_insert_with(|| marker.clone());
            last = Some(marker.clone());
            chosen.insert(*blake3::hash(&marker.bytes).as_bytes(), marker);
            if chosen.len() > N_PIECES {
                chosen.pop_last();
            }
        }
        offset += len as u64;
    }
    let ends = first.into_iter().chain(last);
    chosen.extend(ends.map(|marker| (*blake3::hash(&marker.bytes).as_bytes(), marker)));
    let mut markers: Vec<Marker> = chosen.into_values().collect();
    markers.sort_unstable_by_key(|marker| marker.offset);
    Ok(markers)
}

/// The sector's first piece that can be recognized.
fn piece(sector: &[u8], start: u64) -> Option<Marker> {
    let blocks = sector.chunks_exact(MARKER_LEN).enumerate();
    blocks.filter(|(_, block)| is_recognizable(block)).find_map(|(n_block, block)| {
        let bytes = block.try_into().ok()?;
        Some(Marker { offset: start + (n_block * MARKER_LEN) as u64, bytes })
    })
}

fn is_recognizable(block: &[u8]) -> bool {
    let mut seen = [false; 256];
    block.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= MIN_DISTINCT
}

/// Every chunk of the store, decoded, one behind the other.
fn unpack_chunks(store: &Path, to: &File) -> Result<()> {
    let chunks = files_below(store)?;
    ensure!(!chunks.is_empty(), "no OS image in {}; run scripts/prepare", store.display());
    let mut zstd = Command::new("zstd");
    // --force passes through what the store keeps as it is, because it could not be compressed.
    zstd.args(["-dcq", "--force", "--"])
        .args(chunks)
        .stdout(to.try_clone()?)
        .stderr(Stdio::inherit());
    let status = zstd.status().context("failed to run zstd")?;
    ensure!(status.success(), "zstd could not decode the chunks in {}: {status}", store.display());
    Ok(())
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look like somebody's photographs.
    fn noise(seed: u8, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn pieces_are_real_different_and_not_the_images() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, data) = (dir.path().join("disk.raw"), dir.path().join("site"));
        let shared = noise(1, 8 << 10);
        let mut bytes = vec![0; 2 << 20];
        bytes[4096..4096 + shared.len()].copy_from_slice(&shared);
        let own = noise(2, 4 << 10);
        bytes[1 << 20..(1 << 20) + own.len()].copy_from_slice(&own);
        bytes[3 << 18..(3 << 18) + 4096].copy_from_slice(&noise(4, 4096));
        bytes[(2 << 20) - 512..].copy_from_slice(&noise(3, 512));
        fs::write(&disk, &bytes).unwrap();
        let chunks = data.join("images/chunks/ab");
        fs::create_dir_all(&chunks).unwrap();
        fs::write(dir.path().join("plain"), &shared).unwrap();
        let mut zstd = Command::new("zstd");
        zstd.arg("-q").arg(dir.path().join("plain")).arg("-o").arg(chunks.join("abcd"));
        assert!(zstd.status().unwrap().success());
        fs::write(chunks.join("abce"), noise(4, 4096)).unwrap();

        let list = dir.path().join("markers.txt");
        let markers = sample(&disk, &data, &list).unwrap();
        assert_eq!(markers.len(), own.len() / SECTOR_LEN + 1, "the shared pieces are left out");
        assert_eq!(markers.last().unwrap().offset, (2 << 20) - 512);
        assert_eq!(scan(&disk, &markers).unwrap().n_whole(), markers.len());
        assert_eq!(crate::marker::read_list(&list).unwrap(), markers);

        fs::write(&disk, vec![0; 1 << 20]).unwrap();
        let error = format!("{:#}", sample(&disk, &data, &list).unwrap_err());
        assert!(error.contains("nothing that could be recognized"), "{error}");
    }
}
