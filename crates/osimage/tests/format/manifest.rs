//! Manifests that cannot be: refused by name and place.

use proptest::prelude::*;
use protocol::ByteLen;
use rehome_osimage::{
    ChunkId, Content, Document, Encoding, Extent, Guid, Manifest, ManifestError, PartitionRole,
    Place, StoredHash,
};

use crate::sample::Sample;

type Change = fn(&mut Document);

const fn extent(partition: u32, index: usize) -> Place {
    Place::Extent { partition, index }
}

/// Each change, where it must be found, and words of the reason.
const HOSTILE: &[(Change, Place, &str)] = &[
    (|d| d.name = "../etc".into(), Place::Image, "the name"),
    (|d| d.name.clear(), Place::Image, "the name"),
    (|d| d.name = "a".repeat(65), Place::Image, "the name"),
    (|d| d.title = "a\u{1b}[31m".into(), Place::Image, "the title"),
    (|d| d.partitions.clear(), Place::Image, "0 partitions"),
    (|d| d.disk_guid = Guid::from_disk_bytes([0; 16]), Place::Image, "zero"),
    (|d| d.boot.uefi = true, Place::Image, "no EFI system partition"),
    (|d| d.min_disk_size.0 -= 1, Place::Image, "smallest disk"),
    (|d| d.min_disk_size.0 = u64::MAX, Place::Image, "smallest disk"),
    (|d| d.partitions[1].number = 1, Place::Partition(1), "taken twice"),
    (|d| d.partitions[1].number = 129, Place::Partition(129), "taken twice"),
    (|d| d.partitions[1].guid = d.partitions[0].guid, Place::Partition(2), "GUID"),
    (|d| d.partitions[1].guid = d.disk_guid, Place::Partition(2), "GUID"),
    (|d| d.partitions[0].name = "n".repeat(37), Place::Partition(1), "36"),
    (|d| d.partitions[0].grow = true, Place::Partition(1), "not the last"),
    (|d| d.partitions[0].start = 512, Place::Partition(1), "not within"),
    (|d| d.partitions[0].start += 1, Place::Partition(1), "not a multiple"),
    (|d| d.partitions[1].start = d.partitions[0].start, Place::Partition(2), "overlap"),
    (|d| d.partitions[2].start = u64::MAX - 511, Place::Partition(3), "not within"),
    (|d| d.partitions[2].size = ByteLen(u64::MAX), Place::Partition(3), "not within"),
    (|d| d.partitions[0].size.0 += 512, Place::Partition(1), "nothing is said"),
    (|d| d.partitions[0].size.0 = 0, Place::Partition(1), "not within"),
    (
        |d| d.partitions.iter_mut().for_each(|p| p.role = PartitionRole::Root),
        Place::Partition(2),
        "role",
    ),
    (|d| d.partitions[0].extents[1].offset -= 512, extent(1, 1), "overlap"),
    (|d| d.partitions[0].extents[1].offset += 512, extent(1, 1), "not within"),
    (|d| d.partitions[0].extents[0].length = 0, extent(1, 0), "not within"),
    (|d| d.partitions[0].extents[1].length = u64::MAX, extent(1, 1), "not within"),
    (|d| drop(d.partitions[2].extents.remove(0)), extent(3, 0), "nothing is said"),
    (|d| drop(d.partitions[0].extents.pop()), Place::Partition(1), "nothing is said"),
    (|d| d.partitions[0].extents[0].content = Content::Data(vec![]), extent(1, 0), "0 chunks"),
    (|d| d.partitions[0].extents[0].content = Content::Data(vec![0, 0]), extent(1, 0), "2 chunks"),
    (|d| d.partitions[0].extents[0].content = Content::Data(vec![99]), extent(1, 0), "chunk 99 of"),
    (
        |d| d.partitions[0].extents[0].content = Content::Data(vec![1]),
        extent(1, 0),
        "the window has",
    ),
    (|d| d.partitions[1].extents[0].content = Content::Zero, Place::Chunk(1), "no extent"),
    (|d| d.chunks[0].plain_len = (4 << 20) + 512, Place::Chunk(0), "cannot be"),
    (|d| d.chunks[0].plain_len = 0, Place::Chunk(0), "cannot be"),
    (|d| d.chunks[0].stored_len = 0, Place::Chunk(0), "cannot be"),
    (|d| d.chunks[0].stored_len = d.chunks[0].plain_len, Place::Chunk(0), "cannot be"),
    (|d| d.chunks[0].encoding = Encoding::Raw, Place::Chunk(0), "cannot be"),
    (|d| d.chunks[1].stored = StoredHash::of(b""), Place::Chunk(1), "two hashes differ"),
    (|d| d.chunks[2].id = d.chunks[0].id, Place::Chunk(2), "its id"),
    (|d| d.chunks[2].stored = d.chunks[0].stored, Place::Chunk(2), "stored hash"),
    (|d| d.chunks[0].plain_len -= 1, Place::Chunk(0), "not a multiple"),
];

