//! The recovery secret, and the passwords of drives that follow from it.
//!
//! ATA SECURITY ERASE UNIT takes a password that is set just before. When the power fails in between, the drive comes
//! back locked. So the password is never a random one: whoever has the site's recovery secret and reads the label can
//! compute it again, years later and with nothing else left of the coordinator.

mod paper;

use std::fmt;
use std::path::{Path, PathBuf};

use protocol::password::BadDrivePassword;
use protocol::{DrivePassword, Sha256Digest};
use ring::hmac;

use crate::bench::Locks;
use crate::private_file::{self, PrivateFileError};
use crate::random::{self, RandomError};

pub(crate) use paper::PaperError;

/// Name of the file in the data directory.
const FILE: &str = "recovery.key";
/// What the first `rehome serve` says.
pub(crate) const MADE: &str = "a recovery secret was made for drives that an interrupted erase leaves locked: print it \
                               by `rehome recovery show` and copy it onto paper";
/// What to do once others may have read it.
const EXPOSED: &str =
    "treat every drive that this site has locked as open to them, and begin a new site";
/// Letters and digits that nobody takes for one another: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why there is no secret, or it is not replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoveryError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error(
        "{path} holds no recovery secret: 64 hexadecimal digits were expected; put it back, or type it from its paper \
         sheet into `rehome recovery restore`"
    )]
    Malformed { path: PathBuf },
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(
        "{path} is missing, but passwords of drives were given out by it; put it back, or type it from its paper \
         sheet into `rehome recovery restore`"
    )]
    Lost { path: PathBuf },
    #[error(
        "{path} is not the secret by which passwords of drives were given out; put that one back, or type it from \
         its paper sheet into `rehome recovery restore`"
    )]
    Other { path: PathBuf },
    #[error("there is no recovery secret in {data} yet; the first `rehome serve` makes it")]
    None { data: PathBuf },
    #[error(transparent)]
    Paper(#[from] PaperError),
    #[error(
        "this is not the secret by which passwords of drives were given out here, so it would unlock none of them; \
         nothing was changed. Take the sheet of this site; for a drive that another site has locked, restore its sheet \
         into another data directory, where `rehome recovery adopt` has that drive opened and `rehome recovery password` \
         prints its password"
    )]
    WrongSheet,
}

/// 32 random bytes. Their value shows in no log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RecoverySecret([u8; 32]);

/// What became of a secret that was typed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restored {
    /// It is in the data directory now.
    Written,
    /// It was there already.
    Same,
}

impl RecoverySecret {
    /// Reads the secret from `data`, or makes it at the first start. `locks` is what the journal holds: where passwords
    /// were given out, only the secret that they follow from will do.
    ///
    /// # Errors
    /// [`RecoveryError`] says what to do.
    pub(crate) fn open(data: &Path, locks: &Locks) -> Result<Self, RecoveryError> {
        let path = data.join(FILE);
        let fits = |secret: &Self| locks.secrets().iter().all(|it| *it == secret.check_value());
        match Self::find(data)? {
            Some(secret) if fits(&secret) => Ok(secret),
            Some(_) => Err(RecoveryError::Other { path }),
            None if !locks.secrets().is_empty() => Err(RecoveryError::Lost { path }),
            None => {
                let secret = Self(random::bytes()?);
                secret.write(data)?;
                Ok(secret)
            }
        }
    }

    /// Whether there is one in `data` already: otherwise the next [`Self::open`] makes it.
    ///
    /// # Errors
    /// When what is there cannot be read.
    pub(crate) fn is_in(data: &Path) -> Result<bool, RecoveryError> {
        Ok(Self::find(data)?.is_some())
    }

    /// Reads the secret from `data`.
    ///
    /// # Errors
    /// Also when there is none yet.
    pub(crate) fn read(data: &Path) -> Result<Self, RecoveryError> {
        Self::find(data)?.ok_or_else(|| RecoveryError::None { data: data.to_owned() })
    }

    /// Puts a secret into `data` that was read from paper. Another one that is there is replaced only where no password
    /// was ever given out by it; a file that holds none any more is what the sheet is for.
    ///
    /// # Errors
    /// When passwords were given out by another one, or the file cannot be written; nothing has changed then.
    pub(crate) fn restore(self, data: &Path, locks: &Locks) -> Result<Restored, RecoveryError> {
        if locks.secrets().iter().any(|it| *it != self.check_value()) {
            return Err(RecoveryError::WrongSheet);
        }
        match Self::find(data) {
            Ok(Some(there)) if there == self => return Ok(Restored::Same),
            Ok(_) | Err(RecoveryError::Malformed { .. }) => {}
            Err(error) => return Err(error),
        }
        self.write(data)?;
        Ok(Restored::Written)
    }

    /// The password of a drive: 32 letters and digits out of HMAC-SHA-256 over model, a zero byte and serial number,
    /// as the drive names itself, trimmed.
    ///
    /// The size is left out on purpose: a hidden area that is set or lifted changes it, and the drive on the dock must
    /// still be the same drive.
    pub(crate) fn password(
        &self,
        model: &str,
        serial: &str,
    ) -> Result<DrivePassword, BadDrivePassword> {
        let tag = self.tag(&[model.as_bytes(), &[0], serial.as_bytes()].concat());
        // Five bits of each byte, 160 in all.
        let letters = tag.as_ref().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        DrivePassword::try_from(letters.collect::<String>())
    }

    /// By which the secret is known again and nothing else can be told of it.
    pub(crate) fn check_value(&self) -> Sha256Digest {
        // Without a zero byte, so it is no drive's tag.
        evidence::sha256(self.tag(b"rehome recovery secret").as_ref())
    }

    fn tag(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), message)
    }

    fn find(data: &Path) -> Result<Option<Self>, RecoveryError> {
        let path = data.join(FILE);
        let text = match private_file::read(&path, EXPOSED) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            // No text at all.
            Err(PrivateFileError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::InvalidData =>
            {
                return Err(RecoveryError::Malformed { path });
            }
            Err(error) => return Err(error.into()),
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| RecoveryError::Malformed { path })?;
        Ok(Some(Self(bytes)))
    }

    fn write(&self, data: &Path) -> Result<(), PrivateFileError> {
        private_file::replace(&data.join(FILE), format!("{}\n", hex::encode(self.0)).as_bytes())
    }
}

impl fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverySecret(..)")
    }
}

#[cfg(test)]
mod tests;
