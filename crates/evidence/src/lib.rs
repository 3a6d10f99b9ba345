//! Evidence that outlives the machine that gathered it: signed envelopes, hash chains, a Merkle log, and
//! certificates that anybody with the site's public key can check offline.
//!
//! Free of I/O and of clocks. Signatures are Ed25519 (RFC 8032) and hashes SHA-256, both by `ring`.

#![forbid(unsafe_code)]

pub mod certificate;
pub mod chain;
pub mod checkpoint;
pub mod envelope;
pub mod key;
pub mod merkle;
mod note;
pub mod rotation;
pub mod site_keys;

pub use envelope::{Envelope, EnvelopeError};
pub use key::SigningKey;
pub use note::NoteError;
use protocol::Sha256Digest;
pub use rotation::Rotation;
pub use site_keys::SiteKeys;

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Sha256Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    Sha256Digest::from_bytes(out)
}
