//! An asset: what is kept of a register's row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::place::RowNumber;
use crate::serial::SerialNumber;
use crate::value::Value;

/// Why a stored text is not what was kept of a register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no {what}: it is empty, a placeholder, too long, or has control characters")]
pub struct NotKept {
    /// What it should be.
    pub what: &'static str,
}

/// A row of the register: an asset by its numbers. It holds nobody's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetRow {
    /// Where it stands; no two assets of a register have the same.
    pub row: RowNumber,
    /// The serial number; none where the register has none, or a placeholder.
    pub serial: Option<SerialNumber>,
    /// The owner's number.
    pub asset: Option<AssetNumber>,
    /// Who made it.
    pub manufacturer: Option<Text>,
    /// Its model.
    pub model: Option<Text>,
    /// Where it was used.
    pub location: Option<Text>,
    /// What it was worth.
    pub value: Option<Value>,
    /// What else the register says.
    pub note: Option<Text>,
}

/// The number under which the owner keeps an asset, as it is written. Equal numbers may differ in case and blanks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AssetNumber(String);

impl AssetNumber {
    /// The number in a text; none where a clerk wrote that there is none.
    pub fn parse(text: &str) -> Option<Self> {
        const NONE: [&str; 8] = ["", "brak", "bn", "nd", "na", "none", "null", "niedotyczy"];
        let bare: String =
            text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        (!NONE.contains(&bare.as_str())).then(|| Self(text.trim().to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two writings of one number have in common.
    pub(crate) fn key(&self) -> String {
        self.0.chars().filter(|it| !it.is_whitespace()).flat_map(char::to_uppercase).collect()
    }
}

impl PartialEq for AssetNumber {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for AssetNumber {}

impl TryFrom<String> for AssetNumber {
    type Error = NotKept;
    fn try_from(text: String) -> Result<Self, NotKept> {
        Self::parse(&text).ok_or(NotKept { what: "asset number" })
    }
}

impl From<AssetNumber> for String {
    fn from(number: AssetNumber) -> Self {
        number.0
    }
}

impl fmt::Display for AssetNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text of a register: one line, not empty, free of control characters. It may begin like a formula, so it leaves
/// only through [`crate::csv_cell`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// The text of a cell, which has been cleaned when it was read.
    pub(crate) fn of(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = NotKept;
    fn try_from(text: String) -> Result<Self, NotKept> {
        let is_kept = !text.chars().any(char::is_control);
        Self::of(&text).filter(|_| is_kept).ok_or(NotKept { what: "text of a register" })
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
