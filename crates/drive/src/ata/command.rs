//! The ATA commands that are sent, as values: ACS-4 sections 7.36 (SANITIZE DEVICE) and 7.40 to 7.45 (SECURITY).

use std::time::Duration;

use protocol::DrivePassword;
use sys::sg::AtaError;
use sys::taskfile::{Registers, Taskfile, Transfer};

use crate::Drive;

/// A command without data from the drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtaCommand<'a> {
    /// SECURITY SET PASSWORD: the user password, master password capability high.
    SecuritySetPassword(&'a DrivePassword),
    /// SECURITY UNLOCK with the user password.
    SecurityUnlock(&'a DrivePassword),
    /// SECURITY ERASE PREPARE: must come right before [`Self::SecurityEraseUnit`].
    SecurityErasePrepare,
    /// SECURITY ERASE UNIT with the user password. Takes as long as words 89 and 90 of IDENTIFY DEVICE say, or longer.
    SecurityEraseUnit {
        /// The password that was set.
        password: &'a DrivePassword,
        /// Whether in enhanced mode, which writes a pattern of the vendor over remapped sectors too.
        enhanced: bool,
    },
    /// SECURITY FREEZE LOCK: no security command until the next power cycle.
    SecurityFreezeLock,
    /// SECURITY DISABLE PASSWORD.
    SecurityDisablePassword(&'a DrivePassword),
    /// SANITIZE STATUS EXT.
    SanitizeStatus,
    /// CRYPTO SCRAMBLE EXT. It ends when the status says so, not when the command does.
    CryptoScramble,
    /// BLOCK ERASE EXT, likewise.
    BlockErase,
    /// OVERWRITE EXT, one pass of zeros, likewise.
    Overwrite,
    /// SANITIZE FREEZE LOCK EXT.
    SanitizeFreezeLock,
    /// SANITIZE ANTIFREEZE LOCK EXT: no freeze lock until the next power cycle.
    SanitizeAntifreezeLock,
}

/// How long a command may take that only changes the drive's state.
pub const SHORT: Duration = Duration::from_secs(30);

const SANITIZE_DEVICE: u8 = 0xb4;
/// OVERWRITE EXT's key is in LBA(47:32), the pattern below it.
const OVERWRITE_KEY: u64 = 0x4f57 << 32;
const ONE_PASS: u16 = 1;

impl AtaCommand<'_> {
    /// Its name in the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecuritySetPassword(_) => "SECURITY SET PASSWORD",
            Self::SecurityUnlock(_) => "SECURITY UNLOCK",
            Self::SecurityErasePrepare => "SECURITY ERASE PREPARE",
            Self::SecurityEraseUnit { enhanced: false, .. } => "SECURITY ERASE UNIT",
            Self::SecurityEraseUnit { enhanced: true, .. } => "SECURITY ERASE UNIT (enhanced)",
            Self::SecurityFreezeLock => "SECURITY FREEZE LOCK",
            Self::SecurityDisablePassword(_) => "SECURITY DISABLE PASSWORD",
            Self::SanitizeStatus => "SANITIZE STATUS EXT",
            Self::CryptoScramble => "CRYPTO SCRAMBLE EXT",
            Self::BlockErase => "BLOCK ERASE EXT",
            Self::Overwrite => "OVERWRITE EXT",
            Self::SanitizeFreezeLock => "SANITIZE FREEZE LOCK EXT",
            Self::SanitizeAntifreezeLock => "SANITIZE ANTIFREEZE LOCK EXT",
        }
    }

    /// Its registers. The failure mode bit of the sanitize commands stays zero: a drive that failed to sanitize gives
    /// out nothing until it has succeeded, whoever asks.
    pub fn taskfile(self) -> Taskfile {
        let security = |command| Taskfile { command, ..Taskfile::default() };
        let with_data = |command| Taskfile { command, count: 1, ..Taskfile::default() };
        let sanitize = |feature, lba| Taskfile {
            command: SANITIZE_DEVICE,
            feature,
            lba,
            is_48_bit: true,
            ..Taskfile::default()
        };
        match self {
            Self::SecuritySetPassword(_) => with_data(0xf1),
            Self::SecurityUnlock(_) => with_data(0xf2),
            Self::SecurityErasePrepare => security(0xf3),
            Self::SecurityEraseUnit { .. } => with_data(0xf4),
            Self::SecurityFreezeLock => security(0xf5),
            Self::SecurityDisablePassword(_) => with_data(0xf6),
            Self::SanitizeStatus => sanitize(0x0000, 0),
            Self::CryptoScramble => sanitize(0x0011, 0x4372_7970),
            Self::BlockErase => sanitize(0x0012, 0x426b_4572),
            Self::Overwrite => Taskfile { count: ONE_PASS, ..sanitize(0x0014, OVERWRITE_KEY) },
            Self::SanitizeFreezeLock => sanitize(0x0020, 0x4672_4c6b),
            Self::SanitizeAntifreezeLock => sanitize(0x0040, 0x416e_7469),
        }
    }

    /// The 512 bytes that go with it: word 0 with identifier (user) and mode, words 1 to 16 with the password.
    fn data(self) -> Option<[u8; 512]> {
        let (password, word_0) = match self {
            Self::SecuritySetPassword(password)
            | Self::SecurityUnlock(password)
            | Self::SecurityDisablePassword(password) => (password, 0),
            Self::SecurityEraseUnit { password, enhanced } => (password, u8::from(enhanced) << 1),
            _ => return None,
        };
        let mut data = [0; 512];
        data[0] = word_0;
        data[2..34].copy_from_slice(password.as_bytes());
        Some(data)
    }

    /// Sends it. `timeout` as for [`Drive::ata`].
    pub fn send(self, drive: &dyn Drive, timeout: Duration) -> Result<Option<Registers>, AtaError> {
        let data = self.data();
        let transfer = data.as_ref().map_or(Transfer::None, |data| Transfer::Out(data));
        drive.ata(self.name(), &self.taskfile(), transfer, timeout)
    }
}

/// IDENTIFY DEVICE: 256 words, little-endian.
pub fn identify_device(drive: &dyn Drive) -> Result<[u8; 512], AtaError> {
    let mut data = [0; 512];
    let taskfile = Taskfile { command: 0xec, count: 1, ..Taskfile::default() };
    drive.ata("IDENTIFY DEVICE", &taskfile, Transfer::In(&mut data), SHORT)?;
    Ok(data)
}
