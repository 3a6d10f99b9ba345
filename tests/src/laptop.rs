//! Emulated laptops: QEMU without KVM, its serial console in a file, steered over QMP.

mod drive;
mod firmware;
mod smbios;
mod spec;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bench::Workshop;
use crate::log_tail::{LogTail, excerpt};
use crate::process::Process;
use crate::qmp::Qmp;
pub use drive::{Bus, DriveSpec};
pub use firmware::Firmware;
pub use smbios::{Identity, NOTEBOOK};
pub use spec::{LaptopSpec, NicModel};

/// How long a guest may take to see a drive that was plugged.
const PLUG: Duration = Duration::from_secs(60);
/// How long a guest may take to let go of a drive that is being unplugged.
const UNPLUG: Duration = Duration::from_secs(60);

/// A laptop on the bench. Dropping it cuts its power for good.
#[derive(Debug)]
pub struct Laptop<'a> {
    workshop: &'a Workshop,
    spec: LaptopSpec,
    taps: Vec<String>,
    qmp_socket: PathBuf,
    serial: LogTail,
    power: Option<Power>,
    n_power_ons: u32,
    /// QEMU's names of device and block node of each drive.
    attached: Vec<Attached>,
    /// Drives plugged since power-on, by which later ones get new names.
    n_plugged: usize,
}

#[derive(Debug, Clone)]
struct Attached {
    device: String,
    node: String,
}

#[derive(Debug)]
struct Power {
    process: Process,
    qmp: Qmp,
}

impl<'a> Laptop<'a> {
    /// Puts the laptop on the bench and switches it on. Starts a new serial log and new
    /// firmware variables.
    ///
    /// # Errors
    /// When a file or QEMU is missing, or QEMU does not start.
    pub fn power_on(workshop: &'a Workshop, spec: LaptopSpec) -> Result<Self> {
        fs::create_dir_all(&spec.dir)
            .with_context(|| format!("failed to make {}", spec.dir.display()))?;
        spec.firmware.prepare(&spec.dir)?;
        let taps = spec.macs.iter().map(|_| workshop.add_tap()).collect::<Result<Vec<_>>>()?;
        let label = workshop.add_label(&spec.name);
        let qmp_socket = workshop.run_dir().join(format!("{label}.qmp"));
        let serial_log = spec.serial_log();
        fs::write(&serial_log, "")
            .with_context(|| format!("failed to make {}", serial_log.display()))?;
        let mut laptop = Self {
            workshop,
            spec,
            taps,
            qmp_socket,
            serial: LogTail::new(&serial_log),
            power: None,
            n_power_ons: 0,
            attached: Vec::new(),
            n_plugged: 0,
        };
        laptop.switch_on()?;
        Ok(laptop)
    }

    /// What it is made of.
    pub fn spec(&self) -> &LaptopSpec {
        &self.spec
    }

    /// What it is made of, to change drives, clock or identity while it is off. The number of
    /// network cards stays.
    ///
    /// # Errors
    /// When it is on.
    pub fn spec_mut(&mut self) -> Result<&mut LaptopSpec> {
        ensure!(self.power.is_none(), "laptop {} is on", self.spec.name);
        Ok(&mut self.spec)
    }

    /// Pulls the plug (SIGKILL) and switches it on again. Drives keep what QEMU had written,
    /// firmware variables stay, the serial log goes on.
    ///
    /// # Errors
    /// When QEMU does not go or does not come back.
    pub fn power_cycle(&mut self) -> Result<()> {
        self.power_off()?;
        self.switch_on()
    }

    /// Pulls the plug. No matter if it is already off.
    ///
    /// # Errors
    /// When QEMU cannot be killed.
    pub fn power_off(&mut self) -> Result<()> {
        if let Some(mut power) = self.power.take() {
            power.process.kill()?;
            self.workshop.switch_off();
        }
        Ok(())
    }

    /// Switches it on after [`Laptop::power_off`] or after the guest powered off. What was
    /// written to the serial log before is not waited for any more.
    ///
    /// # Errors
    /// When it is on, or QEMU does not start.
    pub fn switch_on(&mut self) -> Result<()> {
        ensure!(self.power.is_none(), "laptop {} is already on", self.spec.name);
        self.serial.skip_to_end()?;
        self.n_power_ons += 1;
        let mut log = OpenOptions::new().append(true).open(self.serial.path())?;
        writeln!(log, "\n### workshop: power on, time {} ###", self.n_power_ons)?;
        drop(log);
        self.workshop.switch_on()?;
        self.power = Some(self.start_qemu().inspect_err(|_| self.workshop.switch_off())?);
        let name =
            |index| Attached { device: drive::device_id(index), node: drive::node_id(index) };
        self.attached = (0..self.spec.drives.len()).map(name).collect();
        self.n_plugged = 0;
        Ok(())
    }

    fn start_qemu(&self) -> Result<Power> {
        let mut command = self.workshop.command(firmware::QEMU);
        command.args(self.spec.qemu_args(&self.taps, &self.qmp_socket)?);
        let log = self.spec.dir.join("qemu.log");
        let process = Process::start(&mut command, &log)?;
        let qmp = Qmp::connect(&self.qmp_socket).with_context(|| {
            format!(
                "laptop {} did not start; QEMU said:\n{}",
                self.spec.name,
                process.log_excerpt()
            )
        })?;
        Ok(Power { process, qmp })
    }

    /// Waits until `needle` appears on the serial console, behind what was found last.
    ///
    /// # Errors
    /// After `timeout`, or when QEMU ended; both show the end of the console.
    pub fn wait_serial(&mut self, needle: &str, timeout: Duration) -> Result<()> {
        self.wait_serial_any(&[needle], timeout).map(|_| ())
    }

