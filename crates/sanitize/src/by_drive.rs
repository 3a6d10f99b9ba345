//! Techniques that the drive carries out by itself. The host sends a command, waits, and believes nothing.

mod format;
mod sanitize_device;
mod security;
mod waiting;

use protocol::features::{EraseTime, Rotation, SanitizeState};
use protocol::{ByteLen, DrivePassword, Technique};

use crate::failed::FailureCause;
use crate::talk::Talk;
use crate::watch::Watch;

pub(crate) use security::take_our_password_off;
pub(crate) use waiting::wait_until_idle;

/// Runs one technique to its end. What the drive says of its success is a condition, not the proof.
pub(crate) fn run(
    technique: Technique,
    talk: &mut Talk<'_>,
    password: Option<&DrivePassword>,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    match technique {
        Technique::AtaSanitizeBlockErase
        | Technique::AtaSanitizeCryptoScramble
        | Technique::AtaSanitizeOverwrite => sanitize_device::ata(technique, talk, watch),
        Technique::NvmeSanitizeBlockErase
        | Technique::NvmeSanitizeCryptoErase
        | Technique::NvmeSanitizeOverwrite => sanitize_device::nvme(technique, talk, watch),
        Technique::AtaSecurityErase | Technique::AtaSecurityEraseEnhanced => {
            let password = password.ok_or(FailureCause::NoPassword)?;
            let enhanced = technique == Technique::AtaSecurityEraseEnhanced;
            security::erase(talk, password, enhanced, watch)
        }
        Technique::NvmeFormatUserData | Technique::NvmeFormatCrypto => {
            format::format(technique, talk, watch)
        }
        // The caller overwrites by itself.
        Technique::OverwriteZeros | Technique::OverwritePattern => {
            Err(FailureCause::NotOffered { technique })
        }
    }
}

/// Whether the drive is sanitizing itself, or has failed to.
pub(crate) fn state(talk: &mut Talk<'_>) -> Result<SanitizeState, FailureCause> {
    if talk.speaks_nvme() {
        Ok(talk.nvme_features().map_err(FailureCause::of_nvme)?.sanitize.state)
    } else {
        match talk.ata_features() {
            Ok(features) => Ok(features.sanitize.state),
            // A drive that is only overwritten need not speak ATA to us.
            Err(drive::AtaError::NotAta { .. }) => Ok(SanitizeState::Unknown),
            Err(error) => Err(FailureCause::of_ata(error)),
        }
    }
}

/// Bytes a second that no platter exceeds: the fastest disks reach 300 MB/s at the rim.
const FASTEST_DISK: u64 = 400_000_000;
/// A drive that is faster than its own estimate by more than this did something else.
const ESTIMATE_FACTOR: u64 = 20;
/// Words 89 and 90 count in units of two minutes: "one" is what a disk says that throws its key away in a second.
const SHORTEST_ESTIMATE_S: u32 = 120;

/// How long a disk needs at least to write all of itself, in milliseconds; zero where nothing can be said: flash erases in
/// no time, and so does a disk that throws a key away, which gives a short estimate or none.
pub(crate) fn least_ms(technique: Technique, size: ByteLen, estimate: EraseTime) -> u64 {
    let by_size = size.0 / (FASTEST_DISK / 1000);
    match (technique, estimate) {
        // Every pass of it is written.
        (Technique::AtaSanitizeOverwrite, _) => by_size,
        (
            Technique::AtaSecurityErase | Technique::AtaSecurityEraseEnhanced,
            EraseTime::Seconds(seconds) | EraseTime::LongerThan(seconds),
        ) if seconds > SHORTEST_ESTIMATE_S => {
            by_size.min(u64::from(seconds) * 1000 / ESTIMATE_FACTOR)
        }
        _ => 0,
    }
}

/// Whether the drive says that it has platters.
pub(crate) fn turns(talk: &mut Talk<'_>) -> Result<bool, FailureCause> {
    if talk.speaks_nvme() {
        return Ok(false);
    }
    let features = talk.ata_identify().map_err(FailureCause::of_ata)?;
    Ok(matches!(features.rotation, Rotation::Rpm(_)))
}

/// The drive's own estimate for a technique.
pub(crate) fn estimate(
    technique: Technique,
    talk: &mut Talk<'_>,
) -> Result<EraseTime, FailureCause> {
    match technique {
        Technique::AtaSecurityErase => Ok(ata(talk)?.security.erase_time),
        Technique::AtaSecurityEraseEnhanced => Ok(ata(talk)?.security.enhanced_time),
        Technique::NvmeSanitizeBlockErase => Ok(nvme(talk)?.sanitize.block_time),
        Technique::NvmeSanitizeCryptoErase => Ok(nvme(talk)?.sanitize.crypto_time),
        Technique::NvmeSanitizeOverwrite => Ok(nvme(talk)?.sanitize.overwrite_time),
        Technique::AtaSanitizeBlockErase
        | Technique::AtaSanitizeCryptoScramble
        | Technique::AtaSanitizeOverwrite
        | Technique::NvmeFormatUserData
        | Technique::NvmeFormatCrypto
        | Technique::OverwriteZeros
        | Technique::OverwritePattern => Ok(EraseTime::NotReported),
    }
}

fn ata(talk: &mut Talk<'_>) -> Result<protocol::features::AtaFeatures, FailureCause> {
    talk.ata_features().map_err(FailureCause::of_ata)
}

fn nvme(talk: &mut Talk<'_>) -> Result<protocol::features::NvmeFeatures, FailureCause> {
    talk.nvme_features().map_err(FailureCause::of_nvme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_has_to_take_its_time() {
        use EraseTime::{LongerThan, NotReported, Seconds};
        let size = ByteLen(500_000_000_000);
        let enhanced = Technique::AtaSecurityEraseEnhanced;
        for (technique, estimate, least) in [
            (Technique::AtaSanitizeCryptoScramble, NotReported, 0),
            (Technique::AtaSanitizeOverwrite, NotReported, 1_250_000),
            // It says two hours: ten seconds are impossible.
            (enhanced, Seconds(7200), 360_000),
            (enhanced, LongerThan(30_480), 1_250_000),
            // It says two minutes, the least that it can, or nothing: it may well throw its key away.
            (enhanced, Seconds(120), 0),
            (enhanced, NotReported, 0),
        ] {
            assert_eq!(least_ms(technique, size, estimate), least, "{technique:?} {estimate:?}");
        }
    }
}
