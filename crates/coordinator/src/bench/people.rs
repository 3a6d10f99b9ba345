//! People as the journal knows them: random ids with commitments, never names.

use std::collections::BTreeMap;

use protocol::{PersonId, Sha256Digest};

use super::FoldError;

/// Everybody whose name was ever put into the side table. Older journals name people without a commitment; those are
/// not here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct People(BTreeMap<PersonId, Commitment>);

/// What the journal holds of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Commitment {
    /// Salted hash of the name.
    pub(crate) digest: Sha256Digest,
    /// Whether the name was deleted for good.
    pub(crate) forgotten: bool,
}

impl People {
    /// What is known of a person.
    pub(crate) fn get(&self, id: &PersonId) -> Option<Commitment> {
        self.0.get(id).copied()
    }

    /// Everybody, by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = (PersonId, Commitment)> {
        self.0.iter().map(|(id, known)| (*id, *known))
    }

    /// Those whose names were not deleted.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = PersonId> {
        self.0.iter().filter(|(_, it)| !it.forgotten).map(|(id, _)| *id)
    }

    pub(super) fn name(&mut self, id: PersonId, digest: Sha256Digest) -> Result<(), FoldError> {
        match self.0.insert(id, Commitment { digest, forgotten: false }) {
            None => Ok(()),
            Some(_) => Err(FoldError::PersonTwice(id)),
        }
    }

    pub(super) fn forget(&mut self, id: PersonId) -> Result<(), FoldError> {
        match self.0.get_mut(&id) {
            Some(known) if !known.forgotten => known.forgotten = true,
            _ => return Err(FoldError::NoName(id)),
        }
        Ok(())
    }
}
