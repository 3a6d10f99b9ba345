//! The kernel's side: `/dev/nvme-fabrics` (drivers/nvme/host/fabrics.c) and the controller's attributes in sysfs.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Target;

const FABRICS: &str = "/dev/nvme-fabrics";
/// How long the kernel may take to scan for namespaces, or to connect again.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A connection of this kernel to a target: a controller with its namespaces. It is cut when this is dropped.
#[derive(Debug)]
pub struct Host {
    controller: PathBuf,
    namespaces: Vec<String>,
}

impl Host {
    /// Connects and waits for the block devices.
    ///
    /// # Errors
    /// When the kernel does not connect, or shows too few block devices within a minute.
    pub fn connect(target: &Target, n_namespaces: usize) -> anyhow::Result<Self> {
        let address = target.address();
        // The kernel tries again each second after a lost connection, for ten minutes.
        let options = format!(
            "nqn={},transport=tcp,traddr={},trsvcid={},nr_io_queues=1,queue_size=64,\
             keep_alive_tmo=10,reconnect_delay=1,ctrl_loss_tmo=600",
            target.nqn(),
            address.ip(),
            address.port()
        );
        let mut fabrics = OpenOptions::new()
            .read(true)
            .write(true)
            .open(FABRICS)
            .with_context(|| format!("opening {FABRICS}"))?;
        fabrics
            .write_all(options.as_bytes())
            .with_context(|| format!("connecting by {FABRICS} with {options}"))?;
        let mut answer = String::new();
        fabrics.read_to_string(&mut answer).context("reading which controller it became")?;
        let instance = answer
            .strip_prefix("instance=")
            .and_then(|rest| rest.split(',').next())
            .with_context(|| format!("{FABRICS} answered {answer:?}"))?;
        let controller = Path::new("/sys/class/nvme").join(format!("nvme{instance}"));
        let mut host = Self { controller, namespaces: Vec::new() };
        let look = |host: &Self| {
            let found = host.find_namespaces()?;
            Ok((found.len() == n_namespaces).then_some(found))
        };
        host.namespaces = host.wait_for("its namespaces", look)?;
        Ok(host)
    }

    /// The block devices of its namespaces.
    pub fn devices(&self) -> Vec<PathBuf> {
        self.namespaces.iter().map(|name| Path::new("/dev").join(name)).collect()
    }

    /// The block devices' names in `/sys/block`.
    pub fn kernel_names(&self) -> &[String] {
        &self.namespaces
    }

    /// Waits until the kernel says that the controller is in this state (`live`, `connecting`, ...).
    ///
    /// # Errors
    /// When it is not within a minute, or its state cannot be read.
    pub fn wait_state(&self, wanted: &str) -> anyhow::Result<()> {
        self.wait_for(wanted, |host| Ok((host.state()? == wanted).then_some(())))
    }

    fn state(&self) -> anyhow::Result<String> {
        let path = self.controller.join("state");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    fn find_namespaces(&self) -> anyhow::Result<Vec<String>> {
        let entries = fs::read_dir(&self.controller)
            .with_context(|| format!("listing {}", self.controller.display()))?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(
                entry.context("listing a controller")?.file_name().to_string_lossy().into_owned(),
            );
        }
        names.sort();
        let is_namespace =
            |name: &String| name.strip_prefix("nvme").is_some_and(|rest| rest.contains('n'));
        // The node is there before the disk behind it is (ENXIO).
        let is_open = |name: &String| File::open(Path::new("/dev").join(name)).is_ok();
        Ok(names.into_iter().filter(|name| is_namespace(name) && is_open(name)).collect())
    }

    fn wait_for<T>(
        &self,
        what: &str,
        look: impl Fn(&Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} ({}) after {PATIENCE:?}: waited for {what}",
                    self.controller.display(),
                    self.state()?
                );
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let path = self.controller.join("delete_controller");
        if let Err(error) = fs::write(&path, "1") {
            eprintln!("nvme host: writing {}: {error}", path.display());
        }
    }
}