    /// Waits for the first of several words and returns which one it was.
    ///
    /// # Errors
    /// As [`Laptop::wait_serial`].
    pub fn wait_serial_any(&mut self, needles: &[&str], timeout: Duration) -> Result<usize> {
        let Self { serial, power, spec, .. } = self;
        serial
            .wait_any(needles, timeout, || match power {
                None => Ok(Some("the laptop is off".to_owned())),
                Some(power) => Ok(power.process.ended()?.map(|status| {
                    format!("QEMU ended with {status}: {}", power.process.log_excerpt())
                })),
            })
            .with_context(|| format!("laptop {}", spec.name))
    }

    /// Whether `needle` is on the serial console, behind what was found last; a later wait finds it still.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn serial_shows(&mut self, needle: &str) -> Result<bool> {
        self.serial.shows(needle)
    }

    /// Waits until the guest powers off.
    ///
    /// # Errors
    /// When it still runs after `timeout`; shows the end of the console.
    pub fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let (name, serial) = (&self.spec.name, self.serial.path());
        let power = self.power.as_mut().with_context(|| format!("laptop {name} is off"))?;
        let status = power.process.wait_exit(timeout).with_context(|| {
            format!("laptop {name}; its console ends with:\n{}", excerpt(serial))
        })?;
        self.power = None;
        self.workshop.switch_off();
        Ok(status)
    }

    /// Waits for a QMP event, such as `RESET` when the guest reboots.
    ///
    /// # Errors
    /// After `timeout`, or when QEMU is gone.
    pub fn wait_event(&mut self, name: &str, timeout: Duration) -> Result<Value> {
        self.qmp()?.wait_event(name, timeout, |_| true)
    }

    /// Saves what the screen shows as a PNG.
    ///
    /// # Errors
    /// When it is off or the file cannot be written.
    pub fn screendump(&mut self, png: &Path) -> Result<()> {
        let arguments = json!({"filename": absolute(png)?, "format": "png"});
        self.qmp()?.execute("screendump", &arguments).map(|_| ())
    }

    /// Pulls drive number `index` out of the running laptop and puts another one in its slot.
    /// The guest has to cooperate, as with a real slot. SCSI, and NVMe without EUI-64 (`uefi`,
    /// `direct`) only: QEMU cannot do it with others.
    ///
    /// # Errors
    /// When the drives' buses differ or cannot do it, or the guest holds the drive for 60 s.
    pub fn swap_drive(&mut self, index: usize, drive: DriveSpec) -> Result<()> {
        let old = self.spec.drives.get(index).with_context(|| format!("no drive {index}"))?;
        ensure!(old.bus == drive.bus, "drive {index} is {:?}, not {:?}", old.bus, drive.bus);
        old.check_pluggable()?;
        drive.check_pluggable()?;
        let slot = old.slot(&self.spec.firmware, index)?;
        let Attached { device, node } = self.attached[index].clone();
        let qmp = self.qmp()?;
        qmp.execute("device_del", &json!({"id": device}))?;
        qmp.wait_event("DEVICE_DELETED", UNPLUG, |data| data["device"] == device.as_str())
            .with_context(|| format!("the guest did not let go of drive {index}"))?;
        qmp.execute("blockdev-del", &json!({"node-name": node}))?;
        let attached = self.plug(&drive, &slot)?;
        self.attached[index] = attached;
        self.spec.drives[index] = drive;
        Ok(())
    }

    /// Plugs one more drive into the running laptop: a free NVMe slot, or the SCSI bus.
    ///
    /// # Errors
    /// When there is no free slot or QEMU refuses.
    pub fn plug_drive(&mut self, drive: DriveSpec) -> Result<()> {
        drive.check_pluggable()?;
        let slot = drive.slot(&self.spec.firmware, self.spec.drives.len())?;
        let attached = self.plug(&drive, &slot)?;
        self.attached.push(attached);
        self.spec.drives.push(drive);
        Ok(())
    }

    fn plug(&mut self, drive: &DriveSpec, slot: &str) -> Result<Attached> {
        self.n_plugged += 1;
        let n = self.n_plugged;
        let (device, node) = (format!("plugged-drive{n}"), format!("plugged-node{n}"));
        let qmp = self.qmp()?;
        qmp.execute("blockdev-add", &drive.blockdev(&node))?;
        qmp.execute("device_add", &drive.hot_device(&device, &node, slot)?)?;
        await_first_read(qmp, &device)?;
        Ok(Attached { device, node })
    }

    /// The QMP connection, for what has no method of its own.
    ///
    /// # Errors
    /// When the laptop is off.
    pub fn qmp(&mut self) -> Result<&mut Qmp> {
        let name = &self.spec.name;
        let power = self.power.as_mut().with_context(|| format!("laptop {name} is off"))?;
        Ok(&mut power.qmp)
    }
}

impl Drop for Laptop<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.power_off() {
            eprintln!("workshop: {error:#}");
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("failed to resolve {}", path.display()))
}

/// A kernel that has taken a drive in reads its partition table: from then on the drive is listed.
fn await_first_read(qmp: &mut Qmp, device: &str) -> Result<()> {
    let deadline = Instant::now() + PLUG;
    loop {
        let all = qmp.execute("query-blockstats", &json!({}))?;
        let is_it =
            |entry: &&Value| entry["qdev"].as_str().is_some_and(|path| path.contains(device));
        let entry = all.as_array().and_then(|all| all.iter().find(is_it));
        if entry.is_some_and(|entry| entry["stats"]["rd_operations"].as_u64() > Some(0)) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the guest does not read from {device}: {all}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