#[test]
fn hostile_manifests_are_refused_by_place_and_reason() {
    assert!(Manifest::seal(&Sample::small().document).is_ok());
    for (number, (change, wanted, words)) in HOSTILE.iter().enumerate() {
        let mut document = Sample::small().document;
        change(&mut document);
        match Manifest::seal(&document) {
            Err(ManifestError::Refused { place, fault }) => {
                assert_eq!(place, *wanted, "change {number}: {fault}");
                let text = fault.to_string();
                assert!(text.contains(words), "change {number}: {text:?} lacks {words:?}");
            }
            other => panic!("change {number} ({words}) gave {other:?}"),
        }
    }
}

#[test]
fn counts_are_bounded() {
    let mut document = Sample::small().document;
    let chunk = document.chunks[0];
    document.chunks = (0..=300_000u32)
        .map(|n| {
            let hash = *blake3::hash(&n.to_le_bytes()).as_bytes();
            rehome_osimage::ChunkRecord {
                id: ChunkId::from_bytes(hash),
                stored: StoredHash::from_bytes(hash),
                ..chunk
            }
        })
        .collect();
    let refused = Manifest::seal(&document).unwrap_err();
    let text = refused.to_string();
    // The table's length is refused, or already that of the JSON.
    assert!(text.contains("300001 chunks") || text.contains("more than"), "{text}");

    let mut document = Sample::small().document;
    document.partitions[0].extents =
        vec![Extent { offset: 0, length: 512, content: Content::Unused }; 600_001];
    let text = Manifest::seal(&document).unwrap_err().to_string();
    assert!(text.contains("extents"), "{text}");
}

#[test]
fn other_versions_and_unknown_fields_are_refused() {
    let (_, bytes) = Manifest::seal(&Sample::small().document).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let version_2 = text.replacen("\"version\":1", "\"version\":2,\"new\":[]", 1);
    let refused = Manifest::parse(version_2.as_bytes());
    assert!(matches!(refused, Err(ManifestError::Version { got: 2 })));
    for place in ["\"version\":1", "\"number\":1", "\"offset\":0", "\"encoding\":\"zstd\""] {
        let unknown = text.replacen(place, &format!("{place},\"surprise\":1"), 1);
        assert_ne!(unknown, text);
        assert!(matches!(Manifest::parse(unknown.as_bytes()), Err(ManifestError::Json(_))));
    }
    let long = vec![b' '; rehome_osimage::MAX_MANIFEST_LEN + 1];
    assert!(matches!(Manifest::parse(&long), Err(ManifestError::TooLong { .. })));
}

#[test]
fn the_id_is_that_of_the_bytes() {
    let (manifest, bytes) = Manifest::seal(&Sample::small().document).unwrap();
    assert_eq!(manifest.id().as_bytes(), blake3::hash(&bytes).as_bytes());
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
}

proptest! {
    #[test]
    fn a_changed_byte_is_another_image_or_none(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (manifest, mut bytes) = Manifest::seal(&Sample::small().document).unwrap();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(changed) = Manifest::parse(&bytes) {
            prop_assert_ne!(changed.id(), manifest.id());
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::parse(&bytes).is_err());
    }
}
