//! The main job on one laptop, from dirty disk to booted system, as the demo and the tests run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::{Bench, Workshop};
use crate::coordinator::{Coordinator, CoordinatorSpec};
use crate::foreign_dhcp::ForeignDhcp;
use crate::laptop::{DriveSpec, Laptop, LaptopSpec};
use crate::site::{appliance, new_site};

/// What both emulated firmwares and a whole job may take on a busy machine.
const JOB_TIMEOUT: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(500);

/// Which of the two laptops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// q35, OVMF with Secure Boot, NVMe; served in proxy mode beside a real dnsmasq; picked by a person.
    Uefi,
    /// pc, SeaBIOS, AHCI; served in full mode on an isolated bench; admitted by itself.
    Bios,
}

impl Kind {
    /// Its name, in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uefi => "uefi",
            Self::Bios => "bios",
        }
    }

    fn serve_args(self) -> Vec<String> {
        let mode: &[&str] = match self {
            Self::Uefi => &["--dhcp", "proxy"],
            Self::Bios => &["--dhcp", "full", "--isolated"],
        };
        let common = ["--site-name", "Demo town hall", "--kernel-args", "console=ttyS0"];
        mode.iter().chain(&common).map(|arg| (*arg).to_owned()).collect()
    }

    /// The laptop with `disk` as its only drive. `dir` gets its log and firmware variables.
    pub fn laptop(self, dir: &Path, disk: &Path) -> LaptopSpec {
        match self {
            Self::Uefi => {
                LaptopSpec::uefi(self.name(), dir).drive(DriveSpec::nvme(disk, "NVME0001"))
            }
            Self::Bios => {
                LaptopSpec::bios(self.name(), dir).drive(DriveSpec::sata(disk, "SATA0001"))
            }
        }
    }
}

/// A bench with a coordinator on it, and a DHCP server of its own where the laptop wants one.
#[derive(Debug)]
pub struct Setting {
    /// The LAN.
    pub workshop: Workshop,
    /// The coordinator's data directory.
    pub data: PathBuf,
    /// Which laptop it is for.
    pub kind: Kind,
}

impl Setting {
    /// A bench for one laptop of `kind`, with the coordinator's data below `dir`.
    ///
    /// # Errors
    /// When the namespace cannot be made or the site's template is missing.
    pub fn open(kind: Kind, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("failed to make {}", dir.display()))?;
        let data = dir.join("site");
        new_site(&data)?;
        let workshop = Workshop::open(&Bench::for_laptops(1))?;
        Ok(Self { workshop, data, kind })
    }

    /// Starts the foreign DHCP server where one belongs, then the coordinator.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start(&self) -> Result<Serving<'_>> {
        let dhcp = match self.kind {
            Kind::Uefi => Some(ForeignDhcp::start(
                &self.workshop,
                "10.76.0.2/24",
                "10.76.0.100",
                "10.76.0.150",
            )?),
            Kind::Bios => None,
        };
        let spec = CoordinatorSpec {
            data: self.data.clone(),
            appliance: appliance()?,
            args: self.kind.serve_args(),
        };
        let mut coordinator = Coordinator::start(&self.workshop, spec)?;
        await_admin(&mut coordinator)?;
        Ok(Serving { coordinator, _dhcp: dhcp })
    }
}

/// A coordinator that answers.
#[derive(Debug)]
pub struct Serving<'a> {
    /// The coordinator.
    pub coordinator: Coordinator<'a>,
    _dhcp: Option<ForeignDhcp>,
}

impl<'a> Serving<'a> {
    /// A coordinator without a foreign DHCP server beside it.
    pub fn alone(coordinator: Coordinator<'a>) -> Self {
        Self { coordinator, _dhcp: None }
    }
}

