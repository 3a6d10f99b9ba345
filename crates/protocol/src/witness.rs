//! A second pair of eyes: a person holds a verified machine and looks at sectors of its drives.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::drive::DriveIdentity;
use crate::ids::{MachineNumber, Nonce};

/// Sectors that one look may ask for.
pub const MAX_LOOK_SECTORS: u32 = 8;

/// Whether a machine whose drives are all verified goes on. Asked for only then, and never from an earlier answer: a
/// person may have asked for a hold until the very last drive was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "witness", deny_unknown_fields)]
pub enum WitnessReply {
    /// Nobody holds it.
    GoOn {},
    /// The first of its model goes first, or a person said that the model does not work: it writes nothing and asks again.
    Wait {
        /// The machine that goes first, or went.
        first: Option<MachineNumber>,
    },
    /// A person holds it: it writes nothing, reads what is asked for, and asks again.
    Hold {
        /// Sectors that somebody waits to see.
        looks: Vec<LookRequest>,
    },
}

/// A person wants to see sectors of a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookRequest {
    /// The answer must repeat it.
    pub look: Nonce,
    /// The drive.
    pub drive: DriveIdentity,
    /// The first sector, by the drive's logical sector size.
    pub sector: u64,
    /// How many sectors, from 1 to [`MAX_LOOK_SECTORS`].
    pub count: u32,
}

/// What the agent saw where it was asked to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAnswer {
    /// The request.
    pub look: Nonce,
    /// What was there.
    pub seen: Seen,
}

/// What a look showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "seen", deny_unknown_fields)]
pub enum Seen {
    /// The drive gave these bytes.
    Content {
        /// All of them.
        bytes: SectorBytes,
    },
    /// They could not be read.
    Unreadable {
        /// One sentence: which drive, where, why.
        sentence: String,
    },
}

/// The bytes of a few sectors, in hexadecimal on the wire. They may be somebody's data where a drive has failed: they
/// show in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SectorBytes(Vec<u8>);

/// What cannot be the bytes of a few sectors.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a look shows up to {} bytes, in hexadecimal", SectorBytes::MAX_LEN)]
pub struct BadSectorBytes;

impl SectorBytes {
    /// The most bytes that a look can show: eight of the largest sectors that there are.
    pub const MAX_LEN: usize = MAX_LOOK_SECTORS as usize * 65_536;

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for SectorBytes {
    type Error = BadSectorBytes;
    fn try_from(bytes: &[u8]) -> Result<Self, BadSectorBytes> {
        if bytes.len() > Self::MAX_LEN { Err(BadSectorBytes) } else { Ok(Self(bytes.to_vec())) }
    }
}

impl TryFrom<String> for SectorBytes {
    type Error = BadSectorBytes;
    fn try_from(text: String) -> Result<Self, BadSectorBytes> {
        if text.len() > 2 * Self::MAX_LEN {
            return Err(BadSectorBytes);
        }
        hex::decode(text).map(Self).map_err(|_| BadSectorBytes)
    }
}

impl From<SectorBytes> for String {
    fn from(bytes: SectorBytes) -> Self {
        hex::encode(bytes.0)
    }
}

impl fmt::Debug for SectorBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SectorBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_look_are_bounded_and_show_in_no_log() {
        let parse = |text: &str| serde_json::from_str::<SectorBytes>(&format!("\"{text}\""));
        let bytes = parse("00ff41").unwrap();
        assert_eq!(bytes.as_bytes(), [0, 0xff, 0x41]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"00ff41\"");
        assert_eq!(format!("{bytes:?}"), "SectorBytes(3 bytes)");
        assert!(parse("0").is_err() && parse("zz").is_err());
        assert!(parse(&"00".repeat(SectorBytes::MAX_LEN)).is_ok());
        assert!(parse(&"00".repeat(SectorBytes::MAX_LEN + 1)).is_err());
        assert!(SectorBytes::try_from(&vec![0; SectorBytes::MAX_LEN + 1][..]).is_err());
    }

    #[test]
    fn an_answer_that_is_not_understood_lets_nobody_go_on() {
        for (text, good) in [
            (r#"{"witness":"go-on"}"#, true),
            (r#"{"witness":"hold","looks":[]}"#, true),
            (r#"{"witness":"go-on","until":5}"#, false),
            (r#"{"witness":"wait"}"#, true),
            (r#"{"witness":"perhaps"}"#, false),
            ("null", false),
        ] {
            assert_eq!(serde_json::from_str::<WitnessReply>(text).is_ok(), good, "{text}");
        }
    }
}
