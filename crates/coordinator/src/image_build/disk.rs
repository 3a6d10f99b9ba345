//! The disk: GPT with bios_grub, ESP and root, in this order, root last so that it can grow.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use gptman::{GPT, GPTPartitionEntry};

use super::grub;
use super::identity::ImageIdentity;
use super::rootfs::BootFiles;

const SECTOR_LEN: u64 = 512;
const MIB: u64 = 1024 * 1024;
const CORE_LBA: u64 = 2048;
const CORE_ROOM: usize = 1024 * 1024;
/// First sector of the ESP.
pub(super) const ESP_LBA: u64 = 4096;
/// Length of the ESP in bytes: three times what is in it, and enough clusters for FAT32.
pub(super) const ESP_LEN: u64 = 48 * MIB;
/// Where the root file system begins, in bytes.
pub(super) const ROOT_OFFSET: u64 = ESP_LBA * SECTOR_LEN + ESP_LEN;
/// Room for the backup GPT after the root partition, in whole MiB.
const TAIL_LEN: u64 = MIB;
/// What is read and compared with zero at a time.
const COPY_LEN: usize = 256 * 1024;

/// Partition types as GPT stores them: GRUB manual "BIOS installation"; UEFI 2.10 table 5.7; Linux
/// root on x86-64 (Discoverable Partitions Specification), by which importers know the one to grow.
const BIOS_GRUB: [u8; 16] = *b"Hah!IdontNeedEFI";
const ESP: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];
const LINUX_ROOT: [u8; 16] = [
    0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7, 0x09,
];

/// What a disk is put together from.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) boot: &'a BootFiles,
    pub(super) esp: &'a Path,
    pub(super) root: &'a Path,
    pub(super) identity: &'a ImageIdentity,
}

/// Writes the raw image; holes where nothing is.
pub(super) fn assemble(parts: &Parts<'_>, out: &Path) -> Result<()> {
    let boot_code = grub::patch_boot_code(&parts.boot.boot_img, CORE_LBA)?;
    let core = grub::patch_core_image(&parts.boot.core_img, CORE_LBA, CORE_ROOM)?;
    let root_len =
        fs::metadata(parts.root).context("failed to measure the root file system")?.len();
    let failed = || format!("failed to write the image {}", out.display());
    let mut disk =
        File::options().read(true).write(true).create_new(true).open(out).with_context(failed)?;
    disk.set_len(ROOT_OFFSET + root_len + TAIL_LEN).with_context(failed)?;

    partition(&mut disk, parts.identity, root_len).with_context(failed)?;
    disk.write_all_at(&boot_code, 0).with_context(failed)?;
    disk.write_all_at(&core, CORE_LBA * SECTOR_LEN).with_context(failed)?;
    copy_into(parts.esp, &disk, ESP_LBA * SECTOR_LEN)?;
    copy_into(parts.root, &disk, ROOT_OFFSET)?;
    disk.sync_all().with_context(failed)
}

fn partition(disk: &mut File, identity: &ImageIdentity, root_len: u64) -> Result<()> {
    let mut gpt = GPT::new_from(disk, SECTOR_LEN, identity.disk_guid.to_gpt())?;
    let root_lba = ROOT_OFFSET / SECTOR_LEN;
    let layout = [
        (BIOS_GRUB, CORE_LBA, ESP_LBA, "bios_grub"),
        (ESP, ESP_LBA, root_lba, "esp"),
        (LINUX_ROOT, root_lba, root_lba + root_len / SECTOR_LEN, "root"),
    ];
    for ((number, (kind, start, end, name)), guid) in
        (1..).zip(layout).zip(identity.partition_guids)
    {
        gpt[number] = GPTPartitionEntry {
            partition_type_guid: kind,
            unique_partition_guid: guid.to_gpt(),
            starting_lba: start,
            ending_lba: end - 1,
            attribute_bits: 0,
            partition_name: name.into(),
        };
    }
    GPT::write_protective_mbr_into(disk, SECTOR_LEN)?;
    gpt.write_into(disk)?;
    Ok(())
}

