//! Checking a certificate offline, step by step; a failure names the step.

mod supported;

use std::collections::BTreeMap;

use protocol::{AgentKey, AgentRecord, Sha256Digest, SiteKey};
use supported::supported;

use super::{CERTIFICATE_TYPE, CERTIFICATE_TYPES, EmbeddedRecord, Facts, RecordLeaf, Statement};
use crate::chain::{ChainError, ChainHead};
use crate::checkpoint::{self, Checkpoint};
use crate::envelope::{Envelope, EnvelopeError};
use crate::merkle::is_included;
use crate::site_keys::{SiteKeys, SiteKeysError};

/// The check that a file failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not a certificate at all, or not byte for byte as it was written.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Changed since it was signed, or never signed.
    #[error("signature: the certificate")]
    Signature(#[source] EnvelopeError),
    /// Signed by a key that no rotation joins to the one it is checked with.
    #[error(
        "signature: signed by {signer}, which is no key of the site whose present key is {expected}"
    )]
    Stranger {
        /// Who signed.
        signer: SiteKey,
        /// The key it was checked with.
        expected: SiteKey,
    },
    /// The rotations from the site's first key to this one are not whole, or contradict the ones that it is checked with.
    #[error("key chain: the site's keys are not one line")]
    KeyChain(#[source] SiteKeysError),
    /// A rehearsal made it.
    #[error("simulated: made by a rehearsal, proves nothing: no drive was touched")]
    Simulated,
    /// The journal's signed head is none, or of another journal.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// A record is not in the site's journal.
    #[error("inclusion: event {index} is not in the journal of {size} events that the site signed")]
    Inclusion {
        /// Which event.
        index: u64,
        /// How long the journal is.
        size: u64,
    },
    /// The agents' records are not whole.
    #[error("chain: the agent's records do not join up")]
    Chain(#[source] ChainError),
    /// The statement names an agent without records, or records without their agent.
    #[error("chain: agent {0} is not the one named, or has no records")]
    Agent(AgentKey),
    /// What is said of a drive is not what its record says.
    #[error("record {record}: {sentence}")]
    Record {
        /// By digest.
        record: Sha256Digest,
        /// What differs.
        sentence: String,
    },
    /// The statement contradicts itself.
    #[error("statement: {0}")]
    Statement(String),
}

impl Failure {
    /// The check's name: what people are told first, and what the page for browsers says too.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Signature(_) | Self::Stranger { .. } => "signature",
            Self::KeyChain(_) => "key chain",
            Self::Simulated => "simulated",
            Self::Checkpoint(_) => "checkpoint",
            Self::Inclusion { .. } => "inclusion",
            Self::Chain(_) | Self::Agent(_) => "chain",
            Self::Record { .. } => "record",
            Self::Statement(_) => "statement",
        }
    }
}

/// Checks a certificate's file against the site's public key, or its line of keys, and gives back what it says.
pub fn verify<K: Into<SiteKeys>>(file: &[u8], site: K) -> Result<Facts, Failure> {
    let (statement, origin) = signed(file, &site.into())?;
    if statement.facts.simulated {
        return Err(Failure::Simulated);
    }
    proven(statement, &origin)
}

/// Checks a rehearsal's certificate, for the rehearsal's own pages. It proves nothing, and a certificate that would
/// prove something is refused here: neither can be shown as the other.
pub fn verify_simulated<K: Into<SiteKeys>>(file: &[u8], site: K) -> Result<Facts, Failure> {
    let (statement, origin) = signed(file, &site.into())?;
    if !statement.facts.simulated {
        return Err(Failure::Statement("it is not marked as made by a rehearsal".into()));
    }
    proven(statement, &origin)
}

