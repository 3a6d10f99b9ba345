//! What may be claimed, as a table: medium, technique, and whether the drive has always encrypted.
//!
//! By NIST SP 800-88 revision 1, appendix A: table A-5 for ATA hard disks, A-8 for ATA and NVM Express solid state
//! drives, section 2.6 and appendix D for cryptographic erase. Plans are made by it, and certificates checked.

use crate::plan::{Claim, ClaimReason, Media, Technique};

/// What one technique is worth on one medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It does not exist there, or no table knows it.
    Unknown,
    /// Alone it allows no claim at all.
    Nothing(ClaimReason),
    /// Clear, and why not more.
    Clear(ClaimReason),
    /// Purge.
    Purge,
}

/// What one technique is worth on one medium.
///
/// - Cryptographic erase counts as Purge only where the drive has encrypted all data from its first day
///   (`encrypts_all`, ATA IDENTIFY DEVICE word 69 bit 4): section 2.6 rules it out where data may be older than the
///   encryption, and nobody knows the past of a donated laptop. Elsewhere every sector may still stand there in plain,
///   so it is worth nothing by itself. NVMe has no such bit.
/// - NVMe Sanitize (NVM Express 1.3, 2017) is younger than revision 1. It is put beside ATA SANITIZE DEVICE, which it
///   is modeled on; IEEE 2883 names it for Purge.
/// - Format NVM with user data erase is Purge by table A-8. IEEE 2883 prefers Sanitize, which goes on after a power
///   cut, leaves a status log and reaches every namespace; policies should name it first.
/// - SANITIZE OVERWRITE is not among the Purge techniques of table A-8 for ATA flash, and BLOCK ERASE does not exist on
///   platters: neither is in this table.
pub const fn worth(media: Media, technique: Technique, encrypts_all: bool) -> Worth {
    use Media::{Flash, Magnetic};
    match (media, technique) {
        (Magnetic, Technique::OverwriteZeros | Technique::OverwritePattern) => {
            Worth::Clear(ClaimReason::RemappedSectors)
        }
        (Flash, Technique::OverwriteZeros | Technique::OverwritePattern) => {
            Worth::Clear(ClaimReason::FlashOverprovisioning)
        }
        (_, Technique::AtaSanitizeCryptoScramble) if encrypts_all => Worth::Purge,
        (_, Technique::AtaSanitizeCryptoScramble)
        | (Flash, Technique::NvmeSanitizeCryptoErase | Technique::NvmeFormatCrypto) => {
            Worth::Nothing(ClaimReason::EncryptionUnknown)
        }
        (Magnetic, Technique::AtaSanitizeOverwrite | Technique::AtaSecurityEraseEnhanced)
        | (
            Flash,
            Technique::AtaSanitizeBlockErase
            | Technique::NvmeSanitizeBlockErase
            | Technique::NvmeSanitizeOverwrite
            | Technique::NvmeFormatUserData,
        ) => Worth::Purge,
        (Magnetic, Technique::AtaSecurityErase) => Worth::Clear(ClaimReason::NormalSecurityErase),
        (Flash, Technique::AtaSecurityEraseEnhanced | Technique::AtaSecurityErase) => {
            Worth::Clear(ClaimReason::SecurityEraseOnFlash)
        }
        (Flash, Technique::AtaSanitizeOverwrite)
        | (
            Magnetic,
            Technique::AtaSanitizeBlockErase
            | Technique::NvmeSanitizeBlockErase
            | Technique::NvmeSanitizeCryptoErase
            | Technique::NvmeSanitizeOverwrite
            | Technique::NvmeFormatUserData
            | Technique::NvmeFormatCrypto,
        ) => Worth::Unknown,
    }
}

/// What techniques done one after the other allow to be claimed: the highest of their claims, for none undoes
/// another; and why not more, in order. None where no technique is worth anything, or one is unknown on the medium.
pub fn claim(
    media: Media,
    techniques: &[Technique],
    encrypts_all: bool,
) -> Option<(Claim, Vec<ClaimReason>)> {
    let mut highest = None;
    let mut reasons = Vec::new();
    for technique in techniques {
        let (claim, reason) = match worth(media, *technique, encrypts_all) {
            Worth::Unknown => return None,
            Worth::Nothing(reason) => (None, Some(reason)),
            Worth::Clear(reason) => (Some(Claim::Clear), Some(reason)),
            Worth::Purge => (Some(Claim::Purge), None),
        };
        highest = highest.max(claim);
        reasons.extend(reason);
    }
    let highest = highest?;
    // Nothing is above Purge that would have to be explained.
    reasons.retain(|_| highest < Claim::Purge);
    reasons.sort_unstable();
    reasons.dedup();
    Some((highest, reasons))
}
