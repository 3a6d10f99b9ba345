//! The guest around the rigs: file systems, modules, the loopback interface, power.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};

/// The modules to load, in order, a file name a line. Written by who made the initramfs.
const MODULES: &str = "/modules.list";
/// `MODULE_INIT_COMPRESSED_FILE` of `<linux/module.h>`: the kernel unpacks the file itself.
const COMPRESSED_FILE: ModuleInitFlags = ModuleInitFlags::from_bits_retain(4);
/// The kernel parameter that names the set of scenarios.
const SET_PARAMETER: &str = "rig.set=";

/// Mounts what the kernel shows of itself, brings up the loopback interface and loads the listed modules.
///
/// # Errors
/// When any of that fails: a rig that is not whole shows nothing.
pub fn start() -> anyhow::Result<()> {
    for (file_system, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        mount_at(file_system, target)?;
    }
    sys::net::Interface::new("lo")?.set_up(true).context("bringing up the loopback interface")?;
    let list = fs::read_to_string(MODULES).with_context(|| format!("reading {MODULES}"))?;
    for path in list.lines() {
        load(Path::new(path)).with_context(|| format!("loading {path}"))?;
    }
    // Its module is on the list of who needs it.
    if Path::new("/sys/kernel/config").is_dir() {
        mount_at("configfs", "/sys/kernel/config")?;
    }
    Ok(())
}

/// Which set of scenarios the kernel's command line asks for.
///
/// # Errors
/// When it asks for none.
pub fn wanted_set() -> anyhow::Result<String> {
    let parameters = fs::read_to_string("/proc/cmdline").context("reading /proc/cmdline")?;
    let set = parameters.split_whitespace().find_map(|word| word.strip_prefix(SET_PARAMETER));
    Ok(set.with_context(|| format!("no {SET_PARAMETER} among {parameters:?}"))?.to_owned())
}

/// Switches the machine off.
///
/// # Errors
/// When the kernel refuses.
pub fn power_off() -> anyhow::Result<std::convert::Infallible> {
    reboot(RebootMode::RB_POWER_OFF).context("powering off")
}

fn mount_at(file_system: &str, target: &str) -> anyhow::Result<()> {
    fs::create_dir_all(target).with_context(|| format!("making {target}"))?;
    match mount(Some(file_system), target, Some(file_system), MsFlags::empty(), None::<&str>) {
        // A kernel may mount devtmpfs itself.
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("mounting {file_system} on {target}")),
    }
}

fn load(path: &Path) -> anyhow::Result<()> {
    let file = File::open(path)?;
    match finit_module(&file, c"", COMPRESSED_FILE) {
        // Instructions that this processor has not (ENODEV) are done by another module.
        Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
