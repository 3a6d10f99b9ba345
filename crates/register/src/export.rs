//! Cells on their way out again, into a CSV file that a spreadsheet program will open.

use crate::read::Separator;

/// The cell as it may stand in a CSV file: quoted where it must be, and with an apostrophe before what a spreadsheet
/// program would run as a formula. A machine's serial number is text of a stranger.
///
/// The apostrophe stays in the file, so that a register that was exported and is imported again has it too.
pub fn csv_cell(text: &str, separator: Separator) -> String {
    // Programs skip blanks before they look for a formula; the full-width signs start one in East Asian versions.
    let first = text.trim_start().chars().next();
    let starts_formula = matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
        || text.starts_with(['\t', '\r', '\n']);
    let guard = if starts_formula { "'" } else { "" };
    let breaks = |it: char| it == separator.character() || matches!(it, '"' | '\n' | '\r' | '\t');
    if text.contains(breaks) || starts_formula {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_do_not_leave() {
        for (text, cell) in [
            ("PF01ABCD", "PF01ABCD"),
            ("a;b", "\"a;b\""),
            ("15\"", "\"15\"\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+48 600", "\"'+48 600\""),
            ("-", "\"'-\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1+1", "\"'  =1+1\""),
            ("\t=1", "\"'\t=1\""),
            ("", ""),
        ] {
            assert_eq!(csv_cell(text, Separator::Semicolon), cell);
        }
    }

    proptest! {
        #[test]
        fn no_cell_breaks_out(text in "[=+@;,\"\n\t a-]{0,10}") {
            let line = format!("{0};{0}\n", csv_cell(&text, Separator::Semicolon));
            let mut reader = csv::ReaderBuilder::new().delimiter(b';').has_headers(false)
                .from_reader(line.as_bytes());
            let record = reader.records().next();
            if let Some(record) = record {
                let record = record.unwrap();
                prop_assert_eq!(record.len(), 2);
                let cell = &record[0];
                prop_assert!(cell == text || cell.strip_prefix('\'') == Some(&text));
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']));
            }
        }
    }
}
