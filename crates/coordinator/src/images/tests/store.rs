//! What the store keeps, shares, finds out and lets go.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use evidence::SigningKey;
use protocol::SiteKey;

use super::fixture::{Fixture, MIB, empty_file, run, text};
use crate::images::{ImageError, ImageStore};

/// A small disk of which each of `seeds` fills a window.
fn disk(path: &Path, seeds: &[u8]) {
    let file = empty_file(path, 40 * MIB);
    run("sgdisk", &["-n1:2048:+36M", text(path)]);
    for (window, seed) in (0..).zip(seeds) {
        let mut noise = vec![0; 1 << 20];
        blake3::Hasher::new().update(&[*seed]).finalize_xof().fill(&mut noise);
        file.write_all_at(&noise, MIB + window * 4 * MIB).unwrap();
    }
}

fn inodes(files: &[PathBuf]) -> Vec<u64> {
    files.iter().map(|file| std::fs::metadata(file).unwrap().ino()).collect()
}

#[test]
fn images_share_chunks_and_removing_one_leaves_the_other_whole() {
    let fixture = Fixture::new();
    let (first_raw, second_raw) = (fixture.path("a.raw"), fixture.path("b.raw"));
    disk(&first_raw, &[1, 2, 3, 3]);
    disk(&second_raw, &[1, 2, 9]);
    let first = fixture.add(&first_raw, "first").unwrap();
    assert_eq!((first.chunks, first.new_chunks), (3, 3));
    let before = fixture.stored_files();
    let inodes_before = inodes(&before);
    let second = fixture.add(&second_raw, "second").unwrap();
    assert_eq!((second.chunks, second.new_chunks), (3, 1));
    assert_eq!(inodes(&before), inodes_before, "a chunk was written again");

    let catalog = fixture.store.list().unwrap();
    let names: Vec<_> = catalog.images.iter().map(|image| image.name().to_owned()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(catalog.images[1].own, second.new_bytes);
    assert_eq!(fixture.store.find("second").unwrap(), second.id);
    assert_eq!(fixture.store.find(&first.id.to_string()[..12]).unwrap(), first.id);
    assert!(matches!(fixture.store.find("third"), Err(ImageError::NoSuchImage { .. })));
    let taken = fixture.add(&first_raw, "second").unwrap_err();
    assert!(matches!(taken, ImageError::NameTaken { .. }), "{taken}");

    let in_use = |_| Some("batch 7".to_owned());
    let refused = fixture.store.remove(first.id, &in_use).unwrap_err();
    assert!(refused.to_string().contains("batch 7"), "{refused}");
    let removed = fixture.store.remove(first.id, &|_| None).unwrap();
    assert_eq!((removed.chunks_removed, removed.chunks_kept), (1, 2));
    let report = fixture.store.check(&mut |_| ()).unwrap();
    report.verdict().unwrap();
    assert!(report.orphans.is_empty() && report.chunks_good == 3, "{report:?}");
    assert!(matches!(fixture.store.show(first.id), Err(ImageError::NoSuchImage { .. })));
    fixture.store.remove(second.id, &|_| None).unwrap();
    assert_eq!(fixture.stored_files(), Vec::<PathBuf>::new());
}

#[test]
fn a_check_names_every_chunk_that_is_not_what_it_was() {
    let fixture = Fixture::new();
    let raw = fixture.path("a.raw");
    disk(&raw, &[1, 2, 3, 4]);
    let report = fixture.add(&raw, "sample").unwrap();
    let manifest = fixture.store.show(report.id).unwrap();
    let path = |n: usize| fixture.store.chunk_path(manifest.chunks()[n].stored);
    std::fs::remove_file(path(0)).unwrap();
    let flipped = File::options().write(true).open(path(1)).unwrap();
    flipped.write_all_at(&[0x5a, 0xa5], 1000).unwrap();
    File::options().write(true).open(path(2)).unwrap().set_len(99).unwrap();
    let orphan = path(3).with_file_name("f".repeat(64));
    std::fs::write(&orphan, b"left behind").unwrap();

    let report = fixture.store.check(&mut |_| ()).unwrap();
    let verdict = report.verdict().unwrap_err();
    assert!(matches!(verdict, ImageError::NotGood { chunks: 3, manifests: 0 }), "{verdict}");
    // The flipped one has its length: only hashing finds it.
    let absent = fixture.store.check_present(&manifest).unwrap_err();
    assert!(matches!(absent, ImageError::Incomplete { missing: 2, count: 4, .. }), "{absent}");
    assert_eq!((report.images, report.chunks_good), (1, 1));
    assert_eq!(report.orphans, [orphan]);
    for (number, words) in [(0, "No such file"), (1, "have hash"), (2, "99 bytes")] {
        let bad = report.bad.iter().find(|bad| bad.path == path(number)).unwrap();
        assert_eq!(bad.images, ["sample"]);
        assert!(bad.reason.contains(words), "{}", bad.reason);
    }
}

#[test]
fn only_manifests_of_this_site_are_believed() {
    let fixture = Fixture::new();
    let raw = fixture.path("a.raw");
    disk(&raw, &[1]);
    let id = fixture.add(&raw, "sample").unwrap().id;
    let envelope = fixture.store.manifest_envelope(id).unwrap();
    assert!(envelope.contains(osimage::MANIFEST_TYPE));

    let other_key = SigningKey::from_seed([6; 32]).unwrap().public();
    let foreign = ImageStore::open(&fixture.path("data"), SiteKey::from_bytes(other_key)).unwrap();
    assert!(matches!(foreign.show(id), Err(ImageError::Envelope { .. })));
    let catalog = foreign.list().unwrap();
    assert_eq!((catalog.images.len(), catalog.damaged.len()), (0, 1));
    // Nobody knows what the unreadable one needs: nothing is removed.
    let before = fixture.stored_files();
    assert!(foreign.remove(id, &|_| None).is_err());
    assert_eq!(fixture.stored_files(), before);

    let path = fixture.path("data/images/manifests").join(format!("{}.json", "0".repeat(64)));
    std::fs::write(&path, envelope).unwrap();
    let damaged = fixture.store.list().unwrap().damaged;
    assert!(matches!(damaged[0].error, ImageError::Misnamed { .. }), "{damaged:?}");
}

#[test]
fn two_commands_do_not_change_the_store_at_once() {
    let fixture = Fixture::new();
    let raw = fixture.path("a.raw");
    disk(&raw, &[1]);
    let lock = fixture.store.lock().unwrap();
    assert!(matches!(fixture.add(&raw, "sample"), Err(ImageError::Busy { .. })));
    drop(lock);
    // What an interrupted command left is swept by the next one.
    let left = fixture.path("data/images/tmp/1-1");
    std::fs::write(&left, b"half").unwrap();
    fixture.add(&raw, "sample").unwrap();
    assert!(!left.exists());
}
