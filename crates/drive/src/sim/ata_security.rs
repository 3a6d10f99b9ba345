//! The Security feature set: ACS-4 sections 4.18 and 7.40 to 7.45. Everything is forgotten without power but the
//! passwords.

use super::Command;
use super::ata::{Abort, SECURITY_ERASE_UNIT};
use super::kind::AtaDevice;

/// How many wrong passwords are listened to between two power cycles.
const TRIES: u8 = 5;
/// What the factory set as master password. Nobody here needs to know it.
const FACTORY_MASTER: [u8; 32] = [b' '; 32];

/// States SEC1 to SEC6, and what leads from one to the other. SEC0 is a drive without power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Security {
    is_supported: bool,
    has_enhanced: bool,
    /// The user password: with it the feature set is enabled.
    user: Option<[u8; 32]>,
    master: [u8; 32],
    /// Master password capability: maximum. The master password does not unlock then, it only erases.
    is_maximum: bool,
    is_locked: bool,
    is_frozen: bool,
    tries_left: u8,
    /// SECURITY ERASE PREPARE was the command before this one.
    is_prepared: bool,
}

/// A command, with the 512 bytes that come along.
#[derive(Debug, Clone, Copy)]
pub(super) enum SecurityCommand<'a> {
    SetPassword(&'a [u8; 512]),
    Unlock(&'a [u8; 512]),
    ErasePrepare,
    EraseUnit(&'a [u8; 512]),
    FreezeLock,
    DisablePassword(&'a [u8; 512]),
}

impl Security {
    pub(super) fn new(device: &AtaDevice) -> Self {
        let mut security = Self {
            is_supported: device.security,
            has_enhanced: device.enhanced,
            user: device.locked_with,
            master: FACTORY_MASTER,
            is_maximum: false,
            is_locked: false,
            is_frozen: false,
            tries_left: TRIES,
            is_prepared: false,
        };
        security.power_on(device.frozen);
        security
    }

    /// What power-on leaves, and the firmware's freeze lock after it.
    pub(super) fn power_on(&mut self, freezes: bool) {
        self.is_locked = self.is_supported && self.user.is_some();
        self.is_frozen = self.is_supported && freezes && !self.is_locked;
        self.tries_left = TRIES;
        self.is_prepared = false;
    }

    pub(super) fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Any command but the erase itself makes a preparation void.
    pub(super) fn receives(&mut self, command: Command) {
        if !matches!(command, Command::Ata { command: SECURITY_ERASE_UNIT, .. }) {
            self.is_prepared = false;
        }
    }

    /// Word 128 of IDENTIFY DEVICE.
    pub(super) fn word_128(&self) -> u16 {
        if !self.is_supported {
            return 0;
        }
        let bits = [
            (0, true),
            (1, self.user.is_some()),
            (2, self.is_locked),
            (3, self.is_frozen),
            (4, self.tries_left == 0),
            (5, self.has_enhanced),
            (8, self.is_maximum),
        ];
        bits.iter().fold(0, |word, (bit, is_set)| word | u16::from(*is_set) << bit)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.is_supported && self.user.is_some()
    }

    /// Carries a command out. An erase that this lets pass is the caller's, who then calls [`Self::is_erased`].
    pub(super) fn execute(&mut self, command: SecurityCommand<'_>) -> Result<(), Abort> {
        let is_prepared = std::mem::take(&mut self.is_prepared);
        let is_freeze = matches!(command, SecurityCommand::FreezeLock);
        if !self.is_supported || self.is_frozen && !is_freeze {
            return Err(Abort::PLAIN);
        }
        match command {
            SecurityCommand::SetPassword(data) => self.set_password(data),
            SecurityCommand::Unlock(data) => self.unlock(data),
            SecurityCommand::ErasePrepare => {
                self.is_prepared = true;
                Ok(())
            }
            SecurityCommand::EraseUnit(data) => self.erase_unit(data, is_prepared),
            SecurityCommand::FreezeLock => {
                must(!self.is_locked)?;
                self.is_frozen = true;
                Ok(())
            }
            SecurityCommand::DisablePassword(data) => {
                must(!self.is_locked && self.opens(data))?;
                self.user = None;
                Ok(())
            }
        }
    }

    /// A successful erase leaves the feature set disabled and the drive unlocked.
    pub(super) fn is_erased(&mut self) {
        self.user = None;
        self.is_locked = false;
    }

    fn set_password(&mut self, data: &[u8; 512]) -> Result<(), Abort> {
        must(!self.is_locked)?;
        if is_master(data) {
            self.master = password(data);
        } else {
            self.user = Some(password(data));
            self.is_maximum = data[1] & 0x01 != 0;
        }
        Ok(())
    }

    fn unlock(&mut self, data: &[u8; 512]) -> Result<(), Abort> {
        must(self.tries_left > 0)?;
        if self.opens(data) {
            self.is_locked = false;
            return Ok(());
        }
        if self.is_locked {
            self.tries_left -= 1;
        }
        Err(Abort::PLAIN)
    }

    /// Legal while locked. The master password erases at either capability; a user password must have been set.
    fn erase_unit(&self, data: &[u8; 512], is_prepared: bool) -> Result<(), Abort> {
        let is_enhanced = data[0] & 0x02 != 0;
        must(is_prepared && self.tries_left > 0)?;
        must(!is_enhanced || self.has_enhanced)?;
        must(if is_master(data) {
            password(data) == self.master
        } else {
            self.user == Some(password(data))
        })
    }

    /// Whether this is a password that lets somebody at the data.
    fn opens(&self, data: &[u8; 512]) -> bool {
        if is_master(data) {
            self.user.is_some() && !self.is_maximum && password(data) == self.master
        } else {
            self.user == Some(password(data))
        }
    }
}

fn must(holds: bool) -> Result<(), Abort> {
    if holds { Ok(()) } else { Err(Abort::PLAIN) }
}

/// Word 0 bit 0: the identifier.
fn is_master(data: &[u8; 512]) -> bool {
    data[0] & 0x01 != 0
}

/// Words 1 to 16.
fn password(data: &[u8; 512]) -> [u8; 32] {
    std::array::from_fn(|index| data[2 + index])
}
