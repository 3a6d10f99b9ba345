//! From a sheet and what its columns mean to assets, or to every problem at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::MAX_CELL_LEN;
use crate::mapping::{HeaderKey, Mapping, Role};
use crate::personal;
use crate::place::{Column, RowNumber};
use crate::problem::{PersonalData, Problem};
use crate::row::{AssetNumber, AssetRow, Text};
use crate::serial::{MAX_SERIAL_LEN, SerialNumber};
use crate::sheet::{Cell, Format, Sheet, SheetRow};
use crate::value::Value;

/// The longest asset number, in characters.
const MAX_ASSET_LEN: usize = 80;

/// The assets of a sheet.
///
/// # Errors
/// Every [`Problem`] of the mapping; if there is none, every problem of every row.
pub fn rows(sheet: &Sheet, mapping: &Mapping) -> Result<Vec<AssetRow>, Vec<Problem>> {
    let columns = check(sheet, mapping)?;
    let mut problems = Vec::new();
    if sheet.rows.is_empty() {
        problems.push(Problem::NoRows { header_row: sheet.header_row });
    }
    let reader = RowReader { sheet, columns: &columns };
    let assets: Vec<AssetRow> =
        sheet.rows.iter().filter_map(|row| reader.asset(row, &mut problems)).collect();
    problems.extend(twice(&assets, Role::Serial, |it| {
        it.serial.as_ref().map(|serial| serial.as_str().to_owned())
    }));
    problems.extend(twice(&assets, Role::Asset, |it| it.asset.as_ref().map(AssetNumber::key)));
    if problems.is_empty() { Ok(assets) } else { Err(problems) }
}

/// What is wrong with assets that somebody else read from a register: [`rows`] gives none of these.
pub fn check_assets(assets: &[AssetRow]) -> Vec<AssetProblem> {
    let mut problems = Vec::new();
    let mut numbers = BTreeSet::new();
    for it in assets {
        let row = it.row;
        if !numbers.insert(row) {
            problems.push(AssetProblem::RowTwice { row });
        }
        if it.serial.is_none() && it.asset.is_none() {
            problems.push(AssetProblem::Nameless { row });
        }
        let asset = it.asset.as_ref().map(AssetNumber::as_str);
        let is_line = |text: &str| !text.chars().any(char::is_control);
        let texts = [&it.manufacturer, &it.model, &it.location, &it.note];
        let texts = || texts.into_iter().flatten().map(Text::as_str);
        let too_long = asset.is_some_and(|it| it.chars().count() > MAX_ASSET_LEN)
            || texts().any(|it| it.len() > MAX_CELL_LEN);
        if too_long || !asset.is_none_or(is_line) {
            problems.push(AssetProblem::NoLine { row });
        }
        if texts().any(|it| personal::surely(it).is_some())
            || asset.and_then(mail_address).is_some()
        {
            problems.push(AssetProblem::Personal { row });
        }
    }
    let both = [
        twice(assets, Role::Serial, |it| it.serial.as_ref().map(|it| it.as_str().to_owned())),
        twice(assets, Role::Asset, |it| it.asset.as_ref().map(AssetNumber::key)),
    ];
    problems.extend(both.into_iter().flatten().filter_map(|problem| match problem {
        Problem::Twice { first, second, .. } => Some(AssetProblem::NumberTwice { first, second }),
        _ => None,
    }));
    problems
}

/// What no register read by [`rows`] holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetProblem {
    /// Two assets stand in one row.
    #[error("row {row} is there twice")]
    RowTwice {
        /// Which.
        row: RowNumber,
    },
    /// An asset without numbers.
    #[error("row {row} has neither serial nor asset number")]
    Nameless {
        /// Which.
        row: RowNumber,
    },
    /// A text is too long, or holds control characters.
    #[error("row {row} has a text that is too long or not one line")]
    NoLine {
        /// Which.
        row: RowNumber,
    },
    /// It names a person.
    #[error("row {row} holds a mail address or a number of the population register")]
    Personal {
        /// Which.
        row: RowNumber,
    },
    /// Two assets have one serial or asset number.
    #[error("rows {first} and {second} have the same serial or asset number")]
    NumberTwice {
        /// The first.
        first: RowNumber,
        /// The other.
        second: RowNumber,
    },
}

type Columns = BTreeMap<Role, Column>;

/// The column of each role that is kept.
fn check(sheet: &Sheet, mapping: &Mapping) -> Result<Columns, Vec<Problem>> {
    if HeaderKey::of(sheet) != mapping.key {
        return Err(vec![Problem::OtherHeader { header_row: sheet.header_row }]);
    }
    let mut problems = Vec::new();
    let mut named = vec![false; sheet.headers.len()];
    let mut columns = Columns::new();
    for it in &mapping.columns {
        let is_first =
            named.get_mut(it.column.index()).map(|is_named| !std::mem::replace(is_named, true));
        if is_first != Some(true) {
            // A column without a name at the end may be gone in the next register; it was never kept.
            if is_first.is_some() || it.role.is_kept() {
                problems.push(Problem::BadColumn { column: it.column });
            }
            continue;
        }
        if !it.role.is_kept() {
            continue;
        }
        if let Some(first) = columns.insert(it.role, it.column) {
            problems.push(Problem::RoleTwice { role: it.role, first, second: it.column });
        }
    }
    if !columns.contains_key(&Role::Serial) && !columns.contains_key(&Role::Asset) {
        problems.push(Problem::NoKey);
    }
    if problems.is_empty() { Ok(columns) } else { Err(problems) }
}

