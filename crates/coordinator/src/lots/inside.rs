//! What is proven of the drives of a lot's machine, and what is not. Pure.

use std::collections::BTreeSet;

use protocol::{BatchId, DriveIdentity, UnixMillis};

use super::lot::{Lot, PulledDrive};
use super::reckoning::{End, Obstacle};
use super::step::Subject;
use crate::bench::{Bench, Gone, Machine};

/// Where a machine ended by its drives, and what is still to be done.
pub(super) fn of_machine(bench: &Bench, lot: &Lot, machine: &Machine) -> (End, Vec<Obstacle>) {
    let of = |batch: &BatchId| bench.batch(batch).and_then(|batch| batch.lot);
    let ours = |batch: &BatchId| of(batch) == Some(lot.id);
    let last = machine.admission.as_ref().map(|it| it.job.batch);
    let went_on = machine.came_back() || last.is_some_and(|batch| !ours(&batch));
    if went_on && machine.done().iter().any(|work| ours(&work.batch)) {
        // It was finished for us, and came back for another lot, which answers for what is on it now.
        return (End::Erased, Vec::new());
    }
    // From before there were lots, work is nobody's: it counts for whoever came first.
    let counts = |batch: &BatchId, at: UnixMillis| {
        at >= lot.opened_at && of(batch).is_none_or(|of| of == lot.id)
    };
    let inside = Inside::of(bench, lot, machine);
    let drives = machine.drives(|gone: &Gone| counts(&gone.batch, gone.at));
    let mut obstacles = inside.seen_since();
    let there = |drive: String| Obstacle::DataThere { drive };
    let in_sight = drives.there.iter().filter(|it| !inside.is_out(it) && inside.bag(it).is_none());
    obstacles.extend(in_sight.map(|it| there(it.to_string())));
    let lost = drives.lost.iter().filter(|it| !inside.is_out(it));
    obstacles.extend(lost.map(|it| Obstacle::DriveGone { drive: it.to_string() }));
    obstacles.extend(inside.put_in().into_iter().map(there));
    let looked = lot.looked_inside.contains(&inside.subject);
    // One that is in sight and gives no name is there, whatever a person says, unless one that nobody knew was taken out
    // since.
    let taken_out = if looked { inside.unknown_ones() } else { 0 };
    obstacles.extend(drives.unidentified.into_iter().skip(taken_out).map(there));
    let hidden = drives.hidden.into_iter().filter(|_| !looked);
    obstacles.extend(hidden.map(|controller| Obstacle::Hidden { controller }));
    let erased = drives.gone.iter().any(|it| !inside.is_out(it));
    if !erased && obstacles.is_empty() && inside.out.is_empty() && !looked {
        obstacles.push(Obstacle::NoDriveSeen);
    }
    if erased && obstacles.is_empty() {
        let finished = machine.finished_work().filter(|_| !machine.came_back());
        let is_done = finished.is_some_and(|(work, at)| counts(&work.job.batch, at));
        let attention = machine.attention_reasons().into_iter().next();
        obstacles.extend((!is_done).then_some(Obstacle::Unfinished));
        obstacles.extend(attention.map(|sentence| Obstacle::Attention { sentence }));
    }
    (if erased { End::Erased } else { End::Pulled }, obstacles)
}

/// A machine and what people took out of it.
struct Inside<'a> {
    lot: &'a Lot,
    machine: &'a Machine,
    subject: Subject,
    /// Drives that are out of it, by the word of any lot: it may have been here before.
    out: Vec<&'a PulledDrive>,
}

impl<'a> Inside<'a> {
    fn of(bench: &'a Bench, lot: &'a Lot, machine: &'a Machine) -> Self {
        let subject = Subject::Machine(machine.id);
        let pulled = bench.lots().flat_map(|lot| &lot.pulled);
        let out = pulled.filter(|it| it.from == subject && it.is_out()).collect();
        Self { lot, machine, subject, out }
    }

    /// Whether a drive was taken out after it was seen last. Of several with one name, each has to be.
    fn is_out(&self, drive: &DriveIdentity) -> bool {
        let Some(seen) = self.seen(drive) else { return false };
        let out: Vec<_> =
            self.out.iter().filter(|it| it.name.fits(drive) && it.at > seen).collect();
        let Some(last) = out.iter().map(|it| it.at).max() else { return false };
        let namesakes = self.machine.ever().filter(|(it, seen)| {
            it.serial == drive.serial && it.model == drive.model && last > *seen
        });
        let names: BTreeSet<_> = namesakes.filter_map(|(it, _)| it.wwn.as_ref()).collect();
        out.len() >= names.len()
    }

    fn seen(&self, drive: &DriveIdentity) -> Option<UnixMillis> {
        self.machine.ever().find(|(it, _)| *it == drive).map(|(_, seen)| seen)
    }

    /// The bag of this lot that a drive should be in, although it was seen in the machine since.
    fn bag(&self, drive: &DriveIdentity) -> Option<&'a PulledDrive> {
        let seen = self.seen(drive)?;
        let mut put_in = self.lot.put_in(&self.subject);
        if seen < self.machine.seen_at || put_in.any(|(name, _)| name.fits(drive)) {
            return None;
        }
        let named =
            |it: &&PulledDrive| it.from == self.subject && it.is_out() && it.name.fits(drive);
        let in_bag = self.lot.pulled.iter().filter(named).max_by_key(|it| it.at);
        in_bag.filter(|it| it.at <= seen)
    }

    /// Drives in sight that should be in bags.
    fn seen_since(&self) -> Vec<Obstacle> {
        let bags = self.machine.ever().filter_map(|(drive, _)| Some((drive, self.bag(drive)?)));
        let told = |(drive, it): (&DriveIdentity, &PulledDrive)| Obstacle::SeenSince {
            drive: drive.to_string(),
            bag: it.bag.clone(),
        };
        bags.map(told).collect()
    }

    /// Drives that people put in, that no agent saw there and that were not proven erased since.
    fn put_in(&self) -> Vec<String> {
        let unproven = self.lot.put_in(&self.subject).filter(|(name, at)| {
            let mut ever = self.machine.ever();
            // What became of one that was seen since stands with the others.
            let seen = ever.any(|(it, seen)| {
                it.serial.eq_ignore_ascii_case(&name.serial)
                    && (seen > *at || !self.is_swapped(name))
            });
            let proven = self.machine.gone_by_serial(&name.serial).is_some_and(|gone| gone > *at);
            !seen && !proven
        });
        unproven.map(|(name, _)| name.to_string()).collect()
    }

    /// Whether it was put in, not put back.
    fn is_swapped(&self, name: &crate::drive_name::DriveName) -> bool {
        let mut swapped = self.lot.swapped_in.iter();
        swapped.any(|it| it.subject == self.subject && it.name == *name)
    }

    /// How many drives were taken out since it was seen last that it never named.
    fn unknown_ones(&self) -> usize {
        let known = |it: &PulledDrive| self.machine.ever().any(|(drive, _)| it.name.fits(drive));
        let since = |it: &&&PulledDrive| it.at > self.machine.seen_at && !known(it);
        self.out.iter().filter(since).count()
    }
}
