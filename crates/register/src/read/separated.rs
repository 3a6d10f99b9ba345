//! CSV as RFC 4180 has it, but strict about quotation marks: a reader that is lenient there swallows rows in silence.

use crate::place::{Column, Place, RowNumber};
use crate::read::table::{Table, TableBuilder};
use crate::read::{ReadError, Separator};
use crate::sheet::Cell;

/// Makes a table of text. Rows are counted as spreadsheet programs count them: a line break inside of quotes is
/// none.
pub(super) fn table(text: &str, separator: Option<Separator>) -> Result<Table, ReadError> {
    let separator = separator.map(Separator::character);
    let mut builder = TableBuilder::new(None);
    let mut characters = text.chars().peekable();
    let (mut row, mut column) = (0, 0);
    let mut cell = String::new();
    let place = |row, column| Place::cell(None, RowNumber::after(row), Column::after(column));
    while let Some(character) = characters.next() {
        match character {
            '"' if cell.is_empty() => {
                let place = || place(row, column);
                quoted(&mut characters, &mut cell)
                    .map_err(|fault| ReadError::Quotes { place: place(), fault })?;
                let next = characters.peek().copied();
                if next.is_some_and(|it| Some(it) != separator && !matches!(it, '\n' | '\r')) {
                    let fault = "goes on behind its closing quotation mark";
                    return Err(ReadError::Quotes { place: place(), fault });
                }
                // Closed and done, even if it is empty.
                builder.put(row, column, Cell::Text(std::mem::take(&mut cell)))?;
                if next.is_some() && next == separator {
                    characters.next();
                    column += 1;
                    builder.put(row, column, Cell::Empty)?;
                }
            }
            it if Some(it) == separator => {
                put(&mut builder, row, column, &mut cell)?;
                column += 1;
                builder.put(row, column, Cell::Empty)?;
            }
            '\r' | '\n' => {
                if character == '\r' && characters.peek() == Some(&'\n') {
                    characters.next();
                }
                put(&mut builder, row, column, &mut cell)?;
                (row, column) = (row + 1, 0);
            }
            it => cell.push(it),
        }
    }
    put(&mut builder, row, column, &mut cell)?;
    Ok(builder.build())
}

/// An empty rest leaves what a quoted cell put.
fn put(
    builder: &mut TableBuilder,
    row: u32,
    column: u32,
    cell: &mut String,
) -> Result<(), ReadError> {
    if cell.is_empty() {
        return Ok(());
    }
    builder.put(row, column, Cell::Text(std::mem::take(cell)))
}

/// The inside of quotes, of which the first is read.
fn quoted(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    cell: &mut String,
) -> Result<(), &'static str> {
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => return Ok(()),
            it => cell.push(it),
        }
    }
    Err("is never closed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(u32, Vec<String>)>, String> {
        let table = table(text, Some(Separator::Semicolon)).map_err(|error| error.to_string())?;
        let cells = |cells: Vec<Cell>| cells.iter().map(|it| it.text().to_owned()).collect();
        Ok(table.rows.into_iter().map(|(row, it)| (row.0.get(), cells(it))).collect())
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_counts_them() {
        let row =
            |row: u32, cells: &[&str]| (row, cells.iter().map(|it| (*it).to_owned()).collect());
        for (text, rows) in [
            ("a;b\r\nc;d", vec![row(1, &["a", "b"]), row(2, &["c", "d"])]),
            ("a;b\rc;d\r", vec![row(1, &["a", "b"]), row(2, &["c", "d"])]),
            ("\n\n;;\na", vec![row(4, &["a"])]),
            ("\"a\nb\";\"c \"\"x\"\"\"\nd;", vec![row(1, &["a b", "c \"x\""]), row(2, &["d", ""])]),
            ("Monitor 15\";x\n", vec![row(1, &["Monitor 15\"", "x"])]),
            ("\"\";\"a\"", vec![row(1, &["", "a"])]),
        ] {
            assert_eq!(read(text), Ok(rows), "{text:?}");
        }
    }

    #[test]
    fn quotes_that_do_not_pair_up_swallow_nothing() {
        for (text, place) in [
            ("a;b\nc;\"Laptop\nd;e\n", "row 2, column B: the quoted cell is never closed"),
            ("a\n\"15\" Dell;x\n", "row 2, column A: the quoted cell goes on behind"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.starts_with(place), "{refused}");
        }
    }

    proptest! {
        /// What another implementation writes is read as it was meant.
        #[test]
        fn reads_what_the_csv_crate_writes(rows in prop::collection::vec(
            prop::collection::vec("[ -~ąż;\"\n]{0,12}", 1..5), 1..8)) {
            let mut writer =
                csv::WriterBuilder::new().delimiter(b';').flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let one_line = |cell: &String| cell.split_whitespace().collect::<Vec<_>>().join(" ");
            let meant: Vec<Vec<String>> = rows.iter()
                .map(|row| row.iter().map(one_line).collect::<Vec<_>>())
                .filter(|row| row.iter().any(|cell| !cell.is_empty()))
                .collect();
            let got: Vec<Vec<String>> = read(&text).unwrap().into_iter().map(|it| it.1).collect();
            prop_assert_eq!(got, meant);
        }

        #[test]
        fn never_panics(text in "[a;\"\n\r]{0,40}") {
            let _ = read(&text);
        }
    }
}
