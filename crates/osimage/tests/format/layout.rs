//! Placing an image on disks of many sizes; the tables are read back by the library that others use.

use std::io::Cursor;

use proptest::prelude::*;
use protocol::{ByteLen, SectorSize};
use rehome_osimage::{Guids, Layout, LayoutError, Manifest, TABLE_SECTORS, backup_table_len};

use crate::sample::{Kind, SECTOR, Sample, index};

fn sectors(bytes: u32) -> SectorSize {
    SectorSize::try_from(bytes).unwrap()
}

fn sample(guids: Guids) -> Manifest {
    let runs = [vec![(4096, Kind::Zero)], vec![(2048, Kind::Unused)]];
    let mut sample = Sample::new(&runs);
    sample.document.guids = guids;
    Manifest::seal(&sample.document).unwrap().0
}

#[test]
fn the_backup_table_is_the_last_33_sectors() {
    assert_eq!(backup_table_len(512), TABLE_SECTORS * 512);
}

#[test]
fn disks_that_do_not_fit_are_refused_with_both_numbers() {
    let image = sample(Guids::Fresh);
    let needed = image.document().min_disk_size.0;
    let too_small = Layout::new(&image, ByteLen(needed - 512), sectors(512), &[1; 32]);
    let text = too_small.unwrap_err().to_string();
    assert!(text.contains(&needed.to_string()), "{text}");
    assert!(text.contains(&(needed - 512).to_string()), "{text}");
    let other_sectors = Layout::new(&image, ByteLen(1 << 30), sectors(4096), &[1; 32]);
    assert!(matches!(other_sectors, Err(LayoutError::SectorSize { drive: 4096, image: 512 })));
    for odd in [(1 << 30) + 1, u64::MAX] {
        let refused = Layout::new(&image, ByteLen(odd), sectors(512), &[1; 32]);
        assert!(matches!(refused, Err(LayoutError::DiskSize { .. })));
    }
}

#[test]
fn fresh_guids_differ_from_the_source_and_by_seed() {
    let of = |guids, seed| {
        let image = sample(guids);
        let layout = Layout::new(&image, ByteLen(1 << 30), sectors(512), &[seed; 32]).unwrap();
        let mut all: Vec<_> = layout.partitions().iter().map(|placed| placed.guid).collect();
        all.push(layout.disk_guid());
        all
    };
    let source = of(Guids::Keep, 1);
    assert_eq!(source, of(Guids::Keep, 2));
    let fresh = of(Guids::Fresh, 1);
    assert_eq!(fresh, of(Guids::Fresh, 1));
    let mut all = [source, fresh, of(Guids::Fresh, 2)].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_tables_are_whole_on_any_disk(extra in 0u64..200_000) {
        let image = sample(Guids::Fresh);
        let disk = image.document().min_disk_size.0 + extra * SECTOR;
        let layout = Layout::new(&image, ByteLen(disk), sectors(512), &[7; 32]).unwrap();
        let mut bytes = vec![0; index(disk)];
        bytes[..layout.first_mib().len()].copy_from_slice(layout.first_mib());
        bytes[index(layout.backup_offset())..].copy_from_slice(layout.backup_table());

        prop_assert_eq!(&bytes[..440], &[0x90; 440]);
        prop_assert_eq!(&bytes[510..512], &[0x55, 0xaa]);
        let last_lba = disk / SECTOR - 1;
        for lba in [1, last_lba] {
            let at = index(lba * SECTOR);
            let mut reader = Cursor::new(&bytes);
            let header = gptman::GPTHeader::read_from(&mut Cursor::new(&bytes[at..])).unwrap();
            let entries = header.read_partitions(&mut reader, SECTOR).unwrap();
            prop_assert_eq!(header.primary_lba, lba);
            prop_assert_eq!(header.backup_lba, last_lba + 1 - lba);
            for (placed, entry) in layout.partitions().iter().zip(&entries) {
                prop_assert_eq!(entry.starting_lba * SECTOR, placed.start);
                prop_assert_eq!((entry.ending_lba + 1) * SECTOR, placed.start + placed.size.0);
                prop_assert!(entry.ending_lba <= header.last_usable_lba);
                prop_assert_eq!(&entry.unique_partition_guid, placed.guid.disk_bytes());
            }
        }
        let [first, last] = layout.partitions() else { panic!("two partitions") };
        prop_assert_eq!(first.size, image.partitions()[0].size);
        prop_assert!(last.size >= image.partitions()[1].size);
        // What is left over is less than a MiB and the table.
        prop_assert!(disk - (last.start + last.size.0) < (1 << 20) + backup_table_len(512));
    }
}
