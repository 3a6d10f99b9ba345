//! Which row names the columns. Registers open with titles; a guess that takes an asset for the header would lose it.

use std::collections::BTreeSet;

use crate::limits::MAX_TITLE_ROWS;
use crate::mapping::Role;
use crate::place::{Place, RowNumber};
use crate::read::ReadError;
use crate::read::table::Table;
use crate::sheet::{Cell, Format, LeftOut, Sheet, SheetRow, WhyLeftOut};
use crate::words::{fold, meaning};

/// What the first cell of a sum says, folded.
const TOTALS: [&str; 7] = ["razem", "ogolem", "suma", "lacznie", "podsumowanie", "total", "sum"];

/// The index of the header: of the first rows, the one that names the most columns, at least one of which tells
/// assets apart.
pub(super) fn find(table: &Table) -> Option<usize> {
    // A list of serial numbers has one cell a row, and so has its header. Separators in it tell that it was read with
    // the wrong one.
    let is_list = table.rows.iter().all(|(_, cells)| cells.len() <= 1);
    let rows = table.rows.iter().take(MAX_TITLE_ROWS).enumerate();
    let named = rows.filter_map(|(index, (_, cells))| {
        let keys = cells.iter().any(|cell| {
            meaning(cell.text()).is_some_and(|it| matches!(it.role, Role::Serial | Role::Asset))
        });
        let above = &table.rows[..index];
        let is_header = if is_list {
            let is_title = |(_, cells): &(RowNumber, Vec<Cell>)| {
                cells.iter().all(|cell| cell.text().contains(' '))
            };
            cells.iter().all(|cell| !cell.text().contains([';', ','])) && above.iter().all(is_title)
        } else {
            // An asset whose note speaks of serial numbers is no header: other assets stand above it, or most of its
            // cells name nothing.
            let n_filled = n_filled(cells);
            let is_title =
                |(_, cells): &(RowNumber, Vec<Cell>)| self::n_filled(cells) * 3 <= n_filled * 2;
            n_filled >= 2 && n_known(cells) * 3 >= n_filled && above.iter().all(is_title)
        };
        (keys && is_header).then(|| (n_known(cells), index))
    });
    // The first of those that name as many.
    named.max_by_key(|(n_known, index)| (*n_known, std::cmp::Reverse(*index))).map(|it| it.1)
}

fn n_filled(cells: &[Cell]) -> usize {
    cells.iter().filter(|cell| !cell.is_empty()).count()
}

/// How many different meanings the cells name.
pub(super) fn n_known(cells: &[Cell]) -> usize {
    let words: BTreeSet<_> = cells
        .iter()
        .filter(|cell| meaning(cell.text()).is_some())
        .map(|cell| fold(cell.text()))
        .collect();
    words.len()
}

/// Parts header from rows.
pub(super) fn sheet(
    format: Format,
    table: Table,
    said: Option<RowNumber>,
) -> Result<Sheet, ReadError> {
    let name = format.sheet().map(str::to_owned);
    let header = match said {
        Some(row) => table
            .rows
            .iter()
            .position(|(number, _)| *number == row)
            .ok_or_else(|| ReadError::EmptyHeader { place: Place::row(name.as_deref(), row) })?,
        None => find(&table).ok_or_else(|| ReadError::NoHeader {
            place: Place::sheet(name.as_deref()),
            searched: table.rows.len().min(MAX_TITLE_ROWS),
        })?,
    };
    let mut below = table.rows.into_iter().skip(header);
    let Some((header_row, cells)) = below.next() else { return Err(ReadError::Empty) };
    let mut headers: Vec<String> = cells.iter().map(|cell| cell.text().to_owned()).collect();
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for (number, cells) in below {
        match why_left_out(&cells, &headers) {
            Some(why) => left_out.push(LeftOut { row: number, why }),
            None => rows.push(SheetRow { number, cells }),
        }
    }
    // A workbook knows cells, not lengths of rows: what stands beside the table is a column without a name.
    if !matches!(format, Format::Csv { .. }) {
        let width = rows.iter().map(|row: &SheetRow| row.cells.len()).max().unwrap_or_default();
        headers.resize(width.max(headers.len()), String::new());
    }
    Ok(Sheet { format, header_row, headers, rows, left_out })
}

fn why_left_out(cells: &[Cell], headers: &[String]) -> Option<WhyLeftOut> {
    let texts: Vec<&str> = cells.iter().map(Cell::text).collect();
    if texts.iter().copied().eq(headers.iter().map(String::as_str)) {
        return Some(WhyLeftOut::HeaderAgain);
    }
    // Printed forms number their columns below the header.
    let is_number = |(number, text): (usize, &&str)| **text == number.to_string();
    if texts.len() >= 3 && (1..).zip(&texts).all(is_number) {
        return Some(WhyLeftOut::ColumnNumbers);
    }
    let first = texts.iter().find(|text| !text.is_empty())?;
    let is_total = TOTALS.contains(&fold(first).as_str());
    is_total.then_some(WhyLeftOut::Total)
}
