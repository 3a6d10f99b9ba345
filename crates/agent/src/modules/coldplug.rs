//! The walk over what is there, then the events of what comes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::Modules;
use super::loader::Loader;
use super::uevent::{Heard, Uevent, UeventSocket};
use crate::roots::Roots;

const MODULES: &str = "/lib/modules";
/// How long the socket waits for an event, and how often the tree is walked where there is no socket.
const TICK: Duration = Duration::from_secs(1);
/// Subsystems whose arrivals change what would be planned, driver or not.
const OF_INTEREST: [&str; 6] = ["block", "nvme", "scsi", "mmc", "net", "ata_device"];

/// Loads `preloaded`, walks, follows. Never returns.
pub(super) fn run(roots: &Roots, modules: &Modules, preloaded: &[&str]) {
    // The ear is open before the walk, so that nothing appears unseen in between.
    let socket = UeventSocket::open(TICK)
        .map_err(|error| modules.problem(format!("listening for device events: {error}")))
        .ok();
    let mut loader = open_loader(roots, modules);
    for name in preloaded {
        load(&mut loader, modules, name);
    }
    walk(roots, &mut loader, modules);
    tracing::info!(
        target: "init",
        loaded = modules.loaded(), available = loader.available(), "drivers of present devices are loaded"
    );
    loop {
        let heard = socket.as_ref().map(|socket| {
            modules.idle();
            socket.hear()
        });
        match heard {
            Some(Ok(Heard::Silence)) => {}
            Some(Ok(Heard::Event(event))) => {
                modules.busy();
                follow(&event, &mut loader, modules);
            }
            Some(Ok(Heard::Overrun)) => {
                modules.busy();
                modules.changed(0);
                walk(roots, &mut loader, modules);
            }
            // Deaf: drivers are still loaded, but nobody may claim that the machine stopped changing.
            Some(Err(_)) | None => {
                modules.busy();
                std::thread::sleep(TICK);
                walk(roots, &mut loader, modules);
            }
        }
    }
}

fn open_loader(roots: &Roots, modules: &Modules) -> Loader {
    let release = roots.proc.join("sys/kernel/osrelease");
    let directory = fs::read_to_string(&release)
        .with_context(|| format!("reading {}", release.display()))
        .map(|release| Path::new(MODULES).join(release.trim()));
    match directory.and_then(|directory| Loader::open(&directory)) {
        Ok(loader) => loader,
        Err(error) => {
            modules.problem(format!("no drivers can be loaded: {error:#}"));
            Loader::empty(Path::new(MODULES))
        }
    }
}

fn follow(event: &Uevent, loader: &mut Loader, modules: &Modules) {
    let arrival_or_loss = matches!(event.action.as_str(), "add" | "remove" | "change");
    if arrival_or_loss && OF_INTEREST.contains(&event.subsystem.as_str()) {
        modules.changed(0);
    }
    // `change` too: a driver may learn only later what hangs on its bus.
    if let Some(modalias) = &event.modalias
        && event.action != "remove"
    {
        load(loader, modules, modalias);
    }
}

fn load(loader: &mut Loader, modules: &Modules, request: &str) {
    let (loaded, problems) = loader.load(request);
    problems.into_iter().for_each(|problem| modules.problem(problem));
    if loaded > 0 {
        modules.changed(loaded);
    }
}

/// Loads for each `modalias` file. Loading makes devices appear; the socket tells of those.
fn walk(roots: &Roots, loader: &mut Loader, modules: &Modules) {
    let devices = roots.sys.join("devices");
    match modaliases(&devices) {
        Ok(found) => found.iter().for_each(|modalias| load(loader, modules, modalias)),
        Err(error) => modules.problem(format!("walking {}: {error}", devices.display())),
    }
}

/// All modaliases below a directory of sysfs. A device that vanishes meanwhile is no error.
fn modaliases(devices: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = vec![devices.to_owned()];
    while let Some(directory) = pending.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if directory == devices => return Err(error),
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                pending.push(entry.path());
            } else if entry.file_name() == "modalias"
                && let Ok(modalias) = fs::read_to_string(entry.path())
            {
                found.push(modalias.trim().to_owned());
            }
        }
    }
    found.retain(|modalias| !modalias.is_empty());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modaliases_are_found_at_any_depth_and_links_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("pci0000:00/0000:00:1f.2/ata1");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.path().join("pci0000:00/0000:00:1f.2/modalias"), "pci:v1\n").unwrap();
        fs::write(deep.join("modalias"), "scsi:t-0x00\n").unwrap();
        fs::create_dir(root.path().join("empty")).unwrap();
        fs::write(root.path().join("empty/modalias"), "\n").unwrap();
        std::os::unix::fs::symlink("..", deep.join("subsystem")).unwrap();
        let mut found = modaliases(root.path()).unwrap();
        found.sort();
        assert_eq!(found, ["pci:v1", "scsi:t-0x00"]);
        assert!(modaliases(&root.path().join("missing")).is_err());
    }
}
