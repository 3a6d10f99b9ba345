//! The ATA side of a simulated drive: what reaches it, what it answers. Layouts by ACS-4, read here from the registers
//! themselves and not through the code that sends them.

use std::io;

use sys::IoctlError;

use super::ata_sanitize::Freeze;
use super::ata_security::{Security, SecurityCommand};
use super::kind::{AtaDevice, Leaves};
use super::lie::EraseCommand;
use super::sanitize::Reach;
use super::state::{Device, State};
use crate::{AtaError, Registers, Sense, Taskfile, Transfer};

/// `DID_TIME_OUT` and `DID_ERROR` of a SCSI host.
const HOST_TIME_OUT: u16 = 3;
const HOST_ERROR: u16 = 7;

const IDENTIFY_DEVICE: u8 = 0xec;
const SANITIZE_DEVICE: u8 = 0xb4;
const SECURITY_SET_PASSWORD: u8 = 0xf1;
const SECURITY_UNLOCK: u8 = 0xf2;
const SECURITY_ERASE_PREPARE: u8 = 0xf3;
pub(super) const SECURITY_ERASE_UNIT: u8 = 0xf4;
const SECURITY_FREEZE_LOCK: u8 = 0xf5;
const SECURITY_DISABLE_PASSWORD: u8 = 0xf6;

/// The states of an ATA drive that no other has.
#[derive(Debug)]
pub(super) struct Ata {
    pub(super) device: AtaDevice,
    pub(super) security: Security,
    pub(super) freeze: Freeze,
}

/// What a command that did not fail leaves in the registers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Output {
    pub(super) count: u16,
    pub(super) lba: u64,
}

/// ABRT in ERROR; LBA(7:0) tells the reason of SANITIZE DEVICE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abort(pub(super) u8);

impl Abort {
    /// No reason is given.
    pub(super) const PLAIN: Self = Self(0);
}

/// Which way a command's data goes.
#[derive(Debug, PartialEq, Eq)]
enum Protocol {
    NonData,
    PioIn,
    PioOut,
}

impl Ata {
    pub(super) fn new(device: AtaDevice) -> Self {
        let security = Security::new(&device);
        Self { device, security, freeze: Freeze::Open }
    }

    pub(super) fn power_on(&mut self) {
        self.freeze = Freeze::Open;
        self.security.power_on(self.device.frozen);
    }
}

impl State {
    /// Carries out a command, or as much of it as there is time for.
    pub(super) fn ata(
        &mut self,
        name: &'static str,
        taskfile: &Taskfile,
        transfer: Transfer<'_>,
    ) -> Result<Option<Registers>, AtaError> {
        let loaded = as_on_the_wire(taskfile);
        let times_out = |fault: &mut super::EraseFault| fault.times_out(loaded.command);
        if self.erase_faults.iter_mut().any(times_out) {
            self.interrupt_ata(taskfile, &transfer);
            return Err(host_failure(name, HOST_TIME_OUT));
        }
        if !fits(&loaded, &transfer) {
            return Err(host_failure(name, HOST_ERROR));
        }
        let has_data = !matches!(transfer, Transfer::None);
        let outcome = match transfer {
            Transfer::In(buffer) => self.identify_device().map(|data| {
                buffer.copy_from_slice(&data);
                Output::default()
            }),
            Transfer::Out(data) => data
                .try_into()
                .map_err(|_| Abort::PLAIN)
                .and_then(|data| self.ata_with_data(loaded.command, data)),
            Transfer::None => self.ata_without_data(&loaded),
        };
        let answer = self.answer_ata(name, loaded.is_48_bit, outcome);
        // The registers are asked for after commands without data only.
        answer.map(|registers| (!has_data).then_some(registers))
    }

    /// The answer as it comes back through descriptor or fixed format sense data.
    pub(super) fn answer_ata(
        &self,
        command: &'static str,
        is_48_bit: bool,
        outcome: Result<Output, Abort>,
    ) -> Result<Registers, AtaError> {
        let is_fixed = matches!(&self.device, Device::Ata(ata) if ata.device.fixed_sense);
        match outcome {
            Ok(output) => Ok(returned(0, 0x50, output, is_48_bit, is_fixed)),
            Err(Abort(reason)) => {
                let output = Output { count: 0, lba: reason.into() };
                let registers = returned(0x04, 0x51, output, is_48_bit, is_fixed);
                // Fixed format says that registers came along by 00h/1Dh, which is no error.
                let ata = (!is_fixed).then_some(registers);
                let sense = Some(Sense { key: 0x0b, asc: 0, ascq: 0, ata });
                Err(AtaError::Refused { command, status: 2, host: 0, driver: 8, sense })
            }
        }
    }

