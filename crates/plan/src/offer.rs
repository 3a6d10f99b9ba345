//! Whether a drive offers a technique, and whether its state allows it now.

use protocol::drive::{Bus, DriveUnit};
use protocol::features::{AtaFeatures, EraseFeatures, NvmeFeatures, SanitizeState};
use protocol::plan::Technique;

/// Why a technique cannot be used on a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// It belongs to a command set that the drive does not speak.
    OtherCommandSet,
    /// The drive does not have it.
    NotOffered,
    /// The security commands are frozen.
    SecurityFrozen,
    /// Too many wrong passwords since power-on.
    CountExpired,
    /// The sanitize commands are frozen.
    SanitizeFrozen,
    /// The drive does not say how far a sanitize is, so its end could not be seen.
    SanitizeUnseen,
    /// The last sanitize failed, and the drive takes nothing but another one.
    SanitizeFailed,
}

/// What keeps the technique from being used on the drive now, once a password of ours is off.
pub(crate) fn hindrance(drive: &DriveUnit, technique: Technique) -> Option<Hindrance> {
    let sanitize_failed = match &drive.features {
        EraseFeatures::Ata(ata) => ata.sanitize.state == SanitizeState::Failed,
        EraseFeatures::Nvme(nvme) => nvme.sanitize.state == SanitizeState::Failed,
        EraseFeatures::None {} => false,
    };
    let own = if technique.is_by_drive() {
        match &drive.features {
            EraseFeatures::Ata(ata) if drive.bus == Bus::Ata => of_ata(ata, technique),
            EraseFeatures::Nvme(nvme) if drive.bus == Bus::Nvme => of_nvme(nvme, technique),
            _ => unanswered(drive.bus, technique),
        }
    } else {
        None
    };
    own.or((sanitize_failed && !is_sanitize(technique)).then_some(Hindrance::SanitizeFailed))
}

const fn is_sanitize(technique: Technique) -> bool {
    matches!(
        technique,
        Technique::AtaSanitizeBlockErase
            | Technique::AtaSanitizeCryptoScramble
            | Technique::AtaSanitizeOverwrite
            | Technique::NvmeSanitizeBlockErase
            | Technique::NvmeSanitizeCryptoErase
            | Technique::NvmeSanitizeOverwrite
    )
}

fn of_ata(ata: &AtaFeatures, technique: Technique) -> Option<Hindrance> {
    let sanitize = |offered| of_sanitize(offered, ata.sanitize.state);
    match technique {
        Technique::AtaSanitizeBlockErase => sanitize(ata.sanitize.block_erase),
        Technique::AtaSanitizeCryptoScramble => sanitize(ata.sanitize.crypto_scramble),
        Technique::AtaSanitizeOverwrite => sanitize(ata.sanitize.overwrite),
        Technique::AtaSecurityErase => of_security(ata, ata.security.supported),
        Technique::AtaSecurityEraseEnhanced => {
            of_security(ata, ata.security.supported && ata.security.enhanced)
        }
        _ => Some(Hindrance::OtherCommandSet),
    }
}

fn of_security(ata: &AtaFeatures, offered: bool) -> Option<Hindrance> {
    match (offered, ata.security.frozen, ata.security.count_expired) {
        (false, _, _) => Some(Hindrance::NotOffered),
        (true, true, _) => Some(Hindrance::SecurityFrozen),
        (true, false, true) => Some(Hindrance::CountExpired),
        (true, false, false) => None,
    }
}

fn of_nvme(nvme: &NvmeFeatures, technique: Technique) -> Option<Hindrance> {
    let sanitize = |offered| of_sanitize(offered, nvme.sanitize.state);
    let format = |offered| if offered { None } else { Some(Hindrance::NotOffered) };
    match technique {
        Technique::NvmeSanitizeBlockErase => sanitize(nvme.sanitize.block),
        Technique::NvmeSanitizeCryptoErase => sanitize(nvme.sanitize.crypto),
        Technique::NvmeSanitizeOverwrite => sanitize(nvme.sanitize.overwrite),
        Technique::NvmeFormatUserData => format(nvme.format),
        Technique::NvmeFormatCrypto => format(nvme.format && nvme.format_crypto),
        _ => Some(Hindrance::OtherCommandSet),
    }
}

/// One that is under way or has failed hinders no other: the drive takes another one after it.
fn of_sanitize(offered: bool, state: SanitizeState) -> Option<Hindrance> {
    match (offered, state) {
        (false, _) => Some(Hindrance::NotOffered),
        (true, SanitizeState::Frozen) => Some(Hindrance::SanitizeFrozen),
        (true, SanitizeState::Unknown) => Some(Hindrance::SanitizeUnseen),
        (true, SanitizeState::Idle | SanitizeState::Running(_) | SanitizeState::Failed) => None,
    }
}

/// The drive was not asked what it has, or did not answer.
fn unanswered(bus: Bus, technique: Technique) -> Option<Hindrance> {
    let nvme = technique.name().starts_with("nvme-");
    match bus {
        Bus::Nvme if !nvme => Some(Hindrance::OtherCommandSet),
        Bus::Ata if nvme => Some(Hindrance::OtherCommandSet),
        _ => Some(Hindrance::NotOffered),
    }
}
