//! A laptop that starts the appliance at once, kernel and initrds given: for everything that is not about booting.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bench::{Bench, Workshop};
use crate::coordinator::{Coordinator, CoordinatorSpec};
use crate::laptop::LaptopSpec;
use crate::main_job::{Serving, await_admin};
use crate::process::run;
use crate::site::{appliance, new_site};

/// A bench whose coordinator gives addresses, with room for one laptop.
#[derive(Debug)]
pub struct DirectBench {
    /// The LAN.
    pub workshop: Workshop,
    data: PathBuf,
    dir: PathBuf,
}

impl DirectBench {
    /// Makes it, with everything below `dir`.
    ///
    /// # Errors
    /// When the namespace cannot be made or the site's template is missing.
    pub fn open(dir: &Path) -> Result<Self> {
        let data = dir.join("site");
        new_site(&data)?;
        Ok(Self { workshop: Workshop::open(&Bench::for_laptops(1))?, data, dir: dir.to_owned() })
    }

    /// Starts the coordinator. `isolated`: an armed batch admits machines by itself.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve(&self, isolated: bool) -> Result<Serving<'_>> {
        let mut args = vec!["--dhcp".to_owned(), "full".to_owned()];
        if isolated {
            args.push("--isolated".to_owned());
        }
        let (data, appliance) = (self.data.clone(), appliance()?);
        let spec = CoordinatorSpec { data, appliance, args };
        let mut coordinator = Coordinator::start(&self.workshop, spec)?;
        await_admin(&mut coordinator)?;
        Ok(Serving::alone(coordinator))
    }

    /// The site's public key.
    pub fn site_key(&self) -> PathBuf {
        self.data.join("site.pub")
    }

    /// A laptop without drives yet, that starts with what the running coordinator serves.
    ///
    /// # Errors
    /// When the coordinator does not give its site.cpio.
    pub fn laptop(&self, name: &str) -> Result<LaptopSpec> {
        self.laptop_with(name, "")
    }

    /// As [`DirectBench::laptop`], with `kernel_args` for its kernel.
    ///
    /// # Errors
    /// When the coordinator does not give its site.cpio.
    pub fn laptop_with(&self, name: &str, kernel_args: &str) -> Result<LaptopSpec> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("failed to make {}", dir.display()))?;
        let site = dir.join("site.cpio");
        let mut fetch = self.workshop.command("curl");
        fetch.args(["--fail", "--silent", "--show-error", "--max-time", "20", "--output"]);
        run(fetch.arg(&site).arg("http://10.76.0.1/site.cpio"))?;
        let boot = appliance()?;
        let initrds = [boot.join("initrd.zst"), site];
        let append = format!("console=ttyS0 panic=30 {kernel_args}");
        Ok(LaptopSpec::direct(name, &dir, &boot.join("vmlinuz"), &initrds, &append))
    }
}
