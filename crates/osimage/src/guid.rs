//! GUIDs as GPT has them: 16 bytes, the first three groups little-endian (UEFI 2.10, appendix A).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A GUID of a partition table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid([u8; 16]);

/// A text that is no GUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a GUID of the form 01234567-89ab-cdef-0123-456789abcdef")]
pub struct ParseGuidError(pub String);

/// Where byte `n` of the text's order stands on the disk.
const DISK_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
/// Before which bytes of the text's order a hyphen stands.
const HYPHENS: [usize; 4] = [4, 6, 8, 10];

impl Guid {
    /// EFI system partition.
    pub const ESP: Self = Self::from_text_order(0xC12A_7328_F81F_11D2_BA4B_00A0_C93E_C93B);
    /// BIOS boot partition, where GRUB keeps its core image.
    pub const BIOS_BOOT: Self = Self::from_text_order(0x2168_6148_6449_6E6F_744E_6565_6445_4649);
    /// Root of a Linux system on x86-64 (Discoverable Partitions Specification).
    pub const LINUX_ROOT: Self = Self::from_text_order(0x4F68_BCE3_E8CD_4DB1_96E7_FBCA_F984_B709);
    /// Any Linux file system.
    pub const LINUX_DATA: Self = Self::from_text_order(0x0FC6_3DAF_8483_4772_8E79_3D69_D847_7DE4);

    /// Takes the bytes in the order of the disk.
    pub const fn from_disk_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes in the order of the disk.
    pub const fn disk_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A random GUID (RFC 9562, version 4) from 16 random bytes.
    pub const fn random(mut bytes: [u8; 16]) -> Self {
        bytes[7] = bytes[7] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Whether it is the zero GUID, which marks an unused entry.
    pub fn is_nil(&self) -> bool {
        self.0 == [0; 16]
    }

    const fn from_text_order(number: u128) -> Self {
        let text = number.to_be_bytes();
        let mut disk = [0; 16];
        let mut n = 0;
        while n < 16 {
            disk[DISK_ORDER[n]] = text[n];
            n += 1;
        }
        Self(disk)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, at) in DISK_ORDER.into_iter().enumerate() {
            if HYPHENS.contains(&n) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[at])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl FromStr for Guid {
    type Err = ParseGuidError;
    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let bad = || ParseGuidError(text.chars().take(80).collect());
        let hyphens_fit = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(n, byte)| (byte == b'-') == matches!(n, 8 | 13 | 18 | 23));
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if !hyphens_fit || digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u128::from_str_radix(&digits, 16).map(Self::from_text_order).map_err(|_| bad())
    }
}

impl TryFrom<String> for Guid {
    type Error = ParseGuidError;
    fn try_from(text: String) -> Result<Self, ParseGuidError> {
        text.parse()
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_disk_order_are_those_of_the_standard() {
        // The EFI system partition as it stands on every disk.
        let disk = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9,
            0x3b,
        ];
        assert_eq!(Guid::ESP.disk_bytes(), &disk);
        assert_eq!(Guid::ESP.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!("C12A7328-F81F-11D2-BA4B-00A0C93EC93B".parse(), Ok(Guid::ESP));
        assert_eq!(&Guid::BIOS_BOOT.disk_bytes()[..], b"Hah!IdontNeedEFI");
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for bad in [
            "",
            "c12a7328f81f11d2ba4b00a0c93ec93b",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
            "c12a7328-f81f-11d2-ba4b+00a0c93ec93b",
            "+12a7328-f81f-11d2-ba4b-00a0c93ec93b",
            "ąąąą7328-f81f-11d2-ba4b-00a0c93e",
        ] {
            assert!(bad.parse::<Guid>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_random_guid_says_version_four() {
        let text = Guid::random([0xff; 16]).to_string();
        assert_eq!((&text[14..15], &text[19..20]), ("4", "b"));
    }
}
