//! From bytes to a [`Sheet`]. What a file is, its content says; its name says nothing.

mod archive;
pub(crate) mod encoding;
mod header;
mod ods;
mod separated;
mod table;
mod text;
mod xlsx;

use std::fmt;
use std::panic::{UnwindSafe, catch_unwind};
use std::str::FromStr;

use serde::Serialize;

use self::archive::Workbook;
use self::encoding::Encoding;
use self::table::Table;
use crate::limits::MAX_FILE_LEN;
use crate::place::{Place, RowNumber};
use crate::sheet::{Format, Sheet};

/// What a person says about a file because it could not be found out, or was found out wrongly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// The sheet to read, by its name.
    pub sheet: Option<String>,
    /// The row of the header.
    pub header_row: Option<RowNumber>,
    /// How the bytes of a text are to be read.
    pub encoding: Option<Encoding>,
    /// What stands between the cells of a text.
    pub separator: Option<Separator>,
}

/// What stands between the cells of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// `;`, as where a comma is the decimal sign.
    Semicolon,
    /// `,`
    Comma,
    /// A tabulator.
    Tab,
}

impl Separator {
    /// All of them; the first of equally good ones is taken.
    pub(crate) const ALL: [Self; 3] = [Self::Semicolon, Self::Comma, Self::Tab];

    /// The character.
    pub const fn character(self) -> char {
        match self {
            Self::Semicolon => ';',
            Self::Comma => ',',
            Self::Tab => '\t',
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semicolon => "semicolons",
            Self::Comma => "commas",
            Self::Tab => "tabulators",
        })
    }
}

/// Why a text names no separator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected semicolon, comma or tab as a separator, got {0:?}")]
pub struct ParseSeparatorError(String);

impl FromStr for Separator {
    type Err = ParseSeparatorError;
    fn from_str(text: &str) -> Result<Self, ParseSeparatorError> {
        match text {
            "semicolon" | ";" => Ok(Self::Semicolon),
            "comma" | "," => Ok(Self::Comma),
            "tab" | "\t" => Ok(Self::Tab),
            _ => Err(ParseSeparatorError(text.to_owned())),
        }
    }
}

/// Why a file is no register that can be read. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty: export the register anew")]
    Empty,
    /// A limit of [`crate::limits`] is passed.
    #[error(
        "{place} has more than {max} {what}: no register is so large; take out what is not part of it"
    )]
    TooLarge {
        /// Where.
        place: Place,
        /// How many there may be.
        max: u64,
        /// Of what.
        what: &'static str,
    },
    /// Another kind of file.
    #[error("this is {found}, not CSV, XLSX or ODS: {advice}")]
    Kind {
        /// What it is.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A workbook under a password.
    #[error("the workbook is protected by a password: save a copy without one")]
    Password,
    /// A workbook that cannot be unpacked or parsed.
    #[error(
        "failed to read the workbook: open it in a spreadsheet program and save it anew as XLSX or ODS"
    )]
    Workbook(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Bytes that are no text in the encoding.
    #[error(
        "byte {offset} is no {encoding} text: save the file as \"CSV UTF-8\", or name another encoding"
    )]
    NotText {
        /// How the text was read.
        encoding: Encoding,
        /// The first byte that does not fit, counted from 0.
        offset: usize,
    },
    /// Text in an encoding that cannot be told.
    #[error(
        "the encoding cannot be told ({why}): save the file as \"CSV UTF-8\", or name the encoding"
    )]
    Encoding {
        /// What was seen.
        why: &'static str,
    },
    /// A control character in a cell.
    #[error("{place} holds the control character U+{code:04X}: delete it, or clear the cell")]
    Control {
        /// Where.
        place: Place,
        /// Its code point.
        code: u32,
    },
    /// Quotes of a CSV cell that do not pair up.
    #[error(
        "{place}: the quoted cell {fault}: write a quotation mark inside of quotes twice, or save the register as XLSX"
    )]
    Quotes {
        /// Where the cell begins.
        place: Place,
        /// What is wrong.
        fault: &'static str,
    },
    /// A sheet that is not there.
    #[error("there is no sheet {name:?}; the workbook has {sheets}")]
    NoSheet {
        /// What was asked for.
        name: String,
        /// What there is.
        sheets: String,
    },
    /// More than one sheet that could be the register.
    #[error(
        "more than one sheet looks like a register: {sheets}; say which, and import them one by one"
    )]
    Sheets {
        /// Their names.
        sheets: String,
    },
    /// No header.
    #[error(
        "{place}: no header found in the first {searched} rows: one of them must name a column \"Serial number\" \
         (\"Nr seryjny\") or \"Asset number\" (\"Nr inwentarzowy\"), or say which row is the header"
    )]
    NoHeader {
        /// Where it was looked for.
        place: Place,
        /// How many rows were looked at.
        searched: usize,
    },
    /// The row that a person named is empty.
    #[error("{place} is empty and cannot be the header: say which row is")]
    EmptyHeader {
        /// Where.
        place: Place,
    },
}

