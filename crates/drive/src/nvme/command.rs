//! The NVMe admin commands that are sent, as values: NVM Express Base 2.0, sections 5.14 (Format NVM) and 5.24
//! (Sanitize); Sanitize Status log, section 5.16.1.22.

use std::time::Duration;

use protocol::features::{EraseTime, SanitizeState};
use sys::nvme::{AdminCommand, AdminError, IDENTIFY_LEN};
use sys::taskfile::Transfer;

use crate::Drive;

/// A command without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NvmeCommand {
    /// Format NVM of one namespace, in the format that it has. The command's end is the end of formatting.
    Format {
        /// Which namespace.
        namespace: u32,
        /// LBA format, metadata and protection as they are.
        format: CurrentFormat,
        /// Secure Erase Settings. Without them Format erases nothing.
        erase: SecureErase,
    },
    /// Sanitize: the whole NVM subsystem. It ends when the log says so, not when the command does.
    Sanitize(SanitizeAction),
}

/// Secure Erase Settings of Format NVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureErase {
    /// 1: user data erase.
    UserData,
    /// 2: cryptographic erase.
    Crypto,
}

/// Sanitize Action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SanitizeAction {
    /// 2: block erase.
    BlockErase,
    /// 3: overwrite, one pass of zeros.
    Overwrite,
    /// 4: crypto erase.
    CryptoErase,
}

/// The format of a namespace as Format NVM takes it: CDW10 without the Secure Erase Settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentFormat(u32);

impl CurrentFormat {
    /// Out of Identify Namespace: FLBAS (byte 26) and DPS (byte 29).
    pub fn of(namespace: &[u8; IDENTIFY_LEN]) -> Self {
        let (flbas, dps) = (u32::from(namespace[26]), u32::from(namespace[29]));
        let lbaf = flbas & 0x0f | (flbas >> 5 & 0x03) << 12;
        let metadata_extended = flbas & 0x10;
        let protection = (dps & 0x07) << 5 | (dps >> 3 & 1) << 8;
        Self(lbaf | metadata_extended | protection)
    }
}

const OVERWRITE_ONE_PASS: u32 = 1 << 4;

impl NvmeCommand {
    /// Its name in the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format { erase: SecureErase::UserData, .. } => "Format NVM (user data erase)",
            Self::Format { erase: SecureErase::Crypto, .. } => "Format NVM (cryptographic erase)",
            Self::Sanitize(SanitizeAction::BlockErase) => "Sanitize (block erase)",
            Self::Sanitize(SanitizeAction::Overwrite) => "Sanitize (overwrite)",
            Self::Sanitize(SanitizeAction::CryptoErase) => "Sanitize (crypto erase)",
        }
    }

    /// Its dwords. Allow Unrestricted Sanitize Exit stays zero: a drive that failed to sanitize gives out nothing until
    /// it has succeeded. The namespace of Sanitize must be zero: real drives refuse any other.
    pub fn command(self) -> AdminCommand {
        match self {
            Self::Format { namespace, format, erase } => {
                let setting = match erase {
                    SecureErase::UserData => 1,
                    SecureErase::Crypto => 2,
                };
                let cdw10 = [format.0 | setting << 9, 0, 0, 0, 0, 0];
                AdminCommand { opcode: 0x80, nsid: namespace, cdw10 }
            }
            Self::Sanitize(action) => {
                let cdw10 = match action {
                    SanitizeAction::BlockErase => 2,
                    SanitizeAction::Overwrite => 3 | OVERWRITE_ONE_PASS,
                    SanitizeAction::CryptoErase => 4,
                };
                AdminCommand { opcode: 0x84, nsid: 0, cdw10: [cdw10, 0, 0, 0, 0, 0] }
            }
        }
    }

    /// Sends it. `timeout` as for [`Drive::nvme`].
    pub fn send(self, drive: &dyn Drive, timeout: Duration) -> Result<u32, AdminError> {
        drive.nvme(self.name(), &self.command(), Transfer::None, timeout)
    }
}

/// Length of the Sanitize Status log in bytes.
pub const SANITIZE_LOG_LEN: usize = 512;

/// The Sanitize Status log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SanitizeLog {
    /// Where the drive is.
    pub state: SanitizeState,
    /// Whether the latest sanitize operation ended well. An old one does so too: see [`Self::command`].
    pub has_succeeded: bool,
    /// Global Data Erased: nothing was written since the latest sanitize operation.
    pub is_global_erased: bool,
    /// CDW10 of the latest Sanitize command.
    pub command: u32,
    /// Estimate for a block erase.
    pub block_time: EraseTime,
    /// Estimate for a crypto erase.
    pub crypto_time: EraseTime,
    /// Estimate for an overwrite.
    pub overwrite_time: EraseTime,
}

/// Identify Controller or Identify Namespace (CNS 1 or 0).
pub fn identify(
    drive: &dyn Drive,
    namespace: Option<u32>,
) -> Result<[u8; IDENTIFY_LEN], AdminError> {
    let (name, cns) = match namespace {
        Some(_) => ("Identify Namespace", 0),
        None => ("Identify Controller", 1),
    };
    let mut data = [0; IDENTIFY_LEN];
    let nsid = namespace.unwrap_or(0);
    let command = AdminCommand { opcode: 0x06, nsid, cdw10: [cns, 0, 0, 0, 0, 0] };
    drive.nvme(name, &command, Transfer::In(&mut data), super::SHORT)?;
    Ok(data)
}

