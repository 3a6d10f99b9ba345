use std::fs::OpenOptions;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::dirty::DirtyDisk;
use crate::marker::read_list;

const MIB: u64 = 1 << 20;

fn dirty_disk(size: u64) -> (TempDir, PathBuf, Vec<Marker>) {
    let dir = tempfile::tempdir().unwrap();
    let (disk, list) = (dir.path().join("disk.raw"), dir.path().join("markers.txt"));
    DirtyDisk { size, ..DirtyDisk::default() }.make(&disk, &list).unwrap();
    let markers = read_list(&list).unwrap();
    (dir, disk, markers)
}

fn empty_disk(size: u64) -> (TempDir, PathBuf, File) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk.raw");
    let file = OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
    file.set_len(size).unwrap();
    (dir, path, file)
}

#[test]
fn every_marker_of_a_dirty_disk_is_found() {
    let (_dir, disk, markers) = dirty_disk(64 * MIB);
    let report = scan(&disk, &markers).unwrap();
    assert_eq!((report.at_offset.len(), report.n_whole()), (2000, 2000));
    assert_eq!(report.n_fragments(), 0, "{report}");
}

#[test]
fn a_wipe_that_skips_one_mib_is_caught() {
    let (_dir, disk, markers) = dirty_disk(64 * MIB);
    let file = OpenOptions::new().write(true).open(&disk).unwrap();
    let gap = 20 * MIB..21 * MIB;
    let zeros = vec![0; 1 << 20];
    for offset in (0..64 * MIB).step_by(1 << 20).filter(|offset| !gap.contains(offset)) {
        file.write_all_at(&zeros, offset).unwrap();
    }
    let inside = |marker: &&Marker| gap.contains(&marker.offset) && marker.range().end <= gap.end;
    let expected = markers.iter().filter(inside).count();
    assert!(expected > 10, "the gap has to hold markers");
    let report = scan(&disk, &markers).unwrap();
    assert_eq!((report.at_offset.len(), report.n_whole()), (expected, expected), "{report}");
}

#[test]
fn an_empty_disk_is_clean() {
    let (_dir, _disk, markers) = dirty_disk(64 * MIB);
    let (_empty_dir, empty, _file) = empty_disk(64 * MIB);
    let report = scan(&empty, &markers).unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_list_of_a_larger_disk_is_refused() {
    let (_dir, _disk, markers) = dirty_disk(128 * MIB);
    let (_empty_dir, empty, _file) = empty_disk(64 * MIB);
    assert!(format!("{:#}", scan(&empty, &markers).unwrap_err()).contains("another disk"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A piece of 16 bytes or more is found wherever it went, one of 15 is too short to tell.
    #[test]
    fn pieces_are_found_anywhere(
        n_marker in 0_usize..2000,
        from in 0_usize..=48,
        extra in 0_usize..=48,
        offset in 0_u64..MIB - 64,
    ) {
        let markers: Vec<Marker> = (0..2000)
            .map(|index| {
                let digest = blake3::hash(&index.to_string().into_bytes());
                Marker::new(index, 0, digest.as_bytes()[..16].try_into().unwrap())
            })
            .collect();
        let piece = &markers[n_marker].bytes[from..(from + 16 + extra).min(MARKER_LEN)];
        let (_dir, disk, file) = empty_disk(MIB);
        file.write_all_at(piece, offset).unwrap();
        let report = scan(&disk, &markers).unwrap();
        prop_assert_eq!(report.anywhere.len(), 1);
        prop_assert_eq!((report.anywhere[0].offset, report.anywhere[0].len), (offset, piece.len()));

        file.write_all_at(&vec![0; piece.len() - 15], offset + 15).unwrap();
        prop_assert!(scan(&disk, &markers).unwrap().is_clean());
    }
}
