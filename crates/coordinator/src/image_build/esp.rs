//! The EFI system partition: Debian's signed boot loaders, on the path every firmware tries.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::disk;
use super::grub;
use super::identity::ImageIdentity;
use super::rootfs::BootFiles;
use super::tool::{Tool, Tools};

const MKFS_VFAT: Tool = Tool { name: "mkfs.vfat", package: "dosfstools" };
const MCOPY: Tool = Tool { name: "mcopy", package: "mtools" };
/// What this step runs on the host.
pub(super) const TOOLS: &[Tool] = &[MKFS_VFAT, MCOPY];

/// Makes the FAT32 image.
///
/// `EFI/BOOT` has no `fbx64.efi`: shim would start it instead of GRUB, and it would write boot
/// entries and reset the machine. The agent writes the one entry that is wanted.
pub(super) fn make(
    tools: &Tools<'_>,
    boot: &BootFiles,
    identity: &ImageIdentity,
    work_dir: &Path,
) -> Result<PathBuf> {
    let (staged, image) = (work_dir.join("EFI"), work_dir.join("esp.fat"));
    let config = grub::esp_config(identity.root_uuid);
    let files: [(&str, &[u8]); 6] = [
        ("BOOT/BOOTX64.EFI", &boot.shim),
        ("BOOT/grubx64.efi", &boot.grub_efi),
        ("BOOT/mmx64.efi", &boot.mok_manager),
        ("debian/shimx64.efi", &boot.shim),
        ("debian/grubx64.efi", &boot.grub_efi),
        ("debian/grub.cfg", config.as_bytes()),
    ];
    let made_at = SystemTime::UNIX_EPOCH + Duration::from_secs(tools.source_date_epoch());
    for dir in ["BOOT", "debian"] {
        fs::create_dir_all(staged.join(dir)).context("failed to stage the ESP")?;
    }
    for (name, content) in files {
        let path = staged.join(name);
        fs::write(&path, content)
            .and_then(|()| File::options().write(true).open(&path)?.set_modified(made_at))
            .with_context(|| format!("failed to stage {name} for the ESP"))?;
    }
    File::create(&image)
        .and_then(|file| file.set_len(disk::ESP_LEN))
        .context("failed to make the ESP's file")?;

    let mut mkfs = tools.command(MKFS_VFAT);
    // One sector per cluster: FAT32 needs 65,525 clusters, and firmware wants FAT32 on disks.
    mkfs.args(["--invariant", "-F", "32", "-S", "512", "-s", "1", "-n", "ESP"]);
    mkfs.args(["-h", &disk::ESP_LBA.to_string()]);
    mkfs.args(["-i", &format!("{:08x}", identity.esp_serial)]).arg(&image);
    tools.run("making the EFI system partition", MKFS_VFAT, &mut mkfs)?;
    let mut mcopy = tools.command(MCOPY);
    mcopy.args(["-s", "-m", "-Q", "-i"]).arg(&image).arg(&staged).arg("::/");
    tools.run("copying the signed boot loaders", MCOPY, &mut mcopy)?;
    Ok(image)
}
