//! The owner's asset register: from the bytes of a spreadsheet to machines that are matched, unknown or missing.
//!
//! [`read`] makes a [`Sheet`] of a CSV, XLSX or ODS file; [`propose`] says what its columns mean, as a [`Mapping`] that
//! a person can correct; [`rows`] makes [`AssetRow`]s of it, or says every problem; [`matched`] joins those with the
//! machines that a bench has seen. Pure: no I/O, no clock. Files are hostile until proven otherwise: everything that
//! can grow has a limit in [`limits`].
//!
//! Names of people are never kept. A column that holds them is recognized so that it can be left out, and no message,
//! no `Debug` and no mapping repeats a cell of such a column.

#![forbid(unsafe_code)]

mod export;
pub mod limits;
mod mapping;
mod matched;
mod model;
mod personal;
mod place;
mod problem;
mod propose;
mod read;
mod row;
mod rows;
mod serial;
mod sheet;
mod value;
mod words;

pub use crate::export::csv_cell;
pub use crate::mapping::{Because, HeaderKey, MappedColumn, Mapping, Role};
pub use crate::matched::{
    Contradiction, Link, MachineOutcome, Matches, RowOutcome, Seen, SerialField, Tangle,
    WhyMissing, WhyUnknown, matched,
};
pub use crate::place::{Column, Place, RowNumber};
pub use crate::problem::{PersonalData, Problem};
pub use crate::propose::propose;
pub use crate::read::encoding::{Encoding, Sureness};
pub use crate::read::{Hint, ReadError, Separator, read};
pub use crate::row::{AssetNumber, AssetRow, NotKept, Text};
pub use crate::rows::{AssetProblem, check_assets, rows};
pub use crate::serial::SerialNumber;
pub use crate::sheet::{Cell, Format, LeftOut, Sheet, SheetRow, WhyLeftOut};
pub use crate::value::Value;
