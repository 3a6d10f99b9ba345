//! A plan: what would be done to a machine, as a value that a person can read. Nothing is destroyed without one.

use serde::{Deserialize, Serialize};

use crate::drive::DriveIdentity;
use crate::ids::{BatchId, ImageId, MachineId, Sha256Digest};
use crate::policy::Proof;
use crate::units::SectorSize;

/// What would be done to one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The machine.
    pub machine: MachineId,
    /// The batch it was admitted to.
    pub batch: BatchId,
    /// Name of the policy that chose the techniques.
    pub policy: String,
    /// The drives, in order of identity. Never empty.
    pub drives: Vec<PlannedDrive>,
    /// The image that goes on the drive whose `receives_image` is set; none for a mere wipe.
    pub image: Option<ImageId>,
    /// Drives that are left alone, and why.
    pub left_alone: Vec<Refusal>,
}

/// What would be done to one drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedDrive {
    /// The drive, by what it says of itself.
    pub identity: DriveIdentity,
    /// Its logical sector size.
    pub sector_size: SectorSize,
    /// How many further namespaces are a part of an NVMe unit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_namespaces: u32,
    /// What it stores on.
    pub media: Media,
    /// Whether it is locked with our password, which an interrupted erase left behind and which comes off first.
    pub unlock: bool,
    /// How it will be sanitized: one after the other, each in full. Never empty.
    pub techniques: Vec<Technique>,
    /// How that will be proven.
    pub proof: Proof,
    /// What may be claimed once that is verified.
    pub claim: Claim,
    /// Why the claim is not a higher one; empty where it is the highest.
    pub reasons: Vec<ClaimReason>,
    /// Whether the image is written here.
    pub receives_image: bool,
    /// Whether a notice stays on it, for whoever starts the machine; written once it is verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves_notice: bool,
    /// The record of earlier work that proves it sanitized, by the digest of its signed bytes: then all of the above says
    /// how it *was* sanitized. It is looked at again, and this plan lets nobody sanitize it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_by: Option<Sha256Digest>,
}

// The form that serde calls.
#[expect(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a drive stores on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// Cells of a solid state device.
    Flash,
    /// Platters.
    Magnetic,
}

/// How a drive is sanitized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// Zeros over every addressable sector.
    OverwriteZeros,
    /// The key stream of AES-128 in counter mode over every addressable sector; nothing can compress or deduplicate it.
    OverwritePattern,
    /// ATA SANITIZE DEVICE, BLOCK ERASE EXT.
    AtaSanitizeBlockErase,
    /// ATA SANITIZE DEVICE, CRYPTO SCRAMBLE EXT.
    AtaSanitizeCryptoScramble,
    /// ATA SANITIZE DEVICE, OVERWRITE EXT: one pass of zeros, remapped sectors included.
    AtaSanitizeOverwrite,
    /// ATA SECURITY ERASE UNIT in enhanced mode.
    AtaSecurityEraseEnhanced,
    /// ATA SECURITY ERASE UNIT in normal mode.
    AtaSecurityErase,
    /// NVMe Sanitize, block erase.
    NvmeSanitizeBlockErase,
    /// NVMe Sanitize, crypto erase.
    NvmeSanitizeCryptoErase,
    /// NVMe Sanitize, overwrite: one pass of zeros.
    NvmeSanitizeOverwrite,
    /// NVMe Format NVM with Secure Erase Settings 1, user data erase.
    NvmeFormatUserData,
    /// NVMe Format NVM with Secure Erase Settings 2, cryptographic erase.
    NvmeFormatCrypto,
}

