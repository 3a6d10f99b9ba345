//! What a laptop is made of, and the command line that makes it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::drive::{Bus, DriveSpec, N_NVME_SLOTS};
use super::firmware::{Firmware, option};
use super::smbios::Identity;

/// A wired network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NicModel {
    /// virtio. The only one OVMF drives by itself.
    Virtio,
    /// Intel e1000, with iPXE as its BIOS boot ROM.
    E1000,
    /// Intel e1000e.
    E1000e,
}

impl NicModel {
    fn device(self) -> &'static str {
        match self {
            Self::Virtio => "virtio-net-pci",
            Self::E1000 => "e1000",
            Self::E1000e => "e1000e",
        }
    }
}

/// What a laptop is made of. Change what differs, then [`power_on`](super::Laptop::power_on).
#[derive(Debug, Clone)]
pub struct LaptopSpec {
    /// Its name on the bench; identity and MAC follow from it.
    pub name: String,
    /// Where its serial log, firmware variables and QEMU's log are kept.
    pub dir: PathBuf,
    /// How it starts.
    pub firmware: Firmware,
    /// What it says it is.
    pub identity: Identity,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// Kind of its network cards.
    pub nic: NicModel,
    /// MAC of each network card; none means no card.
    pub macs: Vec<String>,
    /// Its drives, in slot order.
    pub drives: Vec<DriveSpec>,
    /// What its clock says at power-on, `YYYY-MM-DDThh:mm:ss`; the right time if `None`.
    pub clock: Option<String>,
    /// More arguments for QEMU.
    pub extra_args: Vec<String>,
}

impl LaptopSpec {
    /// The `uefi` laptop: q35, OVMF, Secure Boot on, one virtio network card.
    pub fn uefi(name: &str, dir: &Path) -> Self {
        Self::new(name, dir, Firmware::Uefi, Identity::thinkpad(name), NicModel::Virtio)
    }

    /// The `bios` laptop: pc, SeaBIOS, one e1000.
    pub fn bios(name: &str, dir: &Path) -> Self {
        Self::new(name, dir, Firmware::Bios, Identity::latitude(name), NicModel::E1000)
    }

    /// A laptop that starts kernel and initramfs archives at once, for tests that do not netboot.
    pub fn direct(
        name: &str,
        dir: &Path,
        kernel: &Path,
        initrds: &[PathBuf],
        append: &str,
    ) -> Self {
        let (kernel, initrds, append) = (kernel.to_owned(), initrds.to_vec(), append.to_owned());
        let firmware = Firmware::Direct { kernel, initrds, append };
        Self::new(name, dir, firmware, Identity::thinkpad(name), NicModel::Virtio)
    }

    fn new(name: &str, dir: &Path, firmware: Firmware, identity: Identity, nic: NicModel) -> Self {
        Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            firmware,
            identity,
            memory_mib: 1024,
            cpus: 1,
            nic,
            macs: vec![mac_of(name)],
            drives: Vec::new(),
            clock: None,
            extra_args: Vec::new(),
        }
    }

    /// Adds a drive.
    #[must_use]
    pub fn drive(mut self, drive: DriveSpec) -> Self {
        self.drives.push(drive);
        self
    }

    /// Takes the network cards out.
    #[must_use]
    pub fn no_nic(mut self) -> Self {
        self.macs.clear();
        self
    }

    /// Gives it one network card with this MAC.
    #[must_use]
    pub fn mac(mut self, mac: &str) -> Self {
        self.macs = vec![mac.to_owned()];
        self
    }

    /// Sets its clock, `YYYY-MM-DDThh:mm:ss`.
    #[must_use]
    pub fn clock(mut self, time: &str) -> Self {
        self.clock = Some(time.to_owned());
        self
    }

    /// Where its serial console is logged.
    pub fn serial_log(&self) -> PathBuf {
        self.dir.join("serial.log")
    }

    /// QEMU's arguments.
    pub(super) fn qemu_args(&self, taps: &[String], qmp_socket: &Path) -> Result<Vec<String>> {
        let has = |bus| self.drives.iter().any(|drive| drive.bus == bus);
        let mut args = self.firmware.qemu_args(&self.dir, has(Bus::Sata));
        args.extend(self.common_args(qmp_socket));
        args.extend(self.identity.qemu_args(&self.dir)?);
        if self.firmware.has_slots() {
            for n in 0..N_NVME_SLOTS {
                let port = format!("pcie-root-port,id=slot{n},chassis={},slot={}", n + 1, n + 1);
                args.extend(["-device".to_owned(), port]);
            }
        } else if has(Bus::Sata) {
            args.extend(["-device".to_owned(), "ahci,id=ahci0".to_owned()]);
        }
        if has(Bus::Scsi) {
            args.extend(["-device".to_owned(), "virtio-scsi-pci,id=scsi0".to_owned()]);
        }
        for (index, drive) in self.drives.iter().enumerate() {
            args.extend(drive.qemu_args(&self.firmware, index)?);
        }
        for (index, (mac, tap)) in self.macs.iter().zip(taps).enumerate() {
            args.extend(self.nic_args(index, mac, tap));
        }
        args.extend(self.extra_args.iter().cloned());
        Ok(args)
    }

    fn common_args(&self, qmp_socket: &Path) -> Vec<String> {
        let clock = self.clock.as_deref().unwrap_or("utc");
        [
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-vga",
            "std",
            // KVM is never used, even where it exists: one behavior on every host.
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            &self.cpus.to_string(),
            "-m",
            &self.memory_mib.to_string(),
            "-rtc",
            &format!("base={clock}"),
            "-chardev",
            &format!("file,id=serial,append=on,path={}", option(&self.serial_log())),
            "-serial",
            "chardev:serial",
            "-qmp",
            &format!("unix:{},server=on,wait=off", option(qmp_socket)),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn nic_args(&self, index: usize, mac: &str, tap: &str) -> Vec<String> {
        let netdev = format!("tap,id=net{index},ifname={tap},script=no,downscript=no");
        let mut device = format!("{},id=nic{index},netdev=net{index},mac={mac}", self.nic.device());
        match self.firmware {
            // The card's EFI ROM is an old iPXE, behind which shim refuses to load.
            Firmware::Uefi => device.push_str(&format!(",bootindex={},romfile=", index + 1)),
            Firmware::Bios => device.push_str(&format!(",bootindex={}", index + 1)),
            Firmware::Direct { .. } => device.push_str(",romfile="),
        }
        ["-netdev".to_owned(), netdev, "-device".to_owned(), device].to_vec()
    }
}

/// A MAC of a laptop maker's range that follows from `name`.
fn mac_of(name: &str) -> String {
    let digest = blake3::hash(name.as_bytes());
    let [a, b, c, ..] = *digest.as_bytes();
    format!("54:e1:ad:{a:02x}:{b:02x}:{c:02x}")
}
