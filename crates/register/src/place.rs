//! Where something stands in a sheet, in the words of the program that shows it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a row as spreadsheet programs show it: the first is 1, empty ones count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowNumber(pub NonZeroU32);

impl RowNumber {
    /// The row with this many rows above it.
    pub(crate) fn after(n_rows_above: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(n_rows_above))
    }
}

impl fmt::Display for RowNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RowNumber {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A column, shown and written as its letters: `A`, `Z`, `AA`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Column(u32);

impl Column {
    /// The column with this many columns before it.
    pub const fn after(n_columns_before: u32) -> Self {
        Self(n_columns_before)
    }

    /// As [`Column::after`], of a place in a list. No list here is longer than `MAX_COLUMNS`.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Its place in a row's list of cells.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Vec::new();
        let mut rest = u64::from(self.0) + 1;
        while rest > 0 {
            let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
            letters.push(char::from(b'A' + letter));
            rest = (rest - 1) / 26;
        }
        f.write_str(&letters.iter().rev().collect::<String>())
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({self})")
    }
}

/// Why a text names no column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the letters of a column such as C or AB, at most three, got {got:?}")]
pub struct ParseColumnError {
    /// What was given, cut to 20 characters.
    pub got: String,
}

impl FromStr for Column {
    type Err = ParseColumnError;
    fn from_str(text: &str) -> Result<Self, ParseColumnError> {
        let wrong = || ParseColumnError { got: text.chars().take(20).collect() };
        if !(1..=3).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(wrong());
        }
        let number =
            text.bytes().fold(0, |sum, b| sum * 26 + u32::from(b.to_ascii_uppercase() - b'A') + 1);
        Ok(Self(number - 1))
    }
}

impl TryFrom<String> for Column {
    type Error = ParseColumnError;
    fn try_from(text: String) -> Result<Self, ParseColumnError> {
        text.parse()
    }
}

impl From<Column> for String {
    fn from(column: Column) -> Self {
        column.to_string()
    }
}

/// A place in a file; the more of it is known, the more it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The sheet's name; none in a CSV file.
    pub sheet: Option<String>,
    /// The row.
    pub row: Option<RowNumber>,
    /// The column.
    pub column: Option<Column>,
}

impl Place {
    /// A cell.
    pub(crate) fn cell(sheet: Option<&str>, row: RowNumber, column: Column) -> Self {
        Self { sheet: sheet.map(str::to_owned), row: Some(row), column: Some(column) }
    }

    /// A row.
    pub(crate) fn row(sheet: Option<&str>, row: RowNumber) -> Self {
        Self { sheet: sheet.map(str::to_owned), row: Some(row), column: None }
    }

    /// A whole sheet.
    pub(crate) fn sheet(sheet: Option<&str>) -> Self {
        Self { sheet: sheet.map(str::to_owned), row: None, column: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.sheet.as_ref().map(|sheet| format!("sheet {sheet:?}")),
            self.row.map(|row| format!("row {row}")),
            self.column.map(|column| format!("column {column}")),
        ];
        let said: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(if said.is_empty() { "the file" } else { "" })?;
        f.write_str(&said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_spreadsheets_name_them() {
        for (index, name) in
            [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(Column::after(index).to_string(), name);
            assert_eq!(name.to_lowercase().parse(), Ok(Column::after(index)));
        }
        for wrong in ["", "1", "A1", "ABCD", "ą"] {
            assert!(wrong.parse::<Column>().is_err(), "{wrong:?}");
        }
    }
}
