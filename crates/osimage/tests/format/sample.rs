//! Images made in memory, with the disk that they describe.

use std::collections::HashMap;

use protocol::{ByteLen, SectorSize};
use rehome_osimage::chunk::Encoder;
use rehome_osimage::{
    Boot, BootCode, ChunkId, Content, Document, Extent, FORMAT_VERSION, FirstMib, Guid, Guids,
    Partition, PartitionRole, SourceKind, UsedMap, backup_table_len, windows,
};

pub(crate) const SECTOR: u64 = 512;

/// What a run of sectors holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pattern that compresses.
    Text(u8),
    /// Bytes that do not compress.
    Noise(u8),
    Zero,
    Unused,
}

/// A partition: runs of so many sectors.
pub(crate) type Runs = Vec<(u64, Kind)>;

#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) document: Document,
    /// Stored bytes of each chunk.
    pub(crate) stored: Vec<Vec<u8>>,
    /// For each partition, what it holds; unused bytes are zeros here.
    pub(crate) plain: Vec<Vec<u8>>,
}

impl Sample {
    pub(crate) fn new(partitions: &[Runs]) -> Self {
        let mut encoder = Encoder::new().unwrap();
        let mut positions = HashMap::new();
        let mut sample = Self { document: document(), stored: Vec::new(), plain: Vec::new() };
        let mut start = 1 << 20;
        for (number, runs) in (1..).zip(partitions) {
            let mut plain = Vec::new();
            let mut extents = Vec::new();
            for &(sectors, kind) in runs {
                let offset = plain.len() as u64;
                let length = sectors * SECTOR;
                plain.extend(content(kind, length));
                let content = match kind {
                    Kind::Zero => Content::Zero,
                    Kind::Unused => Content::Unused,
                    Kind::Text(_) | Kind::Noise(_) => Content::Data(
                        windows(offset, length)
                            .map(|window| {
                                let bytes = &plain[index(window.start)..index(window.end)];
                                *positions.entry(ChunkId::of(bytes)).or_insert_with(|| {
                                    let encoded = encoder.encode(bytes).unwrap();
                                    sample.document.chunks.push(encoded.record);
                                    sample.stored.push(encoded.stored(bytes).to_vec());
                                    u32::try_from(sample.stored.len() - 1).unwrap()
                                })
                            })
                            .collect(),
                    ),
                };
                extents.push(Extent { offset, length, content });
            }
            let size = plain.len() as u64;
            sample.document.partitions.push(partition(number, start, size, extents));
            sample.plain.push(plain);
            start += size.next_multiple_of(1 << 20);
        }
        if let Some(last) = sample.document.partitions.last_mut() {
            last.grow = true;
            let needed = last.start + last.size.0 + backup_table_len(512);
            sample.document.min_disk_size = ByteLen(needed);
        }
        sample
    }

    /// Three partitions: enough of everything to break.
    pub(crate) fn small() -> Self {
        Self::new(&[
            vec![(64, Kind::Text(1)), (64, Kind::Zero)],
            vec![(16, Kind::Noise(2)), (16, Kind::Unused)],
            vec![(8, Kind::Unused), (9000, Kind::Text(3)), (64, Kind::Text(1)), (100, Kind::Zero)],
        ])
    }
}

pub(crate) fn index(len: u64) -> usize {
    usize::try_from(len).unwrap()
}

fn content(kind: Kind, length: u64) -> Vec<u8> {
    match kind {
        Kind::Zero | Kind::Unused => vec![0; index(length)],
        Kind::Text(seed) => (0..length).map(|n| ((n / 7) % 50) as u8 + seed % 100 + 1).collect(),
        Kind::Noise(seed) => {
            let mut bytes = vec![0; index(length)];
            blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
            bytes
        }
    }
}

fn document() -> Document {
    Document {
        version: FORMAT_VERSION,
        name: "sample".to_owned(),
        title: "A sample".to_owned(),
        created: 1_700_000_000,
        source: SourceKind::RawDisk,
        sector_size_of_source: SectorSize::try_from(512).unwrap(),
        min_disk_size: ByteLen(0),
        boot: Boot { bios: true, uefi: false },
        guids: Guids::Fresh,
        disk_guid: Guid::random([0xd1; 16]),
        first_mib: FirstMib { boot_code: BootCode::new([0x90; BootCode::LEN]) },
        partitions: Vec::new(),
        chunks: Vec::new(),
    }
}

fn partition(number: u32, start: u64, size: u64, extents: Vec<Extent>) -> Partition {
    Partition {
        number,
        role: PartitionRole::Data,
        type_guid: Guid::LINUX_DATA,
        guid: Guid::random([u8::try_from(number).unwrap(); 16]),
        attributes: 0,
        name: format!("partition {number}"),
        start,
        size: ByteLen(size),
        grow: false,
        file_system: None,
        used_map: UsedMap::BlockBitmap {},
        extents,
    }
}
