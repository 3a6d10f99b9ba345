//! A person of the side table, and the commitment to the name that stands in the journal.

use std::fmt;

use protocol::{PersonId, Sha256Digest};
use serde::{Deserialize, Serialize};

use crate::random::{self, RandomError};

/// Random bytes without which nobody can try names against a commitment. Deleted with the name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Salt([u8; 32]);

/// Not 32 bytes.
#[derive(Debug, thiserror::Error)]
#[error("a salt has 32 bytes in 64 hexadecimal digits, this has {0} characters")]
pub(crate) struct BadSalt(usize);

/// A row of the side table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    /// By which events name the person.
    pub(crate) id: PersonId,
    /// The name as typed.
    pub(crate) name: String,
    /// How to reach the person, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contact: Option<String>,
    /// Hides the name in its commitment.
    pub(crate) salt: Salt,
}

impl Person {
    /// Somebody new, with a random id and salt.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn new(name: &str) -> Result<Self, RandomError> {
        Self::known_as(PersonId::from_bytes(random::bytes()?), name)
    }

    /// Somebody who has an id already, with a random salt.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub(super) fn known_as(id: PersonId, name: &str) -> Result<Self, RandomError> {
        let salt = Salt(random::bytes()?);
        Ok(Self { id, name: name.to_owned(), contact: None, salt })
    }

    /// SHA-256 over the salt, then name and contact (where there is one), each after its length in bytes as 64 bits,
    /// most significant first (`docs/journal.md`).
    pub(crate) fn commitment(&self) -> Sha256Digest {
        let mut bytes = self.salt.0.to_vec();
        for text in [Some(&self.name), self.contact.as_ref()].into_iter().flatten() {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        evidence::sha256(&bytes)
    }
}

impl Salt {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for Salt {
    type Error = BadSalt;
    fn try_from(bytes: Vec<u8>) -> Result<Self, BadSalt> {
        let len = bytes.len();
        bytes.try_into().map(Self).map_err(|_| BadSalt(2 * len))
    }
}

impl TryFrom<String> for Salt {
    type Error = BadSalt;
    fn try_from(text: String) -> Result<Self, BadSalt> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| BadSalt(text.len()))?;
        Ok(Self(bytes))
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        hex::encode(salt.0)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_depends_on_every_part_and_on_where_each_ends() {
        let person = |name: &str, contact: Option<&str>, salt| Person {
            id: PersonId::from_bytes([1; 16]),
            name: name.into(),
            contact: contact.map(Into::into),
            salt: Salt([salt; 32]),
        };
        let all = [
            person("Ola", None, 1),
            person("Ola", None, 2),
            person("Ola", Some(""), 1),
            person("Ola", Some("a"), 1),
            person("Olaa", None, 1),
            person("Ol", Some("aa"), 1),
        ];
        let digests: std::collections::BTreeSet<_> = all.iter().map(Person::commitment).collect();
        assert_eq!(digests.len(), all.len());
        // What `docs/journal.md` says, by hand.
        let by_hand = [&[1; 32][..], &[0, 0, 0, 0, 0, 0, 0, 3], b"Ola"].concat();
        assert_eq!(all[0].commitment(), evidence::sha256(&by_hand));
    }
}
