//! Rows of cells while they are read, with everything that may not stand in them refused.

use std::collections::BTreeMap;

use crate::limits::{MAX_CELL_LEN, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MAX_TEXT_LEN};
use crate::place::{Column, Place, RowNumber};
use crate::read::ReadError;
use crate::sheet::Cell;

/// A sheet before its header is known.
#[derive(Clone)]
pub(super) struct Table {
    /// The sheet's name; none in a CSV file.
    pub(super) name: Option<String>,
    /// The rows that hold something, in their order.
    pub(super) rows: Vec<(RowNumber, Vec<Cell>)>,
}

/// Fills a table and counts what it holds.
pub(super) struct TableBuilder {
    name: Option<String>,
    rows: BTreeMap<RowNumber, Vec<Cell>>,
    n_cells: u64,
    text_len: u64,
}

impl TableBuilder {
    pub(super) fn new(name: Option<String>) -> Self {
        Self { name, rows: BTreeMap::new(), n_cells: 0, text_len: 0 }
    }

    /// The table, rows in order and without those that hold nothing.
    pub(super) fn build(mut self) -> Table {
        self.rows.retain(|_, cells| cells.iter().any(|cell| !cell.is_empty()));
        Table { name: self.name, rows: self.rows.into_iter().collect() }
    }

    /// Puts a cell; indices count from 0. An empty one makes its row as long.
    pub(super) fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), ReadError> {
        let place = || Place {
            sheet: self.name.clone(),
            row: Some(RowNumber::after(row)),
            column: Some(Column::after(column)),
        };
        let sheet = || Place::sheet(self.name.as_deref());
        let too_large = |place, max: u64, what| Err(ReadError::TooLarge { place, max, what });
        let cell = clean(cell).map_err(|code| ReadError::Control { place: place(), code })?;
        if row >= MAX_ROWS {
            return too_large(sheet(), u64::from(MAX_ROWS), "rows");
        }
        if column >= MAX_COLUMNS {
            return too_large(place(), u64::from(MAX_COLUMNS), "columns");
        }
        if cell.text().len() > MAX_CELL_LEN {
            return too_large(place(), MAX_CELL_LEN as u64, "bytes in a cell");
        }
        self.text_len += cell.text().len() as u64;
        if self.text_len > MAX_TEXT_LEN {
            return too_large(sheet(), MAX_TEXT_LEN, "bytes of text");
        }
        let cells = self.rows.entry(RowNumber::after(row)).or_default();
        let index = Column::after(column).index();
        if index >= cells.len() {
            self.n_cells += (index + 1 - cells.len()) as u64;
            if self.n_cells > MAX_CELLS {
                return too_large(Place::sheet(self.name.as_deref()), MAX_CELLS, "cells");
            }
            cells.resize(index + 1, Cell::Empty);
        }
        cells[index] = cell;
        Ok(())
    }
}

/// The cell on one line, trimmed; or the control character in it.
fn clean(cell: Cell) -> Result<Cell, u32> {
    let Cell::Text(text) = cell else { return Ok(cell) };
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' | '\u{a0}' | '\u{202f}' | '\u{2007}' | '\u{2028}' | '\u{2029}' => {
                line.push(' ');
            }
            // Nobody sees them, and a serial number with one would equal nothing.
            '\u{feff}' | '\u{200b}' | '\u{ad}' => {}
            it if steers(it) => return Err(u32::from(it)),
            it => line.push(it),
        }
    }
    let line = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(if line.is_empty() { Cell::Empty } else { Cell::Text(line) })
}

/// What steers a terminal or turns the reading direction.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_one_clean_line() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (given, kept) in [
            ("  Nr\r\nseryjny ", Ok(text("Nr seryjny"))),
            ("A\u{a0}B", Ok(text("A B"))),
            ("\u{feff}\u{200b} ", Ok(Cell::Empty)),
            ("=cmd|' /C calc'!A0", Ok(text("=cmd|' /C calc'!A0"))),
            ("a\u{1b}[2K", Err(0x1b)),
            ("a\0", Err(0)),
            ("\u{202e}b", Err(0x202e)),
        ] {
            assert_eq!(clean(text(given)), kept, "{given:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_with_its_place() {
        for (row, column, cell, message) in [
            (MAX_ROWS, 0, "x".to_owned(), "the file has more than 100000 rows"),
            (4, MAX_COLUMNS, "x".to_owned(), "row 5, column ALM has more than 1000 columns"),
            (
                4,
                2,
                "x".repeat(MAX_CELL_LEN + 1),
                "row 5, column C has more than 4000 bytes in a cell",
            ),
        ] {
            let refused = TableBuilder::new(None).put(row, column, Cell::Text(cell)).unwrap_err();
            assert!(refused.to_string().starts_with(message), "{refused}");
        }
    }
}
