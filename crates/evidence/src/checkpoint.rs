//! A checkpoint: the site's signed word on how long its journal is and what stands in it (C2SP `tlog-checkpoint`).
//!
//! A signed note of three lines: origin, number of events, root hash in base64. Stricter than the standard: no
//! extension lines, one signature, by the key's name that is the origin.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{Sha256Digest, SiteKey};

use crate::key::SigningKey;
use crate::note::{self, NoteError};

/// The head of a journal's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose journal; see [`origin`].
    pub origin: String,
    /// How many events it has.
    pub size: u64,
    /// Root hash over them (RFC 6962).
    pub root: Sha256Digest,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// No note, or not signed by the key that was expected.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Signed, but no checkpoint.
    #[error("not a checkpoint: {0}")]
    Text(&'static str),
}

/// The name of a site's journal: by the key that it began with, whatever keys came later.
pub fn origin(first: &SiteKey) -> String {
    format!("rehome/{first}")
}

/// The signed note that says so.
///
/// # Errors
/// When `origin` is not one word without `+`.
pub fn sign(
    key: &SigningKey,
    origin: &str,
    size: u64,
    root: &Sha256Digest,
) -> Result<String, CheckpointError> {
    let text = format!("{origin}\n{size}\n{}\n", STANDARD.encode(root.as_bytes()));
    Ok(note::sign(&text, origin, key)?)
}

/// Reads a checkpoint that `public` signed. Whether its origin is the journal that is meant is for the caller to ask.
///
/// # Errors
/// When a byte of it is not as [`sign`] would have written it.
pub fn open(text: &str, public: &SiteKey) -> Result<Checkpoint, CheckpointError> {
    let origin = text.split('\n').next().unwrap_or_default();
    parse(note::open(text, origin, public.as_bytes())?)
}

/// Reads a note's text.
fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
    let bad = CheckpointError::Text;
    let lines: Vec<_> = text.split('\n').collect();
    let [origin, size, root, ""] = lines[..] else {
        return Err(bad("it must have three lines: origin, size, root"));
    };
    let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
    let size = number.ok_or(bad("its size is not a decimal number"))?;
    let root = STANDARD.decode(root).ok().and_then(|root| <[u8; 32]>::try_from(root).ok());
    let root = root.ok_or(bad("its root is not 32 bytes in base64"))?;
    Ok(Checkpoint { origin: origin.to_owned(), size, root: Sha256Digest::from_bytes(root) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standards_example_is_read_and_other_texts_are_refused() {
        let example =
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let read = parse(example).unwrap();
        assert_eq!((read.origin.as_str(), read.size), ("example.com/behind-the-sofa", 20_852_163));
        assert!(read.root.to_string().starts_with("0ac5186a"));
        for (from, to) in [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", ""),
            ("20852163", "18446744073709551616"),
            ("CsUYapGG", "CsUY"),
            ("q2I=", "q2J="),
            ("q2I=\n", "q2I=\nextension\n"),
            ("q2I=\n", "q2I="),
            ("20852163\n", ""),
        ] {
            let changed = example.replace(from, to);
            assert!(matches!(parse(&changed), Err(CheckpointError::Text(_))), "{changed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_opens_and_no_changed_byte_does(
            size: u64, root: [u8; 32], seed: [u8; 32], at: prop::sample::Index, to: u8,
        ) {
            let key = SigningKey::from_seed(seed).unwrap();
            let site = SiteKey::from_bytes(key.public());
            let root = Sha256Digest::from_bytes(root);
            let note = sign(&key, &origin(&site), size, &root).unwrap();
            let opened = open(&note, &site).unwrap();
            prop_assert_eq!(opened, Checkpoint { origin: origin(&site), size, root });
            let mut changed = note.into_bytes();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != to);
            changed[at] = to;
            prop_assert!(String::from_utf8(changed).map_or(true, |it| open(&it, &site).is_err()));
        }

        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            prop_assert!(open(&text, &SiteKey::from_bytes([1; 32])).is_err());
        }
    }
}
