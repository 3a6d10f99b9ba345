//! Which lot answers for a machine. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{LotId, MachineId, MachineIdentity};
use register::SerialNumber;

use super::lot::Lot;
use crate::bench::{Bench, Machine};
use crate::clock;

/// What booted for the last time this long before a lot was opened may be one of its first machines.
const LATELY: Duration = Duration::from_secs(24 * 3600);

/// The lots that took each machine in by a person's word, or worked on it.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    lots: BTreeMap<MachineId, Vec<Claim<'a>>>,
}

#[derive(Debug)]
struct Claim<'a> {
    lot: &'a Lot,
    /// Whether a batch of the lot took the machine.
    by_work: bool,
}

impl<'a> Claims<'a> {
    /// All that a bench knows.
    pub(super) fn of(bench: &'a Bench) -> Self {
        let mut lots: BTreeMap<MachineId, Vec<Claim<'_>>> = BTreeMap::new();
        let worked_on = bench.batches().filter_map(|batch| {
            let lot = bench.lot(batch.lot.as_ref()?)?;
            let claim = move |it: &MachineId| (*it, Claim { lot, by_work: true });
            Some(batch.admitted.iter().map(claim))
        });
        let received = bench.lots().flat_map(|lot| {
            let claim = move |it: &MachineId| (*it, Claim { lot, by_work: false });
            lot.received.keys().map(claim)
        });
        for (machine, lot) in worked_on.flatten().chain(received) {
            lots.entry(machine).or_default().push(lot);
        }
        Self { lots }
    }

    /// Whether another lot answers for the machine. One that was closed does until the machine boots here again: what is
    /// on it then, no lot has answered for.
    pub(super) fn is_elsewhere(&self, lot: &Lot, machine: &Machine) -> bool {
        let mut others = self.of_machine(machine).filter(|it| it.lot.id != lot.id);
        others.any(|it| it.lot.closed.as_ref().is_none_or(|it| it.at >= machine.seen_at))
    }

    /// Whether a person received the machine for the lot, or one of its batches took it.
    pub(super) fn is_said(&self, lot: &Lot, machine: &Machine) -> bool {
        self.of_machine(machine).any(|it| it.lot.id == lot.id)
    }

    fn of_machine(&self, machine: &Machine) -> impl Iterator<Item = &Claim<'a>> {
        self.lots.get(&machine.id).into_iter().flatten()
    }

    /// Whether it belongs to the lot or may: known to it, or seen while it was open, and not said to be something else.
    pub(super) fn is_candidate(&self, bench: &Bench, lot: &Lot, machine: &Machine) -> bool {
        let ours = || self.of_machine(machine).filter(|it| it.lot.id == lot.id);
        if ours().any(|it| it.by_work) {
            return true;
        }
        if lot.foreign.contains_key(&machine.id) {
            return false;
        }
        if ours().next().is_some() {
            return true;
        }
        if self.is_elsewhere(lot, machine) {
            return false;
        }
        let until = lot.closed.as_ref().map(|closed| closed.at);
        let in_time = until.is_none_or(|until| machine.first_seen <= until);
        let who = &machine.identity;
        // A register may be read long after the machines were seen.
        let known = in_time && is_registered(lot, who);
        let of_another =
            || bench.lots().any(|it| it.is_open() && it.id != lot.id && is_registered(it, who));
        known || (was_seen_meanwhile(lot, machine) && !of_another())
    }

    /// Whether it counts as received.
    pub(super) fn is_received(&self, bench: &Bench, lot: &Lot, machine: &Machine) -> bool {
        let said = self.is_said(lot, machine)
            || lot.assigned.contains_key(&super::step::Subject::Machine(machine.id))
            || is_registered(lot, &machine.identity);
        said && self.is_candidate(bench, lot, machine)
    }
}

