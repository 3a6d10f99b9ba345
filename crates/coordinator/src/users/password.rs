//! Passwords: shown once when they are made, kept only as argon2id hashes.

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use super::UsersError;
use crate::random::{self, RandomError};

/// Crockford's digits: none is taken for another one when read from paper. 32 of them are five bits each.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Digits of a password, 100 bits: nobody guesses it, so argon2 is only the second wall.
const PASSWORD_LEN: usize = 20;

/// A new password and its hash, a PHC string.
///
/// # Errors
/// When there are no random bytes.
pub(super) fn make() -> Result<(String, String), UsersError> {
    let password = new_password().map_err(UsersError::Random)?;
    let hash = hash(&password)?;
    Ok((password, hash))
}

/// Whether a password has this hash, with all the work that takes. Where there is no hash the work is done all the
/// same, so that nobody learns by the time it takes who may log in.
///
/// # Errors
/// When the hash is none.
pub(super) fn check(password: &str, known: Option<&str>) -> Result<bool, password_hash::Error> {
    let Some(known) = known else {
        let salt = SaltString::encode_b64(&[0; 16])?;
        Argon2::default().hash_password(password.as_bytes(), &salt)?;
        return Ok(false);
    };
    match Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(known)?) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::Password) => Ok(false),
        Err(why) => Err(why),
    }
}

fn hash(password: &str) -> Result<String, UsersError> {
    let salt = random::bytes::<16>().map_err(UsersError::Random)?;
    let salt = SaltString::encode_b64(&salt).map_err(UsersError::Hash)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(UsersError::Hash)?.to_string())
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
