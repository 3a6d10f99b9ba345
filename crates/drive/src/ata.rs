//! ATA: who a drive is (IDENTIFY DEVICE, ACS-4 section 7.13), what it can do, and the commands that make it do so.

mod command;
mod features;

use protocol::{ByteLen, DriveIdentity};
use sys::sg::IDENTIFY_DEVICE_LEN;

pub use command::{AtaCommand, SHORT, identify_device};
pub use features::{features, features_now, has_completed, has_sanitize, sanitize_status};

use crate::identity::{IdentityError, identity, printable, world_wide};

/// The 256 words of IDENTIFY DEVICE.
struct Words<'a>(&'a [[u8; 2]]);

/// Reads model, serial number, world wide name and size out of IDENTIFY DEVICE data.
///
/// # Errors
/// A wrong checksum, or no serial number.
pub fn decode(data: &[u8; IDENTIFY_DEVICE_LEN]) -> Result<DriveIdentity, IdentityError> {
    check_integrity(data)?;
    let words = Words::of(data);
    identity(words.text(27, 46), words.text(10, 19), words.world_wide_name(), words.size())
}

/// Word 255: where the low byte is A5h, all 512 bytes add up to zero.
fn check_integrity(data: &[u8; IDENTIFY_DEVICE_LEN]) -> Result<(), IdentityError> {
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if data[510] == 0xa5 && sum != 0 { Err(IdentityError::Checksum) } else { Ok(()) }
}

impl<'a> Words<'a> {
    fn of(data: &'a [u8; IDENTIFY_DEVICE_LEN]) -> Self {
        Self(data.as_chunks::<2>().0)
    }
    fn word(&self, index: usize) -> u16 {
        u16::from_le_bytes(self.0[index])
    }

    /// ATA strings have the first character in the high byte of each word.
    fn text(&self, first: usize, last: usize) -> String {
        let bytes: Vec<u8> =
            self.0[first..=last].iter().flat_map(|&[low, high]| [high, low]).collect();
        printable(&bytes)
    }

    /// Words 108-111, most significant first, where words 87's bits say that they mean something.
    fn world_wide_name(&self) -> Option<String> {
        let valid = self.word(87) & 0xc100 == 0x4100;
        let name: Vec<u8> = self.0[108..=111].iter().flat_map(|&[low, high]| [high, low]).collect();
        if valid { world_wide(&name) } else { None }
    }

    fn size(&self) -> ByteLen {
        let long = self.number::<4>(100);
        let extended = self.number::<4>(230);
        let sectors = if self.word(69) & 0x0008 != 0 && extended != 0 {
            extended
        } else if self.word(83) & 0xc400 == 0x4400 && long != 0 {
            long
        } else {
            self.number::<2>(60)
        };
        ByteLen(sectors.saturating_mul(self.logical_sector_size()))
    }

    /// Word 106 tells whether words 117-118 hold the size in words; 512 bytes otherwise.
    fn logical_sector_size(&self) -> u64 {
        let is_given = self.word(106) & 0xd000 == 0x5000;
        if is_given { self.number::<2>(117) * 2 } else { 512 }
    }

    /// A number of N words, least significant first.
    fn number<const N: usize>(&self, first: usize) -> u64 {
        let words = self.0[first..first + N].iter().rev();
        words.fold(0, |number, word| number << 16 | u64::from(u16::from_le_bytes(*word)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// IDENTIFY DEVICE data of a plausible 500 GB laptop disk, without a checksum.
    fn laptop_disk() -> [u8; 512] {
        let mut data = [0; 512];
        put_text(&mut data, 10, 10, "      WD-WX21A7000001");
        put_text(&mut data, 27, 20, "WDC WD5000LPVX-22V0TT0");
        put(&mut data, 60, &[0xffff, 0x0fff]);
        put(&mut data, 83, &[0x7d09]);
        put(&mut data, 87, &[0x4163]);
        put(&mut data, 100, &[0x6030, 0x3a38, 0, 0]);
        put(&mut data, 108, &[0x5001, 0x4ee6, 0x0123, 0x4567]);
        data
    }

    fn put(data: &mut [u8; 512], first: usize, words: &[u16]) {
        for (index, word) in (first..).zip(words) {
            data[2 * index..2 * index + 2].copy_from_slice(&word.to_le_bytes());
        }
    }

    fn put_text(data: &mut [u8; 512], first: usize, n_words: usize, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(2 * n_words, b' ');
        for (index, pair) in (first..).zip(bytes.as_chunks::<2>().0) {
            put(data, index, &[u16::from_be_bytes(*pair)]);
        }
    }

    fn check(change: impl FnOnce(&mut [u8; 512]), expect: impl FnOnce(DriveIdentity)) {
        let mut data = laptop_disk();
        change(&mut data);
        expect(decode(&data).unwrap());
    }

    #[test]
    fn a_laptop_disk_is_read() {
        check(
            |_| (),
            |disk| {
                assert_eq!(disk.model, "WDC WD5000LPVX-22V0TT0");
                assert_eq!(disk.serial, "WD-WX21A700000");
                assert_eq!(disk.wwn.as_deref(), Some("50014ee601234567"));
                assert_eq!(disk.size, ByteLen(500_107_862_016));
            },
        );
    }

    #[test]
    fn every_way_of_giving_a_size_is_known() {
        check(|data| put(data, 83, &[0]), |disk| assert_eq!(disk.size, ByteLen(0x0fff_ffff * 512)));
        check(
            |data| {
                put(data, 106, &[0x5000]);
                put(data, 117, &[2048, 0]);
                put(data, 100, &[0x1000, 0, 0, 0]);
            },
            |disk| assert_eq!(disk.size, ByteLen(4096 * 4096)),
        );
        check(
            |data| {
                put(data, 69, &[0x0008]);
                put(data, 230, &[0, 0, 1, 0]);
            },
            |disk| assert_eq!(disk.size, ByteLen((1 << 32) * 512)),
        );
    }

    #[test]
    fn a_world_wide_name_must_be_declared_and_not_zero() {
        check(|data| put(data, 87, &[0x4063]), |disk| assert_eq!(disk.wwn, None));
        check(|data| put(data, 108, &[0; 4]), |disk| assert_eq!(disk.wwn, None));
    }

    #[test]
    fn no_serial_number_and_damaged_data_are_refused() {
        let mut data = laptop_disk();
        put_text(&mut data, 10, 10, "");
        let error = decode(&data).unwrap_err();
        assert!(matches!(&error, IdentityError::NoSerial { model } if model.starts_with("WDC")));

        let mut data = laptop_disk();
        data[510] = 0xa5;
        let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        data[511] = sum.wrapping_neg();
        assert!(decode(&data).is_ok());
        data[20] ^= 1;
        assert!(matches!(decode(&data), Err(IdentityError::Checksum)));
    }

    proptest! {
        #[test]
        fn no_data_brings_it_down(data in proptest::collection::vec(any::<u8>(), 512)) {
            if let Ok(identity) = decode(data.as_slice().try_into().unwrap()) {
                prop_assert!(!identity.serial.is_empty());
                prop_assert!(identity.model.chars().chain(identity.serial.chars()).all(|c| (' '..='~').contains(&c)));
            }
        }
    }
}
