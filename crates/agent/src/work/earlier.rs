//! The evidence of earlier boots: long, so that the coordinator names it at each heartbeat and gives it out once.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use protocol::Sha256Digest;
use protocol::api::{EarlierRecord, VerifiedBefore};
use protocol::event::DriveEvidence;

use super::client::Client;

/// What was fetched, by the digest of its record. What is not named any more is dropped.
#[derive(Debug, Default)]
pub(crate) struct Earlier(BTreeMap<Sha256Digest, DriveEvidence>);

impl Earlier {
    /// The evidence of all these records, and what is worth keeping, whether or not all could be fetched.
    pub(crate) async fn recall(
        mut self,
        client: &Client,
        named: Vec<EarlierRecord>,
    ) -> (Self, anyhow::Result<Vec<VerifiedBefore>>) {
        let mut kept = Self::default();
        let mut recalled = Ok(Vec::with_capacity(named.len()));
        for EarlierRecord { drive, record, seen_again, was_off, earlier_work: _ } in named {
            let fetched = match self.0.remove(&record) {
                Some(evidence) => Ok(evidence),
                None => client.verified(record).await,
            };
            let fetched = fetched.and_then(|evidence| {
                ensure!(evidence.drive == drive, "record {record} is of {}", evidence.drive);
                Ok(evidence)
            });
            let fetched = fetched.with_context(|| format!("fetching the evidence of {drive}"));
            match (fetched, &mut recalled) {
                (Ok(evidence), recalled) => {
                    kept.0.insert(record, evidence.clone());
                    if let Ok(all) = recalled {
                        all.push(VerifiedBefore { evidence, record, seen_again, was_off });
                    }
                }
                (Err(error), Ok(_)) => recalled = Err(error),
                (Err(_), Err(_)) => {}
            }
        }
        (kept, recalled)
    }
}
