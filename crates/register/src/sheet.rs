//! A sheet as it was read: header and rows, nothing understood yet.

use std::fmt;

use serde::Serialize;

use crate::place::{Column, Place, RowNumber};
use crate::read::Separator;
use crate::read::encoding::{Encoding, Sureness};

/// A sheet whose header row was found. It may hold names of people: it is not to be stored, and its `Debug` shows
/// no cell.
#[derive(Clone, PartialEq)]
pub struct Sheet {
    /// How the file was read.
    pub format: Format,
    /// Where the header stands; what is above it is titles.
    pub header_row: RowNumber,
    /// The header's cells; empty where a column has none.
    pub headers: Vec<String>,
    /// The rows below it that hold something.
    pub rows: Vec<SheetRow>,
    /// The rows that are no assets, each with the reason.
    pub left_out: Vec<LeftOut>,
}

/// How a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Format {
    /// Text with separators.
    Csv {
        /// How its bytes were read as text.
        encoding: Encoding,
        /// How sure that is.
        sureness: Sureness,
        /// What stands between its cells; none where each row has one.
        separator: Option<Separator>,
    },
    /// A workbook of Excel, ISO/IEC 29500.
    Xlsx {
        /// The name of the sheet that was read.
        sheet: String,
    },
    /// An OpenDocument spreadsheet, ISO/IEC 26300.
    Ods {
        /// The name of the sheet that was read.
        sheet: String,
    },
}

impl Format {
    /// The sheet's name, where the format has one.
    pub fn sheet(&self) -> Option<&str> {
        match self {
            Self::Csv { .. } => None,
            Self::Xlsx { sheet } | Self::Ods { sheet } => Some(sheet),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv { encoding, sureness, separator } => {
                write!(f, "CSV, {encoding} ({sureness}), ")?;
                match separator {
                    Some(separator) => write!(f, "cells separated by {separator}"),
                    None => f.write_str("one cell a row"),
                }
            }
            Self::Xlsx { sheet } => write!(f, "XLSX, sheet {sheet:?}"),
            Self::Ods { sheet } => write!(f, "ODS, sheet {sheet:?}"),
        }
    }
}

/// A row that holds something.
#[derive(Clone, PartialEq)]
pub struct SheetRow {
    /// Its number.
    pub number: RowNumber,
    /// Its cells, in the columns' order. A CSV row may have fewer than the header, or more.
    pub cells: Vec<Cell>,
}

/// What stands in a cell. Text is trimmed, on one line, and free of control characters; what looks like a formula is
/// text like any other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text, a date as ISO 8601, or the result of a formula.
    Text(String),
    /// A number of a workbook, with a decimal point.
    Number {
        /// Its digits.
        digits: String,
        /// Whether those are all its digits: a workbook keeps 15 of them.
        exact: bool,
    },
}

impl Cell {
    /// What it shows; empty for an empty one.
    pub fn text(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Text(text) | Self::Number { digits: text, .. } => text,
        }
    }

    /// Whether it shows nothing.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }
}

/// A row that is no asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its number.
    pub row: RowNumber,
    /// Why it was left out.
    pub why: WhyLeftOut,
}

/// Why a row is no asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyLeftOut {
    /// It sums up others.
    Total,
    /// It repeats the header, as at the top of a printed page.
    HeaderAgain,
    /// It numbers the columns, as printed forms do.
    ColumnNumbers,
}

impl fmt::Display for WhyLeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "a total",
            Self::HeaderAgain => "the header once more",
            Self::ColumnNumbers => "the numbers of the columns",
        })
    }
}

impl Sheet {
    /// The place of a cell, for messages.
    pub(crate) fn place(&self, row: RowNumber, column: Column) -> Place {
        Place::cell(self.format.sheet(), row, column)
    }

    /// The cells of a column that hold something.
    pub(crate) fn column(&self, index: usize) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter_map(move |row| row.cells.get(index)).filter(|cell| !cell.is_empty())
    }
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet")
            .field("format", &self.format)
            .field("header_row", &self.header_row)
            .field("n_columns", &self.headers.len())
            .field("n_rows", &self.rows.len())
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SheetRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetRow")
            .field("number", &self.number)
            .field("n_cells", &self.cells.len())
            .finish_non_exhaustive()
    }
}
