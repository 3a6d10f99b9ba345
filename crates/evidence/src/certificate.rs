//! A certificate of sanitization: one file that proves itself to anybody who has the site's public key.
//!
//! The file is a DSSE envelope over a [`Statement`]. The statement carries all that it rests on: the records of
//! every agent that worked on the machine for this job, each as a leaf of the site's journal with its inclusion
//! proof, and the signed checkpoint that the proofs lead to. What it cannot prove is said in `docs/security.md`:
//! a certificate shows what an enrolled agent said, and that nobody changed it since.

mod implausible;
mod verify;

use protocol::event::{BootNotice, DriveEvidence};
use protocol::inventory::{MachineIdentity, Product};
use protocol::{
    AgentKey, BatchId, CertificateId, ImageId, MachineId, MachineNumber, Plan, Policy,
    Sha256Digest, SiteKey, UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::envelope::Envelope;
use crate::key::SigningKey;
use crate::merkle::Log;
use crate::rotation::Rotation;
use crate::sha256;
use crate::site_keys::SiteKeys;
pub use implausible::implausible;
pub use verify::{Failure, verify, verify_simulated};

/// What every DSSE payload type of a certificate begins with, whichever version of rehome made it.
const CERTIFICATE_TYPES: &str = "application/vnd.rehome.certificate.";

/// DSSE payload type of [`Statement`].
pub const CERTIFICATE_TYPE: &str = "application/vnd.rehome.certificate.v3+json";

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is said, and on what it rests within the journal.
    pub facts: Facts,
    /// The journal's leaves that prove it, in the journal's order.
    pub records: Vec<EmbeddedRecord>,
    /// The signed note of the [`crate::checkpoint::Checkpoint`] to which the proofs lead.
    pub checkpoint: String,
    /// How the site's key followed from the one that its journal began with: who has only that one can check this too.
    pub rotations: Vec<Rotation>,
}

/// What is said of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The site that says it.
    pub site: SiteKey,
    /// Its name.
    pub site_name: String,
    /// The machine.
    pub machine: MachineId,
    /// The number that stood on its screen.
    pub number: MachineNumber,
    /// The batch it belonged to.
    pub batch: BatchId,
    /// Serials, UUID and addresses.
    pub identity: MachineIdentity,
    /// What stands on the lid.
    pub product: Product,
    /// The consented plan under which the drives were verified.
    pub plan: Plan,
    /// What was demanded of sanitizing, in full: two policies of one name can be told apart by it.
    pub policy: Policy,
    /// The agents that worked on it, one a boot, in order.
    pub agents: Vec<AgentKey>,
    /// Every planned drive with what was observed.
    pub drives: Vec<CertifiedDrive>,
    /// The image that was installed afterwards.
    pub installed: Option<ImageId>,
    /// When the last record came in.
    pub completed_at: UnixMillis,
    /// Whether a rehearsal made it: no drive was ever touched, and [`verify`] refuses it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// A drive with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedDrive {
    /// What was observed.
    pub evidence: DriveEvidence,
    /// The agent's record that says so, by the digest of its signed bytes.
    pub record: Sha256Digest,
    /// The notice that was written to it afterwards: a later look finds that in these sectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<BootNotice>,
}

impl Facts {
    /// The certificate's number, as boot notices have it.
    pub fn id(&self) -> CertificateId {
        id_of(&self.machine, &self.batch)
    }
}

/// The number of the certificate of this machine's work in this batch, of which there is one: the first eight bytes of a
/// SHA-256, known before the work begins.
pub fn id_of(machine: &MachineId, batch: &BatchId) -> CertificateId {
    let digest = sha256(format!("rehome certificate {machine} {batch}").as_bytes());
    let mut id = [0; 8];
    id.copy_from_slice(&digest.as_bytes()[..8]);
    CertificateId::from_bytes(id)
}

/// A leaf of the journal with its way to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddedRecord {
    /// Which leaf.
    pub index: u64,
    /// The event, byte for byte.
    pub leaf: String,
    /// The audit path (RFC 6962, section 2.1.1).
    pub proof: Vec<Sha256Digest>,
}

/// Why no certificate can be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The journal has no such leaf.
    #[error("the journal has {size} events, so there is no event {index} to embed")]
    NoSuchLeaf {
        /// Which was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The journal's head could not be signed.
    #[error("signing the journal's checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// It could not be written as JSON.
    #[error("writing the certificate as JSON")]
    Json(#[source] serde_json::Error),
    /// The certificate would not pass its own verification.
    #[error("the certificate would not verify")]
    Unsound(#[source] Failure),
}

/// Makes the certificate's file: one line of JSON. `leaves` are the journal's agent records that the facts rest
/// on, complete chains from each agent's first record; `keys` those of the site from the journal's first to `key`. A certificate that [`verify`] would refuse is never issued; one of
/// a rehearsal must pass [`verify_simulated`] instead.
pub fn issue(
    facts: Facts,
    leaves: impl IntoIterator<Item = (u64, String)>,
    log: &Log,
    key: &SigningKey,
    keys: &SiteKeys,
) -> Result<String, IssueError> {
    let simulated = facts.simulated;
    let records = leaves
        .into_iter()
        .map(|(index, leaf)| {
            let proof = log
                .inclusion_proof(index)
                .ok_or(IssueError::NoSuchLeaf { index, size: log.len() })?;
            Ok(EmbeddedRecord { index, leaf, proof })
        })
        .collect::<Result<_, _>>()?;
    let origin = checkpoint::origin(&keys.first());
    let checkpoint =
        checkpoint::sign(key, &origin, log.len(), &log.root()).map_err(IssueError::Checkpoint)?;
    let rotations = keys.rotations().to_vec();
    let statement = Statement { facts, records, checkpoint, rotations };
    let file = Envelope::sign(CERTIFICATE_TYPE, &statement, key).map_err(IssueError::Json)?;
    let file = format!("{}\n", file.to_json());
    let check = if simulated { verify_simulated::<&SiteKeys> } else { verify::<&SiteKeys> };
    check(file.as_bytes(), keys).map_err(IssueError::Unsound)?;
    Ok(file)
}

/// The agent's envelope within a leaf of the journal: the leaf is a JSON object of kind `agent-record` with the
/// envelope under `envelope`.
#[derive(Debug, Deserialize)]
struct RecordLeaf {
    kind: String,
    envelope: Envelope,
}