/// Copies `from` to `to`, which appears complete or not at all, with holes where zeros are.
pub(super) fn copy_sparse(from: &Path, to: &Path) -> Result<()> {
    let dir = match to.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    let copy = tempfile::NamedTempFile::new_in(dir)
        .with_context(|| format!("failed to make a file in {}", dir.display()))?;
    let len =
        fs::metadata(from).with_context(|| format!("failed to read {}", from.display()))?.len();
    let failed = || format!("failed to write {}", to.display());
    copy.as_file().set_len(len).with_context(failed)?;
    copy_into(from, copy.as_file(), 0)?;
    copy.as_file().set_permissions(Permissions::from_mode(0o644)).with_context(failed)?;
    copy.as_file().sync_all().with_context(failed)?;
    copy.persist(to).with_context(failed)?;
    Ok(())
}

/// Writes what is not zero in `from` at `offset` of a disk that reads zero there.
fn copy_into(from: &Path, disk: &File, offset: u64) -> Result<()> {
    let failed = || format!("failed to copy {} into the image", from.display());
    let mut source = File::open(from).with_context(failed)?;
    let mut buffer = vec![0; COPY_LEN];
    let mut at = offset;
    loop {
        let n_read = source.read(&mut buffer).with_context(failed)?;
        if n_read == 0 {
            return Ok(());
        }
        let bytes = &buffer[..n_read];
        if bytes.iter().any(|&byte| byte != 0) {
            disk.write_all_at(bytes, at).with_context(failed)?;
        }
        at += u64::try_from(n_read)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector_of(disk: &[u8], lba: u64) -> &[u8] {
        &disk[usize::try_from(lba * SECTOR_LEN).unwrap()..][..512]
    }

    #[test]
    fn assembles_a_disk_another_reader_accepts() {
        let dir = tempfile::tempdir().unwrap();
        let (esp, root) = (dir.path().join("esp"), dir.path().join("root"));
        fs::write(&esp, vec![0xe5; 512]).unwrap();
        fs::write(&root, [vec![0; 1 << 20], vec![0xf0; 1 << 20]].concat()).unwrap();
        let mut boot_img = vec![0xcc; 512];
        boot_img[510..].copy_from_slice(&[0x55, 0xaa]);
        let boot = BootFiles { boot_img, core_img: vec![0xdd; 2048], ..BootFiles::default() };
        let identity = ImageIdentity::from_digest(blake3::hash(b"test"));
        let out = dir.path().join("disk.raw");
        let parts = Parts { boot: &boot, esp: &esp, root: &root, identity: &identity };
        assemble(&parts, &out).unwrap();

        let mut file = File::open(&out).unwrap();
        let gpt = GPT::find_from(&mut file).unwrap();
        assert_eq!(gpt.header.disk_guid, identity.disk_guid.to_gpt());
        let used: Vec<_> = gpt
            .iter()
            .filter(|(_, entry)| entry.is_used())
            .map(|(n, entry)| (n, entry.starting_lba, entry.size().unwrap()))
            .collect();
        assert_eq!(used, [(1, 2048, 2048), (2, 4096, 98_304), (3, 102_400, 4096)]);

        let disk = fs::read(&out).unwrap();
        assert_eq!(disk.len() as u64, ROOT_OFFSET + 3 * MIB);
        assert_eq!(disk[..4], [0xcc; 4]);
        assert_eq!(disk[510..512], [0x55, 0xaa]);
        assert_eq!(sector_of(&disk, CORE_LBA)[..4], [0xdd; 4]);
        assert_eq!(sector_of(&disk, ESP_LBA), [0xe5; 512]);
        assert_eq!(sector_of(&disk, 102_400), [0; 512]);
        assert_eq!(sector_of(&disk, 102_400 + 2048), [0xf0; 512]);

        let copy = dir.path().join("copy.raw");
        copy_sparse(&out, &copy).unwrap();
        assert!(fs::read(&copy).unwrap() == disk);
    }
}
