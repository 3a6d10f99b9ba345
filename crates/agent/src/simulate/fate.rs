//! What happens to each laptop of a rehearsal.

use clap::ValueEnum;

use super::dice::Dice;
use super::hardware::Medium;

/// Which laptops are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Mostly good ones, and one of each kind of trouble for every seventeen.
    Mixed,
    /// Good ones only.
    Healthy,
    /// No work on drives: each hands in two records a second and a heartbeat, to measure the coordinator.
    Load,
}

/// What happens to one laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Good,
    /// Its disk refuses to be written at some place.
    Dying,
    /// Its disk keeps some of what it claims to overwrite.
    Lying,
    /// The firmware froze the erase commands of its SSD.
    Frozen,
    /// Somebody switches it off half way, and on again.
    SwitchedOff,
    /// It is on battery, and plugged in later.
    OnBattery,
    /// Its disk is so slow that it does not end within a rehearsal.
    NeverEnds,
}

const TROUBLES: [Fate; 6] =
    [Fate::Dying, Fate::Lying, Fate::Frozen, Fate::SwitchedOff, Fate::OnBattery, Fate::NeverEnds];
/// So many laptops have each trouble once among them.
const STACK: usize = 17;

impl Fate {
    /// The drive that it takes; none for any.
    pub(super) fn medium(self) -> Option<Medium> {
        match self {
            Self::Dying | Self::Lying | Self::SwitchedOff | Self::NeverEnds => Some(Medium::Disk),
            Self::Frozen => Some(Medium::SataSsd),
            Self::Good | Self::OnBattery => None,
        }
    }
}

impl Profile {
    /// What happens to each of `count` laptops. A small stack has the first troubles only, never more than half of it.
    pub(super) fn fates(self, seed: u64, count: usize) -> Vec<Fate> {
        let mut fates = vec![Fate::Good; count];
        if self == Self::Mixed {
            let stacks = count.div_ceil(STACK);
            let n_troubles = (stacks * TROUBLES.len()).min(count / 2);
            let troubles = TROUBLES.iter().cycle().take(n_troubles);
            fates.iter_mut().zip(troubles).for_each(|(fate, trouble)| *fate = *trouble);
        }
        let mut dice = Dice::new(seed, u64::MAX);
        for last in (1..count).rev() {
            let other = dice.below(last as u64 + 1);
            fates.swap(last, usize::try_from(other).unwrap_or(0));
        }
        fates
    }
}
