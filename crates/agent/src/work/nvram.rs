//! The firmware's boot entry (UEFI 2.10, section 3.1.3): best effort, never fatal. The image also carries the
//! removable path `\EFI\BOOT\BOOTX64.EFI`, which firmware finds by itself.

use std::fs;
use std::path::Path;

use anyhow::Context;
use osimage::PlacedPartition;
use protocol::SectorSize;

const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Non-volatile, boot service access, runtime access.
const ATTRIBUTES: u32 = 7;
const LOAD_OPTION_ACTIVE: u32 = 1;
const LOADER: &str = "\\EFI\\BOOT\\BOOTX64.EFI";
const DESCRIPTION: &str = "Rehome";

/// Registers the ESP of the drive that was just installed and puts it first. `efivars` is the mounted efivarfs.
/// Entries of ours from an earlier run are reused, so that repeated runs do not fill the NVRAM.
pub(crate) fn register(
    efivars: &Path,
    esp: &PlacedPartition,
    sector_size: SectorSize,
) -> anyhow::Result<String> {
    let order = read_order(efivars)?;
    let number = ours_or_free(efivars, &order)?;
    let entry = load_option(esp, sector_size);
    write_variable(efivars, &format!("Boot{number:04X}"), &entry)?;
    let mut new_order = vec![number];
    new_order.extend(order.iter().copied().filter(|other| *other != number));
    let bytes: Vec<u8> = new_order.iter().flat_map(|number| number.to_le_bytes()).collect();
    write_variable(efivars, "BootOrder", &bytes)?;
    // The order may be the firmware's own business; the next start is not. Without this a machine that prefers the
    // network would wait for every kind of network boot before it tries its disk.
    write_variable(efivars, "BootNext", &number.to_le_bytes())?;
    Ok(format!("Boot{number:04X} points to the new system, stands first and starts next"))
}

fn variable(efivars: &Path, name: &str) -> std::path::PathBuf {
    efivars.join(format!("{name}-{GLOBAL}"))
}

fn write_variable(efivars: &Path, name: &str, data: &[u8]) -> anyhow::Result<()> {
    let mut bytes = ATTRIBUTES.to_le_bytes().to_vec();
    bytes.extend_from_slice(data);
    fs::write(variable(efivars, name), bytes)
        .with_context(|| format!("writing EFI variable {name}"))
}

fn read_order(efivars: &Path) -> anyhow::Result<Vec<u16>> {
    match fs::read(variable(efivars, "BootOrder")) {
        Ok(bytes) => Ok(bytes
            .get(4..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context("reading EFI variable BootOrder"),
    }
}

/// The number of an entry that we wrote earlier, else the first that nobody uses.
fn ours_or_free(efivars: &Path, order: &[u16]) -> anyhow::Result<u16> {
    let title = utf16(DESCRIPTION);
    for number in 0..=0xffff_u16 {
        match fs::read(variable(efivars, &format!("Boot{number:04X}"))) {
            // 4 bytes of efivarfs, 4 of attributes, 2 of path length, then the description.
            Ok(bytes) if bytes.get(10..10 + title.len()) == Some(&title) => return Ok(number),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !order.contains(&number) {
                    return Ok(number);
                }
            }
            Err(error) => {
                return Err(error).context(format!("reading EFI variable Boot{number:04X}"));
            }
        }
    }
    anyhow::bail!("every one of the 65536 boot entries is taken")
}

/// `EFI_LOAD_OPTION` with a hard drive node (section 10.3.5.1) and a file path node (10.3.5.4).
fn load_option(esp: &PlacedPartition, sector_size: SectorSize) -> Vec<u8> {
    let sector = u64::from(sector_size.bytes());
    let mut path = vec![4, 1, 42, 0];
    path.extend_from_slice(&esp.number.to_le_bytes());
    path.extend_from_slice(&(esp.start / sector).to_le_bytes());
    path.extend_from_slice(&(esp.size.0 / sector).to_le_bytes());
    path.extend_from_slice(esp.guid.disk_bytes());
    path.extend_from_slice(&[2, 2]); // GPT; signature is a GUID.
    let file = utf16(LOADER);
    let node_len = u16::try_from(file.len() + 4).unwrap_or(u16::MAX);
    path.extend_from_slice(&[4, 4]);
    path.extend_from_slice(&node_len.to_le_bytes());
    path.extend_from_slice(&file);
    path.extend_from_slice(&[0x7f, 0xff, 4, 0]);
    let path_len = u16::try_from(path.len()).unwrap_or(u16::MAX);
    let mut option = LOAD_OPTION_ACTIVE.to_le_bytes().to_vec();
    option.extend_from_slice(&path_len.to_le_bytes());
    option.extend_from_slice(&utf16(DESCRIPTION));
    option.extend_from_slice(&path);
    option
}

/// UCS-2 with its closing zero.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use osimage::{Guid, PartitionRole};
    use protocol::ByteLen;

    use super::*;

    fn sector() -> SectorSize {
        SectorSize::try_from(512).unwrap()
    }

    fn esp() -> PlacedPartition {
        PlacedPartition {
            number: 2,
            role: PartitionRole::Esp,
            guid: Guid::from_disk_bytes([0xaa; 16]),
            start: 2 << 20,
            size: ByteLen(64 << 20),
        }
    }

    #[test]
    fn the_entry_is_laid_out_as_the_standard_says() {
        let option = load_option(&esp(), sector());
        assert_eq!(&option[..4], &1u32.to_le_bytes());
        let path_len = usize::from(u16::from_le_bytes([option[4], option[5]]));
        let path = &option[option.len() - path_len..];
        assert_eq!(&path[..4], &[4, 1, 42, 0], "a hard drive node of 42 bytes");
        assert_eq!(&path[8..16], &4096u64.to_le_bytes(), "its first sector");
        assert_eq!(&path[40..42], &[2, 2]);
        assert_eq!(&path[42..44], &[4, 4], "then a file path");
        assert_eq!(&path[path_len - 4..], &[0x7f, 0xff, 4, 0], "then the end");
    }

    #[test]
    fn our_entry_is_reused_and_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(variable(dir.path(), "BootOrder"), [7, 0, 0, 0, 1, 0, 0, 0]).unwrap();
        fs::write(variable(dir.path(), "Boot0000"), [7, 0, 0, 0, 1, 0, 0, 0, 0, 0]).unwrap();
        fs::write(variable(dir.path(), "Boot0001"), [7, 0, 0, 0, 1, 0, 0, 0, 0, 0]).unwrap();
        for _ in 0..2 {
            assert!(register(dir.path(), &esp(), sector()).unwrap().starts_with("Boot0002 "));
            assert_eq!(read_order(dir.path()).unwrap(), [2, 1, 0]);
            assert_eq!(fs::read(variable(dir.path(), "BootNext")).unwrap(), [7, 0, 0, 0, 2, 0]);
        }
        assert!(!variable(dir.path(), "Boot0003").exists());
    }
}
