//! A guest that runs the drive rigs: the appliance's kernel, the modules that a rig needs, and `rig-init` as PID 1.
//!
//! The appliance's own initrd stays out of it: it has no network block devices, and its agent would refuse them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::{Bench, Workshop};
use crate::laptop::{DriveSpec, Laptop, LaptopSpec};
use crate::log_tail::excerpt;
use crate::process::run;
use crate::site::cache_dir;

const INIT: &str = "rig-init";
const MEMORY_MIB: u32 = 512;
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../image/appliance");

/// What one run of a rig said.
#[derive(Debug)]
pub struct RigReport {
    /// Its lines, in order, without the leading `RIG `.
    pub lines: Vec<String>,
    /// The end of the console, for whoever misses one.
    pub console: String,
}

impl RigReport {
    /// Panics unless exactly these scenarios ran, in this order, and each was as it should be.
    ///
    /// # Panics
    /// As said.
    pub fn must_be(&self, scenarios: &[&str]) {
        let done = format!("done {}", scenarios.len());
        let all_ok = self.lines.len() == scenarios.len() + 1
            && self.lines.last() == Some(&done)
            && scenarios.iter().zip(&self.lines).all(|(name, line)| {
                line.strip_prefix("ok ").is_some_and(|rest| rest.starts_with(&format!("{name}: ")))
            });
        let (said, console) = (self.lines.join("\n"), &self.console);
        assert!(all_ok, "expected {scenarios:?} and no other\n{said}\nconsole:\n{console}");
    }
}

/// What a guest has beside `rig-init`.
#[derive(Debug, Clone, Default)]
pub struct RigGuest<'a> {
    /// Modules; all that they need comes along.
    pub modules: &'a [&'a str],
    /// Programs of ours, for its `/bin`.
    pub programs: &'a [&'a str],
    /// Drives that QEMU gives it.
    pub drives: Vec<DriveSpec>,
}

/// Boots a guest, has it run the set of scenarios, and waits until it switches itself off.
///
/// # Errors
/// When `scripts/prepare` has not run, or the guest still runs after `timeout`.
pub fn run_rig(dir: &Path, set: &str, guest: RigGuest<'_>, timeout: Duration) -> Result<RigReport> {
    let RigGuest { modules, programs, drives } = guest;
    let tree = cache_dir()?.join("appliance-debs/tree");
    ensure!(tree.is_dir(), "{} is not there; run scripts/prepare", tree.display());
    let initrd = dir.join("initrd.cpio");
    make_initrd(&tree, &dir.join("root"), modules, programs, &initrd)?;
    let release = kernel_release(&tree)?;
    let kernel = tree.join(format!("boot/vmlinuz-{release}"));
    // A panic ends the guest, as QEMU is told not to restart it.
    let append = format!("console=ttyS0 quiet panic=-1 rig.set={set}");
    let mut spec = LaptopSpec::direct("rig", dir, &kernel, &[initrd], &append).no_nic();
    for drive in drives {
        spec = spec.drive(drive);
    }
    spec.memory_mib = MEMORY_MIB;
    spec.extra_args.push("-no-reboot".to_owned());
    // The console is the first port, what the rig says goes to the second: the kernel breaks into no line.
    let report = dir.join("report.log");
    let chardev = format!("file,id=report,path={}", report.display());
    spec.extra_args.extend(["-chardev", &chardev, "-serial", "chardev:report"].map(str::to_owned));
    let log = spec.serial_log();
    let workshop = Workshop::open(&Bench::for_laptops(1))?;
    Laptop::power_on(&workshop, spec)?.wait_exit(timeout)?;
    let said = fs::read(&report).with_context(|| format!("failed to read {}", report.display()))?;
    let lines = String::from_utf8_lossy(&said)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("RIG "))
        .map(str::to_owned)
        .collect();
    Ok(RigReport { lines, console: excerpt(&log) })
}

