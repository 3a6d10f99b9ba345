//! The terminal of a command: the only place that prints.
//!
//! What machines say of themselves is printed, and a machine may be hostile: characters that would steer the terminal, or
//! turn the reading direction, are replaced.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

/// What precedes everything else that is printed, until it was.
static FIRST: Mutex<Option<&'static str>> = Mutex::new(None);

/// Has a line printed before anything else. Beside JSON it goes to standard error.
pub(crate) fn begin_with(line: &'static str) {
    *FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
}

fn first() -> Option<&'static str> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Prints a line. A reader that went away (`| head`) is no error.
///
/// # Errors
/// When the terminal or file cannot be written.
pub(crate) fn say(line: &str) -> io::Result<()> {
    first().map_or(Ok(()), put)?;
    put(&printable(line))
}

/// Prints JSON, of one line or of several. What steers terminals is escaped, so that its value stays.
///
/// # Errors
/// As of [`say`].
pub(crate) fn say_json(json: &str) -> io::Result<()> {
    if let Some(line) = first() {
        tell(line);
    }
    json.lines().try_for_each(|line| put(&escaped(line)))
}

/// Tells something on standard error: progress and failures, as standard output is for results. Further lines are
/// indented, so that none passes for one of ours.
pub(crate) fn tell(text: &str) {
    let lines: Vec<_> = text.lines().map(printable).collect();
    // A closed terminal is no reason to stop.
    drop(writeln!(io::stderr().lock(), "{}", lines.join("\n  ")));
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

fn put(line: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// The text with one mark for each character that steers a terminal: as wide as it was.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON in which such characters, which can stand in its strings only, are escaped.
pub(crate) fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            // All of them have four digits. Writing to a string does not fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters, line separators, and what turns the reading direction.
fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}');
    c.is_control() || turns || matches!(c, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_not_printed() {
        for (text, shown) in [
            ("ThinkPad X1 Żółw 日本", "ThinkPad X1 Żółw 日本"),
            ("X\u{1b}[2K\r\n7  finished", "X\u{fffd}[2K\u{fffd}\u{fffd}7  finished"),
            ("\u{9b}31m\u{7f}\t\0", "\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{202e}enog\u{2066}\u{2028}", "\u{fffd}enog\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(printable(text), shown);
            let json = serde_json::to_string(text).unwrap();
            let safe = escaped(&json);
            assert!(!safe.chars().any(steers), "{safe:?}");
            assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text, "its value stays");
        }
    }
}
