//! Sanitizing, which goes on by itself after its command: what ATA and NVMe have in common, and erasing itself.

use std::ops::Range;

use super::fault::EraseFault;
use super::kind::Leaves;
use super::lie::{EraseCommand, Lie};
use super::state::{Device, State};

/// Where sanitizing stands. Survives the power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sanitize {
    /// Never done.
    Never,
    /// Under way.
    Running(Run),
    /// The latest one ended well.
    Done,
    /// The latest one failed: no access.
    Failed {
        /// Whether the host may leave this state without sanitizing again.
        may_exit: bool,
    },
    /// The latest one failed, and the host took the drive as it is.
    Abandoned,
}

/// A sanitize operation under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) leaves: Leaves,
    pub(super) may_exit: bool,
    /// How many polls it takes.
    pub(super) n_steps: u32,
    /// How many there were that it did not stand still.
    pub(super) step: u32,
    /// What the status shows, in 65,536ths.
    pub(super) progress: u16,
}

/// All of it, in the units of progress.
const WHOLE: u32 = 65_536;

impl Sanitize {
    pub(super) fn gives_access(&self) -> bool {
        !matches!(self, Self::Running(_) | Self::Failed { .. })
    }
}

impl Run {
    /// How far it is after the next step.
    fn next(&self) -> u32 {
        if self.step >= self.n_steps {
            return WHOLE;
        }
        let part = u64::from(WHOLE) * (u64::from(self.step) + 1) / (u64::from(self.n_steps) + 1);
        u32::try_from(part).unwrap_or(WHOLE)
    }
}

/// What of the drive an erase reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Namespace of that number.
    Namespace(u32),
    /// All that there is.
    All,
}

impl State {
    pub(super) fn start_sanitizing(&mut self, leaves: Leaves, n_steps: u32, may_exit: bool) {
        self.medium.n_erases += 1;
        let run = Run { leaves, may_exit, n_steps, step: 0, progress: 0 };
        self.sanitize = Sanitize::Running(run);
        if self.lie == Lie::LogSaysSuccess {
            self.end_sanitizing();
        }
    }

    fn end_sanitizing(&mut self) {
        self.sanitize = Sanitize::Done;
        if let Device::Nvme(nvme) = &mut self.device {
            nvme.is_global_erased = true;
        }
    }

    /// Lets a sanitize operation go on by one step, as each look at its status does.
    pub(super) fn pass_time(&mut self) {
        let Sanitize::Running(run) = &mut self.sanitize else { return };
        let next = run.next();
        if let Some(progress) = self.erase_faults.iter_mut().find_map(|fault| fault.stalls(next)) {
            run.progress = progress;
            return;
        }
        let (leaves, may_exit) = (run.leaves, run.may_exit);
        let mut failures = self.erase_faults.iter().map(|fault| fault.fails(next)).zip(0..);
        let failure = failures.find_map(|(progress, index)| Some((progress?, index)));
        let reached = match failure {
            Some((progress, index)) => {
                self.erase_faults.remove(index);
                self.sanitize = Sanitize::Failed { may_exit };
                u32::from(progress)
            }
            None if next == WHOLE => {
                self.end_sanitizing();
                WHOLE
            }
            None => {
                (run.step, run.progress) = (run.step + 1, u16::try_from(next).unwrap_or(u16::MAX));
                next
            }
        };
        let sectors = part(self.medium.n_sectors, reached);
        self.erase(EraseCommand::Sanitize, Reach::All, sectors, leaves);
    }

    /// Erases these sectors, and what the volatile cache has for them; as far as the drive is honest.
    pub(super) fn erase(
        &mut self,
        command: EraseCommand,
        reach: Reach,
        sectors: Range<u64>,
        leaves: Leaves,
    ) {
        if self.lie.pretends() {
            return self.pretend(leaves);
        }
        let kept = self.lie.kept(command);
        let sectors = match (&self.lie, reach) {
            (Lie::ErasesOneNamespace, Reach::All) => {
                let first = self.sectors_of(Reach::Namespace(1));
                sectors.start..sectors.end.min(first.end)
            }
            _ => sectors,
        };
        self.settle();
        self.medium.erase(sectors, leaves, &kept);
    }

    /// Whether this question for the state is refused. Uses the fault up.
    pub(super) fn refuses_status(&mut self) -> bool {
        matches!(self.sanitize, Sanitize::Running(_))
            && self.erase_faults.iter_mut().any(EraseFault::refuses_status)
    }

    /// Whether an erase command fails now. Uses the fault up.
    pub(super) fn take_erase_failure(&mut self) -> bool {
        let failure = self.erase_faults.iter().position(|fault| *fault == EraseFault::EraseFails);
        failure.map(|index| self.erase_faults.swap_remove(index)).is_some()
    }

    /// Erases everything, or half of it where the command is interrupted.
    pub(super) fn erase_at_once(
        &mut self,
        command: EraseCommand,
        reach: Reach,
        leaves: Leaves,
        is_interrupted: bool,
    ) {
        self.medium.n_erases += 1;
        let until = if is_interrupted { WHOLE / 2 } else { WHOLE };
        let Range { start, end } = self.sectors_of(reach);
        let reached = part(end - start, until);
        self.erase(command, reach, start..start + reached.end, leaves);
    }

    fn sectors_of(&self, reach: Reach) -> Range<u64> {
        match (reach, &self.device) {
            (Reach::Namespace(number), Device::Nvme(nvme)) => {
                let share = self.medium.n_sectors / u64::from(nvme.device.namespaces);
                let start = share * u64::from(number.saturating_sub(1));
                start..start + share
            }
            _ => 0..self.medium.n_sectors,
        }
    }
}

/// The first so many 65,536ths of the sectors.
fn part(n_sectors: u64, progress: u32) -> Range<u64> {
    let end = u128::from(n_sectors) * u128::from(progress) / u128::from(WHOLE);
    0..u64::try_from(end).unwrap_or(n_sectors)
}
