//! What the laptop runs before any of our code: OVMF with Microsoft's keys, or SeaBIOS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::run;

/// The emulator.
pub(super) const QEMU: &str = "qemu-system-x86_64";
/// Oldest version that has everything used here (`screendump` as PNG came with 7.1).
const MIN_QEMU: (u32, u32) = (7, 1);
/// Where Debian's `ovmf` keeps its files, 12 and 13 alike.
const OVMF_DIR: &str = "/usr/share/OVMF";
const OVMF_CODE: &str = "OVMF_CODE_4M.ms.fd";
const OVMF_VARS: &str = "OVMF_VARS_4M.ms.fd";

/// How the laptop starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firmware {
    /// q35 and OVMF, Secure Boot on with Microsoft's keys: network first, then the drives.
    Uefi,
    /// pc and SeaBIOS with iPXE as the network card's ROM: network first, then the drives.
    Bios,
    /// q35; QEMU hands over kernel and initramfs, no firmware boot order is involved.
    Direct {
        /// The kernel image.
        kernel: PathBuf,
        /// Initramfs archives, laid one behind the other.
        initrds: Vec<PathBuf>,
        /// The kernel command line.
        append: String,
    },
}

impl Firmware {
    /// Whether the machine has PCI Express slots, into which NVMe drives can be plugged.
    pub(super) fn has_slots(&self) -> bool {
        !matches!(self, Self::Bios)
    }

    /// Puts the firmware's files of this laptop into `dir`, as fresh from the factory.
    pub(super) fn prepare(&self, dir: &Path) -> Result<()> {
        check_qemu()?;
        match self {
            Self::Uefi => {
                let vars = vars_path(dir);
                let original = Path::new(OVMF_DIR).join(OVMF_VARS);
                fs::copy(&original, &vars).with_context(|| {
                    format!("failed to copy {} (package ovmf)", original.display())
                })?;
            }
            Self::Bios => {
                // SeaBIOS mirrors its text screen to this port, so that the log shows PXE too.
                fs::write(sercon_path(dir), 0x3f8_u16.to_le_bytes())
                    .context("failed to write the BIOS console setting")?;
            }
            Self::Direct { initrds, .. } => join_initrds(initrds, &initrd_path(dir))?,
        }
        Ok(())
    }

    /// QEMU's arguments for machine and firmware.
    pub(super) fn qemu_args(&self, dir: &Path, has_sata: bool) -> Vec<String> {
        // A laptop with NVMe only has no AHCI controller that an inventory would have to explain.
        let q35 = if has_sata { "q35" } else { "q35,sata=off" };
        let arg = |words: &str| words.to_owned();
        match self {
            Self::Uefi => vec![
                arg("-machine"),
                format!("{q35},smm=on"),
                // Only code in system management mode may write the variables: without this
                // Secure Boot would be a claim.
                arg("-global"),
                arg("driver=cfi.pflash01,property=secure,value=on"),
                arg("-drive"),
                format!(
                    "if=pflash,format=raw,unit=0,readonly=on,file={}",
                    Path::new(OVMF_DIR).join(OVMF_CODE).display()
                ),
                arg("-drive"),
                format!("if=pflash,format=raw,unit=1,file={}", option(&vars_path(dir))),
                // OVMF of 2024 and later offers no network boot without a source of randomness.
                arg("-device"),
                arg("virtio-rng-pci"),
            ],
            Self::Bios => vec![
                arg("-machine"),
                arg("pc"),
                arg("-fw_cfg"),
                format!("name=etc/sercon-port,file={}", option(&sercon_path(dir))),
            ],
            Self::Direct { kernel, append, .. } => vec![
                arg("-machine"),
                q35.to_owned(),
                arg("-kernel"),
                kernel.display().to_string(),
                arg("-initrd"),
                initrd_path(dir).display().to_string(),
                arg("-append"),
                append.clone(),
            ],
        }
    }
}

/// A path as the value of one of QEMU's options, where a comma would end it.
pub(super) fn option(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn vars_path(dir: &Path) -> PathBuf {
    dir.join("vars.fd")
}

fn sercon_path(dir: &Path) -> PathBuf {
    dir.join("sercon-port")
}

fn initrd_path(dir: &Path) -> PathBuf {
    dir.join("initrd")
}

/// The kernel wants each archive of a joined initramfs at a multiple of four bytes.
fn join_initrds(parts: &[PathBuf], joined: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(fs::read(part).with_context(|| format!("failed to read {}", part.display()))?);
    }
    fs::write(joined, bytes).with_context(|| format!("failed to write {}", joined.display()))
}

fn check_qemu() -> Result<()> {
    let text = run(Command::new(QEMU).arg("--version"))?;
    let version =
        parse_version(&text).with_context(|| format!("{QEMU} --version said {text:?}"))?;
    ensure!(
        version >= MIN_QEMU,
        "QEMU {}.{} is too old; {}.{} or newer is needed",
        version.0,
        version.1,
        MIN_QEMU.0,
        MIN_QEMU.1
    );
    Ok(())
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_once("version ")?.1.split(['.', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_are_understood() {
        for (text, version) in [
            ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n", Some((7, 2))),
            ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2~bpo12+1)\n", Some((10, 0))),
            ("no such thing", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }

    #[test]
    fn a_comma_in_a_path_ends_no_option() {
        assert_eq!(option(Path::new("/tmp/a,b/vars.fd")), "/tmp/a,,b/vars.fd");
    }

    #[test]
    fn joined_archives_start_at_multiples_of_four() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, joined) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("ab"));
        fs::write(&a, "12345").unwrap();
        fs::write(&b, "67").unwrap();
        join_initrds(&[a, b], &joined).unwrap();
        assert_eq!(fs::read(joined).unwrap(), b"12345\0\0\x0067");
    }
}
