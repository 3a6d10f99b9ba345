//! A plan: what would be done to a machine, as a value that a person can read. Nothing is destroyed without one.

use serde::{Deserialize, Serialize};

use crate::drive::DriveIdentity;
use crate::ids::{BatchId, ImageId, MachineId};
use crate::units::SectorSize;

/// What would be done to one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The machine.
    pub machine: MachineId,
    /// The batch it was admitted to.
    pub batch: BatchId,
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
    /// How it will be sanitized.
    pub technique: Technique,
    /// What may be claimed once that is verified.
    pub claim: Claim,
    /// Why the claim is not a higher one; empty where it is the highest.
    pub reasons: Vec<ClaimReason>,
    /// Whether the image is written here.
    pub receives_image: bool,
}

/// How a drive is sanitized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// Zeros over every addressable sector, then every sector read back.
    OverwriteZeros,
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
    /// The unit has further namespaces, which this technique would leave behind.
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
}
