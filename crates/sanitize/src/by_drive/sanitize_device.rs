//! ATA SANITIZE DEVICE (ACS-4 section 7.36) and NVMe Sanitize (NVM Express Base 2.0, section 5.24): begun by a command,
//! survive everything, and end when the drive's status says so.

use std::time::Duration;

use drive::ata::{AtaCommand, SHORT, has_completed};
use drive::nvme::{NvmeCommand, SanitizeAction};
use protocol::Technique;
use protocol::features::SanitizeState;

use super::{estimate, wait_until_idle};
use crate::failed::FailureCause;
use crate::talk::Talk;
use crate::watch::Watch;

/// The command only begins; yet some drives answer it late.
const BEGIN: Duration = Duration::from_secs(120);

pub(super) fn ata(
    technique: Technique,
    talk: &mut Talk<'_>,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let features = super::ata(talk)?;
    let offered = features.sanitize;
    let (is_offered, command) = match technique {
        Technique::AtaSanitizeBlockErase => (offered.block_erase, AtaCommand::BlockErase),
        Technique::AtaSanitizeCryptoScramble => {
            (offered.crypto_scramble, AtaCommand::CryptoScramble)
        }
        _ => (offered.overwrite, AtaCommand::Overwrite),
    };
    if !is_offered {
        return Err(FailureCause::NotOffered { technique });
    }
    match offered.state {
        SanitizeState::Frozen => return Err(FailureCause::SanitizeFrozen),
        // Behind a bridge that keeps the status for itself its end could not be seen: it is not begun.
        state @ SanitizeState::Unknown => return Err(FailureCause::SanitizeUnknown { state }),
        SanitizeState::Idle | SanitizeState::Running(_) | SanitizeState::Failed => {}
    }
    if features.security.locked {
        return Err(FailureCause::Locked);
    }
    let estimate = estimate(technique, talk)?;
    watch.go_on()?;
    talk.ata(command, BEGIN).map_err(FailureCause::of_ata)?;
    match wait_until_idle(talk, estimate, watch)? {
        SanitizeState::Idle => {}
        SanitizeState::Failed => return Err(FailureCause::SanitizeFailed),
        // A bridge that keeps the status for itself: whether it ended cannot be known.
        state => return Err(FailureCause::SanitizeUnknown { state }),
    }
    let status = talk.ata(AtaCommand::SanitizeStatus, SHORT).map_err(FailureCause::of_ata)?;
    if has_completed(status) { Ok(()) } else { Err(FailureCause::NotCompleted) }
}

pub(super) fn nvme(
    technique: Technique,
    talk: &mut Talk<'_>,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let offered = super::nvme(talk)?.sanitize;
    let (is_offered, action) = match technique {
        Technique::NvmeSanitizeBlockErase => (offered.block, SanitizeAction::BlockErase),
        Technique::NvmeSanitizeCryptoErase => (offered.crypto, SanitizeAction::CryptoErase),
        _ => (offered.overwrite, SanitizeAction::Overwrite),
    };
    if !is_offered {
        return Err(FailureCause::NotOffered { technique });
    }
    let estimate = estimate(technique, talk)?;
    let command = NvmeCommand::Sanitize(action);
    watch.go_on()?;
    talk.nvme(command, BEGIN).map_err(FailureCause::of_nvme)?;
    match wait_until_idle(talk, estimate, watch)? {
        SanitizeState::Idle => {}
        SanitizeState::Failed => return Err(FailureCause::SanitizeFailed),
        state => return Err(FailureCause::SanitizeUnknown { state }),
    }
    // An old success of another command is not ours. One of the same command passes here: the canaries are the proof.
    let log = talk.sanitize_log().map_err(FailureCause::of_nvme)?;
    let [ours, ..] = command.command().cdw10;
    if log.has_succeeded && log.command == ours {
        Ok(())
    } else {
        Err(FailureCause::LogDisagrees { command: log.command, has_succeeded: log.has_succeeded })
    }
}
