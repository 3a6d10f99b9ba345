//! The Ethernet address that names a machine until its SMBIOS is read.

use std::fmt;
use std::str::FromStr;

/// An Ethernet (EUI-48) address, shown as `52:54:00:12:34:56`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// An address no network card can have as its own: all zero, or with the group bit set.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        self.0 != [0; 6] && self.0[0] & 1 == 0
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The text is not six hexadecimal bytes separated by `:` or `-`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a MAC address: write six hexadecimal bytes, as in 52:54:00:12:34:56")]
pub struct ParseMacError(String);

impl FromStr for MacAddress {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseMacError(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(error)?;
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(error());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() { Err(error()) } else { Ok(Self(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        for (text, parsed) in [
            ("52:54:00:12:34:56", Some([0x52, 0x54, 0, 0x12, 0x34, 0x56])),
            ("52-54-00-AB-cd-ef", Some([0x52, 0x54, 0, 0xab, 0xcd, 0xef])),
            ("52:54:00:12:34", None),
            ("52:54:00:12:34:56:78", None),
            ("+2:54:00:12:34:56", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), parsed.map(MacAddress), "{text}");
        }
        assert_eq!(MacAddress([0xa, 1, 2, 3, 4, 0xff]).to_string(), "0a:01:02:03:04:ff");
    }
}
