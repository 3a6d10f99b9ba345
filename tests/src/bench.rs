//! The workshop's LAN: a bridge in a namespace, ports for laptops, stations for other computers.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::namespace::Namespace;
use crate::process::Process;
use crate::slots::Slots;
use crate::sweep::{remove_dir, run_dir, sweep, unique_name};

/// The workshop's LAN address and how many laptops will stand on the bench.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Address of the bridge, where the coordinator listens, with its prefix length.
    pub address: String,
    /// Laptops that will run at once; slots for them are taken before anything is made.
    pub laptops: usize,
}

impl Bench {
    /// A bench at 10.76.0.1/24 for `laptops` laptops at once.
    pub fn for_laptops(laptops: usize) -> Self {
        Self { address: "10.76.0.1/24".to_owned(), laptops }
    }
}

/// A running workshop. Dropping it ends everything that runs in it and removes it.
#[derive(Debug)]
pub struct Workshop {
    namespace: Namespace,
    run_dir: PathBuf,
    slots: Slots,
    n_running: AtomicUsize,
    n_ports: AtomicU32,
    opened: Instant,
}

/// The workshop's bridge.
pub const BRIDGE: &str = "br0";

impl Workshop {
    /// Removes what crashed runs left, waits for laptop slots, then makes namespace and bridge.
    ///
    /// # Errors
    /// When not root, when `ip` fails, or when slots stay taken.
    pub fn open(bench: &Bench) -> Result<Self> {
        let slots = Slots::acquire(bench.laptops)?;
        let name = unique_name()?;
        let namespace = Namespace::create(&name)?;
        sweep()?;
        let run_dir = run_dir(&name);
        fs::create_dir_all(&run_dir)
            .with_context(|| format!("failed to make {}", run_dir.display()))?;
        let (n_running, n_ports) = (AtomicUsize::new(0), AtomicU32::new(0));
        let opened = Instant::now();
        let workshop = Self { namespace, run_dir, slots, n_running, n_ports, opened };
        // No spanning tree, no forward delay: a port works the moment it is up. No multicast
        // snooping: without a querier the bridge would soon drop IPv6 neighbor discovery.
        workshop.ip(&format!("link add {BRIDGE} type bridge stp_state 0 mcast_snooping 0"))?;
        workshop.ip(&format!("link set {BRIDGE} up"))?;
        workshop.ip(&format!("addr add {} brd + dev {BRIDGE}", bench.address))?;
        Ok(workshop)
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// A directory for sockets and other files that die with the workshop; its path is short.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// `program` to be run on the workshop's own computer (where the coordinator runs).
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.namespace.command(program)
    }

    /// Starts `command` in the background with its output in `LABEL.log` of the run directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, label: &str, command: &mut Command) -> Result<Process> {
        Process::start(command, &self.run_dir.join(format!("{label}.log")))
    }

    /// Runs `ip` on the workshop's own computer.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn ip(&self, words: &str) -> Result<String> {
        self.namespace.ip(words)
    }

    /// Runs `act` on the workshop's own computer, on a thread of its own.
    ///
    /// # Errors
    /// When the thread cannot enter the namespace, or `act` fails.
    pub fn within<R: Send>(&self, act: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        self.namespace.within(act)
    }

    /// A new port for an emulated laptop: the name of a tap on the bridge.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn add_tap(&self) -> Result<String> {
        let tap = format!("tap{}", self.next_port());
        self.ip(&format!("tuntap add dev {tap} mode tap"))
            .context("failed to make a tap; is /dev/net/tun there?")?;
        self.ip(&format!("link set {tap} master {BRIDGE} up"))?;
        Ok(tap)
    }

    /// Another computer on the LAN: a namespace with `eth0` on the bridge, at `address` if given
    /// (with prefix length).
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn add_station(&self, label: &str, address: Option<&str>) -> Result<Station> {
        let namespace = Namespace::create(&format!("{}-{label}", self.name()))?;
        let port = format!("port{}", self.next_port());
        // The far end is born in the station: it never shows up on the host.
        self.ip(&format!("link add {port} type veth peer name eth0 netns {}", namespace.name()))?;
        self.ip(&format!("link set {port} master {BRIDGE} up"))?;
        namespace.ip("link set eth0 up")?;
        if let Some(address) = address {
            namespace.ip(&format!("addr add {address} brd + dev eth0"))?;
        }
        Ok(Station { namespace })
    }

    /// A name for a laptop's files that no other laptop of this workshop has.
    pub(crate) fn add_label(&self, name: &str) -> String {
        let n_characters = name.chars().take_while(char::is_ascii_alphanumeric).take(16).count();
        format!("{}-{}", &name[..n_characters], self.next_port())
    }

    /// Counts a laptop in, up to the number of slots.
    pub(crate) fn switch_on(&self) -> Result<()> {
        let limit = self.slots.count();
        let more = |n: usize| (n < limit).then_some(n + 1);
        let counted = self.n_running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        ensure!(counted.is_ok(), "this bench has room for {limit} running laptops only");
        Ok(())
    }

    /// Counts a laptop out.
    pub(crate) fn switch_off(&self) {
        self.n_running.fetch_sub(1, Ordering::SeqCst);
    }

    fn next_port(&self) -> u32 {
        self.n_ports.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        note_time(self.opened);
        if let Err(error) = remove_dir(&self.run_dir) {
            eprintln!("workshop: {error:#}");
        }
    }
}

/// Another computer on the workshop's LAN.
#[derive(Debug)]
pub struct Station {
    namespace: Namespace,
}

impl Station {
    /// The namespace's name.
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// `program` to be run there.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.namespace.command(program)
    }

    /// Runs `ip` there.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn ip(&self, words: &str) -> Result<String> {
        self.namespace.ip(words)
    }

    /// Runs `act` there, on a thread of its own.
    ///
    /// # Errors
    /// When the thread cannot enter the namespace, or `act` fails.
    pub fn within<R: Send>(&self, act: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        self.namespace.within(act)
    }
}

/// Notes how long a test had its workshop, where `scripts/test` asks for that: it prints the slowest.
fn note_time(opened: Instant) {
    let Some(file) = std::env::var_os("REHOME_TEST_TIMES") else { return };
    let thread = std::thread::current();
    let line =
        format!("{:6} {}\n", opened.elapsed().as_secs(), thread.name().unwrap_or("a thread"));
    let noted = fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()));
    if let Err(error) = noted {
        eprintln!("workshop: {} was not written: {error}", file.display());
    }
}