/// The statement and the origin of its journal, once its one byte form, the site's signature and its keys are checked.
fn signed(file: &[u8], site: &SiteKeys) -> Result<(Statement, String), Failure> {
    let malformed = |error: EnvelopeError| Failure::Malformed(error.to_string());
    let envelope = Envelope::from_json(file).map_err(malformed)?;
    // One form only: otherwise a byte could change (a space, an escaped letter) and nobody would notice.
    if format!("{}\n", envelope.to_json()).as_bytes() != file {
        return Err(Failure::Malformed("the file is not byte for byte as it was written".into()));
    }
    // Some key has signed what stands here; whether that key is the site's is the next question.
    let signer = envelope.signer().parse::<SiteKey>().unwrap_or_else(|_| site.present());
    let statement: Statement =
        envelope.open(CERTIFICATE_TYPE, signer.as_bytes()).map_err(unopened)?;
    let keys = SiteKeys::new(statement.rotations.clone(), signer).map_err(Failure::KeyChain)?;
    match site.join(&keys).map_err(Failure::KeyChain)? {
        Some(_) => {}
        None => return Err(Failure::Stranger { signer, expected: site.present() }),
    }
    if statement.facts.site != signer {
        return Err(Failure::Statement(
            "it speaks for another site than the one that signed".into(),
        ));
    }
    let origin = checkpoint::origin(&keys.first());
    Ok((statement, origin))
}

/// What it says, once all that it rests on is checked.
fn proven(statement: Statement, origin: &str) -> Result<Facts, Failure> {
    let checkpoint = checkpoint::open(&statement.checkpoint, &statement.facts.site)
        .map_err(|error| Failure::Checkpoint(error.to_string()))?;
    if checkpoint.origin != origin {
        return Err(Failure::Checkpoint(format!(
            "it is of the journal {}, but the site's is {origin}",
            checkpoint.origin
        )));
    }
    included(&statement.records, &checkpoint)?;
    let records = chains(&statement)?;
    supported(&statement.facts, &records)?;
    Ok(statement.facts)
}

/// What this version cannot read need not be false: the version that made it can tell.
fn unopened(error: EnvelopeError) -> Failure {
    const OTHER: &str = "made by another version of rehome, verify it with that one";
    match error {
        EnvelopeError::WrongType { got, .. } if got.starts_with(CERTIFICATE_TYPES) => {
            Failure::Malformed(format!("{OTHER}: it is of type {got}, not {CERTIFICATE_TYPE}"))
        }
        EnvelopeError::BadPayload { source, .. } => Failure::Malformed(format!(
            "{OTHER}: it is signed, but has parts that this version does not know: {source}"
        )),
        source => Failure::Signature(source),
    }
}

fn included(records: &[EmbeddedRecord], checkpoint: &Checkpoint) -> Result<(), Failure> {
    let (size, root) = (checkpoint.size, &checkpoint.root);
    let stray = records.iter().find(|record| {
        !is_included(record.leaf.as_bytes(), record.index, size, &record.proof, root)
    });
    match stray {
        Some(record) => Err(Failure::Inclusion { index: record.index, size }),
        None => Ok(()),
    }
}

/// Every agent's chain from its first record, joined; gives the records by digest.
fn chains(statement: &Statement) -> Result<Vec<(Sha256Digest, AgentRecord)>, Failure> {
    let facts = &statement.facts;
    let mut heads: BTreeMap<AgentKey, ChainHead> = facts
        .agents
        .iter()
        .map(|agent| (*agent, ChainHead::start(facts.machine, *agent)))
        .collect();
    let mut records = Vec::new();
    for EmbeddedRecord { index, leaf, .. } in &statement.records {
        let envelope = match serde_json::from_str::<RecordLeaf>(leaf) {
            Ok(leaf) if leaf.kind == "agent-record" => leaf.envelope,
            _ => return Err(Failure::Statement(format!("event {index} is no agent's record"))),
        };
        let bad = |error: EnvelopeError| Failure::Malformed(format!("event {index}: {error}"));
        let agent = envelope.peek::<AgentRecord>().map_err(bad)?.agent;
        let head = heads.get_mut(&agent).ok_or(Failure::Agent(agent))?;
        let record = head.accept(&envelope).map_err(Failure::Chain)?;
        records.push((envelope.digest().map_err(bad)?, record));
    }
    match heads.iter().find(|(_, head)| head.next() == 0) {
        Some((agent, _)) => Err(Failure::Agent(*agent)),
        None => in_order(statement, records),
    }
}

/// What came first decides what still holds: see [`supported`].
fn in_order<T>(statement: &Statement, records: T) -> Result<T, Failure> {
    if statement.records.is_sorted_by(|one, next| one.index < next.index) {
        Ok(records)
    } else {
        Err(Failure::Statement("its records are not in the journal's order".into()))
    }
}
