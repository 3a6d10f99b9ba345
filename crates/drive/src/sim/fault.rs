//! How a simulated drive fails.

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
        use_up(&mut self.times).then_some(first)
    }
}

/// An erase command that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseFault {
    /// Sanitizing goes on no further than to `progress` (65,536ths).
    SanitizeStalls {
        /// What the status shows then.
        progress: u16,
        /// For so many polls; none for ever, whatever is done to the power.
        polls: Option<u32>,
    },
    /// Sanitizing fails when it gets to `progress` (65,536ths). What lies before that is erased. Strikes once.
    SanitizeFails {
        /// How far it gets.
        progress: u16,
    },
    /// Questions for the state of sanitizing are refused while it goes on: SANITIZE STATUS EXT aborts without a reason, the
    /// log cannot be read.
    StatusRefused {
        /// How often; none for ever.
        times: Option<u32>,
    },
    /// SECURITY ERASE UNIT or Format NVM fails with half of the medium erased; the password stays. Strikes once.
    EraseFails,
    /// The command with this opcode (ATA: the COMMAND register) is not answered until the kernel has given up: host
    /// status 3 (`DID_TIME_OUT`) or EINTR. An erase is interrupted half way; other commands are not carried out.
    TimesOut {
        /// Which command.
        opcode: u8,
        /// How often; none for ever.
        times: Option<u32>,
    },
}

impl EraseFault {
    pub(super) fn times_out(&mut self, command: u8) -> bool {
        match self {
            Self::TimesOut { opcode, times } if *opcode == command => use_up(times),
            _ => false,
        }
    }

    pub(super) fn refuses_status(&mut self) -> bool {
        match self {
            Self::StatusRefused { times } => use_up(times),
            _ => false,
        }
    }

    /// How far sanitizing gets where it fails before `next` (65,536ths).
    pub(super) fn fails(&self, next: u32) -> Option<u16> {
        match self {
            Self::SanitizeFails { progress } if u32::from(*progress) < next => Some(*progress),
            _ => None,
        }
    }

    /// The progress that is shown instead of anything from `next` (65,536ths) on.
    pub(super) fn stalls(&mut self, next: u32) -> Option<u16> {
        match self {
            Self::SanitizeStalls { progress, polls } if u32::from(*progress) < next => {
                use_up(polls).then_some(*progress)
            }
            _ => None,
        }
    }
}

/// Whether it happens once more.
fn use_up(times: &mut Option<u32>) -> bool {
    match times {
        None => true,
        Some(0) => false,
        Some(times) => {
            *times -= 1;
            true
        }
    }
}

/// Spreads numbers evenly (the finalizer of SplitMix64), so that what is kept forms no pattern.
pub(super) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
