//! From text to a sheet: the separator is the one under which a header comes to light.

use crate::place::{Column, RowNumber};
use crate::read::encoding::Decoded;
use crate::read::table::Table;
use crate::read::{Hint, ReadError, Separator, header, separated};
use crate::sheet::{Format, Sheet};

/// Makes a sheet of text.
pub(super) fn sheet(decoded: &Decoded, hint: &Hint) -> Result<Sheet, ReadError> {
    let (announced, text) = announcement(&decoded.text);
    let (separator, mut table) = match announced.or(hint.separator) {
        Some(separator) => (separator, separated::table(text, Some(separator))?),
        None => best(text, hint)?,
    };
    if announced.is_some() {
        // The line that was cut off is a row to whoever looks for a number.
        for (number, _) in &mut table.rows {
            number.0 = number.0.saturating_add(1);
        }
    }
    let is_one_column = table.rows.iter().all(|(_, cells)| cells.len() <= 1);
    let format = Format::Csv {
        encoding: decoded.encoding,
        sureness: decoded.sureness,
        separator: (!is_one_column).then_some(separator),
    };
    header::sheet(format, table, hint.header_row)
}

/// Excel's `sep=;` in the first line, and the text below it.
fn announcement(text: &str) -> (Option<Separator>, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let said = first.trim_end_matches('\r').trim_matches('"').strip_prefix("sep=");
    match said.and_then(|it| it.parse().ok()) {
        Some(separator) => (Some(separator), rest),
        None => (None, text),
    }
}

/// The separator that shows the most of a header; among equals, that with the most rows as long as the header.
fn best(text: &str, hint: &Hint) -> Result<(Separator, Table), ReadError> {
    let mut best: Option<((usize, usize), Separator, Table)> = None;
    let mut refusals = Vec::new();
    for separator in Separator::ALL {
        match separated::table(text, Some(separator)) {
            Ok(table) => {
                let merit = merit(&table, hint);
                if best.as_ref().is_none_or(|(other, ..)| merit > *other) {
                    best = Some((merit, separator, table));
                }
            }
            // Under a wrong separator quotation marks stand anywhere.
            Err(error) => refusals.push(error),
        }
    }
    // What went wrong furthest down went well the longest.
    let refusal = refusals.into_iter().max_by_key(cell_of);
    match (best, refusal) {
        // One cell a row is what the right separator's refusal leaves to the wrong ones.
        (Some(((_, 0), ..)) | None, Some(error)) => Err(error),
        (Some((_, separator, table)), _) => Ok((separator, table)),
        (None, None) => Err(ReadError::Empty),
    }
}

/// The cell that a refusal names.
fn cell_of(refusal: &ReadError) -> Option<(RowNumber, Option<Column>)> {
    match refusal {
        ReadError::Control { place, .. }
        | ReadError::Quotes { place, .. }
        | ReadError::TooLarge { place, .. } => place.row.map(|row| (row, place.column)),
        _ => None,
    }
}

/// How many of the header's columns are known by name, and how many rows agree with it in length.
fn merit(table: &Table, hint: &Hint) -> (usize, usize) {
    let header = match hint.header_row {
        Some(row) => table.rows.iter().position(|(number, _)| *number == row),
        None => header::find(table),
    };
    let Some(header) = header else { return (0, 0) };
    let cells = &table.rows[header].1;
    let n_known = header::n_known(cells);
    if cells.len() < 2 {
        return (n_known, 0);
    }
    (n_known, table.rows[header..].iter().filter(|(_, it)| it.len() == cells.len()).count())
}
