//! Commands as they come in: counted, told to the test's hook, and handed to whichever drive is in the slot by now.

use std::io;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::state::{Device, State};
use super::{SimDrive, ata, nvme};
use crate::{
    AdminCommand, AdminError, AtaError, Drive, IdentityError, Registers, Taskfile, Transfer,
};

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
    /// An ATA command through [`Drive::ata`].
    Ata {
        /// COMMAND.
        command: u8,
        /// FEATURE.
        feature: u16,
    },
    /// An NVMe admin command through [`Drive::nvme`].
    Nvme {
        /// Opcode.
        opcode: u8,
    },
}

impl SimDrive {
    /// Counts the command and either gives the state to execute it on or the drive that took this one's place.
    fn receive(&self, command: Command) -> io::Result<Result<MutexGuard<'_, State>, Self>> {
        self.receive_or(command, |_| ())
    }

    /// The same; `interrupt` is what happens where the power goes in the middle of the command.
    fn receive_or(
        &self,
        command: Command,
        interrupt: impl FnOnce(&mut State),
    ) -> io::Result<Result<MutexGuard<'_, State>, Self>> {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(command);
        }
        let mut state = self.state();
        match state.count(command, interrupt)? {
            Some(other) => Ok(Err(other)),
            None => Ok(Ok(state)),
        }
    }

    fn is_nvme(&self) -> bool {
        matches!(self.state().device, Device::Nvme(_))
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
            Ok(mut state) => state.flush(),
            Err(other) => other.flush(),
        }
    }

    /// The simulation has no kernel whose copies could be dropped, and the drive receives no command.
    fn drop_caches(&self) -> io::Result<()> {
        Ok(())
    }

    fn namespaces(&self) -> Vec<u32> {
        self.state().namespaces().collect()
    }

    #[expect(clippy::only_used_in_recursion, reason = "whatever is sent here takes no time")]
    fn ata(
        &self,
        name: &'static str,
        taskfile: &Taskfile,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        if self.is_nvme() {
            return Err(AtaError::NotAta { command: name });
        }
        let command = Command::Ata { command: taskfile.command, feature: taskfile.feature };
        let received = self.receive_or(command, |state| state.interrupt_ata(taskfile, &transfer));
        match received.map_err(|source| ata::gone(name, source))? {
            Ok(mut state) => state.ata(name, taskfile, transfer),
            Err(other) => other.ata(name, taskfile, transfer, timeout),
        }
    }

    #[expect(clippy::only_used_in_recursion, reason = "whatever is sent here takes no time")]
    fn nvme(
        &self,
        name: &'static str,
        command: &AdminCommand,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<u32, AdminError> {
        if !self.is_nvme() {
            return Err(AdminError::NotNvme { command: name });
        }
        let received = self.receive_or(Command::Nvme { opcode: command.opcode }, |state| {
            state.interrupt_nvme(command);
        });
        match received.map_err(|source| nvme::submit(name, source))? {
            Ok(mut state) => state.nvme(name, command, transfer),
            Err(other) => other.nvme(name, command, transfer, timeout),
        }
    }
}
