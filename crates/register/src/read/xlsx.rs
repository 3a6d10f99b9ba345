//! Workbooks of Excel. Cells are taken one by one: `calamine`'s ranges would make room for all that lies between two
//! cells at opposite ends of a sheet.

use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::read::ReadError;
use crate::read::table::{Table, TableBuilder};
use crate::sheet::Cell;

/// The visible sheets of a workbook that [`super::archive::examine`] has measured.
pub(super) fn tables(bytes: &[u8]) -> Result<Vec<Table>, ReadError> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(refused)?;
    let sheets = workbook.sheets_metadata().iter();
    let shown = sheets
        .filter(|it| it.typ == SheetType::WorkSheet && it.visible == SheetVisible::Visible)
        .map(|it| it.name.clone());
    let names: Vec<String> = shown.collect();
    names.into_iter().map(|name| table(&mut workbook, name)).collect()
}

fn table(workbook: &mut Xlsx<Cursor<&[u8]>>, name: String) -> Result<Table, ReadError> {
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(refused)?;
    let mut builder = TableBuilder::new(Some(name));
    while let Some(cell) = cells.next_cell().map_err(refused)? {
        let (row, column) = cell.get_position();
        let value = value(cell.get_value());
        if !value.is_empty() {
            builder.put(row, column, value)?;
        }
    }
    Ok(builder.build())
}

fn value(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number { digits: number.to_string(), exact: true },
        DataRef::Float(number) => self::number(*number),
        DataRef::String(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::Bool(it) => Cell::Text(it.to_string().to_uppercase()),
        DataRef::DateTime(it) if it.is_datetime() => {
            let (year, month, day, ..) = it.to_ymd_hms_milli();
            Cell::Text(format!("{year:04}-{month:02}-{day:02}"))
        }
        DataRef::DateTime(it) => number(it.as_f64()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
        DataRef::Error(error) => Cell::Text(error.to_string()),
    }
}

/// A number of a workbook. Whole numbers have all their digits written out: a serial number is not `1.2E+11`.
pub(super) fn number(number: f64) -> Cell {
    /// From here on digits are missing (ECMA-376, 18.3.1.96: a double; programs show and keep 15 digits).
    const INEXACT: f64 = 1e15;
    Cell::Number { digits: format!("{number}"), exact: number.abs() < INEXACT }
}

fn refused(error: XlsxError) -> ReadError {
    match error {
        XlsxError::Password => ReadError::Password,
        other => ReadError::Workbook(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_or_say_that_they_do_not() {
        for (given, digits, exact) in [
            (123_456_789_012.0, "123456789012", true),
            (1234.5, "1234.5", true),
            (0.1 + 0.2, "0.30000000000000004", true),
            (1.234_567_890_123_456_8e17, "123456789012345680", false),
        ] {
            assert_eq!(number(given), Cell::Number { digits: digits.to_owned(), exact });
        }
    }
}
