//! A dirty disk: what a retired laptop's drive holds before anybody cleans it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::marker::{MARKER_LEN, Marker, write_list};
use crate::process::run;

const SECTOR_LEN: u64 = 512;
const MIB: u64 = 1 << 20;
/// Sectors at each end that hold the partition tables. Markers keep off them, but for the unused
/// first and last bytes, so that the disk stays one that any system would mount.
const TABLE_SECTORS: u64 = 34;

/// How the disk is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionTable {
    /// GUID partition table, primary and backup.
    Gpt,
    /// One entry in the master boot record.
    Mbr,
}

/// What its only partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// ext4 with some files.
    Ext4,
    /// FAT32 with some files.
    Fat32,
}

/// What to make. [`DirtyDisk::default`] is the demo's disk.
#[derive(Debug, Clone)]
pub struct DirtyDisk {
    /// Size of the disk, bytes; whole MiB.
    pub size: u64,
    /// How it is divided.
    pub table: PartitionTable,
    /// What the partition holds.
    pub filesystem: Filesystem,
    /// How many markers are planted.
    pub n_markers: usize,
    /// Decides places and random parts of all markers.
    pub seed: u64,
}

impl Default for DirtyDisk {
    fn default() -> Self {
        Self {
            size: 3 << 30,
            table: PartitionTable::Gpt,
            filesystem: Filesystem::Ext4,
            n_markers: 2000,
            seed: 1,
        }
    }
}

impl DirtyDisk {
    /// Makes the raw image `disk` (sparse) and the marker list `list`, both anew.
    ///
    /// # Errors
    /// When the size does not fit, a file cannot be written, or a formatting tool fails.
    pub fn make(&self, disk: &Path, list: &Path) -> Result<Vec<Marker>> {
        ensure!(
            self.size.is_multiple_of(MIB) && self.size >= 64 * MIB,
            "a disk of {} bytes asked for; it must be whole MiB, at least 64",
            self.size
        );
        ensure!((2..100_000).contains(&self.n_markers), "{} markers asked for", self.n_markers);
        let file =
            File::create(disk).with_context(|| format!("failed to make {}", disk.display()))?;
        file.set_len(self.size).with_context(|| format!("failed to size {}", disk.display()))?;
        drop(file);
        self.partition(disk)?;
        self.format(disk)?;
        let markers = self.choose_markers();
        let file = OpenOptions::new().write(true).open(disk)?;
        for marker in &markers {
            file.write_all_at(&marker.bytes, marker.offset)
                .with_context(|| format!("failed to plant a marker in {}", disk.display()))?;
        }
        write_list(list, &markers)?;
        Ok(markers)
    }

    /// Length of the partition, which starts at 1 MiB and leaves the last MiB free, bytes.
    fn partition_len(&self) -> u64 {
        self.size - 2 * MIB
    }

    fn partition(&self, disk: &Path) -> Result<()> {
        let (first, n_sectors) = (MIB / SECTOR_LEN, self.partition_len() / SECTOR_LEN);
        match self.table {
            PartitionTable::Gpt => {
                let range = format!("--new=1:{first}:{}", first + n_sectors - 1);
                let kind = match self.filesystem {
                    Filesystem::Ext4 => "--typecode=1:8300",
                    Filesystem::Fat32 => "--typecode=1:0700",
                };
                run(Command::new("sgdisk")
                    .args([&range, kind, "--change-name=1:Basic data"])
                    .arg(disk))?;
            }
            PartitionTable::Mbr => {
                let boot_record = self.boot_record(first, n_sectors)?;
                OpenOptions::new().write(true).open(disk)?.write_all_at(&boot_record, 0)?;
            }
        }
        Ok(())
    }

    /// A master boot record with one partition, LBA only.
    fn boot_record(&self, first: u64, n_sectors: u64) -> Result<[u8; 512]> {
        let kind = match self.filesystem {
            Filesystem::Ext4 => 0x83,
            Filesystem::Fat32 => 0x0c,
        };
        let mut record = [0; 512];
        record[446..454].copy_from_slice(&[0x80, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff]);
        record[454..458].copy_from_slice(&u32::try_from(first)?.to_le_bytes());
        record[458..462].copy_from_slice(&u32::try_from(n_sectors)?.to_le_bytes());
        record[510..].copy_from_slice(&[0x55, 0xaa]);
        Ok(record)
    }

