//! ATA SECURITY: ACS-4 section 4.18 (states) and 7.40 to 7.45 (commands).
//!
//! The password is on the coordinator's disk, or in the hands of whoever runs a stage by hand, before it is set: a
//! drive whose erase is interrupted comes back locked with it, and must never be lost to everybody.

use std::time::Duration;

use drive::AtaError;
use drive::ata::{AtaCommand, SHORT};
use protocol::DrivePassword;
use protocol::features::{AtaSecurity, EraseTime};

use super::waiting::while_showing_time;
use crate::failed::FailureCause;
use crate::talk::Talk;
use crate::watch::Watch;

/// On top of twice the drive's estimate.
const EXTRA: Duration = Duration::from_secs(30 * 60);
/// Where the drive gives none, or an open one: no laptop drive takes longer, and the kernel wants a number.
const LONGEST: Duration = Duration::from_secs(48 * 3600);

/// SET PASSWORD, ERASE PREPARE, ERASE UNIT; afterwards the drive must have no password.
pub(super) fn erase(
    talk: &mut Talk<'_>,
    password: &DrivePassword,
    enhanced: bool,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let security = identified(talk)?;
    may_erase(&security, enhanced)?;
    let estimate = if enhanced { security.enhanced_time } else { security.erase_time };
    watch.go_on()?;
    // From here on the drive may have our password, whatever it answers.
    let set = talk.ata(AtaCommand::SecuritySetPassword(password), SHORT);
    let erased = set
        .map_err(FailureCause::of_ata)
        .and_then(|_| erase_unit(talk, password, enhanced, estimate, watch))
        .and_then(|()| has_no_password(talk));
    erased.map_err(|cause| leave_open(talk, password, cause))
}

/// After a failure: our password comes off, or it is said that it stayed.
fn leave_open(talk: &mut Talk<'_>, password: &DrivePassword, cause: FailureCause) -> FailureCause {
    match open(talk, password).and_then(|()| has_no_password(talk)) {
        Ok(()) => cause,
        Err(_) => FailureCause::LeftLocked { cause: Box::new(cause) },
    }
}

fn identified(talk: &mut Talk<'_>) -> Result<AtaSecurity, FailureCause> {
    Ok(talk.ata_identify().map_err(FailureCause::of_ata)?.security)
}

/// Takes off the password that an interrupted erase of ours left on the drive. Where the drive refuses to be opened
/// before it has finished, it is erased again first.
pub(crate) fn take_our_password_off(
    talk: &mut Talk<'_>,
    password: Option<&DrivePassword>,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let password = password.ok_or(FailureCause::NoPassword)?;
    let security = identified(talk)?;
    if !security.enabled {
        return Ok(());
    }
    if security.frozen {
        return Err(FailureCause::Frozen);
    }
    if security.count_expired {
        return Err(FailureCause::CountExpired);
    }
    if open(talk, password).is_err() {
        let estimate = security.erase_time;
        let erased = erase_unit(talk, password, false, estimate, watch);
        // The drive's own refusal, twice; it counts wrong passwords, so there is no third try.
        return match erased {
            Err(FailureCause::Ata(error @ AtaError::Refused { host: 0, .. })) => {
                Err(FailureCause::NotOurPassword(error))
            }
            erased => erased.and_then(|()| has_no_password(talk)),
        };
    }
    has_no_password(talk)
}

fn may_erase(security: &AtaSecurity, enhanced: bool) -> Result<(), FailureCause> {
    if !security.supported || enhanced && !security.enhanced {
        let technique = if enhanced {
            protocol::Technique::AtaSecurityEraseEnhanced
        } else {
            protocol::Technique::AtaSecurityErase
        };
        return Err(FailureCause::NotOffered { technique });
    }
    if security.frozen {
        return Err(FailureCause::Frozen);
    }
    // A password that was set before we came is never ours to replace.
    if security.locked || security.enabled {
        return Err(FailureCause::Locked);
    }
    if security.count_expired {
        return Err(FailureCause::CountExpired);
    }
    Ok(())
}

fn erase_unit(
    talk: &mut Talk<'_>,
    password: &DrivePassword,
    enhanced: bool,
    estimate: EraseTime,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let (limit, expected) = match estimate {
        EraseTime::Seconds(seconds) => {
            let expected = Duration::from_secs(seconds.into());
            (expected * 2 + EXTRA, Some(expected))
        }
        EraseTime::NotReported | EraseTime::LongerThan(_) => (LONGEST, None),
    };
    watch.go_on()?;
    talk.ata(AtaCommand::SecurityErasePrepare, SHORT).map_err(FailureCause::of_ata)?;
    let command = AtaCommand::SecurityEraseUnit { password, enhanced };
    let size = talk.drive.size();
    watch.go_on()?;
    while_showing_time(watch, size, expected, || talk.ata(command, limit))
        .map_err(FailureCause::of_ata)?;
    Ok(())
}

/// UNLOCK where it is locked, then DISABLE PASSWORD.
fn open(talk: &mut Talk<'_>, password: &DrivePassword) -> Result<(), FailureCause> {
    let security = identified(talk)?;
    if security.locked {
        talk.ata(AtaCommand::SecurityUnlock(password), SHORT).map_err(FailureCause::of_ata)?;
    }
    if security.enabled {
        talk.ata(AtaCommand::SecurityDisablePassword(password), SHORT)
            .map_err(FailureCause::of_ata)?;
    }
    Ok(())
}

fn has_no_password(talk: &mut Talk<'_>) -> Result<(), FailureCause> {
    let security = identified(talk)?;
    if security.enabled || security.locked { Err(FailureCause::PasswordStays) } else { Ok(()) }
}
