//! GRUB: its configuration files, and the two places where BIOS boot code learns where the rest is.

use anyhow::{Result, ensure};

use super::identity::Uuid;

/// Length of a sector as BIOS and the boot code see it.
const SECTOR: usize = 512;
/// Boot code in the MBR; partition table and disk signature follow it.
pub(super) const BOOT_CODE_LEN: usize = 440;
/// In boot.img: where the LBA of the core image's first sector stands (u64).
const KERNEL_SECTOR_AT: usize = 0x5c;
/// In boot.img: a jump that trusts the BIOS about the drive number; two NOPs make it distrust a
/// wrong one, as grub-install does for hard disks.
const DRIVE_CHECK_AT: usize = 0x66;
/// In core.img's first sector: the last block list entry, {start u64, sectors u16, segment u16}.
const BLOCK_LIST_AT: usize = 0x1f4;
/// Segment where the first sector loads the rest.
const CORE_SEGMENT: u16 = 0x820;

/// What the BIOS core image needs before it can read `/boot/grub`; the rest are files there.
pub(super) const CORE_MODULES: &str = "biosdisk part_gpt part_msdos ext2 search search_fs_uuid \
    configfile normal linux echo test all_video boot minicmd reboot halt";

/// The 440 bytes of MBR boot code that load the core image from `core_lba`.
pub(super) fn patch_boot_code(boot_img: &[u8], core_lba: u64) -> Result<Vec<u8>> {
    ensure!(
        boot_img.len() == SECTOR && boot_img.ends_with(&[0x55, 0xaa]),
        "boot.img of grub-pc-bin is not a boot sector ({} bytes)",
        boot_img.len()
    );
    let mut code = boot_img[..BOOT_CODE_LEN].to_vec();
    code[KERNEL_SECTOR_AT..KERNEL_SECTOR_AT + 8].copy_from_slice(&core_lba.to_le_bytes());
    code[DRIVE_CHECK_AT..DRIVE_CHECK_AT + 2].copy_from_slice(&[0x90, 0x90]);
    Ok(code)
}

/// The core image with its block list pointing at the sectors after `core_lba`.
pub(super) fn patch_core_image(core_img: &[u8], core_lba: u64, room: usize) -> Result<Vec<u8>> {
    ensure!(
        core_img.len() > SECTOR && core_img.len() <= room,
        "GRUB's core image has {} bytes; the bios_grub partition has {room}",
        core_img.len()
    );
    let n_sectors = u16::try_from(core_img.len().div_ceil(SECTOR))?;
    let mut core = core_img.to_vec();
    let entry = &mut core[BLOCK_LIST_AT..BLOCK_LIST_AT + 12];
    entry[0..8].copy_from_slice(&(core_lba + 1).to_le_bytes());
    entry[8..10].copy_from_slice(&(n_sectors - 1).to_le_bytes());
    entry[10..12].copy_from_slice(&CORE_SEGMENT.to_le_bytes());
    Ok(core)
}

/// Embedded in the BIOS core image: finds the root file system wherever the disk is.
pub(super) fn early_config(root: Uuid) -> String {
    format!("search.fs_uuid {root} root\nset prefix=($root)/boot/grub\n")
}

/// `EFI/debian/grub.cfg` on the ESP, where Debian's signed GRUB looks first.
pub(super) fn esp_config(root: Uuid) -> String {
    format!("{}configfile $prefix/grub.cfg\n", early_config(root))
}

/// `/boot/grub/grub.cfg`. Debian keeps `/vmlinuz` and `/initrd.img` pointing at the newest kernel;
/// the first kernel update replaces this file by update-grub's, made from [`defaults`].
pub(super) fn menu(title: &str, kernel_parameters: &str, root: Uuid) -> String {
    let entry = |label: &str, suffix: &str| {
        format!(
            "menuentry '{label}' {{\n  search --no-floppy --fs-uuid --set=root {root}\n  \
             echo 'Loading {label} ...'\n  \
             linux /vmlinuz{suffix} root=UUID={root} ro {kernel_parameters}\n  \
             initrd /initrd.img{suffix}\n}}\n"
        )
    };
    format!(
        "set default=0\nset timeout=1\n\n{}\n{}",
        entry(title, ""),
        entry(&format!("{title}, previous kernel"), ".old")
    )
}

/// `/etc/default/grub`, for update-grub after kernel updates: the same menu as [`menu`].
pub(super) fn defaults(title: &str, kernel_parameters: &str) -> String {
    format!(
        "GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_DISTRIBUTOR=\"{title}\"\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX=\"{kernel_parameters}\"\n\
         GRUB_TERMINAL=console\nGRUB_DISABLE_OS_PROBER=true\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_code_points_at_the_core_image() {
        let mut boot_img = vec![0xcc; SECTOR];
        boot_img[510..].copy_from_slice(&[0x55, 0xaa]);
        let code = patch_boot_code(&boot_img, 2048).unwrap();
        assert_eq!(code.len(), BOOT_CODE_LEN);
        assert_eq!(code[0x5c..0x64], [0, 8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(code[0x66..0x68], [0x90, 0x90]);
        let untouched = code.iter().filter(|&&byte| byte == 0xcc).count();
        assert_eq!(untouched, BOOT_CODE_LEN - 10);
        assert!(patch_boot_code(&boot_img[..511], 2048).is_err());
        assert!(patch_boot_code(&[0; SECTOR], 2048).is_err());
    }

    #[test]
    fn core_image_lists_its_own_sectors() {
        let core = patch_core_image(&[0xcc; SECTOR * 3 + 1], 2048, 1 << 20).unwrap();
        assert_eq!(core[0x1f4..0x200], [1, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0x20, 8]);
        assert!(patch_core_image(&[0; SECTOR], 2048, 1 << 20).is_err());
        assert!(patch_core_image(&[0; SECTOR * 3], 2048, SECTOR * 2).is_err());
    }
}
