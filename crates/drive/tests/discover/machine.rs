//! A machine's sysfs and procfs in a directory, and drives that answer by name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use drive::{Identified, IdentityError, IdentityReader, Roots};
use protocol::{ByteLen, DriveIdentity, EraseFeatures};
use tempfile::TempDir;

/// A whole block device as sysfs shows it.
pub(crate) struct Disk {
    pub(crate) name: String,
    /// `major:minor`.
    pub(crate) device: String,
    /// The device above it, below `/sys/devices`.
    pub(crate) way: String,
    /// Whether a `block` directory lies between; namespaces have none.
    pub(crate) nested: bool,
    /// In units of 512 bytes.
    pub(crate) sectors: u64,
    pub(crate) logical: u32,
    pub(crate) physical: u32,
    pub(crate) rotational: bool,
    pub(crate) removable: bool,
}

/// A plain 500 GB drive.
pub(crate) fn disk_at(name: &str, device: &str, way: impl Into<String>) -> Disk {
    Disk {
        name: name.to_owned(),
        device: device.to_owned(),
        way: way.into(),
        nested: true,
        sectors: 976_773_168,
        logical: 512,
        physical: 512,
        rotational: false,
        removable: false,
    }
}

/// Takes itself away when dropped.
pub(crate) struct Machine {
    root: TempDir,
    other_namespaces: Cell<u32>,
    serials: RefCell<HashMap<String, String>>,
    asked: RefCell<Vec<String>>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["sys/block", "sys/devices", "proc/self", "dev"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let other_namespaces = Cell::new(0);
        let (serials, asked) = (RefCell::default(), RefCell::default());
        let machine = Self { root, other_namespaces, serials, asked };
        machine.mountinfo("22 28 0:21 / /proc rw - proc proc rw\n");
        machine
    }

    pub(crate) fn roots(&self) -> Roots {
        let at = |name| self.root.path().join(name);
        Roots { sys: at("sys"), proc: at("proc"), dev: at("dev") }
    }

    pub(crate) fn disk(&self, disk: &Disk) {
        let between = if disk.nested { "/block" } else { "" };
        let directory = format!("{}{between}/{}", disk.way, disk.name);
        for (attribute, value) in [
            ("dev", disk.device.clone()),
            ("size", disk.sectors.to_string()),
            ("removable", u8::from(disk.removable).to_string()),
            ("ro", "0".to_owned()),
            ("queue/logical_block_size", disk.logical.to_string()),
            ("queue/physical_block_size", disk.physical.to_string()),
            ("queue/rotational", u8::from(disk.rotational).to_string()),
        ] {
            self.attribute(&format!("{directory}/{attribute}"), &value);
        }
        let link = self.root.path().join("sys/block").join(&disk.name);
        symlink(format!("../devices/{directory}"), link).unwrap();
    }

    pub(crate) fn partition(&self, disk: &str, name: &str, device: &str, holders: &[&str]) {
        let directory = self.root.path().join("sys/block").join(disk).join(name);
        fs::create_dir_all(directory.join("holders")).unwrap();
        write(&directory.join("partition"), "1");
        write(&directory.join("dev"), device);
        for holder in holders {
            symlink(format!("/nowhere/{holder}"), directory.join("holders").join(holder)).unwrap();
        }
    }

    /// Writes a file below `/sys/devices`.
    pub(crate) fn attribute(&self, path: &str, value: &str) {
        write(&self.root.path().join("sys/devices").join(path), value);
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.root.path().join("sys/devices").join(path)).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        symlink(target, self.root.path().join("sys/devices").join(path)).unwrap();
    }

    pub(crate) fn mountinfo(&self, text: &str) {
        fs::write(self.root.path().join("proc/self/mountinfo"), text).unwrap();
    }

    pub(crate) fn swaps(&self, text: &str) {
        fs::write(self.root.path().join("proc/swaps"), text).unwrap();
    }

    pub(crate) fn lists_other_namespaces(&self, n: u32) {
        self.other_namespaces.set(n);
    }

    pub(crate) fn serial(&self, name: &str, serial: &str) {
        self.serials.borrow_mut().insert(name.to_owned(), serial.to_owned());
    }

    /// Which drives were sent a command, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

fn write(path: &Path, value: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{value}\n")).unwrap();
}

impl IdentityReader for Machine {
    fn read(&self, nodes: &[PathBuf]) -> Result<Identified, IdentityError> {
        let names: Vec<_> =
            nodes.iter().map(|node| node.file_name().unwrap().to_string_lossy()).collect();
        let name = names.join("+");
        self.asked.borrow_mut().push(name.clone());
        if name.starts_with("sr") {
            return Err(IdentityError::NoCommand);
        }
        let own = || format!("SERIAL-{name}");
        let serial = self.serials.borrow().get(&name).cloned().unwrap_or_else(own);
        let identity = DriveIdentity {
            model: "MODEL".to_owned(),
            serial,
            wwn: None,
            size: ByteLen(500_107_862_016),
        };
        Ok(Identified {
            identity,
            features: EraseFeatures::None {},
            other_namespaces: self.other_namespaces.get(),
        })
    }
}
