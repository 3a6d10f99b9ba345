//! The archive around a workbook, measured before anything is built from it: sizes that an archive declares may lie,
//! so every part is unpacked once and counted.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::limits::{MAX_PARTS, MAX_TAGS, MAX_UNPACKED_LEN};
use crate::place::Place;
use crate::read::ReadError;

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workbook {
    /// A workbook of Excel.
    Xlsx,
    /// An OpenDocument spreadsheet.
    Ods,
}

const ODS_TYPES: [&[u8]; 2] = [
    b"application/vnd.oasis.opendocument.spreadsheet",
    b"application/vnd.oasis.opendocument.spreadsheet-template",
];

/// Measures every part and says which kind of workbook it is.
pub(super) fn examine(bytes: &[u8]) -> Result<Workbook, ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(refused)?;
    let too_large = |max, what| Err(ReadError::TooLarge { place: Place::default(), max, what });
    if archive.len() > MAX_PARTS {
        return too_large(MAX_PARTS as u64, "parts");
    }
    let (mut kind, mut left, mut n_tags) = (None, MAX_UNPACKED_LEN, 0);
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(refused)?;
        let name = part.name().map_err(refused)?.to_ascii_lowercase();
        let mut start = Vec::new();
        let mut limited = part.take(left + 1);
        let (len, tags) =
            measure(&mut limited, &mut start).map_err(|error| refused(error.into()))?;
        n_tags += tags;
        let Some(rest) = left.checked_sub(len) else {
            return too_large(MAX_UNPACKED_LEN, "bytes when it is unpacked");
        };
        left = rest;
        if n_tags > MAX_TAGS {
            return too_large(MAX_TAGS, "XML tags");
        }
        match name.as_str() {
            "mimetype" if ODS_TYPES.contains(&start.trim_ascii()) => kind = Some(Workbook::Ods),
            "xl/workbook.xml" => kind = kind.or(Some(Workbook::Xlsx)),
            "xl/workbook.bin" => return Err(kind_error("a binary Excel workbook (.xlsb)")),
            "word/document.xml" => return Err(kind_error("a Word document")),
            _ => {}
        }
    }
    kind.ok_or_else(|| kind_error("an archive without a workbook"))
}

/// The length of a part, how many `<` are in it, and how it starts.
fn measure(part: &mut impl Read, start: &mut Vec<u8>) -> std::io::Result<(u64, u64)> {
    const START_LEN: usize = 100;
    let mut buffer = vec![0; 64 << 10];
    let (mut len, mut n_tags) = (0, 0);
    loop {
        let n_read = part.read(&mut buffer)?;
        if n_read == 0 {
            return Ok((len, n_tags));
        }
        let read = &buffer[..n_read];
        len += n_read as u64;
        n_tags += read.iter().filter(|byte| **byte == b'<').count() as u64;
        start.extend(read.iter().take(START_LEN - start.len()));
    }
}

fn kind_error(found: &'static str) -> ReadError {
    let advice = "open it in a spreadsheet program and save it as XLSX, ODS or \"CSV UTF-8\"";
    ReadError::Kind { found, advice }
}

fn refused(error: ZipError) -> ReadError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ReadError::Password,
        other => ReadError::Workbook(Box::new(other)),
    }
}
