//! The drive of a simulated laptop: as slow as it would be, and with whatever is wrong with it.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drive::sim::{Access, Command, Fault, Lie, SimDrive};
use drive::{Drive, Identified, IdentityError, IdentityReader, OpenError};
use protocol::DriveIdentity;
use tokio::sync::Notify;

use super::fate::Fate;
use super::hardware::{Hardware, MEDIUM_LEN, SECTOR_LEN};
use crate::access::DriveAccess;

/// Sleeping for less is mostly overhead.
const LEAST_PAUSE: Duration = Duration::from_millis(25);
/// Format NVM (NVMe) and SECURITY ERASE UNIT, which answer when they are done.
const ERASES: [u8; 2] = [0x80, 0xf4];

/// The slot, with its drive.
#[derive(Clone)]
pub(super) struct Bay {
    pub(super) drive: SimDrive,
    /// Told when the machine is switched off in the middle of its work.
    pub(super) switched_off: Arc<Notify>,
    /// Where it is told in turn that the machine is off.
    is_off: SyncSender<()>,
}

impl Bay {
    /// A drive full of somebody's data. `speed`: so many times faster than believable.
    pub(super) fn new(hardware: &Hardware, fate: Fate, speed: f64) -> anyhow::Result<Self> {
        let kind = hardware.kind(fate == Fate::Frozen);
        let drive = SimDrive::with(hardware.drive.clone(), hardware.sector_size()?, kind);
        drive.fill_with_old_data();
        let n_sectors = MEDIUM_LEN / u64::from(SECTOR_LEN);
        match fate {
            Fate::Dying => {
                let sectors = n_sectors * 6 / 10..n_sectors * 6 / 10 + 40;
                drive.add_fault(Fault { sectors, access: Access::Write, times: None });
            }
            Fate::Lying => drive.lie(Lie::KeepsOneIn(3000)),
            _ => {}
        }
        let switched_off = Arc::new(Notify::new());
        let slowness = if fate == Fate::NeverEnds { 60.0 } else { 1.0 };
        let pass = Duration::from_millis(hardware.pass_ms).mul_f64(slowness / speed);
        let pace = Pace { pass, owed: Mutex::default() };
        let (is_off, gone) = sync_channel(1);
        let plug = (fate == Fate::SwitchedOff).then(|| Plug::new(switched_off.clone(), gone));
        drive.on_command(move |command| {
            pace.keep(command);
            if let (Some(plug), Command::Write { length, .. }) = (&plug, command) {
                plug.written(length);
            }
        });
        Ok(Self { drive, switched_off, is_off })
    }

    /// Everything in the machine has stopped: its drive too.
    pub(super) fn power_cut(&self) {
        self.drive.power_cut();
        // Nobody waits for it but the one that is switched off in the middle.
        let _ = self.is_off.try_send(());
    }

    /// A drive that nobody works on.
    pub(super) fn idle(hardware: &Hardware) -> anyhow::Result<Self> {
        let kind = hardware.kind(false);
        let drive = SimDrive::with(hardware.drive.clone(), hardware.sector_size()?, kind);
        Ok(Self { drive, switched_off: Arc::new(Notify::new()), is_off: sync_channel(1).0 })
    }
}

/// Who pulls the plug half way.
struct Plug {
    n_written: AtomicU64,
    switched_off: Arc<Notify>,
    gone: Mutex<Receiver<()>>,
}

impl Plug {
    fn new(switched_off: Arc<Notify>, gone: Receiver<()>) -> Self {
        Self { n_written: AtomicU64::new(0), switched_off, gone: Mutex::new(gone) }
    }

    /// So many bytes are about to be written.
    fn written(&self, length: u64) {
        let before = self.n_written.fetch_add(length, Ordering::Relaxed);
        // Once: what is written after that is of the boot after it.
        let half = MEDIUM_LEN / 2;
        if before < half && before + length >= half {
            self.switched_off.notify_one();
            // A drive and the machine around it lose their power together: an agent that went on would report that its
            // drive is gone.
            let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = gone.recv();
        }
    }
}

/// How slow a drive is.
struct Pace {
    /// For all of its bytes.
    pass: Duration,
    owed: Mutex<Duration>,
}

impl Pace {
    fn keep(&self, command: Command) {
        let parts = match command {
            Command::Read { length, .. } | Command::Write { length, .. } => length,
            Command::Nvme { opcode } if ERASES.contains(&opcode) => MEDIUM_LEN,
            Command::Ata { command, .. } if ERASES.contains(&command) => MEDIUM_LEN,
            _ => return,
        };
        let pause = {
            let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
            // Both are far below 2^53.
            #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
            let share = parts as f64 / MEDIUM_LEN as f64;
            *owed += self.pass.mul_f64(share);
            if *owed < LEAST_PAUSE {
                return;
            }
            std::mem::take(&mut *owed)
        };
        std::thread::sleep(pause);
    }
}

impl IdentityReader for Bay {
    fn read(&self, _: &[PathBuf]) -> Result<Identified, IdentityError> {
        Ok(self.drive.identified())
    }
}

impl DriveAccess for Bay {
    fn open(
        &self,
        nodes: &[PathBuf],
        expected: &DriveIdentity,
    ) -> Result<Box<dyn Drive>, OpenError> {
        let device = || nodes.first().cloned().unwrap_or_default();
        let found = self.drive.identity();
        let found = found.map_err(|source| OpenError::Identity { device: device(), source })?;
        if found != *expected {
            let (expected, found) = (Box::new(expected.clone()), Box::new(found));
            return Err(OpenError::OtherDrive { device: device(), expected, found });
        }
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
