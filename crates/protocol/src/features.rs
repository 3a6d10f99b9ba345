//! What a drive can do by itself to erase its medium, and in which state it is. Decoded from what the drive says.

use serde::{Deserialize, Serialize};

/// The erase features of a drive, by the command set it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "commands", deny_unknown_fields)]
pub enum EraseFeatures {
    /// ATA, directly attached: commands reach the drive itself.
    Ata(AtaFeatures),
    /// NVM Express.
    Nvme(NvmeFeatures),
    /// Not asked, or it would not say. Only what every block device can do is left.
    None {},
}

/// IDENTIFY DEVICE (ACS-4 section 7.13) and SANITIZE STATUS EXT (section 7.36.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtaFeatures {
    /// Word 217.
    pub rotation: Rotation,
    /// Word 69 bit 4: all user data is encrypted by the drive, whatever its owner did.
    pub encrypts_all: bool,
    /// Word 59 bits 15:12.
    pub sanitize: AtaSanitize,
    /// Words 82, 85, 89, 90, 92 and 128.
    pub security: AtaSecurity,
}

/// Whether the medium turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rotation", content = "rpm", deny_unknown_fields)]
pub enum Rotation {
    /// The drive does not say.
    NotReported,
    /// A solid state device.
    NonRotating,
    /// Revolutions a minute.
    Rpm(u16),
}

/// The ATA Sanitize Device feature set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtaSanitize {
    /// CRYPTO SCRAMBLE EXT.
    pub crypto_scramble: bool,
    /// BLOCK ERASE EXT.
    pub block_erase: bool,
    /// OVERWRITE EXT.
    pub overwrite: bool,
    /// What SANITIZE STATUS EXT answered; [`SanitizeState::Unknown`] where the feature set is missing.
    pub state: SanitizeState,
}

/// How far a drive is with sanitizing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "sanitize", content = "progress", deny_unknown_fields)]
pub enum SanitizeState {
    /// It has no such feature, or would not say.
    Unknown,
    /// Not sanitizing: never done, or done and over.
    Idle,
    /// Under way: so many 65,536ths.
    Running(u16),
    /// The last one failed; the drive takes nothing but another one.
    Failed,
    /// Sanitizing was frozen until the next power cycle (ATA only).
    Frozen,
}

/// The ATA Security feature set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtaSecurity {
    /// Word 128 bit 0.
    pub supported: bool,
    /// Bit 1: a password is set.
    pub enabled: bool,
    /// Bit 2: no access without it.
    pub locked: bool,
    /// Bit 3: the firmware of the machine has frozen it until the next power cycle.
    pub frozen: bool,
    /// Bit 4: too many wrong passwords since power-on.
    pub count_expired: bool,
    /// Bit 5: enhanced SECURITY ERASE UNIT.
    pub enhanced: bool,
    /// Word 89: how long SECURITY ERASE UNIT takes.
    pub erase_time: EraseTime,
    /// Word 90: how long the enhanced one takes.
    pub enhanced_time: EraseTime,
}

/// A duration as drives estimate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "estimate", content = "seconds", deny_unknown_fields)]
pub enum EraseTime {
    /// No estimate.
    NotReported,
    /// About so many seconds.
    Seconds(u32),
    /// More than so many seconds.
    LongerThan(u32),
}

/// Identify Controller and the Sanitize Status log (NVM Express Base 2.0, figures 275 and 237).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NvmeFeatures {
    /// OACS bit 1: Format NVM.
    pub format: bool,
    /// FNA bit 1: a secure erase by Format NVM reaches all namespaces.
    pub format_erases_all: bool,
    /// FNA bit 2: Format NVM can erase cryptographically.
    pub format_crypto: bool,
    /// SANICAP bits 0, 1 and 2.
    pub sanitize: NvmeSanitize,
}

/// The NVMe Sanitize command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NvmeSanitize {
    /// SANICAP bit 0: crypto erase.
    pub crypto: bool,
    /// SANICAP bit 1: block erase.
    pub block: bool,
    /// SANICAP bit 2: overwrite.
    pub overwrite: bool,
    /// What the Sanitize Status log says; [`SanitizeState::Unknown`] where there is none.
    pub state: SanitizeState,
    /// Estimate for a block erase.
    pub block_time: EraseTime,
    /// Estimate for a crypto erase.
    pub crypto_time: EraseTime,
    /// Estimate for an overwrite.
    pub overwrite_time: EraseTime,
}