fn make_initrd(
    tree: &Path,
    root: &Path,
    modules: &[&str],
    programs: &[&str],
    initrd: &Path,
) -> Result<()> {
    for name in ["dev", "proc", "sys", "no-config"] {
        fs::create_dir_all(root.join(name))
            .with_context(|| format!("failed to make {}", root.display()))?;
    }
    let programs = programs.iter().map(|&name| (name, Path::new("bin").join(name)));
    for (name, place) in programs.chain([(INIT, "init".into())]) {
        let program = binary(name)?;
        copy_into(&program, root, &place)?;
        for library in libraries(&program)? {
            copy_into(&library, root, library.strip_prefix("/")?)?;
        }
    }
    let mut list = String::new();
    for file in load_order(tree, &root.join("no-config"), modules)? {
        let path = Path::new("/modules").join(file.file_name().context("a module has no name")?);
        copy_into(&file, root, path.strip_prefix("/")?)?;
        list.push_str(&format!("{}\n", path.display()));
    }
    fs::write(root.join("modules.list"), list).context("failed to write the list of modules")?;
    // Without /dev/console the kernel starts PID 1 with no open descriptor at all.
    let mut write = Command::new(Path::new(RECIPES).join("write-cpio"));
    write.arg(root).arg("dev/console:600:5:1").stdin(std::process::Stdio::null());
    let output = write.output().context("failed to start write-cpio")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "write-cpio ended with {}: {complaint}", output.status);
    fs::write(initrd, output.stdout)
        .with_context(|| format!("failed to write {}", initrd.display()))
}

/// The files of the modules and of all that they need, each after what it needs.
fn load_order(tree: &Path, no_config: &Path, modules: &[&str]) -> Result<Vec<PathBuf>> {
    let release = kernel_release(tree)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for module in modules {
        let mut modprobe = Command::new(Path::new(RECIPES).join("debian-tool"));
        modprobe.arg(tree).arg("modprobe").arg("-d").arg(tree.join("usr")).arg("-C").arg(no_config);
        let said = run(modprobe.args(["-S", &release, "--show-depends", module]))
            .with_context(|| format!("kernel {release} has no module {module}"))?;
        // "builtin NAME" is as good.
        for path in said.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            let path = PathBuf::from(path.trim());
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn kernel_release(tree: &Path) -> Result<String> {
    let modules = tree.join("usr/lib/modules");
    let mut entries =
        fs::read_dir(&modules).with_context(|| format!("failed to list {}", modules.display()))?;
    let release = entries.next().context("no kernel among the appliance's packages")??;
    Ok(release.file_name().to_string_lossy().into_owned())
}

/// A program of the workspace, in the directory where cargo put the running one, or one above.
fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("failed to find this program's own path")?;
    let candidates = own.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    candidates.into_iter().find(|path| path.is_file()).with_context(|| {
        format!("no `{name}` beside {}: run `cargo build --workspace`", own.display())
    })
}

/// The shared libraries and the loader that the binary asks for, by their paths on this host.
fn libraries(binary: &Path) -> Result<Vec<PathBuf>> {
    let said = run(Command::new("ldd").arg(binary))?;
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(Into::into);
    Ok(said.lines().filter_map(path).collect())
}

fn copy_into(file: &Path, root: &Path, name: &Path) -> Result<()> {
    let to = root.join(name);
    let parent = to.parent().unwrap_or(root);
    fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
    fs::copy(file, &to)
        .map(|_| ())
        .with_context(|| format!("failed to copy {} to {}", file.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(lines: &[&str]) -> bool {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        let report = RigReport { lines, console: String::new() };
        std::panic::catch_unwind(|| report.must_be(&["one", "two"])).is_ok()
    }

    #[test]
    fn every_line_must_be_there_and_no_other() {
        assert!(passes(&["ok one: seen", "ok two: seen", "done 2"]));
        for lines in [
            &["ok one: seen", "done 2"][..],
            &["ok one: seen", "ok two: seen"],
            &["ok one: seen", "FAIL two: why", "done 2"],
            &["ok two: seen", "ok one: seen", "done 2"],
            &["ok one: seen", "ok twofold: seen", "done 2"],
            &["ok one: seen", "ok two: seen", "ok three: seen", "done 3"],
            &[],
        ] {
            assert!(!passes(lines), "{lines:?}");
        }
    }
}
