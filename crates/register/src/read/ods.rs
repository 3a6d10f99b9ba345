//! OpenDocument spreadsheets. A cell or row may say that it is repeated, and `calamine` repeats it in memory: what that
//! comes to is counted first.

use std::io::{BufReader, Cursor};

use calamine::{Data, Ods, OdsError, Reader as _, SheetVisible};
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use crate::limits::{MAX_CELLS, MAX_TEXT_LEN};
use crate::place::Place;
use crate::read::ReadError;
use crate::read::table::{Table, TableBuilder};
use crate::read::xlsx::number;
use crate::sheet::Cell;

/// The visible sheets of a workbook that [`super::archive::examine`] has measured.
pub(super) fn tables(bytes: &[u8]) -> Result<Vec<Table>, ReadError> {
    refuse_too_many_repeats(bytes)?;
    let mut workbook: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(refused)?;
    let sheets = workbook.sheets_metadata().iter();
    let shown = sheets.filter(|it| it.visible == SheetVisible::Visible).map(|it| it.name.clone());
    let names: Vec<String> = shown.collect();
    names.into_iter().map(|name| table(&mut workbook, name)).collect()
}

fn table(workbook: &mut Ods<Cursor<&[u8]>>, name: String) -> Result<Table, ReadError> {
    let range = workbook.worksheet_range(&name).map_err(refused)?;
    let mut builder = TableBuilder::new(Some(name));
    let (first_row, first_column) = range.start().unwrap_or_default();
    for (row, column, data) in range.used_cells() {
        let index = |first: u32, offset: usize| {
            u32::try_from(offset).map_or(u32::MAX, |offset| first.saturating_add(offset))
        };
        let value = value(data);
        if !value.is_empty() {
            builder.put(index(first_row, row), index(first_column, column), value)?;
        }
    }
    Ok(builder.build())
}

fn value(data: &Data) -> Cell {
    match data {
        Data::Empty => Cell::Empty,
        Data::Int(number) => Cell::Number { digits: number.to_string(), exact: true },
        Data::Float(it) => number(*it),
        Data::DateTime(it) => number(it.as_f64()),
        Data::Bool(it) => Cell::Text(it.to_string().to_uppercase()),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
            Cell::Text(text.clone())
        }
        Data::Error(error) => Cell::Text(error.to_string()),
    }
}

/// What a sheet comes to when everything is repeated as often as it says.
#[derive(Debug, Default)]
struct Expanded {
    /// Cells up to the last that holds something, and the bytes of their XML, over all rows.
    n_cells: u64,
    n_bytes: u64,
    /// Rows up to the last that holds something, and the widest of them.
    n_rows: u64,
    width: u64,
    /// The row that is being read: how often it comes, its cells, and those behind its last filled one.
    repeats: u64,
    row_cells: u64,
    row_blank: u64,
    row_bytes: u64,
    /// Rows behind the last filled one.
    blank_rows: u64,
}

impl Expanded {
    fn cell(&mut self, repeats: u64, n_bytes: u64, is_filled: bool) {
        if is_filled {
            self.row_cells = self.row_cells.saturating_add(self.row_blank).saturating_add(repeats);
            self.row_bytes = self.row_bytes.saturating_add(n_bytes.saturating_mul(repeats));
            self.row_blank = 0;
        } else {
            self.row_blank = self.row_blank.saturating_add(repeats);
        }
    }

    fn end_row(&mut self) {
        if self.row_cells == 0 {
            self.blank_rows = self.blank_rows.saturating_add(self.repeats);
        } else {
            let rows = self.blank_rows.saturating_add(self.repeats);
            self.n_rows = self.n_rows.saturating_add(rows);
            self.blank_rows = 0;
            let times = |it: u64| it.saturating_mul(self.repeats);
            self.n_cells = self.n_cells.saturating_add(times(self.row_cells));
            self.n_bytes = self.n_bytes.saturating_add(times(self.row_bytes));
            self.width = self.width.max(self.row_cells);
        }
        (self.row_cells, self.row_blank, self.row_bytes) = (0, 0, 0);
    }

    /// The cells of the rectangle, since that is what is built.
    fn rectangle(&self) -> u64 {
        self.n_rows.saturating_mul(self.width).max(self.n_cells)
    }
}

fn refuse_too_many_repeats(bytes: &[u8]) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(wrapped)?;
    let part = archive.by_name("content.xml").map_err(wrapped)?;
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(part));
    reader.config_mut().check_end_names = false;
    reader.config_mut().expand_empty_elements = true;
    let (mut total_cells, mut total_bytes) = (0_u64, 0_u64);
    let mut table = Expanded::default();
    // The cell that is open: where it began, how often it comes, whether its attributes fill it.
    let mut open: Option<(u64, u64, bool)> = None;
    let mut buffer = Vec::new();
    loop {
        let before = reader.buffer_position();
        let event = reader.read_event_into(&mut buffer).map_err(wrapped)?;
        match event {
            Event::Start(tag) => match tag.name().as_ref() {
                "table:table" => table = Expanded::default(),
                "table:table-row" => table.repeats = repeats(&tag, "table:number-rows-repeated")?,
                "table:table-cell" | "table:covered-table-cell" => {
                    let times = repeats(&tag, "table:number-columns-repeated")?;
                    open = Some((before, times, fills(&tag)?));
                }
                _ => {}
            },
            Event::End(tag) => match tag.name().as_ref() {
                "table:table-cell" | "table:covered-table-cell" => {
                    if let Some((began, times, is_filled)) = open.take() {
                        table.cell(times, reader.buffer_position() - began, is_filled);
                    }
                }
                "table:table-row" => table.end_row(),
                "table:table" => {
                    let done = std::mem::take(&mut table);
                    total_cells = total_cells.saturating_add(done.rectangle());
                    total_bytes = total_bytes.saturating_add(done.n_bytes);
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
        // Rows are held in memory as they are read, so that the end of the table would be too late.
        for (count, max, what) in [
            (
                total_cells.saturating_add(table.rectangle()).max(table.row_cells),
                MAX_CELLS,
                "cells",
            ),
            (
                total_bytes.saturating_add(table.n_bytes),
                4 * MAX_TEXT_LEN,
                "bytes of repeated cells",
            ),
        ] {
            if count > max {
                return Err(ReadError::TooLarge { place: Place::default(), max, what });
            }
        }
        buffer.clear();
    }
    Ok(())
}

/// How often a row or cell comes: once unless it says more.
fn repeats(tag: &BytesStart<'_>, name: &str) -> Result<u64, ReadError> {
    let Some(attribute) = tag.try_get_attribute(name).map_err(wrapped)? else { return Ok(1) };
    attribute.value.trim().parse().map_err(wrapped)
}

/// Whether a cell is more than a place: it has a value or a formula.
fn fills(tag: &BytesStart<'_>) -> Result<bool, ReadError> {
    for attribute in tag.attributes() {
        let key = attribute.map_err(wrapped)?.key;
        if key.as_ref() == "table:formula" || key.as_ref().starts_with("office:") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wrapped(error: impl std::error::Error + Send + Sync + 'static) -> ReadError {
    ReadError::Workbook(Box::new(error))
}

fn refused(error: OdsError) -> ReadError {
    match error {
        OdsError::Password => ReadError::Password,
        other => wrapped(other),
    }
}
