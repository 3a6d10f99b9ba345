//! A full disk is an error that says so, and leaves nothing half recorded.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use evidence::SigningKey;
use protocol::SiteKey;
use tempfile::TempDir;

use super::fixture::{MIB, empty_file, options, run, text};
use crate::images::{ImageError, ImageStore};

/// Set for the second run of this test, within a mount namespace of its own.
const FOLDER: &str = "REHOME_TEST_SMALL_DISK";

/// Runs itself again where `FOLDER` is a file system of 6 MiB.
#[test]
fn a_full_disk_is_told_and_nothing_is_recorded() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return import_onto_small_disk(&PathBuf::from(folder));
    }
    let folder = TempDir::new().unwrap();
    let raw = folder.path().join("a.raw");
    let file = empty_file(&raw, 40 * MIB);
    run("sgdisk", &["-n1:2048:+36M", text(&raw)]);
    let mut noise = vec![0; 32 << 20];
    blake3::Hasher::new().update(b"full").finalize_xof().fill(&mut noise);
    file.write_all_at(&noise, MIB).unwrap();
    std::fs::create_dir(folder.path().join("small")).unwrap();

    let this_test = std::thread::current().name().unwrap().to_owned();
    let script = "mount -t tmpfs -o size=6m tmpfs \"$0\"/small && exec \"$1\" --exact \"$2\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .arg(this_test)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn import_onto_small_disk(folder: &Path) {
    let key = SigningKey::from_seed([5; 32]).unwrap();
    let site_key = SiteKey::from_bytes(key.public());
    let store = ImageStore::open(&folder.join("small"), site_key).unwrap();
    let refused = store.add(&folder.join("a.raw"), &options("a"), &key, &mut |_| ()).unwrap_err();
    let ImageError::DiskFull { path, free_bytes, .. } = &refused else { panic!("{refused}") };
    assert!(path.starts_with(folder.join("small")), "{refused}");
    assert!(*free_bytes < 6 * MIB, "{refused}");
    let text = refused.to_string();
    assert!(text.contains("the disk is full") && text.contains(&free_bytes.to_string()), "{text}");

    assert!(store.list().unwrap().images.is_empty());
    let report = store.check(&mut |_| ()).unwrap();
    assert!(report.verdict().is_ok() && report.orphans.is_empty(), "{report:?}");
    let left = std::fs::read_dir(folder.join("small/images/tmp")).unwrap().count();
    assert_eq!(left, 0, "temporary files stay");
}
