//! Block bitmaps as mke2fs makes them, counted by dumpe2fs; and those that are not to be believed.

use std::os::unix::fs::FileExt;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::fixture::{MIB, make_ext4, make_tree, run, text};
use crate::images::ext4::used_ranges;
use crate::images::source::RawSource;

fn used(file: &Path) -> Result<u64, String> {
    let source = RawSource::open(file).unwrap();
    let ranges = used_ranges(source.part(0..source.len()))?;
    assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
    Ok(ranges.iter().map(|range| range.end - range.start).sum())
}

/// A number of the superblock, as dumpe2fs prints it.
fn printed(file: &Path, key: &str) -> u64 {
    let said = run("dumpe2fs", &["-h", text(file)]);
    let line = said.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().parse().unwrap()
}

fn patch(file: &Path, offset: u64, change: impl Fn(u8) -> u8) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[change(byte[0])], offset).unwrap();
}

/// Where group 0 has its block bitmap, in bytes.
fn bitmap_offset(file: &Path) -> u64 {
    let said = run("dumpe2fs", &[text(file)]);
    let at = said.lines().find_map(|line| line.trim().strip_prefix("Block bitmap at ")).unwrap();
    let block: u64 = at.split_whitespace().next().unwrap().parse().unwrap();
    block * printed(file, "Block size:")
}

#[test]
fn used_blocks_are_those_that_others_count() {
    let folder = TempDir::new().unwrap();
    let tree = folder.path().join("tree");
    make_tree(&tree);
    for arguments in [
        &["-t", "ext4"][..],
        &["-t", "ext4", "-b", "1024"],
        &["-t", "ext4", "-b", "2048", "-O", "^flex_bg"],
        &["-t", "ext4", "-O", "^metadata_csum,uninit_bg"],
        &["-t", "ext4", "-O", "^metadata_csum,^uninit_bg,^has_journal"],
        &["-t", "ext4", "-O", "^64bit,^sparse_super,^resize_inode"],
        &["-t", "ext4", "-O", "sparse_super2,^resize_inode"],
        &["-t", "ext4", "-O", "metadata_csum_seed"],
        &["-t", "ext4", "-g", "8192"],
        &["-t", "ext3"],
        &["-t", "ext2"],
    ] {
        let file = folder.path().join("fs");
        make_ext4(&file, 700 * MIB, Some(&tree), arguments);
        let block_size = printed(&file, "Block size:");
        let blocks = printed(&file, "Block count:") - printed(&file, "Free blocks:");
        // Blocks of 1 KiB are counted from 1; block 0, the boot block, is taken as well.
        let wanted = blocks * block_size;
        assert_eq!(used(&file), Ok(wanted), "{arguments:?}");
    }
}

#[test]
fn bitmaps_that_are_not_to_be_believed_are_named() {
    type Damage = fn(&Path);
    let free_in_bitmap: Damage = |file| patch(file, bitmap_offset(file) + 20, |_| 0);
    let used_in_bitmap: Damage = |file| patch(file, bitmap_offset(file) + 4000, |_| 0xff);
    let metadata_free: Damage = |file| patch(file, bitmap_offset(file), |_| 0xfe);
    let needs_recovery: Damage = |file| patch(file, 1024 + 0x60, |byte| byte | 4);
    let not_clean: Damage = |file| patch(file, 1024 + 0x3a, |_| 0);
    let unknown: Damage = |file| patch(file, 1024 + 0x63, |_| 0x40);
    let plain = &["-t", "ext4", "-O", "^metadata_csum"][..];
    let checked = &["-t", "ext4", "-O", "metadata_csum"][..];
    let folder = TempDir::new().unwrap();
    for (arguments, damage, words) in [
        (checked, free_in_bitmap, "wrong checksum"),
        (plain, free_in_bitmap, "as free"),
        (plain, used_in_bitmap, "are free, its bitmap has"),
        (plain, metadata_free, "as free"),
        (checked, needs_recovery, "journal was not replayed"),
        (checked, not_clean, "not cleanly unmounted"),
        (checked, unknown, "not known here"),
        (&["-t", "ext4", "-O", "bigalloc", "-C", "16384"], (|_| ()) as Damage, "bigalloc"),
        (&["-t", "ext4", "-O", "meta_bg,^resize_inode"], (|_| ()) as Damage, "meta_bg"),
    ] {
        let file = folder.path().join("fs");
        make_ext4(&file, 200 * MIB, None, arguments);
        damage(&file);
        let refused = used(&file).unwrap_err();
        assert!(refused.contains(words), "{arguments:?}: {refused:?} lacks {words:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_superblock_or_descriptor_makes_the_reader_panic(
        changes in prop::collection::vec((0u64..5120, any::<u8>()), 1..6),
    ) {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("fs");
        std::fs::write(&file, small()).unwrap();
        for (at, byte) in changes {
            patch(&file, at, |_| byte);
        }
        // Either answer will do, as long as there is one, and all of it is within the partition.
        let source = RawSource::open(&file).unwrap();
        if let Ok(ranges) = used_ranges(source.part(0..source.len())) {
            prop_assert!(ranges.last().is_none_or(|last| last.end <= source.len()));
        }
    }
}

/// A file system of 2 MiB, made once.
fn small() -> &'static [u8] {
    static SMALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SMALL.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("fs");
        make_ext4(&file, 2 * MIB, None, &["-t", "ext4", "-b", "1024"]);
        std::fs::read(&file).unwrap()
    })
}
