//! What is not done, and why: ends in an exit status of its own.

use protocol::Refusal;

/// A stage that will not be run. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

impl Refused {
    /// By the rules that plans are made by.
    pub(super) fn by(refusals: &[Refusal]) -> Self {
        let in_words = |refusal: &Refusal| format!("{}: {}", refusal.what, refusal.sentence);
        Self(refusals.iter().map(in_words).collect::<Vec<_>>().join("; "))
    }
}
