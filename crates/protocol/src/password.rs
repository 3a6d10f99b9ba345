//! The password of a drive that erases itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The password that SECURITY SET PASSWORD takes: exactly 32 bytes (ACS-4 section 7.43.1), here all of them letters and
/// digits, so that it can be printed and typed. Its value shows in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DrivePassword([u8; DrivePassword::LEN]);

/// What cannot be a drive password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a drive password has exactly 32 ASCII letters and digits")]
pub struct BadDrivePassword;

impl DrivePassword {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// As the drive takes it.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl TryFrom<String> for DrivePassword {
    type Error = BadDrivePassword;

    fn try_from(text: String) -> Result<Self, BadDrivePassword> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| BadDrivePassword)?;
        if bytes.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(bytes))
        } else {
            Err(BadDrivePassword)
        }
    }
}

impl From<DrivePassword> for String {
    fn from(password: DrivePassword) -> Self {
        password.0.map(char::from).iter().collect()
    }
}

impl fmt::Debug for DrivePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrivePassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_could_type_is_taken_and_nothing_shows() {
        let text = "0123456789abcdefABCDEFGHJKLMNPQR";
        let password = DrivePassword::try_from(text.to_owned()).unwrap();
        assert_eq!(String::from(password.clone()), text);
        assert!(!format!("{password:?}").contains("0123"));
        for bad in
            ["", "short", "0123456789abcdefABCDEFGHJKLMNPQ-", "0123456789abcdefABCDEFGHJKLMNPQRS"]
        {
            assert_eq!(DrivePassword::try_from(bad.to_owned()), Err(BadDrivePassword));
        }
    }
}
