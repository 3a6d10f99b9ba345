//! A captured laptop with a simulated drive, whose agents really run.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use drive::sim::{AtaDevice, Command, Kind, SimDrive};
use drive::{Drive, Identified, IdentityError, IdentityReader, OpenError};
use protocol::{ByteLen, DriveIdentity, EraseFeatures, SectorSize, UnixMillis};

use super::cable::Cable;
use super::coordinator::{Coordinator, PATIENCE};
use crate::access::DriveAccess;
use crate::cmdline::{Cmdline, CoordinatorAddress};
use crate::init::{Context, power::Ending};
use crate::inventory::tests::plant;
use crate::modules::Modules;
use crate::net::{Link, Net};
use crate::roots::captured;
use crate::screen::{Lang, Log, Screen};

const TREE: &str = include_str!("../../../tests/fixtures/machines/lenovo-thinkpad-t440/tree.txt");
const DRIVE: &str = "sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda";
const SIZE: u64 = 32 << 20;
const SERIAL: &str = "SIM0001";

pub(super) struct Laptop {
    tree: tempfile::TempDir,
    pub(super) drive: SimDrive,
    /// How often the drive was taken in hand, by whatever agent.
    pub(super) n_opened: Arc<AtomicU32>,
    /// Serial number of what is in the drive's slot now.
    serial: Arc<Mutex<&'static str>>,
    gate_look: u32,
}

/// The look at which an agent makes its plan: it has taken stock once before, to enroll.
pub(super) const PLANNING: u32 = 1;
/// The look between ticket and acceptance.
pub(super) const CONSENTED: u32 = 2;

/// An agent that runs.
pub(super) struct Agent {
    ended: Receiver<anyhow::Result<Ending>>,
}

/// Where somebody is held until the test lets go.
pub(super) struct Gate {
    reached: Receiver<()>,
    go: Sender<()>,
}

/// The held one's side of a [`Gate`].
struct Held {
    reached: Sender<()>,
    go: Receiver<()>,
}

impl Laptop {
    /// With a drive full of somebody's data.
    pub(super) fn new() -> Self {
        Self::with(Kind::Ata(AtaDevice::default()))
    }

    /// With a drive of that kind, full of somebody's data.
    pub(super) fn with(kind: Kind) -> Self {
        let tree = tempfile::tempdir().unwrap();
        plant(TREE, tree.path());
        std::fs::write(tree.path().join(DRIVE).join("size"), (SIZE / 512).to_string()).unwrap();
        let drive = SimDrive::with(identity(SERIAL), SectorSize::try_from(512).unwrap(), kind);
        drive.fill_with_old_data();
        let serial = Arc::new(Mutex::new(SERIAL));
        Self { tree, drive, n_opened: Arc::default(), serial, gate_look: CONSENTED }
    }

    /// Whether the drive wants a password.
    pub(super) fn is_locked(&self) -> bool {
        match self.drive.identified().features {
            EraseFeatures::Ata(features) => features.security.locked,
            EraseFeatures::Nvme(_) | EraseFeatures::None {} => false,
        }
    }

    /// Has agents held at that look instead.
    pub(super) fn gate_at(self, gate_look: u32) -> Self {
        Self { gate_look, ..self }
    }

    /// Another drive of the same model and size is in the slot now.
    pub(super) fn swap(&self) {
        *self.serial.lock().unwrap() = "SIM0003";
    }

    /// A second drive appears.
    pub(super) fn plug(&self, removable: bool) {
        let second = TREE.lines().filter(|line| line.contains("block/sda")).map(|line| {
            let line = line.replace("block/sda", "block/sdb").replace("= 8:0", "= 8:16");
            let line =
                line.replace("ata1/host0/target0:0:0/0:0:0:0", "ata2/host1/target1:0:0/1:0:0:0");
            line.replace("removable = 0", &format!("removable = {}", u8::from(removable)))
        });
        plant(&second.collect::<Vec<_>>().join("\n"), self.tree.path());
    }

