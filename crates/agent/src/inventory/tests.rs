//! Inventories of whole machines, from captures of their trees: `tests/fixtures/machines/MODEL/tree.txt`.
//!
//! `REHOME_UPDATE_GOLDEN=1` writes the expected results anew, for review.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use drive::{Identified, IdentityError, IdentityReader};
use protocol::{ByteLen, DriveIdentity, EraseFeatures};

use crate::cmdline::Cmdline;
use crate::roots::captured;

/// Every drive that is asked names itself after its device node.
struct Drives;

impl IdentityReader for Drives {
    fn read(&self, nodes: &[PathBuf]) -> Result<Identified, IdentityError> {
        let name = nodes[0].file_name().unwrap().to_string_lossy();
        let identity = DriveIdentity {
            model: "TEST DRIVE".into(),
            serial: format!("SERIAL-{name}"),
            wwn: None,
            size: ByteLen(256_060_514_304),
        };
        Ok(Identified { identity, features: EraseFeatures::None {}, other_namespaces: 0 })
    }
}

#[test]
fn thinkpad_t440() {
    check("lenovo-thinkpad-t440");
}

#[test]
fn latitude_3500_in_raid_mode() {
    check("dell-latitude-3500-raid");
}

#[test]
fn nameless_board_with_bios() {
    check("nameless-j1900-bios");
}

fn check(model: &str) {
    let directory: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/machines", model].iter().collect();
    let root = tempfile::tempdir().unwrap();
    plant(&fs::read_to_string(directory.join("tree.txt")).unwrap(), root.path());
    let roots = captured(root.path());
    let inventory = super::take(&roots, &Cmdline::read(&roots).unwrap(), &Drives).unwrap();
    let json = serde_json::to_string_pretty(&inventory).unwrap() + "\n";
    let golden = directory.join("inventory.json");
    if std::env::var_os("REHOME_UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &json).unwrap();
    }
    assert_eq!(json, fs::read_to_string(&golden).unwrap(), "{model}");
    assert!(!json.contains("Accounting"), "the former owner's asset tag leaked");
}

/// Makes the tree: `PATH = CONTENT`, `PATH += CONTENT` to append, `PATH -> TARGET` for a link, `PATH/` for a
/// directory. `\n`, `\t` and `\xHH` stand for bytes.
pub(crate) fn plant(tree: &str, root: &Path) {
    for line in tree.lines().filter(|line| !line.starts_with('#')) {
        if let Some((path, target)) = line.split_once(" -> ") {
            let path = made(root, path);
            symlink(target, path).unwrap();
        } else if let Some((path, content)) = line.split_once(" += ") {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).open(made(root, path)).unwrap();
            file.write_all(&unescaped(content)).unwrap();
        } else if let Some((path, content)) = line.split_once(" = ") {
            fs::write(made(root, path), unescaped(content)).unwrap();
        } else {
            fs::create_dir_all(root.join(line)).unwrap();
        }
    }
}

fn made(root: &Path, path: &str) -> PathBuf {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn unescaped(content: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = content;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        let (byte, len) = match after.as_bytes()[0] {
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            other => panic!("\\{} is no escape", char::from(other)),
        };
        bytes.push(byte);
        rest = &after[len..];
    }
    bytes.extend(rest.bytes());
    bytes
}
