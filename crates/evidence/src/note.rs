//! Signed notes (C2SP `signed-note`): a text that ends in a newline, an empty line, and signature lines.
//!
//! Stricter than the standard, which lets notes carry signatures of others: ours has exactly one, so that it has one
//! byte form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::key::{SigningKey, is_signed_by};
use crate::sha256;

/// Byte that says "Ed25519" in key ids (`signed-note`, "Signature types").
const ED25519: u8 = 1;
/// What a signature line begins with.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not the form of a note with one signature.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Signed under another name or by another key, or changed since.
    #[error("the note's signature by {got:?} does not fit the key of {expected:?}")]
    Signature {
        /// Whose signature was needed.
        expected: String,
        /// The name that stands there, cut to 120 characters.
        got: String,
    },
}

/// The key's id within notes: it only tells keys of one name apart.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(&[b'\n', ED25519]);
    bytes.extend_from_slice(public);
    let digest = sha256(&bytes);
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

/// Signs `text`, which must be of whole lines without control characters, under `name`, which must be one word
/// without `+`.
pub(crate) fn sign(text: &str, name: &str, key: &SigningKey) -> Result<String, NoteError> {
    check_text(text)?;
    check_name(name)?;
    let mut signature = key_id(name, &key.public()).to_vec();
    signature.extend(key.sign(text.as_bytes()));
    Ok(format!("{text}\n{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(signature)))
}

/// The text of a note that `public` signed under `name`, and nobody else.
pub(crate) fn open<'a>(note: &'a str, name: &str, public: &[u8; 32]) -> Result<&'a str, NoteError> {
    let (text, signed_by, signature) = split(note)?;
    let fits = signed_by == name
        && signature.split_first_chunk::<4>().is_some_and(|(id, signature)| {
            *id == key_id(name, public) && is_signed_by(public, text.as_bytes(), signature)
        });
    if fits {
        return Ok(text);
    }
    let got = signed_by.chars().take(120).collect();
    Err(NoteError::Signature { expected: name.to_owned(), got })
}

/// Text, name and signature of a note.
fn split(note: &str) -> Result<(&str, &str, Vec<u8>), NoteError> {
    let form = NoteError::Form;
    // The last empty line is what parts them.
    let (text, line) = note.rsplit_once("\n\n").ok_or(form("it has no empty line"))?;
    let text = &note[..=text.len()];
    check_text(text)?;
    let line = line.strip_suffix('\n').ok_or(form("it does not end with a newline"))?;
    if line.contains('\n') {
        return Err(form("it must have exactly one signature"));
    }
    let line = line.strip_prefix(SIGNATURE_MARK).ok_or(form("its last line is no signature"))?;
    let (name, signature) = line.split_once(' ').ok_or(form("its signature has no name"))?;
    check_name(name)?;
    let signature = STANDARD.decode(signature).map_err(|_| form("its signature is no base64"))?;
    Ok((text, name, signature))
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let plain = text.ends_with('\n') && !text.chars().any(|c| c < ' ' && c != '\n');
    plain.then_some(()).ok_or(NoteError::Form("its text is not of whole lines of plain characters"))
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let good = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ');
    good.then_some(()).ok_or(NoteError::Form("the name of its key is not one word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys as `<name>+<id>+<base64 of type and key>`, with notes that they signed: the example of the standard, and
    /// that of Go's `sumdb/note`, from which the format comes.
    const PUBLISHED: [(&str, &str); 2] = [
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "This is an example message.\n\n\u{2014} example.com/foo \
             Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem \
             is.\n\n\u{2014} PeterNeumann \
             x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        ),
    ];

    fn published(verifier: &str) -> (&str, String, [u8; 32]) {
        let parts: Vec<_> = verifier.splitn(3, '+').collect();
        let key = STANDARD.decode(parts[2]).unwrap();
        let (kind, key) = key.split_first().unwrap();
        assert_eq!(*kind, ED25519);
        (parts[0], parts[1].to_owned(), key.try_into().unwrap())
    }

    #[test]
    fn published_notes_open_and_their_key_ids_are_ours() {
        for (verifier, note) in PUBLISHED {
            let (name, id, key) = published(verifier);
            let ours: String = key_id(name, &key).iter().map(|it| format!("{it:02x}")).collect();
            assert_eq!(ours, id);
            let text = open(note, name, &key).unwrap();
            assert!(note.starts_with(&format!("{text}\n\u{2014}")));
            let other = published(PUBLISHED[usize::from(name != "PeterNeumann")].0).2;
            assert!(matches!(open(note, name, &other), Err(NoteError::Signature { .. })));
            assert!(matches!(open(note, "x", &key), Err(NoteError::Signature { .. })));
        }
    }

    #[test]
    fn what_is_no_note_of_one_signature_is_refused() {
        let key = SigningKey::from_seed([3; 32]).unwrap();
        let note = sign("a\n\nb\n", "us", &key).unwrap();
        assert_eq!(open(&note, "us", &key.public()).unwrap(), "a\n\nb\n");
        let line = note.lines().last().unwrap();
        for bad in [
            format!("{note}{line}\n"),
            note.trim_end().to_owned(),
            note.replace("b\n", "b\t\n"),
            note.replace('\n', "\r\n"),
            note.replace("\u{2014}", "-"),
            note.replace(" us ", " "),
            note.replace("a\n\nb\n", ""),
            note.replace('=', ""),
            format!("{note}\n"),
            String::new(),
            "\n\n".to_owned(),
        ] {
            assert!(matches!(open(&bad, "us", &key.public()), Err(NoteError::Form(_))), "{bad:?}");
        }
        for (text, name) in [("a", "us"), ("a\n", "u s"), ("a\n", "u+s"), ("a\n", ""), ("", "us")] {
            assert!(sign(text, name, &key).is_err(), "{text:?} {name:?}");
        }
    }
}
