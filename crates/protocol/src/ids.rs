//! Identifiers and digests. Each is its own type, so that one cannot be passed for another.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected {expected} hexadecimal digits for a {kind}, got {got:?}")]
pub struct ParseIdError {
    /// The type that was asked for.
    pub kind: &'static str,
    /// How many digits it has.
    pub expected: usize,
    /// What was given, cut to 80 characters.
    pub got: String,
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError {
                    kind: stringify!($name),
                    expected: 2 * $len,
                    got: text.chars().take(80).collect(),
                })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

hex_id!(
    /// A machine as the coordinator knows it, random at first sight. It says nothing about the hardware.
    MachineId,
    16
);
hex_id!(
    /// A batch: machines that one person armed together.
    BatchId,
    16
);
hex_id!(
    /// A lot: what one owner handed over together.
    LotId,
    16
);
hex_id!(
    /// A laptop that was taken in by hand, because it never boots; random.
    ItemId,
    16
);
hex_id!(
    /// A drive that was taken out of a laptop; random.
    PulledId,
    16
);
hex_id!(
    /// A person, random; the name stands in a side table that may be deleted.
    PersonId,
    16
);
hex_id!(
    /// A ticket, random, good for one use.
    TicketId,
    16
);
hex_id!(
    /// Freshness that one side chose and the other must repeat.
    Nonce,
    32
);
hex_id!(
    /// SHA-256 of a plan, a record or another piece of evidence.
    Sha256Digest,
    32
);
hex_id!(
    /// The Ed25519 public key that an agent made at this boot. A restarted agent has another one.
    AgentKey,
    32
);
hex_id!(
    /// The Ed25519 public key of the site (one coordinator, or several that share a journal).
    SiteKey,
    32
);
hex_id!(
    /// BLAKE3 of an image's manifest bytes.
    ImageId,
    32
);

hex_id!(
    /// The number of a certificate: it follows from machine and batch, so that it is known before there is one.
    CertificateId,
    8
);

impl CertificateId {
    /// As people read and type it: `1a2b-3c4d-5e6f-7081`.
    pub fn grouped(&self) -> String {
        let hex = self.to_string();
        format!("{}-{}-{}-{}", &hex[..4], &hex[4..8], &hex[8..12], &hex[12..])
    }
}

/// The number on the laptop's screen and on the bench: small, given in order of first sight, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineNumber(pub NonZeroU32);

impl fmt::Display for MachineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl AgentKey {
    /// Eight digits of the key in two groups: what the screen shows beside the number, for a person to compare.
    pub fn fingerprint(&self) -> String {
        let hex = self.to_string();
        format!("{}-{}", &hex[..4], &hex[4..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_writes_and_refuses_the_rest() {
        let id = TicketId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse::<TicketId>(), Ok(id));
        assert_eq!(serde_json::from_str::<TicketId>(&format!("\"{id}\"")).unwrap(), id);
        for bad in ["", "ab", "zz".repeat(16).as_str(), "ab".repeat(17).as_str()] {
            assert!(bad.parse::<TicketId>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn the_fingerprint_is_two_groups_of_four() {
        assert_eq!(AgentKey::from_bytes([0x1f; 32]).fingerprint(), "1f1f-1f1f");
    }
}
