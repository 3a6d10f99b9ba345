//! A policy: what a site demands of sanitizing. A file that people read, checked when it is loaded.

use serde::{Deserialize, Serialize};

use crate::plan::{Claim, Technique};

/// What is demanded for each kind of medium, and how it is to be proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name: lower-case letters, digits, `-` and `+`.
    pub name: String,
    /// For flash: SATA SSD, NVMe.
    pub flash: Rule,
    /// For magnetic disks.
    pub magnetic: Rule,
    /// How it is proven.
    pub proof: Proof,
}

/// What is demanded of one kind of medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Techniques in order of preference: the first that the drive offers in its state, and that reaches `at_least`.
    /// Throwing away a key of a drive that may not always have encrypted reaches nothing unless an overwrite follows.
    pub techniques: Vec<Technique>,
    /// An overwrite that follows the technique, unless the technique is this very overwrite; none where the technique
    /// is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Technique>,
    /// The lowest claim that is acceptable. A drive that cannot reach it is refused, and a person decides.
    pub at_least: Claim,
}

/// How a technique is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Sectors that get a canary before a drive erases itself, 1,000 to 1,000,000.
    pub canaries: u32,
    /// How much is read afterwards.
    pub verification: Verification,
    /// Whether the machine is switched off after verification, and the drives are looked at again with fresh power.
    pub power_cycle: bool,
}

/// How much of a drive is read after it was sanitized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Every addressable sector.
    Full,
    /// NIST SP 800-88r1 section 4.7.2: in each of 1,000 equal parts two pseudo-random stretches of 5 %, and the first
    /// and the last sector.
    Sampled,
}