/// Makes a sheet of a file's bytes.
///
/// # Errors
/// [`ReadError`], which names the place and what to do.
pub fn read(bytes: &[u8], hint: &Hint) -> Result<Sheet, ReadError> {
    if bytes.len() > MAX_FILE_LEN {
        let (place, max) = (Place::default(), MAX_FILE_LEN as u64);
        return Err(ReadError::TooLarge { place, max, what: "bytes" });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return match archive::examine(bytes)? {
            Workbook::Xlsx => {
                choose(caught(|| xlsx::tables(bytes))?, hint, |sheet| Format::Xlsx { sheet })
            }
            Workbook::Ods => {
                choose(caught(|| ods::tables(bytes))?, hint, |sheet| Format::Ods { sheet })
            }
        };
    }
    refuse_known(bytes)?;
    let text = encoding::decode(bytes, hint.encoding)?;
    text::sheet(&text, hint)
}

/// The parser of workbooks is not ours, and panics where a reference such as `ZZZZZZZZ9` overflows (the workspace's
/// profiles check that in it). Nothing of it outlives the panic.
fn caught(
    parse: impl FnOnce() -> Result<Vec<Table>, ReadError> + UnwindSafe,
) -> Result<Vec<Table>, ReadError> {
    catch_unwind(parse).unwrap_or_else(|_| Err(ReadError::Workbook("a number overflows".into())))
}

/// Refuses by name what is often called a spreadsheet and is none of ours.
fn refuse_known(bytes: &[u8]) -> Result<(), ReadError> {
    let begins = |magic: &[u8]| {
        let trimmed = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
        trimmed.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
    };
    let open_and_save =
        "open it in a spreadsheet program and save it as XLSX, ODS or \"CSV UTF-8\"";
    let found = match () {
        () if begins(b"\xD0\xCF\x11\xE0") => "an old Excel workbook (.xls) or one under a password",
        () if begins(b"%PDF") => {
            let advice = "ask for the register as a spreadsheet; a PDF has no cells";
            return Err(ReadError::Kind { found: "a PDF document", advice });
        }
        () if begins(b"{\\rtf") => "a text document (RTF)",
        () if begins(b"<!doctype") || begins(b"<html") || begins(b"<table") => "a web page",
        () if begins(b"<?xml") => "an XML document",
        () if begins(b"PK") => "an archive without a workbook",
        () => return Ok(()),
    };
    Err(ReadError::Kind { found, advice: open_and_save })
}

/// The sheet that was asked for, or else the only one that has a header.
fn choose(
    tables: Vec<Table>,
    hint: &Hint,
    format: impl Fn(String) -> Format,
) -> Result<Sheet, ReadError> {
    let quoted = |names: Vec<&str>| {
        names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    };
    let name_of = |table: &Table| table.name.clone().unwrap_or_default();
    if let Some(wanted) = &hint.sheet {
        let names = quoted(tables.iter().filter_map(|table| table.name.as_deref()).collect());
        let table = tables.into_iter().find(|table| table.name.as_ref() == Some(wanted));
        let table =
            table.ok_or_else(|| ReadError::NoSheet { name: wanted.clone(), sheets: names })?;
        return header::sheet(format(name_of(&table)), table, hint.header_row);
    }
    let filled: Vec<Table> = tables.into_iter().filter(|table| !table.rows.is_empty()).collect();
    if filled.is_empty() {
        return Err(ReadError::Empty);
    }
    let fits = |table: &Table| match hint.header_row {
        Some(row) => table.rows.iter().any(|(number, _)| *number == row),
        None => header::find(table).is_some(),
    };
    let like: Vec<&Table> = filled.iter().filter(|table| fits(table)).collect();
    let chosen = match like[..] {
        [only] => only,
        // The message about a missing header names the first sheet that holds anything.
        [] => &filled[0],
        _ => {
            let names = like.iter().filter_map(|table| table.name.as_deref()).collect();
            return Err(ReadError::Sheets { sheets: quoted(names) });
        }
    };
    header::sheet(format(name_of(chosen)), chosen.clone(), hint.header_row)
}
