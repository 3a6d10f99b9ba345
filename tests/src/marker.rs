//! Markers: 64-byte pieces of "personal data" planted on a disk, and their list `markers.txt`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Length of a marker, bytes.
pub const MARKER_LEN: usize = 64;

/// A marker and where it was planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Offset of its first byte from the start of the disk, bytes.
    pub offset: u64,
    /// What was written there.
    pub bytes: [u8; MARKER_LEN],
}

impl Marker {
    /// Marker number `index`: recognizable text with 16 random bytes in hex.
    ///
    /// # Panics
    /// When `index` has more than five digits.
    pub fn new(index: usize, offset: u64, random: [u8; 16]) -> Self {
        let text = format!("Jan Kowalski, private #{index:05}={}\r\n ", hex::encode(random));
        let bytes = text.as_bytes().try_into().expect("the text is as long as a marker");
        Self { offset, bytes }
    }

    /// The bytes of the disk it covers.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.offset..self.offset + MARKER_LEN as u64
    }
}

/// Writes one line per marker: decimal offset, space, 128 hex digits.
///
/// # Errors
/// When the file cannot be written.
pub fn write_list(path: &Path, markers: &[Marker]) -> Result<()> {
    let mut text = String::new();
    for marker in markers {
        text.push_str(&format!("{} {}\n", marker.offset, hex::encode(marker.bytes)));
    }
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// Reads such a list.
///
/// # Errors
/// When the file cannot be read, a line is malformed (its number is named), or there is none.
pub fn read_list(path: &Path) -> Result<Vec<Marker>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read marker list {}", path.display()))?;
    let mut markers = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let marker = parse_line(line)
            .with_context(|| format!("{} line {}: {line:?}", path.display(), index + 1))?;
        markers.push(marker);
    }
    ensure!(!markers.is_empty(), "marker list {} is empty", path.display());
    Ok(markers)
}

fn parse_line(line: &str) -> Result<Marker> {
    let (offset, digits) = line.split_once(' ').context("not `<offset> <128 hex digits>`")?;
    let offset = offset.parse().context("the offset is no decimal number")?;
    let mut bytes = [0; MARKER_LEN];
    hex::decode_to_slice(digits, &mut bytes).context("not 128 hex digits")?;
    ensure!(
        bytes.iter().any(|byte| *byte != bytes[0]),
        "a marker of one repeated byte cannot be told from an empty disk"
    );
    Ok(Marker { offset, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let markers = vec![Marker::new(0, 0, [0xab; 16]), Marker::new(99_999, 3 << 30, [7; 16])];
        write_list(file.path(), &markers).unwrap();
        assert_eq!(read_list(file.path()).unwrap(), markers);
    }

    #[test]
    fn malformed_lists_name_the_line() {
        let good = format!("0 {}\n", hex::encode(Marker::new(0, 0, [1; 16]).bytes));
        for bad in ["", "12", "x 00", "12 abcd", &format!("12 {}", "00".repeat(64))] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("{good}{bad}\n")).unwrap();
            let message = format!("{:#}", read_list(file.path()).unwrap_err());
            assert!(message.contains("line 2"), "{message}");
        }
    }
}
