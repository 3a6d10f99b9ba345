//! The name of a drive as its password follows from it: model and serial number.

use std::fmt;

use protocol::DriveIdentity;
use serde::{Deserialize, Serialize};

/// Model and serial number. Size and World Wide Name are left out on purpose: a hidden area changes the one, and neither
/// stands on every label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriveName {
    /// Model, trimmed, never empty.
    pub(crate) model: String,
    /// Serial number, trimmed, never empty.
    pub(crate) serial: String,
}

/// What names no drive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a drive is named by its model and its serial number, and the {0} is empty; give both with --model and --serial"
)]
pub(crate) struct NoName(&'static str);

impl DriveName {
    /// Of a drive in sight.
    pub(crate) fn of(drive: &DriveIdentity) -> Self {
        Self { model: drive.model.clone(), serial: drive.serial.clone() }
    }

    /// Whether this is the drive's name, in whatever case a person typed it.
    pub(crate) fn fits(&self, drive: &DriveIdentity) -> bool {
        self.serial.eq_ignore_ascii_case(&drive.serial)
            && self.model.eq_ignore_ascii_case(&drive.model)
    }

    /// As a person typed it.
    ///
    /// # Errors
    /// When a part of it is empty: half a name could fit another drive.
    pub(crate) fn typed(model: &str, serial: &str) -> Result<Self, NoName> {
        let part = |text: &str, what| match text.trim() {
            "" => Err(NoName(what)),
            text => Ok(text.to_owned()),
        };
        Ok(Self { model: part(model, "model")?, serial: part(serial, "serial number")? })
    }
}

impl fmt::Display for DriveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serial {}", self.model, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_name_is_none() {
        for (model, serial, said) in [
            ("Example HDD", "S1", None),
            (" Example HDD\n", "\tS1 ", None),
            ("", "S1", Some("model is empty")),
            (" \t", "S1", Some("model is empty")),
            ("Example HDD", "", Some("serial number is empty")),
            ("Example HDD", "  ", Some("serial number is empty")),
        ] {
            match (DriveName::typed(model, serial), said) {
                (Ok(name), None) => assert_eq!(name.to_string(), "Example HDD serial S1"),
                (Err(why), Some(said)) => assert!(why.to_string().contains(said), "{why}"),
                (other, _) => panic!("{model:?} {serial:?}: {other:?}"),
            }
        }
    }
}
