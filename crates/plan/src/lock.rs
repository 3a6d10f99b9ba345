//! Drives with a password (ATA Security feature set, ACS-4 section 4.20).

use protocol::drive::DriveUnit;
use protocol::features::EraseFeatures;
use protocol::plan::RefusalCode;

/// Whether a password of ours has to come off first, or why the drive cannot be worked on. `ours`: the coordinator
/// gave out a password for it, which an interrupted erase may have left behind.
///
/// A password that was set before we came is never cleared, also where the drive happens to be unlocked: it would
/// lock itself at the next power-on, and somebody relies on that.
pub(crate) fn unlock(drive: &DriveUnit, ours: bool) -> Result<bool, (RefusalCode, String)> {
    let EraseFeatures::Ata(ata) = &drive.features else {
        return Ok(false);
    };
    let security = &ata.security;
    let refuse = |code, sentence: &str| Err((code, sentence.to_owned()));
    match (security.locked, security.enabled, ours) {
        (false, false, _) => Ok(false),
        (true, _, false) => refuse(
            RefusalCode::LockedByStranger,
            "it is locked with a password that is not known here as ours; if an earlier \
             coordinator of this site locked it, restore its secret and say so by `rehome recovery \
             adopt`; else take the password off with the former owner's, or take the drive out",
        ),
        (false, true, false) => refuse(
            RefusalCode::LockedByStranger,
            "it has a password that is not known here as ours, though it is unlocked now, and would \
             lock itself again; if an earlier coordinator of this site locked it, restore its \
             secret and say so by `rehome recovery adopt`; else take the password off in the \
             firmware setup with the former owner's, or take the drive out",
        ),
        // Power clears it, and clears a freeze as well: ask for the simpler remedy first.
        (_, _, true) if security.count_expired => refuse(
            RefusalCode::PasswordCountExpired,
            "it is locked with our password, but has seen too many wrong ones since power-on; \
             switch the machine off and on",
        ),
        (_, _, true) if security.frozen => refuse(
            RefusalCode::FrozenWhileLocked,
            "it holds our password from an erase that was cut short, and the machine's firmware \
             has frozen its security commands; switch the machine off and on, and where that does \
             not help, put the drive into another machine and boot that",
        ),
        (_, _, true) => Ok(true),
    }
}
