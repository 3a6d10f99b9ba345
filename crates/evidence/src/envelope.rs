//! Signed JSON: a DSSE envelope (secure-systems-lab/dsse, protocol version 1) with exactly one signature.
//!
//! What is signed binds the payload's type to its bytes, so that a ticket can never be passed for a manifest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::Sha256Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::key::{SigningKey, is_signed_by};
use crate::sha256;

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Base64 of the payload's bytes.
    payload: String,
    /// What the payload is.
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// The one signature.
    signatures: [Signature; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    keyid: String,
    sig: String,
}

impl Signature {
    pub(crate) fn new(public: &[u8; 32], signature: &[u8]) -> Self {
        Self { keyid: key_id(public), sig: STANDARD.encode(signature) }
    }

    /// The signature's bytes if it says that it is of this key.
    pub(crate) fn by(&self, public: &[u8; 32]) -> Option<Vec<u8>> {
        let is_named = self.keyid == key_id(public);
        STANDARD.decode(&self.sig).ok().filter(|_| is_named)
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "keyid": self.keyid, "sig": self.sig })
    }
}

/// Why an envelope is not believed.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not the JSON of an envelope.
    #[error("reading the envelope: not a DSSE envelope with one signature")]
    Malformed(#[source] serde_json::Error),
    /// Base64 that is none.
    #[error("reading the envelope: {0} is not base64")]
    NotBase64(&'static str),
    /// It holds something else.
    #[error("the envelope holds {got:?}, but {expected:?} is needed here")]
    WrongType {
        /// What was needed.
        expected: String,
        /// What is there.
        got: String,
    },
    /// Not signed by this key, or changed since.
    #[error("the signature over {payload_type:?} does not fit key {key}")]
    BadSignature {
        /// What was signed.
        payload_type: String,
        /// The key that was expected, in hexadecimal.
        key: String,
    },
    /// Signed, but not what this version understands.
    #[error("the payload of {payload_type:?} cannot be read")]
    BadPayload {
        /// What was signed.
        payload_type: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Envelope {
    /// Writes `payload` as JSON and signs it.
    ///
    /// # Errors
    /// When `payload` cannot be written as JSON, which our own types always can.
    pub fn sign<T: Serialize>(
        payload_type: &str,
        payload: &T,
        key: &SigningKey,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self::sign_bytes(payload_type, &serde_json::to_vec(payload)?, key))
    }

    /// Signs bytes as they are.
    pub fn sign_bytes(payload_type: &str, payload: &[u8], key: &SigningKey) -> Self {
        let sig = key.sign(&pre_authentication_encoding(payload_type, payload));
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: [Signature::new(&key.public(), &sig)],
        }
    }

    /// Checks type and signature, then gives the payload's bytes.
    pub fn open_bytes(
        &self,
        payload_type: &str,
        public: &[u8; 32],
    ) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != payload_type {
            return Err(EnvelopeError::WrongType {
                expected: payload_type.to_owned(),
                got: self.payload_type.chars().take(120).collect(),
            });
        }
        let payload = self.payload_bytes()?;
        let [Signature { keyid, sig }] = &self.signatures;
        let sig = STANDARD.decode(sig).map_err(|_| EnvelopeError::NotBase64("the signature"))?;
        let signed = pre_authentication_encoding(payload_type, &payload);
        if *keyid != key_id(public) || !is_signed_by(public, &signed, &sig) {
            return Err(EnvelopeError::BadSignature {
                payload_type: payload_type.to_owned(),
                key: key_id(public),
            });
        }
        Ok(payload)
    }

    /// Checks type and signature, then reads the payload.
    pub fn open<T: DeserializeOwned>(
        &self,
        payload_type: &str,
        public: &[u8; 32],
    ) -> Result<T, EnvelopeError> {
        let payload = self.open_bytes(payload_type, public)?;
        serde_json::from_slice(&payload).map_err(|source| EnvelopeError::BadPayload {
            payload_type: payload_type.to_owned(),
            source,
        })
    }

    /// Reads an unopened envelope.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(json).map_err(EnvelopeError::Malformed)
    }

    /// The envelope as one line of JSON. Our serializer is deterministic: equal envelopes give equal bytes.
    pub fn to_json(&self) -> String {
        // Three strings and an array of two strings: there is nothing in it that JSON could refuse.
        serde_json::json!({
            "payload": self.payload,
            "payloadType": self.payload_type,
            "signatures": self.signatures.each_ref().map(Signature::to_json),
        })
        .to_string()
    }

    /// SHA-256 of the payload: how records name one another.
    pub fn digest(&self) -> Result<Sha256Digest, EnvelopeError> {
        Ok(sha256(&self.payload_bytes()?))
    }

    /// The payload without any check, for looking up which key must have signed it. Never believe it.
    pub fn peek<T: DeserializeOwned>(&self) -> Result<T, EnvelopeError> {
        serde_json::from_slice(&self.payload_bytes()?).map_err(|source| EnvelopeError::BadPayload {
            payload_type: self.payload_type.chars().take(120).collect(),
            source,
        })
    }

    /// The key that is said to have signed, for looking it up. Never believe it.
    pub(crate) fn signer(&self) -> &str {
        &self.signatures[0].keyid
    }

    fn payload_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        STANDARD.decode(&self.payload).map_err(|_| EnvelopeError::NotBase64("the payload"))
    }
}

fn key_id(public: &[u8; 32]) -> String {
    protocol::SiteKey::from_bytes(*public).to_string()
}

/// `PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32]).unwrap()
    }

    #[test]
    fn the_encoding_is_that_of_the_standard() {
        // The example of the DSSE protocol document.
        assert_eq!(
            pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_the_right_key_and_type_open_it() {
        let envelope = Envelope::sign("a/b", &vec![1, 2, 3], &key(1)).unwrap();
        assert_eq!(envelope.open::<Vec<u8>>("a/b", &key(1).public()).unwrap(), [1, 2, 3]);
        assert!(matches!(
            envelope.open::<Vec<u8>>("a/b", &key(2).public()),
            Err(EnvelopeError::BadSignature { .. })
        ));
        assert!(matches!(
            envelope.open::<Vec<u8>>("a/c", &key(1).public()),
            Err(EnvelopeError::WrongType { .. })
        ));
        assert_eq!(Envelope::from_json(envelope.to_json().as_bytes()).unwrap(), envelope);
    }

    proptest! {
        #[test]
        fn no_flipped_bit_opens(bit in 0usize..8, at in any::<prop::sample::Index>()) {
            let envelope = Envelope::sign("a/b", &"the drive is clean", &key(1)).unwrap();
            let mut json = envelope.to_json().into_bytes();
            let at = at.index(json.len());
            json[at] ^= 1 << bit;
            let opened = Envelope::from_json(&json)
                .and_then(|changed| changed.open::<String>("a/b", &key(1).public()));
            prop_assert!(opened.is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Envelope::from_json(&bytes).is_err());
        }
    }
}