/// Get Log Page 81h.
pub fn sanitize_log(drive: &dyn Drive) -> Result<[u8; SANITIZE_LOG_LEN], AdminError> {
    let mut data = [0; SANITIZE_LOG_LEN];
    drive.nvme(
        "Sanitize Status log",
        &sanitize_log_command(),
        Transfer::In(&mut data),
        super::SHORT,
    )?;
    Ok(data)
}

/// Log page 81h, 512 bytes: NUMDL counts dwords from zero. The log is the controller's: namespace FFFFFFFFh.
pub(crate) fn sanitize_log_command() -> AdminCommand {
    const DWORDS_MINUS_ONE: u32 = 127;
    let cdw10 = [0x81 | DWORDS_MINUS_ONE << 16, 0, 0, 0, 0, 0];
    AdminCommand { opcode: 0x02, nsid: 0xffff_ffff, cdw10 }
}

impl SanitizeLog {
    /// Decodes log page 81h.
    pub fn parse(log: &[u8; SANITIZE_LOG_LEN]) -> Self {
        let word = |at: usize| u16::from_le_bytes([log[at], log[at + 1]]);
        let number =
            |at: usize| u32::from_le_bytes([log[at], log[at + 1], log[at + 2], log[at + 3]]);
        let time = |at| match number(at) {
            u32::MAX => EraseTime::NotReported,
            seconds => EraseTime::Seconds(seconds),
        };
        let status = word(2);
        let state = match status & 0x07 {
            0 | 1 | 4 => SanitizeState::Idle,
            2 => SanitizeState::Running(word(0)),
            3 => SanitizeState::Failed,
            _ => SanitizeState::Unknown,
        };
        Self {
            state,
            has_succeeded: matches!(status & 0x07, 1 | 4),
            is_global_erased: status & 0x0100 != 0,
            command: number(4),
            block_time: time(12),
            crypto_time: time(16),
            overwrite_time: time(8),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn format_keeps_the_format_and_erases() {
        let mut namespace = [0; IDENTIFY_LEN];
        namespace[26] = 0b0011_0001;
        namespace[29] = 0b0000_1010;
        let format = CurrentFormat::of(&namespace);
        for (erase, setting) in [(SecureErase::UserData, 1), (SecureErase::Crypto, 2)] {
            let command = NvmeCommand::Format { namespace: 1, format, erase }.command();
            assert_eq!((command.opcode, command.nsid), (0x80, 1));
            let [cdw10, ..] = command.cdw10;
            assert_eq!(cdw10 >> 9 & 0x07, setting, "secure erase settings");
            assert_eq!(cdw10 & 0x0f, 1, "LBA format");
            assert_eq!(cdw10 >> 12 & 0x03, 1, "its upper bits");
            assert_eq!((cdw10 >> 4 & 1, cdw10 >> 5 & 0x07, cdw10 >> 8 & 1), (1, 2, 1));
        }
    }

    #[test]
    fn sanitize_names_no_namespace_and_allows_no_way_out() {
        for (action, code) in [
            (SanitizeAction::BlockErase, 2),
            (SanitizeAction::Overwrite, 3),
            (SanitizeAction::CryptoErase, 4),
        ] {
            let command = NvmeCommand::Sanitize(action).command();
            assert_eq!((command.opcode, command.nsid, command.cdw10[0] & 0x0f), (0x84, 0, code));
            assert_eq!(command.cdw10[1], 0, "overwrite pattern");
        }
    }

    #[test]
    fn the_log_is_read() {
        let mut log = [0; SANITIZE_LOG_LEN];
        log[..8].copy_from_slice(&[0x8f, 0x02, 0x02, 0x00, 0x02, 0, 0, 0]);
        log[8..12].copy_from_slice(&[0xff; 4]);
        log[12..16].copy_from_slice(&60_u32.to_le_bytes());
        let parsed = SanitizeLog::parse(&log);
        assert_eq!(parsed.state, SanitizeState::Running(655));
        assert_eq!((parsed.command, parsed.has_succeeded), (2, false));
        assert_eq!(parsed.overwrite_time, EraseTime::NotReported);
        assert_eq!(parsed.block_time, EraseTime::Seconds(60));
        for (status, state, has_succeeded, is_global_erased) in [
            (0x0000, SanitizeState::Idle, false, false),
            (0x0101, SanitizeState::Idle, true, true),
            (0x0004, SanitizeState::Idle, true, false),
            (0x0003, SanitizeState::Failed, false, false),
            (0x0007, SanitizeState::Unknown, false, false),
        ] {
            log[2..4].copy_from_slice(&u16::to_le_bytes(status));
            let parsed = SanitizeLog::parse(&log);
            assert_eq!(
                (parsed.state, parsed.has_succeeded, parsed.is_global_erased),
                (state, has_succeeded, is_global_erased)
            );
        }
    }

    proptest! {
        #[test]
        fn no_log_brings_it_down(bytes in proptest::collection::vec(any::<u8>(), SANITIZE_LOG_LEN)) {
            let log: &[u8; SANITIZE_LOG_LEN] = bytes.as_slice().try_into().unwrap();
            let parsed = SanitizeLog::parse(log);
            prop_assert!(!parsed.has_succeeded || parsed.state == SanitizeState::Idle);
        }
    }
}
