//! What no agent could install is said before anything is wiped.

use protocol::SectorSize;
use rehome_osimage::{
    Document, FileSystem, FileSystemKind, Layout, Manifest, NotInstallable, PartitionRole, UsedMap,
};

use crate::sample::{Kind, Sample};

type Change = fn(&mut Document);

/// A document whose second partition is the root that agents want.
fn good() -> Document {
    let mut document =
        Sample::new(&[vec![(64, Kind::Text(1))], vec![(64, Kind::Text(2))]]).document;
    let root = &mut document.partitions[1];
    root.role = PartitionRole::Root;
    root.file_system = Some(file_system(FileSystemKind::Ext4));
    document
}

fn file_system(kind: FileSystemKind) -> FileSystem {
    FileSystem { kind, uuid: "aecf973b-c548-8866-9f57-7f4be488952b".into(), obstacle: None }
}

const BAD: &[(Change, &str)] = &[
    (|d| d.partitions[1].role = PartitionRole::Data, "--root NUMBER"),
    (|d| d.partitions[1].file_system = None, "partition 2, holds no file system that is known"),
    (|d| d.partitions[1].file_system = Some(file_system(FileSystemKind::Ext3)), "ext3"),
    (|d| d.partitions[1].file_system = Some(file_system(FileSystemKind::Fat)), "FAT"),
    (
        |d| {
            let obstacle = Some("its journal is on another device".into());
            d.partitions[1].file_system =
                Some(FileSystem { obstacle, ..file_system(FileSystemKind::Ext4) });
        },
        "its journal is on another device",
    ),
    (
        |d| d.partitions[1].used_map = UsedMap::ZeroScan { reason: "it is not clean".into() },
        "it is not clean",
    ),
    (
        |d| {
            d.sector_size_of_source = SectorSize::try_from(4096).unwrap();
            d.min_disk_size.0 += 1 << 20;
        },
        "sectors of 4096 bytes",
    ),
];

fn verdict(document: &Document) -> Result<(), NotInstallable> {
    Manifest::seal(document).unwrap().0.check_installable()
}

#[test]
fn an_image_without_a_root_that_agents_can_mount_and_grow_is_named() {
    assert_eq!(verdict(&good()), Ok(()));
    for (number, (change, words)) in BAD.iter().enumerate() {
        let mut document = good();
        change(&mut document);
        let refused = verdict(&document).unwrap_err().to_string();
        assert!(refused.contains(words), "{number}: {refused:?} lacks {words:?}");
    }
}

#[test]
fn what_is_installable_is_placed_on_its_smallest_disk() {
    let document = good();
    let (manifest, _) = Manifest::seal(&document).unwrap();
    let sectors = SectorSize::try_from(512).unwrap();
    let place = |size| Layout::new(&manifest, protocol::ByteLen(size), sectors, &[0; 32]);
    let least = document.min_disk_size.0;
    assert!(place(least).unwrap().partition(PartitionRole::Root).is_some());
    assert!(place(least - 512).is_err());
}

#[test]
fn manifests_from_before_obstacles_were_noted_are_read_and_stay_as_they_are() {
    let (manifest, payload) = Manifest::seal(&good()).unwrap();
    let text = String::from_utf8(payload.clone()).unwrap();
    assert!(!text.contains("obstacle"), "an agent of before would refuse what it does not know");
    assert_eq!(Manifest::parse(&payload).unwrap(), manifest);
    assert_eq!(manifest.payload_len(), payload.len());
}
