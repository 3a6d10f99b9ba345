//! What the kernel would show of a simulated laptop: a tree of its own, read by the code that reads every machine's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::Context as _;

use super::hardware::{Hardware, Medium, SECTOR_LEN};

/// Where a tree's drive is.
const SATA: &str = "sys/devices/pci0000:00/0000:00:1f.2";
const SATA_DRIVE: &str =
    "sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda";
const NVME: &str = "sys/devices/pci0000:00/0000:02:00.0";
const NVME_DRIVE: &str = "sys/devices/pci0000:00/0000:02:00.0/nvme/nvme0/nvme0n1";
const NIC: &str = "sys/devices/pci0000:00/0000:00:19.0";

/// Makes the tree under `root`, on mains or not.
pub(super) fn plant(hardware: &Hardware, root: &Path, on_mains: bool) -> anyhow::Result<()> {
    let put = |path: &str, content: &str| write(root, path, content);
    let model = hardware.model;
    for (name, content) in [
        ("sys_vendor", model.vendor),
        ("product_name", model.name),
        ("product_version", model.version),
        ("product_serial", &hardware.serial),
        ("product_uuid", &hardware.uuid),
        ("board_serial", &hardware.board_serial),
        ("chassis_serial", &hardware.serial),
        ("chassis_type", "10"),
    ] {
        put(&format!("sys/class/dmi/id/{name}"), content)?;
    }
    let cpu = |thread| format!("processor\t: {thread}\nmodel name\t: {}\n\n", model.cpu);
    put("proc/cpuinfo", &(0..model.threads).map(cpu).collect::<String>())?;
    // The firmware and its graphics keep some of it.
    put("proc/meminfo", &format!("MemTotal:       {} kB\n", model.memory_gib * 1_000_000))?;
    put("proc/cmdline", "simulated")?;
    put("proc/self/mountinfo", "22 1 0:2 / / rw - rootfs rootfs rw\n")?;
    put("proc/swaps", "Filename Type Size Used Priority\n")?;
    put("sys/firmware/efi/fw_platform_size", "64")?;
    put("sys/kernel/security/lockdown", "none [integrity] confidentiality")?;
    pci(root, NIC, ("0x020000", "0x8086", "0x155a"), "e1000e")?;
    put(&format!("{NIC}/net/eth0/address"), &hardware.mac.to_string())?;
    put(&format!("{NIC}/net/eth0/type"), "1")?;
    link(root, &format!("{NIC}/net/eth0/device"), "../..")?;
    link(root, "sys/class/net/eth0", &format!("../../../{NIC}/net/eth0"))?;
    drive(hardware, root)?;
    plug(root, on_mains)
}

/// Plugs the mains adapter in, or pulls it.
pub(super) fn plug(root: &Path, on_mains: bool) -> anyhow::Result<()> {
    let class = "sys/class/power_supply";
    write(root, &format!("{class}/AC/type"), "Mains")?;
    write(root, &format!("{class}/AC/online"), if on_mains { "1" } else { "0" })?;
    write(root, &format!("{class}/BAT0/type"), "Battery")?;
    write(root, &format!("{class}/BAT0/present"), "1")?;
    let status = if on_mains { "Charging" } else { "Discharging" };
    write(root, &format!("{class}/BAT0/status"), status)
}

fn drive(hardware: &Hardware, root: &Path) -> anyhow::Result<()> {
    let (way, name, number) = match hardware.medium {
        Medium::Disk | Medium::SataSsd => {
            pci(root, SATA, ("0x010601", "0x8086", "0x9c03"), "ahci")?;
            (SATA_DRIVE, "sda", "8:0")
        }
        Medium::Nvme => {
            pci(root, NVME, ("0x010802", "0x144d", "0xa804"), "nvme")?;
            let controller = NVME_DRIVE.trim_end_matches("/nvme0n1");
            write(root, &format!("{controller}/state"), "live")?;
            write(root, &format!("{controller}/transport"), "pcie")?;
            (NVME_DRIVE, "nvme0n1", "259:0")
        }
    };
    let rotational = if hardware.medium == Medium::Disk { "1" } else { "0" };
    let sector_len = SECTOR_LEN.to_string();
    for (attribute, content) in [
        ("dev", number),
        ("size", &(hardware.drive.size.0 / 512).to_string()),
        ("ro", "0"),
        ("removable", "0"),
        ("queue/logical_block_size", &sector_len),
        ("queue/physical_block_size", &sector_len),
        ("queue/rotational", rotational),
    ] {
        write(root, &format!("{way}/{attribute}"), content)?;
    }
    let holders = root.join(way).join("holders");
    fs::create_dir_all(&holders).with_context(|| format!("making {}", holders.display()))?;
    link(root, &format!("sys/block/{name}"), &format!("../../{way}"))
}

fn pci(
    root: &Path,
    way: &str,
    (class, vendor, device): (&str, &str, &str),
    driver: &str,
) -> anyhow::Result<()> {
    write(root, &format!("{way}/class"), class)?;
    write(root, &format!("{way}/vendor"), vendor)?;
    write(root, &format!("{way}/device"), device)?;
    link(root, &format!("{way}/driver"), &format!("../../../bus/pci/drivers/{driver}"))?;
    let address = way.rsplit('/').next().unwrap_or(way);
    link(root, &format!("sys/bus/pci/devices/{address}"), &format!("../../../../{way}"))
}

fn write(root: &Path, path: &str, content: &str) -> anyhow::Result<()> {
    let path = made(root, path)?;
    fs::write(&path, content).with_context(|| format!("writing {}", path.display()))
}

fn link(root: &Path, path: &str, target: &str) -> anyhow::Result<()> {
    let path = made(root, path)?;
    symlink(target, &path).with_context(|| format!("making {}", path.display()))
}

fn made(root: &Path, path: &str) -> anyhow::Result<std::path::PathBuf> {
    let path = root.join(path);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    }
    Ok(path)
}
