//! `rehome machine look`

use anyhow::{Context as _, Result};
use clap::Args;
use protocol::MachineNumber;

use super::Asker;
use crate::admin::LookAt;
use crate::admin::client::post;
use crate::console::say;
use crate::witness::{Content, Look, Row};

#[derive(Debug, Args)]
pub(super) struct Sectors {
    /// The first sector, counted from 0
    #[arg(long, value_name = "N")]
    sector: u64,
    /// Serial number of the drive [default: the only one]
    #[arg(long, value_name = "SERIAL")]
    drive: Option<String>,
    /// How many sectors
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(protocol::witness::MAX_LOOK_SECTORS)))]
    count: u32,
}

pub(super) async fn run(
    asker: &Asker,
    number: MachineNumber,
    Sectors { sector, drive, count }: Sectors,
    by: String,
) -> Result<()> {
    let path = format!("/machines/{}/look", number.0);
    let answer = post(&asker.data, &path, &by, &LookAt { drive, sector, count }).await?;
    if asker.json {
        return asker.show(&answer);
    }
    let look: Look = serde_json::from_slice(&answer).context("reading the answer")?;
    Ok(lines(&look).iter().try_for_each(|line| say(line))?)
}

/// The listing, offset by offset, and what it comes to.
fn lines(look: &Look) -> Vec<String> {
    let rows = look.rows().into_iter().map(|row| match row {
        Row::Bytes { offset, hex, text } => format!("{offset:012x}  {hex:<47}  |{text}|"),
        Row::Same => "*".to_owned(),
    });
    let content = match look.content() {
        Content::Zero => "all zero".to_owned(),
        Content::Repeated(byte) => format!("one byte repeated: {byte:02x}"),
        Content::Mixed => "mixed: a pattern, or data".to_owned(),
    };
    let Look { machine, drive, sector, count, sector_size, sha256, .. } = look;
    let size = sector_size.bytes();
    let head = [
        format!("machine {machine}: {drive}"),
        format!("sector {sector}, {count} x {size} bytes: {content}"),
        format!("sha256 {sha256} (recorded; the bytes are not)"),
    ];
    head.into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use protocol::witness::SectorBytes;
    use protocol::{ByteLen, DriveIdentity};

    use super::*;

    #[test]
    fn a_look_reads_as_offset_bytes_and_text() {
        let mut bytes = [0; 512];
        bytes[..4].copy_from_slice(b"Old\x1b");
        let (model, serial) = ("DISK".to_owned(), "S1".to_owned());
        let look = Look {
            machine: serde_json::from_str("7").unwrap(),
            drive: DriveIdentity { model, serial, wwn: None, size: ByteLen(1 << 20) },
            sector: 2,
            count: 1,
            sector_size: 512.try_into().unwrap(),
            bytes: SectorBytes::try_from(&bytes[..]).unwrap(),
            sha256: evidence::sha256(&bytes),
        };
        let said = lines(&look);
        let zeros = ["00"; 12].join(" ");
        assert_eq!(said[0], "machine 07: DISK serial S1 (1.04 MB)");
        assert_eq!(said[1], "sector 2, 1 x 512 bytes: mixed: a pattern, or data");
        assert_eq!(said[3], format!("000000000400  4f 6c 64 1b {zeros}  |Old.............|"));
        assert_eq!(said[5], "*");
        assert!(said[6].starts_with("0000000005f0  00 00"), "{said:?}");
    }
}