    /// What becomes of a command that the power or the link goes with: an erase has got half way.
    pub(super) fn interrupt_ata(&mut self, taskfile: &Taskfile, transfer: &Transfer<'_>) {
        let loaded = as_on_the_wire(taskfile);
        let data = match transfer {
            Transfer::Out(data) if fits(&loaded, transfer) => (*data).try_into().ok(),
            _ => None,
        };
        if let (SECURITY_ERASE_UNIT, Some(data)) = (loaded.command, data)
            && self.ata_accepts(loaded.command)
            && let Ok(leaves) = self.security(SecurityCommand::EraseUnit(data))
        {
            self.erase_at_once(EraseCommand::SecurityErase, Reach::All, leaves, true);
        }
    }

    fn ata_with_data(&mut self, command: u8, data: &[u8; 512]) -> Result<Output, Abort> {
        if !self.ata_accepts(command) {
            return Err(Abort::PLAIN);
        }
        let security = match command {
            SECURITY_SET_PASSWORD => SecurityCommand::SetPassword(data),
            SECURITY_UNLOCK => SecurityCommand::Unlock(data),
            SECURITY_DISABLE_PASSWORD => SecurityCommand::DisablePassword(data),
            SECURITY_ERASE_UNIT => return self.erase_unit(data),
            _ => return Err(Abort::PLAIN),
        };
        self.security(security).map(|_| Output::default())
    }

    fn ata_without_data(&mut self, loaded: &Taskfile) -> Result<Output, Abort> {
        if loaded.command == SANITIZE_DEVICE {
            return self.sanitize_device(loaded);
        }
        if !self.ata_accepts(loaded.command) {
            return Err(Abort::PLAIN);
        }
        let security = match loaded.command {
            SECURITY_ERASE_PREPARE => SecurityCommand::ErasePrepare,
            SECURITY_FREEZE_LOCK => SecurityCommand::FreezeLock,
            _ => return Err(Abort::PLAIN),
        };
        self.security(security).map(|_| Output::default())
    }

    /// Whether the command is not aborted for sanitizing's sake: until that has ended well, next to nothing is taken.
    fn ata_accepts(&self, command: u8) -> bool {
        self.sanitize.gives_access() || command == IDENTIFY_DEVICE
    }

    fn security(&mut self, command: SecurityCommand<'_>) -> Result<Leaves, Abort> {
        let Device::Ata(ata) = &mut self.device else { return Err(Abort::PLAIN) };
        ata.security.execute(command)?;
        Ok(ata.device.after_erase)
    }

    fn erase_unit(&mut self, data: &[u8; 512]) -> Result<Output, Abort> {
        let leaves = self.security(SecurityCommand::EraseUnit(data))?;
        let fails = self.take_erase_failure();
        self.erase_at_once(EraseCommand::SecurityErase, Reach::All, leaves, fails);
        if fails {
            return Err(Abort::PLAIN);
        }
        if let Device::Ata(ata) = &mut self.device {
            ata.security.is_erased();
        }
        Ok(Output::default())
    }
}

/// What is left of the registers on the way: without 48 bits, the high bytes do not travel.
fn as_on_the_wire(taskfile: &Taskfile) -> Taskfile {
    let Taskfile { command, feature, count, lba, is_48_bit } = *taskfile;
    let (low, sectors) =
        if is_48_bit { (0xffff, 0xffff_ffff_ffff) } else { (0x00ff, 0x0000_0fff_ffff) };
    Taskfile { command, feature: feature & low, count: count & low, lba: lba & sectors, is_48_bit }
}

/// Whether the data goes the way and has the length that the command's protocol says; where not, no controller gets
/// through with it. COUNT tells the bridge how many sectors of data there are.
fn fits(loaded: &Taskfile, transfer: &Transfer<'_>) -> bool {
    let protocol = match loaded.command {
        IDENTIFY_DEVICE => Protocol::PioIn,
        SECURITY_SET_PASSWORD
        | SECURITY_UNLOCK
        | SECURITY_ERASE_UNIT
        | SECURITY_DISABLE_PASSWORD => Protocol::PioOut,
        _ => Protocol::NonData,
    };
    match transfer {
        Transfer::None => protocol == Protocol::NonData,
        Transfer::In(data) => protocol == Protocol::PioIn && loaded.count == 1 && data.len() == 512,
        Transfer::Out(data) => {
            protocol == Protocol::PioOut && loaded.count == 1 && data.len() == 512
        }
    }
}

/// The registers as they come back through descriptor or fixed format sense data.
fn returned(error: u8, status: u8, output: Output, is_48_bit: bool, is_fixed: bool) -> Registers {
    let is_whole = is_48_bit && !is_fixed;
    let (count, lba) = match (is_whole, is_fixed) {
        (true, _) => (0xffff, 0xffff_ffff_ffff),
        (false, true) => (0x00ff, 0x00ff_ffff),
        (false, false) => (0x00ff, 0x0fff_ffff),
    };
    Registers { error, status, count: output.count & count, lba: output.lba & lba, is_whole }
}

fn host_failure(command: &'static str, host: u16) -> AtaError {
    AtaError::Refused { command, status: 0, host, driver: 0, sense: None }
}

/// What the kernel says of a drive that is gone.
pub(super) fn gone(command: &'static str, source: io::Error) -> AtaError {
    AtaError::Submit { command, source: IoctlError { request: "SG_IO", source } }
}
