//! What a person is shown of a few sectors.

use protocol::witness::SectorBytes;
use protocol::{DriveIdentity, MachineNumber, SectorSize, Sha256Digest};
use serde::{Deserialize, Serialize};

/// Bytes in a row.
const ROW_LEN: usize = 16;

/// Sectors of a drive, as the machine's agent read them just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    /// The machine.
    pub(crate) machine: MachineNumber,
    /// The drive.
    pub(crate) drive: DriveIdentity,
    /// The first sector.
    pub(crate) sector: u64,
    /// How many.
    pub(crate) count: u32,
    /// Bytes in a sector.
    pub(crate) sector_size: SectorSize,
    /// What is there.
    pub(crate) bytes: SectorBytes,
    /// SHA-256 of it: this is what the journal holds.
    pub(crate) sha256: Sha256Digest,
}

/// What a piece of a drive looks like as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing but zeros.
    Zero,
    /// One byte over and over.
    Repeated(u8),
    /// Something else: a pattern, or data.
    Mixed,
}

/// A row of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// Where on the drive, in hexadecimal and as text where that is printable.
    Bytes { offset: u64, hex: String, text: String },
    /// The rows up to the next one are like the one before.
    Same,
}

impl Content {
    /// What these bytes look like.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes.first() {
            Some(0) if bytes.iter().all(|byte| *byte == 0) => Self::Zero,
            Some(first) if bytes.iter().all(|byte| byte == first) => Self::Repeated(*first),
            _ => Self::Mixed,
        }
    }
}

impl Look {
    /// What it looks like as a whole.
    pub(crate) fn content(&self) -> Content {
        Content::of(self.bytes.as_bytes())
    }

    /// The bytes in rows. Equal ones in the midst are left out, as `hexdump` does; first and last are always there.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let start = self.sector * u64::from(self.sector_size.bytes());
        let chunks: Vec<_> = self.bytes.as_bytes().chunks(ROW_LEN).collect();
        let mut rows = Vec::new();
        for (i, chunk) in (0_u64..).zip(&chunks) {
            let index = rows_before(i);
            let is_like = index > 0 && chunks[index - 1] == *chunk && index + 1 < chunks.len();
            match (is_like, rows.last()) {
                (true, Some(Row::Same)) => {}
                (true, _) => rows.push(Row::Same),
                (false, _) => rows.push(row(start + i * ROW_LEN as u64, chunk)),
            }
        }
        rows
    }
}

fn rows_before(i: u64) -> usize {
    usize::try_from(i).unwrap_or(usize::MAX)
}

fn row(offset: u64, bytes: &[u8]) -> Row {
    let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let printable = |byte: &u8| match *byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    Row::Bytes { offset, hex: hex.join(" "), text: bytes.iter().map(printable).collect() }
}

#[cfg(test)]
mod tests {
    use protocol::ByteLen;

    use super::*;

    fn look(bytes: &[u8]) -> Look {
        let (model, serial) = ("DISK".to_owned(), "S1".to_owned());
        Look {
            machine: serde_json::from_str("1").unwrap(),
            drive: DriveIdentity { model, serial, wwn: None, size: ByteLen(1 << 20) },
            sector: 3,
            count: 1,
            sector_size: SectorSize::try_from(512).unwrap(),
            bytes: SectorBytes::try_from(bytes).unwrap(),
            sha256: evidence::sha256(bytes),
        }
    }

    #[test]
    fn equal_rows_are_told_once_and_text_is_told_as_text() {
        let mut bytes = [0; 512];
        bytes[32..37].copy_from_slice(b"Old\n~");
        let rows = look(&bytes).rows();
        let at = |index: usize| match &rows[index] {
            Row::Bytes { offset, hex, text } => (*offset, hex.as_str(), text.as_str()),
            Row::Same => panic!("row {index} is left out"),
        };
        let zero = ["00"; 16].join(" ");
        assert_eq!(rows.len(), 6, "{rows:?}");
        assert_eq!(at(0), (1536, zero.as_str(), "................"));
        assert_eq!(rows[1], Row::Same);
        let (offset, hex, text) = at(2);
        assert_eq!((offset, text), (1568, "Old.~..........."));
        assert!(hex.starts_with("4f 6c 64 0a 7e 00"), "{hex}");
        assert_eq!((at(3).0, &rows[4], at(5).0), (1584, &Row::Same, 2032));
    }

    #[test]
    fn a_sector_of_one_byte_is_told_from_a_mixed_one() {
        let mut mixed = [0; 512];
        mixed[511] = 1;
        for (bytes, content) in [
            ([0; 512], Content::Zero),
            ([0xff; 512], Content::Repeated(0xff)),
            (mixed, Content::Mixed),
        ] {
            assert_eq!(look(&bytes).content(), content);
        }
    }
}