/// Whether it booted while the lot was open, or shortly before and may have been on when it was opened.
fn was_seen_meanwhile(lot: &Lot, machine: &Machine) -> bool {
    let until = lot.closed.as_ref().map(|closed| closed.at);
    let in_time = |at| until.is_none_or(|until| at <= until);
    let mut boots = machine.boots.iter();
    let still_on = machine.boots.last().is_some_and(|boot| {
        boot.at < lot.opened_at && clock::after(boot.at, LATELY) >= lot.opened_at
    });
    still_on
        || (machine.seen_at >= lot.opened_at && in_time(machine.seen_at))
        || boots.any(|boot| boot.at >= lot.opened_at && in_time(boot.at))
}

/// Whether one of the lot's batches took the machine.
pub(crate) fn is_worked_on(bench: &Bench, lot: &Lot, machine: &MachineId) -> bool {
    let mut batches = bench.batches().filter(|batch| batch.lot == Some(lot.id));
    batches.any(|batch| batch.admitted.contains(machine))
}

/// Whether the lot's register has one of the machine's serial numbers.
pub(crate) fn is_registered(lot: &Lot, who: &MachineIdentity) -> bool {
    let Some(register) = &lot.register else { return false };
    let serials = [&who.system_serial, &who.board_serial, &who.chassis_serial];
    let mut serials = serials.into_iter().flatten().filter_map(|it| SerialNumber::parse(it));
    serials.any(|serial| register.serials.contains(&serial))
}

/// Another open lot than `lot` that answers for a machine: it received it, worked on it, or has it in its register where
/// `lot` itself is sure of it by no more than that. None for `machine` where nobody has seen it yet.
pub(crate) fn other_lot<'a>(
    bench: &'a Bench,
    lot: Option<LotId>,
    machine: Option<&MachineId>,
    who: &MachineIdentity,
) -> Option<&'a Lot> {
    let sure = |it: &Lot| machine.is_some_and(|id| is_sure(bench, it, id));
    let ours = lot.and_then(|id| bench.lot(&id)).is_some_and(sure);
    let foreign = |it: &Lot| machine.is_some_and(|id| it.foreign.contains_key(id));
    let mut others = bench.lots().filter(|it| it.is_open() && Some(it.id) != lot);
    others.find(|it| sure(it) || (!ours && !foreign(it) && is_registered(it, who)))
}

/// Whether a person received the machine for the lot, or one of its batches took it.
pub(super) fn is_sure(bench: &Bench, lot: &Lot, machine: &MachineId) -> bool {
    lot.received.contains_key(machine) || is_worked_on(bench, lot, machine)
}

/// Why a batch of this lot does not take a machine, if the lots say so. None for `machine` where nobody has seen it yet.
pub(crate) fn against(
    bench: &Bench,
    lot: Option<LotId>,
    machine: Option<&MachineId>,
    who: &MachineIdentity,
) -> Option<String> {
    let ours = lot.and_then(|id| bench.lot(&id));
    let foreign = machine.zip(ours).and_then(|(id, lot)| Some((lot, lot.foreign.get(id)?)));
    if let Some((lot, because)) = foreign {
        return Some(format!(
            "it was said not to be of lot {} of {} ({because}); `rehome lot receive` takes it in",
            lot.id, lot.owner
        ));
    }
    let other = other_lot(bench, lot, machine, who)?;
    Some(answers(other))
}

/// That an open lot answers for a machine, and what to do.
pub(crate) fn answers(other: &Lot) -> String {
    format!(
        "lot {} of {}, which is open, answers for it; close that lot first, or take it out with `rehome lot refuse --lot {}`",
        other.id, other.owner, other.id
    )
}

/// Whether an open lot received the machine after its work was finished for another: it has come back.
pub(crate) fn came_back(bench: &Bench, machine: &Machine) -> bool {
    let Some((work, finished)) = machine.finished_work() else { return false };
    let work = bench.batch(&work.job.batch).and_then(|batch| batch.lot);
    let mut lots = bench.lots().filter(|lot| lot.is_open() && Some(lot.id) != work);
    lots.any(|lot| lot.received.get(&machine.id).is_some_and(|it| it.at > finished))
}
