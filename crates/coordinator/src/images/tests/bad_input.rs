//! Files that must not become images: refused by name, and the store stays as it was.

use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gptman::{GPT, GPTPartitionEntry};
use osimage::Guid;
use proptest::prelude::*;

use super::fixture::{Fixture, MIB, empty_file, options};
use crate::images::ImageError;

const LEN: u64 = 16 * MIB;

fn entry(number: u8, first: u64, last: u64) -> GPTPartitionEntry {
    GPTPartitionEntry {
        partition_type_guid: *Guid::LINUX_DATA.disk_bytes(),
        unique_partition_guid: [number; 16],
        starting_lba: first,
        ending_lba: last,
        attribute_bits: 0,
        partition_name: "part".into(),
    }
}

/// A disk with these partitions, right or wrong: the header's own writer checks nothing.
fn disk(path: &Path, entries: &[GPTPartitionEntry]) -> File {
    let file = empty_file(path, LEN);
    let mut bytes = Cursor::new(vec![0; usize::try_from(LEN).unwrap()]);
    let mut table = GPT::new_from(&mut bytes, 512, [0xd1; 16]).unwrap();
    let mut all = vec![GPTPartitionEntry::empty(); 128];
    all[..entries.len()].clone_from_slice(entries);
    table.header.write_into(&mut bytes, 512, &all).unwrap();
    file.write_all_at(&bytes.into_inner(), 0).unwrap();
    file
}

fn two(path: &Path) -> File {
    disk(path, &[entry(1, 2048, 8191), entry(2, 8192, 16_383)])
}

type Make = fn(&Path);

const BAD: &[(Make, &str)] = &[
    (|path| drop(empty_file(path, LEN)), "no GUID partition table"),
    (|path| drop(empty_file(path, 0)), "too short"),
    (|path| std::fs::write(path, b"\x28\xb5\x2f\xfd").unwrap(), "too short"),
    (|path| drop(disk(path, &[])), "empty"),
    (|path| two(path).set_len(LEN / 2).unwrap(), "truncated"),
    (|path| two(path).set_len(LEN - 512).unwrap(), "truncated"),
    (|path| two(path).write_all_at(b"x", 512 + 20).unwrap(), "damaged"),
    (|path| two(path).write_all_at(b"x", 1024 + 60).unwrap(), "entries are damaged"),
    (|path| two(path).write_all_at(b"LUKS\xba\xbe\0\x02", 8192 * 512).unwrap(), "partition 2"),
    (|path| two(path).write_all_at(b"\xeb\x58\x90-FVE-FS-", MIB).unwrap(), "BitLocker"),
    (|path| drop(disk(path, &[entry(1, 2048, 8192), entry(2, 8192, 9000)])), "1 and 2 overlap"),
    (|path| drop(disk(path, &[entry(1, 2048, 40_000)])), "sectors 2048 to 40000"),
    (|path| drop(disk(path, &[entry(1, 2048, u64::MAX)])), "partition 1"),
    (|path| drop(disk(path, &[entry(1, 9000, 8999)])), "partition 1"),
    (|path| drop(disk(path, &[entry(1, 34, 2047)])), "within the first MiB"),
    (|path| drop(disk(path, &[entry(1, 2048, 4095), entry(1, 4096, 8191)])), "GUID"),
    (|path| empty_file(path, LEN).write_all_at(b"EFI PART", 4096).unwrap(), "4096 bytes"),
    (|path| std::fs::create_dir(path).unwrap(), "regular file"),
    (|_| (), "opening"),
];

#[test]
fn bad_files_are_refused_by_name_and_the_store_stays_as_it_was() {
    let fixture = Fixture::new();
    for (number, (make, words)) in BAD.iter().enumerate() {
        let path = fixture.path(&format!("bad-{number}.raw"));
        make(&path);
        let refused = anyhow_chain(&fixture.add(&path, "bad").unwrap_err());
        assert!(refused.contains(words), "{number}: {refused:?} lacks {words:?}");
        assert_eq!(fixture.stored_files(), Vec::<std::path::PathBuf>::new(), "{number}");
    }
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_read() {
    let fixture = Fixture::new();
    let path = fixture.path("good.raw");
    two(&path);
    for name in ["", "Ubuntu", "../up", "a/b", "ż"] {
        let refused = fixture.add(&path, name).unwrap_err();
        assert!(matches!(refused, ImageError::Describe(_)), "{name:?}: {refused}");
    }
    let mut no_such_root = options("good");
    no_such_root.root = Some(7);
    let refused = fixture.store.add(&path, &no_such_root, &fixture.key, &mut |_| ());
    assert!(refused.unwrap_err().to_string().contains("no partition 7"));
}

/// An error with all its causes, as the command prints it.
fn anyhow_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_table_makes_the_reader_panic(
        changes in prop::collection::vec((512usize..1536, any::<u8>()), 1..4),
        repair in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        let path = fixture.path("hostile.raw");
        let file = two(&path);
        let mut head = vec![0; 2048];
        file.read_exact_at(&mut head, 0).unwrap();
        for (at, byte) in changes {
            head[at] = byte;
        }
        if repair {
            // A right checksum over wrong numbers: what somebody does who means it.
            head[512 + 16..512 + 20].fill(0);
            let checksum = crc32(&head[512..512 + 92]).to_le_bytes();
            head[512 + 16..512 + 20].copy_from_slice(&checksum);
        }
        file.write_all_at(&head, 0).unwrap();
        // Either answer will do, as long as there is one.
        if let Err(refused) = fixture.add(&path, "hostile") {
            prop_assert!(!matches!(refused, ImageError::WorkerDied), "{}", refused);
        }
    }
}

/// The checksum of partition tables (UEFI 2.10, section 5.3.2).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}
