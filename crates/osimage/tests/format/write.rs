//! Writing: any layout reproduces its source, and no failure leaves a disk that boots.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use protocol::{ByteLen, SectorSize};
use rehome_osimage::chunk::ChunkError;
use rehome_osimage::{
    Content, Layout, Manifest, ProvenZero, ReadBack, WriteError, Writer, backup_table_len,
};

use crate::memory_disk::{Fault, MemoryDisk};
use crate::sample::{Kind, Runs, SECTOR, Sample, index};

/// What the disk held before: nothing that could pass for an image, and a boot sector.
const JUNK: u8 = 0xaa;

fn plan(sample: &Sample, extra: u64) -> (Arc<Manifest>, Layout) {
    let (manifest, _) = Manifest::seal(&sample.document).unwrap();
    let size = ByteLen(manifest.document().min_disk_size.0 + extra * SECTOR);
    let sectors = SectorSize::try_from(512).unwrap();
    let layout = Layout::new(&manifest, size, sectors, &[3; 32]).unwrap();
    (Arc::new(manifest), layout)
}

fn junk(layout: &Layout) -> Vec<u8> {
    vec![JUNK; index(layout.disk_size().0)]
}

/// All up to reading back.
fn write_all<'a>(
    sample: &Sample,
    disk: &'a MemoryDisk,
    proven: &ProvenZero,
) -> Result<ReadBack<&'a MemoryDisk>, WriteError> {
    let (manifest, layout) = plan(sample, 5000);
    let writer = Writer::begin(disk, manifest, layout, proven)?;
    for chunk in writer.missing() {
        writer.put(chunk, &sample.stored[index(u64::from(chunk))])?;
    }
    writer.write_zeros(&mut |_| ())?;
    writer.read_back(&mut |_| ())
}

fn boots(bytes: &[u8]) -> bool {
    bytes[510..512] == [0x55, 0xaa] || &bytes[512..520] == b"EFI PART"
}

fn has_backup(bytes: &[u8]) -> bool {
    &bytes[bytes.len() - 512..][..8] == b"EFI PART"
}

