//! The files a machine boots from: the appliance's, read once, and those made for it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::MacAddr;

use crate::boot_choice::{BootChoice, Caller, choose};
use crate::config::{Config, Language};
use crate::coordinator::Coordinator;
use crate::cpio;

const MENU: &str = include_str!("../../../image/appliance/grub.cfg");
const APPLIANCE_MENU: &str = include_str!("../../../image/appliance/appliance.cfg");
const LOCAL_DISK_MENU: &str = include_str!("../../../image/appliance/localdisk.cfg");

/// Files of the appliance's directory, with whether network boot needs them.
const APPLIANCE_FILES: [(&str, bool); 7] = [
    ("bootx64.efi", true),
    ("grubx64.efi", true),
    ("mmx64.efi", false),
    ("core.0", false),
    ("vmlinuz", true),
    ("initrd.zst", true),
    ("appliance.json", false),
];
/// No boot file is larger; what is must be something else.
const MAX_FILE_LEN: u64 = 256 << 20;

/// Why the appliance cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the boot file {path}; build the appliance with scripts/build-appliance")]
pub(crate) struct BootSetError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The appliance's files in memory: a stack of laptops reads them all at once.
#[derive(Debug, Default)]
pub(crate) struct BootSet {
    files: BTreeMap<&'static str, Arc<[u8]>>,
    missing: Vec<&'static str>,
}

impl BootSet {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// When one is there and cannot be read.
    pub(crate) fn read(directory: &Path) -> Result<Self, BootSetError> {
        let mut set = Self::default();
        for (name, needed) in APPLIANCE_FILES {
            let path = directory.join(name);
            let fail = |source| BootSetError { path: path.clone(), source };
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.len() > MAX_FILE_LEN => {
                    return Err(fail(io::Error::from(io::ErrorKind::FileTooLarge)));
                }
                Ok(_) => drop(set.files.insert(name, std::fs::read(&path).map_err(fail)?.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if needed {
                        set.missing.push(name);
                    }
                }
                Err(error) => return Err(fail(error)),
            }
        }
        Ok(set)
    }

    /// Names of needed files that are not there.
    pub(crate) fn missing(&self) -> &[&'static str] {
        &self.missing
    }
}

/// The file at `path` (no leading slash): the same over HTTP and TFTP.
pub(crate) fn boot_file(coordinator: &Coordinator, path: &str) -> Option<Arc<[u8]>> {
    if let Some(file) = coordinator.boot_set.files.get(path) {
        return Some(file.clone());
    }
    match path {
        "site.cpio" => site_cpio(coordinator),
        "grub/grub.cfg" => Some(Arc::from(MENU.as_bytes())),
        _ => {
            let (mac, uuid) = path.strip_prefix("grub/machine/")?.split_once('/')?;
            Some(Arc::from(machine_menu(coordinator, mac, uuid).into_bytes()))
        }
    }
}

fn site_cpio(coordinator: &Coordinator) -> Option<Arc<[u8]>> {
    // Strings and numbers; writing them as JSON does not fail.
    let json = serde_json::to_vec(&coordinator.site_config()).ok()?;
    Some(cpio::archive(&[("rehome/site.json", &json)]).into())
}

fn machine_menu(coordinator: &Coordinator, mac: &str, uuid: &str) -> String {
    let mac = mac.parse::<MacAddr>().ok();
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let uuid = (uuid.len() == 36 && plain(uuid)).then_some(uuid);
    let caller = Caller { mac, uuid };
    let published = coordinator.journal.published();
    let now = coordinator.journal.now();
    let choice = choose(&published.bench, now, coordinator.config.discovery, caller);
    drop(published);
    tracing::info!(target: "netboot", ?mac, uuid, ?choice, "menu");
    match choice {
        BootChoice::LocalDisk { .. } => LOCAL_DISK_MENU.to_owned(),
        BootChoice::Appliance => {
            APPLIANCE_MENU.replace("{{cmdline}}", &command_line(&coordinator.config, caller))
        }
    }
}

/// The kernel's command line. Every word is plain: checked when the configuration was read, or parsed above.
fn command_line(config: &Config, caller: Caller<'_>) -> String {
    let mut words = vec!["panic=30".to_owned()];
    words.extend(caller.mac.map(|mac| format!("rehome.mac={mac}")));
    words.extend(caller.uuid.map(|uuid| format!("rehome.uuid={uuid}")));
    let language = match config.language {
        Language::En => "en",
        Language::Pl => "pl",
    };
    words.push(format!("rehome.lang={language}"));
    words.extend(config.kernel_args.iter().cloned());
    words.join(" ")
}