    fn format(&self, disk: &Path) -> Result<()> {
        let home = tempfile::tempdir().context("failed to make a directory for files")?;
        let files = write_files(home.path())?;
        let len_kib = (self.partition_len() / 1024).to_string();
        match self.filesystem {
            Filesystem::Ext4 => {
                let offset = format!("offset={MIB}");
                run(Command::new("mke2fs")
                    .args(["-q", "-F", "-t", "ext4", "-L", "home", "-E", &offset, "-d"])
                    .args([home.path(), disk])
                    .arg(format!("{len_kib}k")))?;
            }
            Filesystem::Fat32 => {
                let first = (MIB / SECTOR_LEN).to_string();
                run(Command::new("mkfs.fat")
                    .args(["-F", "32", "-n", "PHOTOS", "--offset", &first])
                    .arg(disk)
                    .arg(&len_kib))?;
                let partition = format!("{}@@{MIB}", disk.display());
                run(Command::new("mcopy").args(["-i", &partition]).args(&files).arg("::"))?;
            }
        }
        Ok(())
    }

    /// First and last bytes of the disk, the others anywhere but on a table or on each other.
    fn choose_markers(&self) -> Vec<Marker> {
        let mut random = blake3::Hasher::new_derive_key("rehome e2e dirty disk 2026")
            .update(&self.seed.to_le_bytes())
            .finalize_xof();
        let len = MARKER_LEN as u64;
        let mut taken = BTreeMap::from([(0, ()), (self.size - len, ())]);
        let lowest = TABLE_SECTORS * SECTOR_LEN;
        let n_places = self.size - 2 * lowest - len;
        while taken.len() < self.n_markers {
            let mut word = [0; 8];
            random.fill(&mut word);
            let offset = lowest + u64::from_le_bytes(word) % n_places;
            let is_free =
                taken.range(offset.saturating_sub(len - 1)..offset + len).next().is_none();
            if is_free {
                taken.insert(offset, ());
            }
        }
        let new = |(index, offset)| {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            Marker::new(index, offset, bytes)
        };
        taken.into_keys().enumerate().map(new).collect()
    }
}

/// Digest of a whole disk image, to show that nothing on it changed.
///
/// # Errors
/// When it cannot be read.
pub fn digest(disk: &Path) -> Result<blake3::Hash> {
    let file = File::open(disk).with_context(|| format!("failed to open {}", disk.display()))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).with_context(|| format!("failed to read {}", disk.display()))?;
    Ok(hasher.finalize())
}

fn write_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let letter = "Dear Ms Nowak,\nthe enclosed bank statement is confidential.\n".repeat(2000);
    let mut files = Vec::new();
    for (name, text) in [
        ("letter.txt", letter.as_str()),
        ("passwords.txt", "mail: Zima2019!\nbank: 4711-0815\n"),
        ("contacts.csv", "Anna Nowak,+48 600 100 200\nJan Kowalski,+48 600 300 400\n"),
    ] {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_its_table_its_files_and_its_markers() {
        for (table, filesystem) in [
            (PartitionTable::Gpt, Filesystem::Ext4),
            (PartitionTable::Mbr, Filesystem::Fat32),
            (PartitionTable::Gpt, Filesystem::Fat32),
            (PartitionTable::Mbr, Filesystem::Ext4),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let (disk, list) = (dir.path().join("disk.raw"), dir.path().join("markers.txt"));
            let dirty = DirtyDisk { size: 64 * MIB, table, filesystem, ..DirtyDisk::default() };
            let markers = dirty.make(&disk, &list).unwrap();

            assert_eq!(markers.len(), 2000);
            assert_eq!(markers[0].offset, 0);
            assert_eq!(markers[1999].range().end, dirty.size);
            assert!(markers.windows(2).all(|pair| pair[0].range().end <= pair[1].offset));
            assert_eq!(markers, crate::marker::read_list(&list).unwrap());
            if table == PartitionTable::Gpt {
                run(Command::new("sgdisk").arg("--verify").arg(&disk)).unwrap();
                let listing = run(Command::new("sgdisk").arg("--print").arg(&disk)).unwrap();
                assert!(listing.contains("Basic data"), "{listing}");
            }
            let kind = run(Command::new("blkid").args(["-p", "-O", "1048576"]).arg(&disk)).unwrap();
            let label = if filesystem == Filesystem::Ext4 { "home" } else { "PHOTOS" };
            assert!(kind.contains(label), "{kind}");
        }
    }

    #[test]
    fn the_seed_decides_everything() {
        let choose = |seed| DirtyDisk { seed, ..DirtyDisk::default() }.choose_markers();
        assert_eq!(choose(5), choose(5));
        assert_ne!(choose(5), choose(6));
    }
}
