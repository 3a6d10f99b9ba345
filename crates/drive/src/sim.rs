//! A drive in memory: real states, and every way to misbehave that we know of.
//!
//! [`SimDrive`] is a handle; clones share the drive, so that a test keeps one while the code under test owns
//! another. Commands go through [`crate::Drive`]; everything else is the test's view of the medium itself.

mod fault;
mod medium;
mod state;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{ByteLen, DriveIdentity, SectorSize};

pub use fault::{Access, Fault, Lie};
use state::State;

use crate::{Drive, IdentityError};

/// A command as the drive receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Asked who it is.
    Identify,
    /// Read of that many bytes from that offset.
    Read {
        /// First byte.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// Write of that many bytes from that offset.
    Write {
        /// First byte.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// Make everything durable.
    Flush,
}

type Hook = Arc<dyn Fn(Command) + Send + Sync>;

/// A handle to a simulated drive.
#[derive(Clone)]
pub struct SimDrive {
    size: ByteLen,
    sector_size: SectorSize,
    state: Arc<Mutex<State>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl SimDrive {
    /// An honest drive full of zeros.
    ///
    /// # Panics
    /// Where the identity's size is no multiple of the sector size.
    pub fn new(identity: DriveIdentity, sector_size: SectorSize) -> Self {
        let size = identity.size;
        assert_eq!(size.0 % u64::from(sector_size.bytes()), 0, "size must be whole sectors");
        let state = Arc::new(Mutex::new(State::new(identity, sector_size)));
        Self { size, sector_size, state, hook: Arc::default() }
    }

    /// Fills every sector with somebody's data, different in each.
    pub fn fill_with_old_data(&self) {
        self.state().medium.fill_with_old_data();
    }

    /// How many sectors of the medium still hold what [`SimDrive::fill_with_old_data`] put there.
    pub fn n_old_sectors(&self) -> u64 {
        self.state().medium.n_old_sectors()
    }

    /// Puts bytes on the medium behind the drive's back. Any offset and length.
    pub fn plant(&self, offset: u64, bytes: &[u8]) {
        self.state().medium.plant(offset, bytes);
    }

    /// What the medium itself holds, whatever the drive would answer. Any offset and length.
    pub fn peek(&self, offset: u64, length: usize) -> Vec<u8> {
        self.state().medium.peek(offset, length)
    }

    /// Adds sectors that fail.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Makes the drive lie.
    pub fn lie(&self, lie: Lie) {
        self.state().lie = lie;
    }

    /// After that many commands from now, everything goes to another drive, as if the slot's cable had been moved.
    pub fn swap_after(&self, n_commands: u64, other: &Self) {
        let mut state = self.state();
        let at = state.n_commands + n_commands;
        state.replacement = Some((at, other.clone()));
    }

    /// Cuts the power instead of executing the command that comes after that many from now.
    pub fn cut_power_after(&self, n_commands: u64) {
        let mut state = self.state();
        state.power_cut_at = Some(state.n_commands + n_commands);
    }

    /// Takes the power away: the volatile cache is lost, every command fails from here on.
    pub fn power_cut(&self) {
        self.state().power_cut();
    }

    /// Gives the power back.
    pub fn power_on(&self) {
        self.state().power_on();
    }

    /// How many commands the drive has received.
    pub fn n_commands(&self) -> u64 {
        self.state().n_commands
    }

    /// Calls `hook` before each command, without any lock held: it may sleep, block or stop somebody.
    pub fn on_command(&self, hook: impl Fn(Command) + Send + Sync + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked with the lock held has failed already; the drive stays usable for the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the command and either gives the state to execute it on or the drive that took this one's place.
    fn receive(&self, command: Command) -> io::Result<Result<MutexGuard<'_, State>, Self>> {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(command);
        }
        let mut state = self.state();
        match state.count()? {
            Some(other) => Ok(Err(other)),
            None => Ok(Ok(state)),
        }
    }
}

impl Drive for SimDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        match self.receive(Command::Identify).map_err(IdentityError::Silent)? {
            Ok(state) => Ok(state.identity.clone()),
            Err(other) => other.identity(),
        }
    }

    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let length = buffer.len() as u64;
        match self.receive(Command::Read { offset, length })? {
            Ok(mut state) => state.read(offset, buffer),
            Err(other) => other.read_at(offset, buffer),
        }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let length = data.len() as u64;
        match self.receive(Command::Write { offset, length })? {
            Ok(mut state) => state.write(offset, data),
            Err(other) => other.write_at(offset, data),
        }
    }

    fn flush(&self) -> io::Result<()> {
        match self.receive(Command::Flush)? {
            Ok(mut state) => {
                state.flush();
                Ok(())
            }
            Err(other) => other.flush(),
        }
    }

    /// The simulation has no kernel whose copies could be dropped, and the drive receives no command.
    fn drop_caches(&self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SimDrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimDrive({}, {})", self.size, self.sector_size.bytes())
    }
}
