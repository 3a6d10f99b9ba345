//! How a simulated drive lies.

use std::ops::Range;

use super::fault::scatter;

/// What a drive claims against the truth. What is said of writes goes for its own erase commands too, which it
/// acknowledges, reports as finished and leaves no sign of; the other way round only where that is said.
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
    /// Writes honestly; its erase commands keep everything.
    EraseKeepsAll,
    /// Writes honestly; its erase commands keep about one sector in that many.
    EraseKeepsOneIn(u64),
    /// Writes honestly until the first erase command. From there on answers as if erased, and what is written out of
    /// memory, until the power has been off: then everything from before the erase is back.
    ErasesUntilPowerCycle,
    /// Writes honestly. Erase commands do nothing at all, and the status register or log calls each of them completed
    /// at the first look, with Global Data Erased where there is such a bit.
    LogSaysSuccess,
    /// NVMe: Sanitize, and Format NVM that reaches all namespaces, erase the first one only.
    ErasesOneNamespace,
    /// NVMe: Format NVM is acknowledged and erases nothing, whatever the Secure Erase Settings. Sanitize works.
    FormatErasesNothing,
}

/// The command that erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EraseCommand {
    SecurityErase,
    Sanitize,
    Format,
}

/// What an erase leaves as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    OneIn(u64),
    Range(Range<u64>),
    All,
}

impl Kept {
    pub(super) fn keeps(&self, sector: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::OneIn(n) => scatter(sector).is_multiple_of(*n),
            Self::Range(range) => range.contains(&sector),
            Self::All => true,
        }
    }
}

impl Lie {
    /// Whether a write to this sector is thrown away.
    pub(super) fn keeps(&self, sector: u64) -> bool {
        let kept = match self {
            Self::KeepsAll | Self::ZerosUntilPowerCycle => Kept::All,
            Self::KeepsOneIn(n) => Kept::OneIn(*n),
            Self::KeepsRange(range) => Kept::Range(range.clone()),
            _ => Kept::Nothing,
        };
        kept.keeps(sector)
    }

    /// What an erase command leaves as it was.
    pub(super) fn kept(&self, command: EraseCommand) -> Kept {
        match self {
            Self::KeepsAll
            | Self::ZerosUntilPowerCycle
            | Self::ForgetsAtPowerCycle
            | Self::EraseKeepsAll
            | Self::ErasesUntilPowerCycle
            | Self::LogSaysSuccess => Kept::All,
            Self::FormatErasesNothing if command == EraseCommand::Format => Kept::All,
            Self::KeepsOneIn(n) | Self::EraseKeepsOneIn(n) => Kept::OneIn(*n),
            Self::KeepsRange(range) => Kept::Range(range.clone()),
            Self::Honest
            | Self::Wraps(_)
            | Self::ErasesOneNamespace
            | Self::FormatErasesNothing => Kept::Nothing,
        }
    }

    /// Whether it answers out of memory what it never puts on the medium, once it was told to erase.
    pub(super) fn pretends(&self) -> bool {
        matches!(self, Self::ForgetsAtPowerCycle | Self::ErasesUntilPowerCycle)
    }

    /// The sector that really answers.
    pub(super) fn real_sector(&self, sector: u64) -> u64 {
        match self {
            Self::Wraps(n_sectors) => sector % n_sectors,
            _ => sector,
        }
    }
}
