//! Raw disks made with gdisk, e2fsprogs, dosfstools and mtools.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use evidence::SigningKey;
use osimage::Guids;
use protocol::SiteKey;
use tempfile::TempDir;

use crate::images::{ImageError, ImageStore, ImportOptions, ImportReport};

pub(super) const MIB: u64 = 1 << 20;

/// A data directory with an empty store, and room for files.
pub(super) struct Fixture {
    pub(super) folder: TempDir,
    pub(super) store: ImageStore,
    pub(super) key: SigningKey,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = SigningKey::from_seed([5; 32]).unwrap();
        let site_key = SiteKey::from_bytes(key.public());
        let store = ImageStore::open(&folder.path().join("data"), site_key).unwrap();
        Self { folder, store, key }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn add(&self, file: &Path, name: &str) -> Result<ImportReport, ImageError> {
        self.store.add(file, &options(name), &self.key, &mut |_| ())
    }

    /// Files of the store, but for the lock.
    pub(super) fn stored_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path("data/images")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.ends_with("lock") => {}
                    false => files.push(path),
                }
            }
        }
        files.sort();
        files
    }
}

pub(super) fn options(name: &str) -> ImportOptions {
    ImportOptions {
        name: name.to_owned(),
        title: format!("Image {name}"),
        created: 1_700_000_000,
        guids: Guids::Fresh,
        root: None,
    }
}

/// Runs a tool and gives what it says; fails unless it ends with 0.
pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(super) fn empty_file(path: &Path, len: u64) -> File {
    let file =
        File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    file.set_len(len).unwrap();
    file
}

/// Files with compressible, incompressible and repeated content, and a hole.
pub(super) fn make_tree(folder: &Path) {
    std::fs::create_dir_all(folder.join("etc")).unwrap();
    std::fs::create_dir_all(folder.join("usr/lib")).unwrap();
    std::fs::write(folder.join("etc/hostname"), "sample\n").unwrap();
    let mut noise = vec![0; 9 << 20];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut noise);
    std::fs::write(folder.join("usr/lib/noise"), &noise).unwrap();
    std::fs::write(folder.join("usr/lib/words"), "a word and another ".repeat(300_000)).unwrap();
    let sparse = empty_file(&folder.join("usr/lib/sparse"), 30 << 20);
    sparse.write_all_at(b"in the middle", 15 << 20).unwrap();
}

pub(super) fn make_ext4(file: &Path, len: u64, tree: Option<&Path>, arguments: &[&str]) {
    empty_file(file, len);
    let mut all = vec!["-q", "-F"];
    all.extend(arguments);
    if let Some(tree) = tree {
        all.extend(["-d", text(tree)]);
    }
    all.push(text(file));
    run("mke2fs", &all);
}

pub(super) fn copy_into(part: &Path, disk: &File, offset: u64) {
    let bytes = std::fs::read(part).unwrap();
    for (number, block) in (0..).zip(bytes.chunks(65_536)) {
        if !osimage::is_zero(block) {
            disk.write_all_at(block, offset + number * 65_536).unwrap();
        }
    }
}

/// 300 MiB: BIOS boot, ESP with FAT and a file, ext4 with a tree; boot code in the first sector.
pub(super) fn make_disk(folder: &Path) -> PathBuf {
    let disk_path = folder.join("disk.raw");
    let disk = empty_file(&disk_path, 300 * MIB);
    run(
        "sgdisk",
        &[
            "-n1:2048:+1M",
            "-t1:ef02",
            "-c1:bios",
            "-n2:0:+64M",
            "-t2:ef00",
            "-c2:esp",
            "-n3:0:0",
            "-t3:8304",
            "-c3:root",
            text(&disk_path),
        ],
    );
    disk.write_all_at(&[0xeb, 0x63, 0x90], 0).unwrap();
    disk.write_all_at(&[0x52; 700], MIB).unwrap();

    let esp = folder.join("esp.fat");
    empty_file(&esp, 64 * MIB);
    run("mkfs.vfat", &["-F32", text(&esp)]);
    let loader = folder.join("BOOTX64.EFI");
    std::fs::write(&loader, vec![0x4d; 700_000]).unwrap();
    run("mcopy", &["-i", text(&esp), text(&loader), "::/BOOTX64.EFI"]);
    copy_into(&esp, &disk, 2 * MIB);

    let tree = folder.join("tree");
    make_tree(&tree);
    let root = folder.join("root.ext4");
    make_ext4(&root, 233 * MIB, Some(&tree), &["-t", "ext4"]);
    // Content that was deleted: no file and no image may have it.
    let deleted = (0..233 * MIB / 4096).rev().map(|block| block * 4096);
    let root_file = File::options().read(true).write(true).open(&root).unwrap();
    for offset in deleted.skip(300).take(50) {
        root_file.write_all_at(&[0xdd; 4096], offset).unwrap();
    }
    copy_into(&root, &disk, 66 * MIB);
    disk_path
}
