//! How a simulated drive fails and lies.

use std::ops::Range;

/// Which commands a fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads fail with EIO.
    Read,
    /// Writes fail with EIO.
    Write,
}

/// Sectors that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which sectors, by number.
    pub sectors: Range<u64>,
    /// Reading or writing.
    pub access: Access,
    /// How many requests fail before the sectors heal; none for ever.
    pub times: Option<u32>,
}

impl Fault {
    /// Whether this request fails; the first failing sector. Uses the fault up where it is counted.
    pub(super) fn strike(&mut self, access: Access, sectors: &Range<u64>) -> Option<u64> {
        let first = self.sectors.start.max(sectors.start);
        let last = self.sectors.end.min(sectors.end);
        if self.access != access || first >= last {
            return None;
        }
        match &mut self.times {
            None => Some(first),
            Some(0) => None,
            Some(times) => {
                *times -= 1;
                Some(first)
            }
        }
    }
}

/// What a drive claims against the truth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Lie {
    /// None: it does what it says.
    #[default]
    Honest,
    /// Acknowledges every write and keeps the old content.
    KeepsAll,
    /// Keeps the old content of about one sector in that many.
    KeepsOneIn(u64),
    /// Keeps the old content of these sectors, by number.
    KeepsRange(Range<u64>),
    /// Keeps everything and answers every read with zeros until the power has been off.
    ZerosUntilPowerCycle,
    /// Answers what was written, out of memory, but never puts it on the medium: FLUSH is a lie too. Worn-out
    /// SSDs that went read-only do this.
    ForgetsAtPowerCycle,
    /// Has only that many sectors and starts again at the first.
    Wraps(u64),
}

impl Lie {
    /// Whether a write to this sector is thrown away.
    pub(super) fn keeps(&self, sector: u64) -> bool {
        match self {
            Self::KeepsAll | Self::ZerosUntilPowerCycle => true,
            Self::KeepsOneIn(n) => scatter(sector).is_multiple_of(*n),
            Self::KeepsRange(range) => range.contains(&sector),
            Self::Honest | Self::ForgetsAtPowerCycle | Self::Wraps(_) => false,
        }
    }

    /// The sector that really answers.
    pub(super) fn real_sector(&self, sector: u64) -> u64 {
        match self {
            Self::Wraps(n_sectors) => sector % n_sectors,
            _ => sector,
        }
    }
}

/// Spreads sector numbers evenly (the finalizer of SplitMix64), so that what is kept forms no pattern.
pub(super) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
