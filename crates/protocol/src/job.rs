//! What a person asked for.

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, ImageId};
use crate::policy::Policy;

/// The work that an armed batch holds for each of its machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The batch that the machine was admitted to.
    pub batch: BatchId,
    /// What is to be done.
    pub kind: JobKind,
    /// What is demanded of sanitizing. Another policy is another job.
    pub policy: Policy,
}

/// What is to be done to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum JobKind {
    /// Sanitize every drive and leave the machine empty.
    Wipe {},
    /// Sanitize every drive and install an image on one.
    Refurbish {
        /// The image.
        image: ImageId,
        /// Bytes that the image needs at least: its partitions and tables.
        image_min_size: crate::units::ByteLen,
        /// Locale of the installed system, as in `pl_PL.UTF-8`.
        locale: String,
    },
}