    /// Starts an agent as PID 1 does. Unless told otherwise, the gate is where it looks at its drives for the third time:
    /// it has taken stock to enroll, taken stock to plan, and now holds a ticket that it has not used.
    pub(super) fn boot(
        &self,
        at: &Coordinator,
        cable: &Cable,
        former_death: Option<&str>,
    ) -> (Agent, Gate) {
        let roots = captured(self.tree.path());
        let cmdline = Cmdline {
            address: Some(CoordinatorAddress { ip: Ipv4Addr::LOCALHOST, port: Some(cable.port()) }),
            ..Cmdline::read(&roots).unwrap()
        };
        let (gate, held) = Gate::new();
        let bay = Bay {
            drive: self.drive.clone(),
            n_opened: self.n_opened.clone(),
            serial: self.serial.clone(),
            gate_look: self.gate_look,
            n_looks: AtomicU32::new(0),
            held: Mutex::new(held),
        };
        let log = Log::open(&roots, None);
        let context = Context {
            drives: Box::new(bay),
            set_clock: |_: UnixMillis| Ok(()),
            cmdline,
            screen: Screen::spawn(&roots, Lang::En, log).unwrap(),
            // The tree names no kernel release, for which there are then no modules to load.
            modules: Modules::spawn(&roots).unwrap(),
            net: Net::simulated(link()),
            site: None,
            former_death: former_death.map(str::to_owned),
            booted_ms: crate::work::clock::uptime_ms(),
            simulated: false,
            roots,
        };
        let (end, ended) = channel();
        let site = at.site.clone();
        // A test that is over does not listen any more.
        std::thread::spawn(move || drop(end.send(super::super::run(context, site))));
        (Agent { ended }, gate)
    }

    /// Nobody has taken the drive in hand, and it was sent no command.
    pub(super) fn assert_untouched(&self) {
        let opened = self.n_opened.load(Ordering::SeqCst);
        assert_eq!((opened, self.drive.n_commands()), (0, 0));
        assert_eq!(self.drive.n_old_sectors(), SIZE / 512);
    }

    /// Holds whoever sends the drive its first write.
    pub(super) fn gate_at_first_write(&self) -> Gate {
        let (gate, held) = Gate::new();
        let held = Mutex::new(Some(held));
        self.drive.on_command(move |command| {
            if matches!(command, Command::Write { .. })
                && let Some(held) = held.lock().unwrap().take()
            {
                held.wait();
            }
        });
        gate
    }
}

impl Agent {
    /// How it ended; a failure after it took too long.
    pub(super) fn end(&self) -> anyhow::Result<Ending> {
        self.ended.recv_timeout(PATIENCE).expect("the agent goes on and on")
    }

    pub(super) fn assert_running(&self) {
        assert!(self.ended.try_recv().is_err(), "the agent ended");
    }
}

impl Gate {
    fn new() -> (Self, Held) {
        let ((reached, is_reached), (go, may_go)) = (channel(), channel());
        (Self { reached: is_reached, go }, Held { reached, go: may_go })
    }

    /// Waits until it is reached.
    pub(super) fn reached(&self) {
        self.reached.recv_timeout(PATIENCE).expect("the gate was not reached");
    }

    /// Lets go. Who comes later is not held.
    pub(super) fn open(self) {
        self.go.send(()).unwrap();
    }
}

impl Held {
    /// A test that gave up its gate holds nobody.
    fn wait(&self) {
        if self.reached.send(()).is_ok() {
            let _ = self.go.recv();
        }
    }
}

/// The drive bay, and what else there may be.
struct Bay {
    drive: SimDrive,
    n_opened: Arc<AtomicU32>,
    serial: Arc<Mutex<&'static str>>,
    gate_look: u32,
    n_looks: AtomicU32,
    held: Mutex<Held>,
}

impl IdentityReader for Bay {
    fn read(&self, nodes: &[PathBuf]) -> Result<Identified, IdentityError> {
        if nodes.iter().any(|node| node.ends_with("sdb")) {
            return Ok(Identified {
                identity: identity("SIM0002"),
                features: EraseFeatures::None {},
                other_namespaces: 0,
            });
        }
        if self.n_looks.fetch_add(1, Ordering::SeqCst) == self.gate_look {
            self.held.lock().unwrap().wait();
        }
        let serial = *self.serial.lock().unwrap();
        Ok(Identified { identity: identity(serial), ..self.drive.identified() })
    }
}

impl DriveAccess for Bay {
    fn open(&self, _: &[PathBuf], expected: &DriveIdentity) -> Result<Box<dyn Drive>, OpenError> {
        assert_eq!(*expected, identity(SERIAL));
        self.n_opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(self.drive.clone()))
    }

    fn open_to_read(&self, _: &[PathBuf]) -> Result<Box<dyn Drive>, OpenError> {
        Ok(Box::new(self.drive.clone()))
    }
}

impl fmt::Debug for Bay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bay({:?})", self.drive)
    }
}

fn identity(serial: &str) -> DriveIdentity {
    let (model, serial) = ("TEST DISK".to_owned(), serial.to_owned());
    DriveIdentity { model, serial, wwn: None, size: ByteLen(SIZE) }
}

fn link() -> Link {
    Link {
        nic: "eth0".to_owned(),
        mac: "28:d2:44:00:00:01".parse().unwrap(),
        address: Ipv4Addr::LOCALHOST,
        prefix_len: 8,
        router: None,
        server: Ipv4Addr::LOCALHOST,
        booted: true,
    }
}
