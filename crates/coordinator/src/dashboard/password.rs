//! The dashboard's one password: shown once when it is made, kept only as its argon2id hash.

use std::path::{Path, PathBuf};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Argon2, password_hash};
use protocol::Sha256Digest;

use crate::private_file::{self, PrivateFileError};
use crate::random::{self, RandomError};

/// What to do once others may have read the hash, or it is gone.
const REMEDY: &str = "make a new password with `rehome dashboard password --new`";
/// Name of the hash's file in the data directory.
const FILE: &str = "dashboard.hash";
/// Crockford's digits: none is taken for another one when read from paper. 32 of them are five bits each.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Digits of a password, 100 bits: nobody guesses it, so argon2 is only the second wall.
const PASSWORD_LEN: usize = 20;

/// Why there is no password to check against.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error("there is no {path}; {REMEDY}")]
    Missing { path: PathBuf },
    #[error("{path} holds no hash ({why}); `rehome dashboard password --new` makes a new password")]
    Malformed { path: PathBuf, why: password_hash::Error },
    #[error("failed to hash the password: {0}")]
    Hash(password_hash::Error),
    #[error("no password was made")]
    Random(#[source] RandomError),
}

/// The hash on disk. It is read again at each use, so that a new password counts at once, everywhere.
#[derive(Debug, Clone)]
pub(crate) struct PasswordFile {
    path: PathBuf,
}

/// Which password it is, without telling it: sessions end when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasswordMark(Sha256Digest);

impl PasswordFile {
    /// The file in a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(FILE) }
    }

    /// Makes a first password if there is none yet, and gives it, to be shown once.
    ///
    /// # Errors
    /// When the file is there but of no use, or cannot be written.
    pub(crate) fn first(&self) -> Result<Option<String>, PasswordError> {
        if self.path.exists() {
            self.hash()?;
            return Ok(None);
        }
        self.renew().map(Some)
    }

    /// Makes a new password, ends all sessions of the old one, and gives it, to be shown once.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn renew(&self) -> Result<String, PasswordError> {
        let password = new_password().map_err(PasswordError::Random)?;
        let salt = random::bytes::<16>().map_err(PasswordError::Random)?;
        let salt = SaltString::encode_b64(&salt).map_err(PasswordError::Hash)?;
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
        let hash = hash.map_err(PasswordError::Hash)?.to_string();
        private_file::replace(&self.path, format!("{hash}\n").as_bytes())?;
        Ok(password)
    }

    /// The mark of the present password.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn mark(&self) -> Result<PasswordMark, PasswordError> {
        self.hash().map(|hash| PasswordMark(evidence::sha256(hash.as_bytes())))
    }

    /// Checks a password with all the work that takes: call it where blocking is allowed.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn check(&self, password: &str) -> Result<Option<PasswordMark>, PasswordError> {
        let text = self.hash()?;
        let hash = PasswordHash::new(&text)
            .map_err(|why| PasswordError::Malformed { path: self.path.clone(), why })?;
        match Argon2::default().verify_password(password.as_bytes(), &hash) {
            Ok(()) => Ok(Some(PasswordMark(evidence::sha256(text.as_bytes())))),
            Err(password_hash::Error::Password) => Ok(None),
            Err(why) => Err(PasswordError::Malformed { path: self.path.clone(), why }),
        }
    }

    fn hash(&self) -> Result<String, PasswordError> {
        let missing = || PasswordError::Missing { path: self.path.clone() };
        let text = private_file::read(&self.path, REMEDY)?.ok_or_else(missing)?;
        Ok(text.trim().to_owned())
    }
}

/// Five groups of four digits.
fn new_password() -> Result<String, RandomError> {
    let bytes = random::bytes::<PASSWORD_LEN>()?;
    let digits = bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)]));
    let mut password = String::new();
    for (i, digit) in digits.enumerate() {
        if i > 0 && i % 4 == 0 {
            password.push('-');
        }
        password.push(digit);
    }
    Ok(password)
}
