//! The notice that stays on a wiped drive: whoever starts the laptop reads what became of it.
//!
//! It takes the first 64 sectors of 512 bytes and nothing else. A BIOS starts the boot sector, which prints the text that
//! follows it; UEFI firmware finds a FAT file system with a program at the removable path, which prints the same. Both go
//! on to the next boot device after a minute, so that a machine still starts from the network. The program is not signed:
//! with Secure Boot on the firmware would refuse it with a warning of its own, so it is left out there.
//!
//! Neither a BIOS's nor UEFI's fonts have Polish letters for certain: the text has none.

mod fat;
mod program;
mod sector;

use drive::{AlignedBuf, Drive};
use protocol::event::BootNotice;
use protocol::{ByteLen, CertificateId, DriveIdentity, Stage};

use crate::bad_ranges::BadRanges;
use crate::failed::{Failed, FailureCause};
use crate::look::{is_still, read_sectors};

/// Bytes of a notice, from the first byte of the drive on.
pub const NOTICE_LEN: u64 = protocol::event::NOTICE_LEN;

const LEN: usize = 32 << 10;
const SECTOR: usize = 512;
/// The text, for the boot sector: four sectors, ended by a zero.
const TEXT: std::ops::Range<usize> = SECTOR..5 * SECTOR;
/// The file system.
const VOLUME: std::ops::Range<usize> = 8 * SECTOR..LEN;

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The day, as `2026-11-23`.
    pub day: String,
    /// Name of the site.
    pub site: String,
    /// The certificate that speaks of this drive.
    pub certificate: CertificateId,
    /// Whether the program for UEFI is put beside the boot sector.
    pub with_program: bool,
}

impl Notice {
    /// The bytes that go to the beginning of the drive. The same words give the same bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.text();
        let mut bytes = vec![0; LEN];
        bytes[..SECTOR].copy_from_slice(&sector::boot_sector(self.with_program));
        bytes[TEXT][..text.len()].copy_from_slice(text.as_bytes());
        if self.with_program {
            let program = program::program(&text);
            fat::write(&mut bytes[VOLUME], &program);
        }
        bytes
    }

    /// In English and in Polish, in letters that every firmware has. Fits into [`TEXT`] with its final zero.
    fn text(&self) -> String {
        let (day, site) = (plain(&self.day, 10), plain(&self.site, 60));
        let id = self.certificate.grouped();
        format!(
            "\r\nThis disk was sanitized on {day} by {site}.\r\n\
             Certificate ID: {id}\r\n\
             There is no operating system on it. Install one, or start the computer\r\n\
             from another medium. In a minute the next boot device is tried.\r\n\
             \r\n\
             Ten dysk zostal trwale wyczyszczony {day}: {site}.\r\n\
             Numer certyfikatu: {id}\r\n\
             Nie ma na nim systemu operacyjnego. Zainstaluj system albo uruchom komputer\r\n\
             z innego nosnika. Za minute firmware sprobuje nastepnego urzadzenia.\r\n"
        )
    }
}

/// ASCII without control characters, at most so long.
fn plain(text: &str, len: usize) -> String {
    let ascii = |c: char| match c {
        'ą' => 'a',
        'ć' => 'c',
        'ę' => 'e',
        'ł' => 'l',
        'ń' => 'n',
        'ó' => 'o',
        'ś' => 's',
        'ź' | 'ż' => 'z',
        'Ą' => 'A',
        'Ć' => 'C',
        'Ę' => 'E',
        'Ł' => 'L',
        'Ń' => 'N',
        'Ó' => 'O',
        'Ś' => 'S',
        'Ź' | 'Ż' => 'Z',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(len).map(ascii).collect()
}

/// Writes the notice to a drive that was verified, and reads it back from the medium.
///
/// # Errors
/// When it is another drive, cannot be written, or does not hold what was written.
pub fn leave_notice(
    drive: &dyn Drive,
    expected: &DriveIdentity,
    notice: &Notice,
) -> Result<BootNotice, Box<Failed>> {
    let fail = |cause| Failed::new(expected, Stage::Verify, 0, BadRanges::default(), cause);
    is_still(drive, expected).map_err(fail)?;
    let bytes = notice.bytes();
    let mut buffer = AlignedBuf::zeroed(LEN);
    buffer.copy_from_slice(&bytes);
    drive.write_at(0, &buffer).map_err(|error| fail(FailureCause::Notice(error)))?;
    drive.flush().map_err(|error| fail(FailureCause::Flush(error)))?;
    read_sectors(drive, 0, &mut buffer).map_err(|error| fail(FailureCause::Notice(error)))?;
    if buffer[..] != bytes[..] {
        return Err(fail(FailureCause::NotStored { offset: 0 }));
    }
    is_still(drive, expected).map_err(fail)?;
    Ok(BootNotice {
        drive: expected.clone(),
        certificate: notice.certificate,
        length: ByteLen(NOTICE_LEN),
        sha256: evidence::sha256(&bytes),
    })
}

/// SHA-256 of where a notice stands on any drive that may have one; none where that cannot be read.
pub fn head(drive: &dyn Drive) -> Option<protocol::Sha256Digest> {
    if drive.size().0 < NOTICE_LEN || !LEN.is_multiple_of(drive.sector_size().bytes() as usize) {
        return None;
    }
    let mut buffer = AlignedBuf::zeroed(LEN);
    // Whatever is wrong there, the pass over the drive says it.
    read_sectors(drive, 0, &mut buffer).ok()?;
    Some(evidence::sha256(&buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(site: &str, with_program: bool) -> Notice {
        let certificate = CertificateId::from_bytes([0x1a, 0x2b, 0x3c, 0x4d, 0, 0xff, 0x10, 9]);
        Notice { day: "2026-11-23".into(), site: site.into(), certificate, with_program }
    }

    #[test]
    fn the_text_fits_and_is_plain_whatever_the_site_is_called() {
        for site in ["", "Warsztat Zażółć Gęślą Jaźń", &"Ż".repeat(300), "a\r\n\u{1b}[2J漢"]
        {
            let text = notice(site, true).text();
            assert!(text.len() < TEXT.len(), "{}", text.len());
            assert!(text.bytes().all(|c| matches!(c, b' '..=b'~' | b'\r' | b'\n')), "{text:?}");
            // As wide as the text screen of a BIOS.
            let widest = text.lines().map(str::len).max().unwrap();
            assert!(site.len() > 60 || widest < 80, "{widest}: {text}");
            for words in ["1a2b-3c4d-00ff-1009", "no operating system", "Nie ma na nim systemu"] {
                assert!(text.contains(words), "{text}");
            }
        }
        assert!(notice("Zażółć", true).text().contains("Zazolc"));
    }

    #[test]
    fn the_sector_boots_and_the_program_is_left_out_where_it_would_be_refused() {
        for with_program in [true, false] {
            let bytes = notice("Site", with_program).bytes();
            assert_eq!(bytes.len() as u64, NOTICE_LEN);
            assert_eq!(bytes[510..512], [0x55, 0xaa]);
            let has_volume = bytes[VOLUME].iter().any(|byte| *byte != 0);
            assert_eq!(has_volume, with_program);
            assert_eq!(bytes[450] == 0xef, with_program, "the partition's type");
        }
    }
}
