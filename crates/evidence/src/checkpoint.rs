//! A checkpoint: the site's signed word on how long its journal is and what stands in it.

use protocol::{Sha256Digest, SiteKey};
use serde::{Deserialize, Serialize};

use crate::merkle::Log;

/// DSSE payload type of [`Checkpoint`].
pub const CHECKPOINT_TYPE: &str = "application/vnd.rehome.checkpoint.v1+json";

/// The head of the journal's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Whose journal.
    pub origin: SiteKey,
    /// How many events it has.
    pub size: u64,
    /// Root hash over them (RFC 6962).
    pub root: Sha256Digest,
}

impl Checkpoint {
    /// The present head of a log.
    pub fn of(origin: SiteKey, log: &Log) -> Self {
        Self { origin, size: log.len(), root: log.root() }
    }
}
