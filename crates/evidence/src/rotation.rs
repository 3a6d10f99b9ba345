//! One site key handing over to the next: a statement that both of them sign.
//!
//! A DSSE envelope with two signatures over the same bytes, that of the old key in front. Each binds: nobody can name
//! a successor for a key, or claim to be the successor of one, without having it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{SiteKey, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::envelope::{Signature, pre_authentication_encoding};
use crate::key::{SigningKey, is_signed_by};

/// DSSE payload type of [`Handover`].
pub const ROTATION_TYPE: &str = "application/vnd.rehome.key-rotation.v1+json";

/// What both keys say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The key until then.
    pub old: SiteKey,
    /// Its successor.
    pub new: SiteKey,
    /// When, by the coordinator's clock.
    pub at: UnixMillis,
}

/// A handover with both signatures. Only [`Rotation::open`] says what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Base64 of the [`Handover`] as JSON.
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// By the old key, then by the new one.
    signatures: [Signature; 2],
}

/// Why a rotation is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// It is not the JSON of a rotation.
    #[error("not a key rotation: {0}")]
    Malformed(String),
    /// One of both keys did not sign it, or it was changed since.
    #[error("the {which} key {key} did not sign the rotation")]
    Unsigned {
        /// `old` or `new`.
        which: &'static str,
        /// The key.
        key: SiteKey,
    },
}

impl Rotation {
    /// Lets `old` name `new` as its successor, and `new` confirm it.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which it always can.
    pub fn sign(
        old: &SigningKey,
        new: &SigningKey,
        at: UnixMillis,
    ) -> Result<Self, serde_json::Error> {
        let key = |key: &SigningKey| SiteKey::from_bytes(key.public());
        let payload = serde_json::to_vec(&Handover { old: key(old), new: key(new), at })?;
        let signed = pre_authentication_encoding(ROTATION_TYPE, &payload);
        let signatures = [old, new].map(|it| Signature::new(&it.public(), &it.sign(&signed)));
        let payload = STANDARD.encode(payload);
        Ok(Self { payload, payload_type: ROTATION_TYPE.to_owned(), signatures })
    }

    /// What both keys say, once both signatures are checked.
    ///
    /// # Errors
    /// [`RotationError`] names the key that did not sign.
    pub fn open(&self) -> Result<Handover, RotationError> {
        let malformed = |why: &str| RotationError::Malformed(why.to_owned());
        if self.payload_type != ROTATION_TYPE {
            return Err(malformed("it is of another type"));
        }
        let payload =
            STANDARD.decode(&self.payload).map_err(|_| malformed("its payload is no base64"))?;
        let handover: Handover = serde_json::from_slice(&payload)
            .map_err(|error| RotationError::Malformed(error.to_string()))?;
        let signed = pre_authentication_encoding(ROTATION_TYPE, &payload);
        let keys = [("old", handover.old), ("new", handover.new)];
        for ((which, key), signature) in keys.into_iter().zip(&self.signatures) {
            let bytes = signature.by(key.as_bytes());
            if !bytes.is_some_and(|bytes| is_signed_by(key.as_bytes(), &signed, &bytes)) {
                return Err(RotationError::Unsigned { which, key });
            }
        }
        Ok(handover)
    }

    /// Reads one as [`Rotation::to_json`] wrote it, byte for byte. Nothing is checked but its form.
    ///
    /// # Errors
    /// When a byte of it is otherwise.
    pub fn from_json(json: &str) -> Result<Self, RotationError> {
        let rotation: Self = serde_json::from_str(json)
            .map_err(|error| RotationError::Malformed(error.to_string()))?;
        if rotation.to_json() != json {
            return Err(RotationError::Malformed("not byte for byte as it was written".to_owned()));
        }
        Ok(rotation)
    }

    /// The rotation as one line of JSON, in one byte form.
    pub fn to_json(&self) -> String {
        // Strings all through: there is nothing in it that JSON could refuse.
        serde_json::json!({
            "payload": self.payload,
            "payloadType": self.payload_type,
            "signatures": self.signatures.each_ref().map(Signature::to_json),
        })
        .to_string()
    }
}
