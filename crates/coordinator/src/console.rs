//! The terminal of a command: the only place that prints.

use std::io::{self, Write};

/// Prints a line. A reader that went away (`| head`) is no error.
///
/// # Errors
/// When the terminal or file cannot be written.
pub(crate) fn say(line: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints rows under headings, columns aligned.
///
/// # Errors
/// As of [`say`].
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    line(headings)?;
    rows.iter().try_for_each(|row| line(std::array::from_fn(|i| row[i].as_str())))
}
