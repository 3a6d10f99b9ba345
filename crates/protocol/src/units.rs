//! Quantities with their unit in the type.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A length in bytes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ByteLen(pub u64);

impl fmt::Display for ByteLen {
    /// As drives are sold: powers of ten, three significant digits (`3.22 GB`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
        for (size, unit) in UNITS {
            if self.0 >= size {
                let hundredths = u128::from(self.0) * 100 / u128::from(size);
                let (whole, part) = (hundredths / 100, hundredths % 100);
                return match whole {
                    0..10 => write!(f, "{whole}.{part:02} {unit}"),
                    10..100 => write!(f, "{whole}.{} {unit}", part / 10),
                    _ => write!(f, "{whole} {unit}"),
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// The size of one logical sector in bytes: a power of two from 512 to 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SectorSize(NonZeroU32);

/// A sector size that no drive has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a sector size of {0} bytes is not a power of two from 512 to 65536")]
pub struct BadSectorSize(pub u32);

impl SectorSize {
    /// The size in bytes.
    pub fn bytes(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u32> for SectorSize {
    type Error = BadSectorSize;
    fn try_from(bytes: u32) -> Result<Self, BadSectorSize> {
        match NonZeroU32::new(bytes) {
            Some(size) if bytes.is_power_of_two() && (512..=65_536).contains(&bytes) => {
                Ok(Self(size))
            }
            _ => Err(BadSectorSize(bytes)),
        }
    }
}

impl From<SectorSize> for u32 {
    fn from(size: SectorSize) -> u32 {
        size.bytes()
    }
}

/// Milliseconds since 1970-01-01 UTC by the coordinator's clock.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_on_the_label() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (3_221_225_472, "3.22 GB"),
            (128_035_676_160, "128 GB"),
            (1_000_204_886_016, "1.00 TB"),
            (64_000, "64.0 kB"),
        ] {
            assert_eq!(ByteLen(bytes).to_string(), text);
        }
    }

    #[test]
    fn sector_sizes_are_powers_of_two() {
        assert_eq!(SectorSize::try_from(512).map(SectorSize::bytes), Ok(512));
        assert_eq!(SectorSize::try_from(4096).map(SectorSize::bytes), Ok(4096));
        for bad in [0, 1, 256, 520, 131_072] {
            assert_eq!(SectorSize::try_from(bad), Err(BadSectorSize(bad)));
        }
    }
}