impl Serving<'_> {
    /// Arms a batch of one machine with the demo image.
    ///
    /// # Errors
    /// When the coordinator refuses.
    pub fn arm(&self) -> Result<()> {
        self.coordinator.papers()?;
        let words = "batch arm --by Demo --count 1 --for 2h --kind refurbish --image demo --locale pl_PL.UTF-8";
        self.coordinator.cli(&words.split(' ').collect::<Vec<_>>()).map(drop)
    }

    /// Arms a batch of one machine that is only wiped.
    ///
    /// # Errors
    /// When the coordinator refuses.
    pub fn arm_wipe(&self) -> Result<()> {
        self.coordinator.papers()?;
        let words = "batch arm --by Demo --count 1 --for 2h --kind wipe";
        self.coordinator.cli(&words.split(' ').collect::<Vec<_>>()).map(drop)
    }

    /// The only machine, as `rehome machine list --json` shows it; none before one was seen.
    ///
    /// # Errors
    /// When the coordinator does not answer, or shows several.
    pub fn machine(&self) -> Result<Option<Value>> {
        match self.coordinator.cli_json(&["machine", "list", "--json"])? {
            Value::Array(rows) if rows.len() <= 1 => Ok(rows.into_iter().next()),
            other => bail!("one machine was expected: {other}"),
        }
    }

    /// Kills the coordinator without warning and starts it again on the same data.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.coordinator.restart()?;
        await_admin(&mut self.coordinator)
    }
}

/// Watches the machine until `done` says so. A machine that waits for a person is picked, one that needs attention
/// is an error with the reason; `see` gets every row.
///
/// # Errors
/// After the time that a job may take, when the laptop's QEMU ends, or when attention is needed.
pub fn watch(
    serving: &Serving<'_>,
    laptop: &Laptop<'_>,
    see: &mut dyn FnMut(&Value),
    done: &dyn Fn(&Value) -> bool,
) -> Result<Value> {
    let deadline = Instant::now() + JOB_TIMEOUT;
    let mut last = Value::Null;
    while Instant::now() < deadline {
        if let Some(row) = serving.machine()? {
            see(&row);
            if done(&row) {
                return Ok(row);
            }
            match state(&row) {
                "waiting" => pick(serving, &row)?,
                "attention" => bail!("laptop {} needs a person: {row}", laptop.spec().name),
                _ => {}
            }
            last = row;
        }
        std::thread::sleep(POLL);
    }
    let log = crate::log_tail::excerpt(&laptop.spec().serial_log());
    bail!(
        "no result within {} s; the machine: {last}; its console ends with:\n{log}",
        JOB_TIMEOUT.as_secs()
    )
}

/// Name of a row's state.
pub fn state(row: &Value) -> &str {
    row["state"].as_str().unwrap_or_default()
}

/// Exports the machine's certificate and has it verified; then checks that `n` single changed bytes are each refused.
///
/// # Errors
/// When it does not verify, or a changed one does.
pub fn certify(serving: &Serving<'_>, dir: &Path, key: &Path, n: usize) -> Result<PathBuf> {
    let row = serving.machine()?.context("no machine was seen")?;
    let file = dir.join("certificate.json");
    let (number, path) = (row["number"].to_string(), file.display().to_string());
    serving.coordinator.cli(&["certificate", "export", &number, "--out", &path])?;
    let key = key.display().to_string();
    serving.coordinator.cli(&["verify", "--key", &key, &path])?;
    let whole = fs::read(&file)?;
    let changed = dir.join("certificate-changed.json");
    for i in 0..n {
        let at = whole.len() * i / n;
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&changed, bytes)?;
        let (code, said) = serving
            .coordinator
            .cli_refused(&["verify", "--key", &key, &changed.display().to_string()])
            .with_context(|| format!("byte {at} of the certificate was changed"))?;
        ensure!(code == 1, "a changed certificate ended with {code}: {said}");
    }
    fs::remove_file(&changed)?;
    Ok(file)
}

/// Picks the machine of this row, with the key of the agent that it shows.
///
/// # Errors
/// When the coordinator refuses.
pub fn pick(serving: &Serving<'_>, row: &Value) -> Result<()> {
    let number = row["number"].to_string();
    let key = row["fingerprint"].as_str().unwrap_or_default();
    serving
        .coordinator
        .cli(&["machine", "pick", &format!("{number}:{key}"), "--by", "Demo"])
        .map(drop)
}

/// Waits until a coordinator answers its own commands.
///
/// # Errors
/// When it ends, or does not within a minute; with the end of its log.
pub fn await_admin(coordinator: &mut Coordinator<'_>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let failed = match coordinator.cli(&["status"]) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        ensure!(
            coordinator.is_running()? && Instant::now() < deadline,
            "the coordinator does not serve: {failed:#}\n{}",
            crate::log_tail::excerpt(coordinator.log())
        );
        std::thread::sleep(POLL);
    }
}
