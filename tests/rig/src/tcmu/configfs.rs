//! The kernel's side of a target, put together from directories: Documentation/target/tcmu-design.rst, and
//! `tcm_loop` for a SCSI host of this very machine that leads to it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Where `target_core_mod` shows up, once it is loaded and configfs is mounted.
const TARGET: &str = "/sys/kernel/config/target";
/// Who is to serve the device, by the first part of its configuration string.
const HANDLER: &str = "rehome-rig";
/// How long the kernel waits for us, in seconds. Longer than any command of a scenario takes.
const COMMAND_TIMEOUT: &str = "120";
const LUN: &str = "tpgt_1/lun/lun_0";
const LINK: &str = "backstore";

/// What is offered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    /// Bytes.
    pub(super) size: u64,
    /// Bytes.
    pub(super) sector_len: u32,
}

/// A device that commands wait at: `/sys/kernel/config/target/core/user_N/NAME`.
#[derive(Debug)]
pub(super) struct Backstore {
    hba: PathBuf,
    device: PathBuf,
    uio: PathBuf,
}

impl Backstore {
    /// `number` must be another one for each device that there is at a time.
    pub(super) fn create(number: u32, geometry: Geometry) -> anyhow::Result<Self> {
        let hba = Path::new(TARGET).join(format!("core/user_{number}"));
        let name = format!("drive{number}");
        let device = hba.join(&name);
        let configuration = format!("{HANDLER}/{name}");
        create_dir(&hba)?;
        create_dir(&device)?;
        let Geometry { size, sector_len } = geometry;
        // One word a write: the attribute is a parser, and tells of bad words in the kernel's log only.
        for word in [
            format!("dev_config={configuration}"),
            format!("dev_size={size}"),
            format!("hw_block_size={sector_len}"),
            "hw_max_sectors=1024".to_owned(),
            // Of the guest's memory, at most that much for data under way.
            "max_data_area_mb=16".to_owned(),
            // Nobody listens to netlink here; the kernel is not to wait for an answer.
            "nl_reply_supported=-1".to_owned(),
        ] {
            store(&device.join("control"), &word)?;
        }
        store(&device.join("enable"), "1")?;
        store(&device.join("attrib/cmd_time_out"), COMMAND_TIMEOUT)?;
        let uio = find_uio(&format!("tcm-user/{number}/{name}/{configuration}"))?;
        Ok(Self { hba, device, uio })
    }

    /// The node to open, and how many bytes to map.
    pub(super) fn ring(&self) -> anyhow::Result<(PathBuf, usize)> {
        let size = load(&self.uio.join("maps/map0/size"))?;
        let digits = size.strip_prefix("0x").unwrap_or(&size);
        let len = usize::from_str_radix(digits, 16)
            .with_context(|| format!("{} says {size:?}", self.uio.display()))?;
        Ok((Path::new("/dev").join(self.uio.file_name().unwrap_or_default()), len))
    }

    /// Nothing may lead to it any more, and its node must be closed.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        remove_dir(&self.device)?;
        remove_dir(&self.hba)
    }
}

/// A SCSI host with one logical unit: `/sys/kernel/config/target/loopback/naa.N`.
#[derive(Debug)]
pub(super) struct Loopback {
    fabric: PathBuf,
}

impl Loopback {
    /// Makes the kernel find the drive. Whoever serves the backstore must do so already: the drive is looked at before
    /// this returns.
    pub(super) fn create(number: u32, backstore: &Backstore) -> anyhow::Result<Self> {
        let loopback = Path::new(TARGET).join("loopback");
        if !loopback.exists() {
            create_dir(&loopback)?;
        }
        // NAA 3, locally assigned: the target's name, and the initiator's.
        let fabric = loopback.join(format!("naa.3000000000{number:06x}"));
        create_dir(&fabric)?;
        create_dir(&fabric.join("tpgt_1"))?;
        store(&fabric.join("tpgt_1/nexus"), &format!("naa.3000000001{number:06x}"))?;
        create_dir(&fabric.join(LUN))?;
        let link = fabric.join(LUN).join(LINK);
        symlink(&backstore.device, &link).with_context(|| format!("linking {}", link.display()))?;
        Ok(Self { fabric })
    }

    /// The drive's SCSI address in `/sys/bus/scsi/devices`.
    pub(super) fn address(&self) -> anyhow::Result<String> {
        // Host and target; the channel is always 0, and so is the logical unit.
        let address = load(&self.fabric.join("tpgt_1/address"))?;
        ensure!(address.split(':').count() == 3, "tcm_loop gives the address {address:?}");
        Ok(format!("{address}:0"))
    }

    pub(super) fn remove(self) -> anyhow::Result<()> {
        let link = self.fabric.join(LUN).join(LINK);
        fs::remove_file(&link).with_context(|| format!("unlinking {}", link.display()))?;
        remove_dir(&self.fabric.join(LUN))?;
        remove_dir(&self.fabric.join("tpgt_1"))?;
        remove_dir(&self.fabric)
    }
}

fn find_uio(name: &str) -> anyhow::Result<PathBuf> {
    let class = Path::new("/sys/class/uio");
    for entry in fs::read_dir(class).context("listing /sys/class/uio")? {
        let path = entry?.path();
        if load(&path.join("name"))? == name {
            return Ok(path);
        }
    }
    anyhow::bail!("no UIO device is named {name:?}")
}

fn store(path: &Path, value: &str) -> anyhow::Result<()> {
    let doing = || format!("writing {value:?} to {}", path.display());
    let mut file = OpenOptions::new().write(true).open(path).with_context(doing)?;
    file.write_all(value.as_bytes()).with_context(doing)
}

fn load(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim_end().to_owned())
}

fn create_dir(path: &Path) -> anyhow::Result<()> {
    fs::create_dir(path).with_context(|| {
        format!("making {}: are target_core_user and tcm_loop loaded?", path.display())
    })
}

fn remove_dir(path: &Path) -> anyhow::Result<()> {
    fs::remove_dir(path).with_context(|| format!("removing {}", path.display()))
}
