//! A simulated drive as a `/dev/sdX` of this machine, for as long as a scenario needs it.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use drive::sim::SimDrive;
use drive::{Drive, LinuxDrive, OpenError};
use protocol::DriveIdentity;
use sys::tcmu::{Ring, RingError};

use super::condition::SenseFormat;
use super::configfs::{Backstore, Geometry, Loopback};
use super::unit::LogicalUnit;

/// How often the serving thread looks whether it is still wanted, in milliseconds.
const LOOK_MS: u16 = 200;
/// How long the kernel may take to make a block device of what it found. Emulated processors are slow.
const APPEARS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Devices made so far: no number is used twice.
static N_TARGETS: AtomicU32 = AtomicU32::new(0);

/// A drive that the kernel has found.
#[derive(Debug)]
pub struct Target {
    unit: Arc<LogicalUnit>,
    node: PathBuf,
}

impl Target {
    /// Attaches `drive`, runs `scenario` with it and takes it away again, also after a failure, so that the next one
    /// starts from nothing.
    ///
    /// # Errors
    /// The scenario's, or why the drive could not be attached or taken away.
    pub fn with<T>(
        drive: &SimDrive,
        format: SenseFormat,
        scenario: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let number = N_TARGETS.fetch_add(1, Ordering::Relaxed);
        let geometry = Geometry { size: drive.size().0, sector_len: drive.sector_size().bytes() };
        let unit = Arc::new(LogicalUnit::new(drive.clone(), format)?);
        let backstore = Backstore::create(number, geometry)?;
        let server = Server::start(&backstore, Arc::clone(&unit))?;
        let loopback = Loopback::create(number, &backstore)?;
        let outcome = find_node(&loopback)
            .map(|node| Self { unit, node })
            .and_then(|target| scenario(&target));
        // The drive is flushed when it goes, so it is served until it has gone.
        let gone = loopback.remove().and_then(|()| server.stop()).and_then(|()| backstore.remove());
        match (outcome, gone) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(error), Ok(())) => Err(error),
            (Ok(_), Err(error)) => Err(error.context("taking the drive away")),
            (Err(error), Err(too)) => Err(error.context(format!("and taking it away: {too:#}"))),
        }
    }

    /// Its node in `/dev`.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// The same as all nodes of a drive.
    pub fn nodes(&self) -> &[PathBuf] {
        std::slice::from_ref(&self.node)
    }

    /// The ATA commands that reached the drive by pass-through, by their COMMAND registers.
    pub fn passed(&self) -> Vec<u8> {
        self.unit.passed()
    }

    /// Opens it as production does, once the kernel has looked for partitions.
    ///
    /// # Errors
    /// When it is refused, or still in use after a while.
    pub fn open(&self, expected: &DriveIdentity) -> anyhow::Result<LinuxDrive> {
        let start = Instant::now();
        loop {
            match LinuxDrive::open(self.nodes(), expected) {
                Err(OpenError::InUse { .. }) if start.elapsed() < APPEARS_WITHIN => {
                    thread::sleep(LOOK_AGAIN);
                }
                opened => return Ok(opened?),
            }
        }
    }
}

/// Waits for the disk that the kernel makes of the logical unit.
fn find_node(loopback: &Loopback) -> anyhow::Result<PathBuf> {
    let address = loopback.address()?;
    let blocks = Path::new("/sys/bus/scsi/devices").join(&address).join("block");
    let start = Instant::now();
    while start.elapsed() < APPEARS_WITHIN {
        let mut names = fs::read_dir(&blocks).into_iter().flatten();
        if let Some(name) = names.next() {
            let node = Path::new("/dev").join(name?.file_name());
            // The node is there before what it stands for can be opened.
            if fs::File::open(&node).is_ok() {
                return Ok(node);
            }
        }
        thread::sleep(LOOK_AGAIN);
    }
    bail!("the kernel made no disk of {address}: is sd_mod loaded?")
}

/// The thread that answers commands.
#[derive(Debug)]
struct Server {
    is_wanted: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), RingError>>,
}

impl Server {
    fn start(backstore: &Backstore, unit: Arc<LogicalUnit>) -> anyhow::Result<Self> {
        let (node, len) = backstore.ring()?;
        let mut options = fs::OpenOptions::new();
        let uio = options
            .read(true)
            .write(true)
            .open(&node)
            .with_context(|| format!("opening {}", node.display()))?;
        let len = NonZeroUsize::new(len).context("the TCMU device has no region")?;
        let ring = Ring::open(uio, len)?;
        let is_wanted = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&is_wanted);
        let serve = move || serve(ring, &unit, &flag);
        let thread = thread::Builder::new().name("tcmu".to_owned()).spawn(serve)?;
        Ok(Self { is_wanted, thread })
    }

    /// Ends the thread and closes the device.
    fn stop(self) -> anyhow::Result<()> {
        self.is_wanted.store(false, Ordering::Relaxed);
        let served = self.thread.join().map_err(|_| anyhow!("the TCMU thread panicked"))?;
        served.context("serving the TCMU ring")
    }
}

fn serve(mut ring: Ring, unit: &LogicalUnit, is_wanted: &AtomicBool) -> Result<(), RingError> {
    while is_wanted.load(Ordering::Relaxed) {
        while let Some(request) = ring.next_request()? {
            let data_out = ring.data_out(&request)?;
            let response = unit.execute(request.cdb(), &data_out);
            ring.complete(request, &response)?;
        }
        ring.wait(LOOK_MS)?;
    }
    Ok(())
}
