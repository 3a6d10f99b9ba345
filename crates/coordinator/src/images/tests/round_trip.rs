//! A disk made by others is imported, written to a larger one, and found whole by others.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use osimage::{
    BlockTarget, Content, Layout, Manifest, PartitionRole, ProvenZero, UsedMap, Writer, is_zero,
};
use protocol::{ByteLen, SectorSize};

use super::fixture::{Fixture, MIB, empty_file, make_disk, run, text};
use crate::images::ImageStore;

struct FileDisk {
    file: File,
    size: u64,
}

impl BlockTarget for FileDisk {
    fn size(&self) -> ByteLen {
        ByteLen(self.size)
    }
    fn sector_size(&self) -> SectorSize {
        SectorSize::try_from(512).unwrap()
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn write_image(store: &ImageStore, manifest: &Manifest, disk: FileDisk) -> Layout {
    let image = Arc::new(manifest.clone());
    let layout = Layout::new(&image, disk.size(), disk.sector_size(), &[9; 32]).unwrap();
    let writer =
        Writer::begin(disk, Arc::clone(&image), layout.clone(), &ProvenZero::nothing()).unwrap();
    for chunk in writer.missing() {
        let record = image.chunks()[usize::try_from(chunk).unwrap()];
        writer.put(chunk, &std::fs::read(store.chunk_path(record.stored)).unwrap()).unwrap();
    }
    writer.write_zeros(&mut |_| ()).unwrap();
    writer.read_back(&mut |_| ()).unwrap().finish_tables().unwrap();
    layout
}

/// Every byte that is in use is that of the source; what the source has deleted is nowhere.
fn assert_same(manifest: &Manifest, source: &File, written: &File) {
    let mut differing = 0;
    for partition in manifest.partitions() {
        for extent in &partition.extents {
            let mut wanted = vec![0; usize::try_from(extent.length).unwrap()];
            let mut got = wanted.clone();
            source.read_exact_at(&mut wanted, partition.start + extent.offset).unwrap();
            written.read_exact_at(&mut got, partition.start + extent.offset).unwrap();
            match extent.content {
                Content::Zero => assert!(is_zero(&got)),
                Content::Unused => assert!(got.iter().all(|byte| *byte == 0xaa)),
                Content::Data(_) => {
                    for (wanted, got) in wanted.chunks(512).zip(got.chunks(512)) {
                        // A sector that is not in use may lie between others that are; it holds zeros then.
                        if wanted != got {
                            assert!(is_zero(got));
                            assert!(wanted.iter().all(|byte| *byte == 0xdd), "{wanted:?}");
                            differing += 1;
                        }
                    }
                }
            }
        }
    }
    // Most deleted blocks lie alone in their window and are not taken at all.
    assert!(differing <= 50 * 8, "{differing}");
}

#[test]
fn a_disk_goes_through_the_store_onto_a_larger_disk() {
    let fixture = Fixture::new();
    let source = make_disk(fixture.folder.path());
    let report = fixture.add(&source, "sample").unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_eq!(report.partitions[2].used_map, UsedMap::BlockBitmap {});
    assert!(report.partitions[2].unused.0 > 150 * MIB, "{:?}", report.partitions);

    let manifest = fixture.store.show(report.id).unwrap();
    assert_eq!(report.min_disk_size, manifest.document().min_disk_size);
    assert_eq!(manifest.check_installable(), Ok(()));
    let boot = manifest.document().boot;
    assert!(boot.bios && boot.uefi);
    let root = manifest.partition(PartitionRole::Root).unwrap();
    assert!(root.grow && root.number == 3);

    let target = fixture.path("target.raw");
    let size = 500 * MIB;
    let file = empty_file(&target, size);
    for offset in (0..size / MIB).map(|mib| mib * MIB) {
        file.write_all_at(&[0xaa; 1 << 20], offset).unwrap();
    }
    let layout = write_image(&fixture.store, &manifest, FileDisk { file, size });
    let written = File::open(&target).unwrap();
    assert_same(&manifest, &File::open(&source).unwrap(), &written);

    let verdict = run("sgdisk", &["-v", text(&target)]);
    assert!(verdict.contains("No problems found"), "{verdict}");
    let placed = layout.partition(PartitionRole::Root).unwrap();
    assert!(placed.size.0 >= 432 * MIB, "{placed:?}");
    look_into(&fixture, &target);
}

/// What e2fsprogs and mtools find on the written disk.
fn look_into(fixture: &Fixture, target: &std::path::Path) {
    let written = File::open(target).unwrap();
    let part = |name: &str, from: u64, len: u64| {
        let path = fixture.path(name);
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        written.read_exact_at(&mut bytes, from).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let root = part("written.ext4", 66 * MIB, 233 * MIB);
    run("e2fsck", &["-fn", text(&root)]);
    let dumped = fixture.path("dumped");
    std::fs::create_dir(&dumped).unwrap();
    run("debugfs", &["-R", &format!("rdump / {}", text(&dumped)), text(&root)]);
    std::fs::remove_dir(dumped.join("lost+found")).unwrap();
    run("diff", &["-r", text(&fixture.path("tree")), text(&dumped)]);

    let esp = part("written.fat", 2 * MIB, 64 * MIB);
    run("fsck.vfat", &["-n", text(&esp)]);
    let copied = fixture.path("copied");
    run("mcopy", &["-i", text(&esp), "::/BOOTX64.EFI", text(&copied)]);
    assert_eq!(std::fs::read(copied).unwrap(), vec![0x4d; 700_000]);
}