struct RowReader<'a> {
    sheet: &'a Sheet,
    columns: &'a Columns,
}

impl RowReader<'_> {
    fn asset(&self, row: &SheetRow, problems: &mut Vec<Problem>) -> Option<AssetRow> {
        if let Some(problem) = self.wrong_length(row) {
            // Its cells are not where they belong: what they say would be other problems than there are.
            problems.push(problem);
            return None;
        }
        let n_before = problems.len();
        let serial = self.number(row, Role::Serial, MAX_SERIAL_LEN, problems);
        let asset = self.number(row, Role::Asset, MAX_ASSET_LEN, problems);
        let number_is_bad = problems.len() > n_before;
        let value = self.value(row, problems);
        let mut text = |role| self.text(row, role, problems);
        let asset = AssetRow {
            row: row.number,
            serial: serial.and_then(SerialNumber::parse),
            asset: asset.and_then(AssetNumber::parse),
            manufacturer: text(Role::Manufacturer),
            model: text(Role::Model),
            location: text(Role::Location),
            value,
            note: text(Role::Note),
        };
        if asset.serial.is_none() && asset.asset.is_none() {
            if !number_is_bad {
                problems.push(Problem::Nameless { row: row.number });
            }
            return None;
        }
        Some(asset)
    }

    /// Whether a CSV row's cells are as many as the header's, trailing empty ones aside.
    fn wrong_length(&self, row: &SheetRow) -> Option<Problem> {
        if !matches!(self.sheet.format, Format::Csv { .. }) {
            return None;
        }
        let (n_cells, n_headers) = (row.cells.len(), self.sheet.headers.len());
        if row.cells.iter().skip(n_headers).any(|cell| !cell.is_empty()) {
            return Some(Problem::Long { row: row.number, n_cells, n_headers });
        }
        let missing = self.columns.values().filter(|column| column.index() >= n_cells).min();
        missing.map(|needed| Problem::Short { row: row.number, n_cells, needed: *needed })
    }

    fn cell<'a>(&self, row: &'a SheetRow, role: Role) -> Option<(&'a Cell, Column)> {
        let column = *self.columns.get(&role)?;
        let cell = row.cells.get(column.index()).filter(|cell| !cell.is_empty())?;
        Some((cell, column))
    }

    /// The text of a serial or asset number that may be one.
    fn number<'a>(
        &self,
        row: &'a SheetRow,
        role: Role,
        max: usize,
        problems: &mut Vec<Problem>,
    ) -> Option<&'a str> {
        let (cell, column) = self.cell(row, role)?;
        let place = self.sheet.place(row.number, column);
        let shown = cell.text().to_owned();
        let n_chars = shown.chars().count();
        let is_exact = !matches!(cell, Cell::Number { exact: false, .. });
        let problem = if let Some(what) = mail_address(&shown) {
            Problem::Personal { place, role, what }
        } else if !is_exact || is_scientific(&shown) {
            Problem::LostDigits { place, role, shown }
        } else if is_formula(&shown) {
            Problem::Formula { place, role, shown: shown.chars().take(max).collect() }
        } else if n_chars > max {
            Problem::TooLong { place, role, n_chars, max }
        } else {
            return Some(cell.text());
        };
        problems.push(problem);
        None
    }

    fn value(&self, row: &SheetRow, problems: &mut Vec<Problem>) -> Option<Value> {
        let (cell, column) = self.cell(row, Role::Value)?;
        let value = Value::parse(cell);
        if value.is_none() && !matches!(cell.text(), "-" | "–" | "—") {
            let place = self.sheet.place(row.number, column);
            // Whoever maps a column of names as the value sees no names in the answer.
            let shown = if personal::likely(cell.text()) { "(not shown)" } else { cell.text() };
            problems.push(Problem::BadValue { place, shown: shown.chars().take(40).collect() });
        }
        value
    }

    fn text(&self, row: &SheetRow, role: Role, problems: &mut Vec<Problem>) -> Option<Text> {
        let (cell, column) = self.cell(row, role)?;
        if let Some(what) = personal::surely(cell.text()) {
            let place = self.sheet.place(row.number, column);
            problems.push(Problem::Personal { place, role, what });
            return None;
        }
        Text::of(cell.text())
    }
}

/// A formula that was not calculated, or what programs show where one failed, in whatever language: `#REF!`, `#N/D`.
fn is_formula(text: &str) -> bool {
    let is_error = text.starts_with('#') && (text.ends_with(['!', '?']) || text.len() == 4);
    text.starts_with(['=', '@'])
        || (is_error && text.contains(char::is_alphabetic))
        || text.starts_with("Err:")
}

/// `1,23457E+11`: what is left of a long number in a CSV file that went through a spreadsheet program.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once("E+") else { return false };
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once([',', '.']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent)
}

/// Each number that more than one asset has, with its first row and each further one.
fn twice(
    assets: &[AssetRow],
    role: Role,
    key: impl Fn(&AssetRow) -> Option<String>,
) -> Vec<Problem> {
    let mut first_rows: BTreeMap<String, RowNumber> = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, row) in assets.iter().filter_map(|it| Some((key(it)?, it.row))) {
        match first_rows.get(&number) {
            Some(first) => {
                problems.push(Problem::Twice { role, number, first: *first, second: row })
            }
            None => drop(first_rows.insert(number, row)),
        }
    }
    problems
}

/// An e-mail address is no number. Eleven digits may well be one, even where they would make a PESEL.
fn mail_address(text: &str) -> Option<PersonalData> {
    personal::surely(text).filter(|what| *what == PersonalData::MailAddress)
}