impl Technique {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::OverwriteZeros,
        Self::OverwritePattern,
        Self::AtaSanitizeBlockErase,
        Self::AtaSanitizeCryptoScramble,
        Self::AtaSanitizeOverwrite,
        Self::AtaSecurityEraseEnhanced,
        Self::AtaSecurityErase,
        Self::NvmeSanitizeBlockErase,
        Self::NvmeSanitizeCryptoErase,
        Self::NvmeSanitizeOverwrite,
        Self::NvmeFormatUserData,
        Self::NvmeFormatCrypto,
    ];

    /// Its name in policies and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverwriteZeros => "overwrite-zeros",
            Self::OverwritePattern => "overwrite-pattern",
            Self::AtaSanitizeBlockErase => "ata-sanitize-block-erase",
            Self::AtaSanitizeCryptoScramble => "ata-sanitize-crypto-scramble",
            Self::AtaSanitizeOverwrite => "ata-sanitize-overwrite",
            Self::AtaSecurityEraseEnhanced => "ata-security-erase-enhanced",
            Self::AtaSecurityErase => "ata-security-erase",
            Self::NvmeSanitizeBlockErase => "nvme-sanitize-block-erase",
            Self::NvmeSanitizeCryptoErase => "nvme-sanitize-crypto-erase",
            Self::NvmeSanitizeOverwrite => "nvme-sanitize-overwrite",
            Self::NvmeFormatUserData => "nvme-format-user-data",
            Self::NvmeFormatCrypto => "nvme-format-crypto",
        }
    }

    /// Whether the drive does it by itself: the host sends a command and sees nothing of what happens.
    pub const fn is_by_drive(self) -> bool {
        !matches!(self, Self::OverwriteZeros | Self::OverwritePattern)
    }

    /// The command that starts it, as the records of commands name it: see `AtaCommand::name` and `NvmeCommand::name`
    /// of the crate `drive`. None where the host overwrites.
    pub const fn command_name(self) -> Option<&'static str> {
        Some(match self {
            Self::OverwriteZeros | Self::OverwritePattern => return None,
            Self::AtaSanitizeBlockErase => "BLOCK ERASE EXT",
            Self::AtaSanitizeCryptoScramble => "CRYPTO SCRAMBLE EXT",
            Self::AtaSanitizeOverwrite => "OVERWRITE EXT",
            Self::AtaSecurityEraseEnhanced => "SECURITY ERASE UNIT (enhanced)",
            Self::AtaSecurityErase => "SECURITY ERASE UNIT",
            Self::NvmeSanitizeBlockErase => "Sanitize (block erase)",
            Self::NvmeSanitizeCryptoErase => "Sanitize (crypto erase)",
            Self::NvmeSanitizeOverwrite => "Sanitize (overwrite)",
            Self::NvmeFormatUserData => "Format NVM (user data erase)",
            Self::NvmeFormatCrypto => "Format NVM (cryptographic erase)",
        })
    }

    /// Whether it needs a password to be set first.
    pub const fn takes_password(self) -> bool {
        matches!(self, Self::AtaSecurityEraseEnhanced | Self::AtaSecurityErase)
    }
}

/// What may be claimed, by NIST SP 800-88 revision 1, section 2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Protects against simple, non-invasive recovery from all user-addressable locations.
    Clear,
    /// Protects against recovery with state of the art laboratory techniques.
    Purge,
}

/// Why a claim is not a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimReason {
    /// Overwriting reaches addressable sectors only; retired and over-provisioned flash cells are out of its reach.
    FlashOverprovisioning,
    /// Overwriting does not reach sectors that the disk has remapped or hidden.
    RemappedSectors,
    /// SECURITY ERASE is no Purge for flash by NIST SP 800-88r1, table A-8.
    SecurityEraseOnFlash,
    /// Normal SECURITY ERASE is no Purge for disks by NIST SP 800-88r1, table A-5: only the enhanced one is.
    NormalSecurityErase,
    /// The key was thrown away, but whether all data was ever encrypted by it cannot be known.
    EncryptionUnknown,
    /// The drive has no erase command of its own that the policy allows and that can be relied on.
    NoEraseCommand,
    /// The machine's firmware has frozen the drive's security commands until the next power cycle.
    SecurityFrozen,
    /// The drive's sanitize commands are frozen until the next power cycle.
    SanitizeFrozen,
}

/// Something that will not be done, with its reason. A refusal is never silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The machine, or the drive by its label.
    pub what: String,
    /// Why, as a code that software may act on.
    pub code: RefusalCode,
    /// Why and what to do next, as a sentence for a technician.
    pub sentence: String,
}

/// Reasons for not doing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The appliance was started from this drive.
    BootMedium,
    /// Removable, or attached by USB.
    Removable,
    /// Lives on a network or in memory.
    Network,
    /// The kernel refuses writes.
    ReadOnly,
    /// Mounted, held or swapped to.
    InUse,
    /// The drive does not say who it is.
    NoIdentity,
    /// Two drives say the same of themselves.
    SameIdentity,
    /// The unit has further namespaces, which the kernel shows no device for.
    OtherNamespaces,
    /// The technique does not exist for this kind of drive.
    UnknownBus,
    /// A storage controller may hide drives.
    UnexplainedController,
    /// No drive that could be worked on.
    NoDrive,
    /// More than one drive could receive the image, or none is large enough.
    NoImageTarget,
    /// Mains is known to be off.
    OnBattery,
    /// The machine's parts contradict what the coordinator knows of it.
    IdentityConflict,
    /// A drive came or went after the plan was made.
    DrivesChanged,
    /// The policy demands more than this drive can give.
    PolicyUnreachable,
    /// Locked with a password that is not ours.
    LockedByStranger,
    /// Locked or with a password set, and frozen: no command can change that before a power cycle.
    FrozenWhileLocked,
    /// Too many wrong passwords since power-on.
    PasswordCountExpired,
    /// The work only installs, and nothing proves that the drive is sanitized.
    NotProven,
    /// The batch's work writes nothing, so there is no plan to consent to.
    WritesNothing,
}