fn assert_holds(sample: &Sample, layout: &Layout, disk: &[u8], skipped: &ProvenZero) {
    for (number, partition) in sample.document.partitions.iter().enumerate() {
        let placed = &layout.partitions()[number];
        for extent in &partition.extents {
            let start = placed.start + extent.offset;
            let got = &disk[index(start)..index(start + extent.length)];
            let from = index(extent.offset);
            let wanted = &sample.plain[number][from..from + got.len()];
            match extent.content {
                Content::Data(_) | Content::Zero => assert!(got == wanted, "{extent:?} differs"),
                Content::Unused => {
                    for range in skipped.unproven(start..start + extent.length) {
                        let kept = &disk[index(range.start)..index(range.end)];
                        assert!(kept.iter().all(|byte| *byte == JUNK), "{extent:?} was written");
                    }
                }
            }
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (0u8..4).prop_map(Kind::Text),
        (0u8..4).prop_map(Kind::Noise),
        Just(Kind::Zero),
        Just(Kind::Unused),
    ]
}

fn partitions() -> impl Strategy<Value = Vec<Runs>> {
    let run = (prop_oneof![1u64..100, 8_000u64..10_000], kind());
    prop::collection::vec(prop::collection::vec(run, 1..5), 1..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_image_is_reproduced(
        partitions in partitions(),
        extra in 0u64..5000,
        proven in prop::collection::vec((2000u64..40_000, 0u64..9000), 0..4),
        order in any::<u64>(),
    ) {
        let sample = Sample::new(&partitions);
        let (manifest, layout) = plan(&sample, extra);
        let size = layout.disk_size().0;
        let ranges: Vec<_> = proven
            .into_iter()
            .map(|(at, len)| (at * SECTOR).min(size)..((at + len) * SECTOR).min(size))
            .collect();
        let mut bytes = junk(&layout);
        for range in &ranges {
            bytes[index(range.start)..index(range.end)].fill(0);
        }
        // What is zero at the edges of a proof, but not counted as proven, may be kept too.
        let touched: Vec<_> =
            ranges.iter().map(|r| r.start / 4096 * 4096..r.end.next_multiple_of(4096)).collect();
        let disk = MemoryDisk::new(bytes);
        let proof = ProvenZero::of(ranges);

        let writer = Writer::begin(&disk, manifest, layout.clone(), &proof).unwrap();
        let mut missing = writer.missing();
        let turns = index(order % (missing.len() as u64 + 1));
        missing.rotate_left(turns);
        std::thread::scope(|scope| {
            for half in missing.chunks(missing.len().div_ceil(2).max(1)) {
                let (writer, sample) = (&writer, &sample);
                scope.spawn(move || {
                    for &chunk in half {
                        writer.put(chunk, &sample.stored[index(u64::from(chunk))]).unwrap();
                    }
                });
            }
        });
        prop_assert!(writer.missing().is_empty());
        writer.write_zeros(&mut |_| ()).unwrap();
        let read_back = writer.read_back(&mut |_| ()).unwrap();
        prop_assert!(!boots(&disk.bytes()) && !has_backup(&disk.bytes()));
        let report = read_back.report();
        prop_assert_eq!(report.read_back.0, report.data_written.0 + report.zeros_written.0);
        let bootable = read_back.finish_tables().unwrap();
        prop_assert_eq!(bootable.report(), report);
        prop_assert!(boots(&disk.bytes()) && has_backup(&disk.bytes()));
        assert_holds(&sample, &layout, &disk.bytes(), &ProvenZero::of(touched));
    }
}

#[test]
fn a_refused_chunk_writes_nothing() {
    let sample = Sample::small();
    let (manifest, layout) = plan(&sample, 0);
    let disk = MemoryDisk::new(junk(&layout));
    let writer = Writer::begin(&disk, manifest, layout, &ProvenZero::nothing()).unwrap();
    let (before, writes) = (disk.bytes(), disk.writes.load(Ordering::Relaxed));
    let whole = &sample.stored[0];
    let mut flipped = whole.clone();
    flipped[3] ^= 0x10;
    let oversized = [whole.as_slice(), &[0; 8 << 20]].concat();
    for bad in [&whole[..whole.len() - 1], &flipped, &oversized, &sample.stored[1], &[]] {
        let refused = writer.put(0, bad);
        assert!(matches!(
            refused,
            Err(WriteError::Chunk {
                chunk: 0,
                source: ChunkError::StoredLength { .. } | ChunkError::StoredHash { .. }
            })
        ));
    }
    let count = sample.stored.len();
    let beyond = writer.put(u32::try_from(count).unwrap(), whole);
    assert!(matches!(beyond, Err(WriteError::NoSuchChunk { .. })));
    assert_eq!(disk.writes.load(Ordering::Relaxed), writes);
    assert!(disk.bytes() == before);
    assert_eq!(writer.missing().len(), count);
}

#[test]
fn reading_back_needs_all_of_it() {
    let sample = Sample::small();
    let (manifest, layout) = plan(&sample, 0);
    let disk = MemoryDisk::new(junk(&layout));
    let begin = || {
        let nothing = ProvenZero::nothing();
        Writer::begin(&disk, Arc::clone(&manifest), layout.clone(), &nothing).unwrap()
    };
    let no_zeros = begin();
    for chunk in no_zeros.missing() {
        no_zeros.put(chunk, &sample.stored[index(u64::from(chunk))]).unwrap();
    }
    let refused = no_zeros.read_back(&mut |_| ()).unwrap_err();
    assert!(matches!(refused, WriteError::Incomplete { chunks: 0, zeros: false, .. }), "{refused}");
    let one_missing = begin();
    for chunk in one_missing.missing().into_iter().skip(1) {
        one_missing.put(chunk, &sample.stored[index(u64::from(chunk))]).unwrap();
    }
    one_missing.write_zeros(&mut |_| ()).unwrap();
    let refused = one_missing.read_back(&mut |_| ()).unwrap_err();
    assert!(matches!(refused, WriteError::Incomplete { chunks: 1, zeros: true, .. }), "{refused}");
}

#[test]
fn drives_that_fail_or_lie_about_data_are_found_out() {
    let sample = Sample::small();
    let (_, layout) = plan(&sample, 5000);
    let data = layout.partitions()[0].start + 100;
    let zero = layout.partitions()[0].start + 64 * SECTOR + 100;
    for (fault, words) in [
        (Fault::Write(data), "writing"),
        (Fault::Write(zero), "writing"),
        (Fault::Read(data), "unreadable"),
        (Fault::Lie(data), "do not hold"),
        (Fault::Lie(zero), "do not hold"),
    ] {
        let disk = MemoryDisk::with_fault(junk(&layout), fault);
        let refused = write_all(&sample, &disk, &ProvenZero::nothing()).unwrap_err().to_string();
        assert!(refused.contains(words), "{fault:?}: {refused}");
        let bytes = disk.bytes();
        assert!(!boots(&bytes) && !has_backup(&bytes), "{fault:?} left a disk that boots");
    }
}

#[test]
fn drives_that_fail_at_the_tables_do_not_boot() {
    let sample = Sample::small();
    let (_, layout) = plan(&sample, 5000);
    let end = layout.disk_size().0;
    // Zeros are taken, the tables are not: the drive fails between the two.
    for at in [511, 513, end - 512, end - backup_table_len(512)] {
        let mut bytes = junk(&layout);
        bytes[index(at)] = 0;
        let disk = MemoryDisk::with_fault(bytes, Fault::Lie(at));
        let read_back = write_all(&sample, &disk, &ProvenZero::nothing()).unwrap();
        let refused = read_back.finish_tables().unwrap_err();
        assert!(matches!(refused, WriteError::Tables { .. }), "{refused}");
        assert!(!boots(&disk.bytes()) && !has_backup(&disk.bytes()), "byte {at}");
    }
    for at in [0, end - 1] {
        let disk = MemoryDisk::with_fault(junk(&layout), Fault::Write(at));
        let refused = write_all(&sample, &disk, &ProvenZero::nothing()).unwrap_err();
        assert!(matches!(refused, WriteError::Drive { operation: "writing", .. }), "{refused}");
    }
}

#[test]
fn another_disk_than_the_planned_one_is_refused_untouched() {
    let sample = Sample::small();
    let (manifest, layout) = plan(&sample, 0);
    let disk = MemoryDisk::new(vec![JUNK; index(layout.disk_size().0 + SECTOR)]);
    let refused = Writer::begin(&disk, manifest, layout, &ProvenZero::nothing()).unwrap_err();
    assert!(matches!(refused, WriteError::WrongTarget { .. }), "{refused}");
    assert_eq!(disk.writes.load(Ordering::Relaxed), 0);
}
