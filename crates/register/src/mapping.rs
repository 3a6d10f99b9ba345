//! What the columns mean: proposed by the program, corrected by a person, remembered for the next import.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::place::Column;
use crate::sheet::Sheet;
use crate::words::fold;

/// What each column of a register means. Only columns with a role other than [`Role::Person`] and
/// [`Role::Ignored`] are ever kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The header that it was made for: it fits each register with the same.
    pub key: HeaderKey,
    /// The columns, in their order.
    pub columns: Vec<MappedColumn>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedColumn {
    /// Which one.
    pub column: Column,
    /// Its header, for the person who corrects this; `key` is what counts.
    pub header: String,
    /// What it means.
    pub role: Role,
    /// Why that was proposed.
    pub because: Because,
}

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The serial number: what machines are matched by.
    Serial,
    /// The owner's number of the asset.
    Asset,
    /// Who made it.
    Manufacturer,
    /// The model, or a name that holds it.
    Model,
    /// Where it was used.
    Location,
    /// Who used it: recognized so that it is never kept.
    Person,
    /// What it was worth.
    Value,
    /// Anything else that is to stay with the asset.
    Note,
    /// Not kept.
    Ignored,
}

impl Role {
    /// Whether cells of such a column go into [`crate::AssetRow`]s.
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::Person | Self::Ignored)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "serial number",
            Self::Asset => "asset number",
            Self::Manufacturer => "manufacturer",
            Self::Model => "model",
            Self::Location => "location",
            Self::Person => "person",
            Self::Value => "value",
            Self::Note => "note",
            Self::Ignored => "ignored",
        })
    }
}

/// Why a role was proposed, or that a person said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The header's words.
    Header,
    /// What stands in the cells.
    Content,
    /// Another column has the role with better words, or with cells that hold something.
    Taken,
    /// Neither header nor cells say anything.
    Nothing,
    /// A person.
    Said,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "by its header",
            Self::Content => "by its cells",
            Self::Taken => "another column fits better",
            Self::Nothing => "nothing is known of it",
            Self::Said => "as you said",
        })
    }
}

/// A header row such that two registers with the same one have the same: case, marks and blanks make no difference,
/// the columns' order does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderKey(String);

impl HeaderKey {
    /// The key of a sheet's header.
    pub fn of(sheet: &Sheet) -> Self {
        let folded: Vec<String> = sheet.headers.iter().map(|header| fold(header)).collect();
        // Columns without a name at the end come and go.
        let end = folded.iter().rposition(|it| !it.is_empty()).map_or(0, |last| last + 1);
        Self(folded[..end].join("|"))
    }
}

impl fmt::Display for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Mapping {
    /// The columns with a role.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &MappedColumn> {
        self.columns.iter().filter(move |it| it.role == role)
    }
}
