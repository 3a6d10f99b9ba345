//! What is known of the content of a machine's drives.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{BatchId, Bus, DriveIdentity, DriveUnit, Inventory, UnixMillis};

use super::Machine;
use crate::drive_name::DriveName;

/// The internal drives of a machine, by what is known of their content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drives {
    /// Proven erased.
    pub(crate) gone: BTreeSet<DriveIdentity>,
    /// In sight, not proven erased.
    pub(crate) there: BTreeSet<DriveIdentity>,
    /// Seen in it once, never proven erased, not in sight now.
    pub(crate) lost: BTreeSet<DriveIdentity>,
    /// In sight, but they do not say who they are.
    pub(crate) unidentified: Vec<String>,
    /// Controllers that hide whatever is behind them.
    pub(crate) hidden: Vec<String>,
}

/// A drive's former content was proven gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone {
    /// When, by the journal.
    pub(crate) at: UnixMillis,
    /// In whose work.
    pub(crate) batch: BatchId,
}

/// Work that was finished: what it proved then stays proven, whatever becomes of the drives later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// Of which batch.
    pub(crate) batch: BatchId,
    /// When.
    pub(crate) at: UnixMillis,
    /// The drives of its plan, and when each was proven erased.
    pub(crate) drives: BTreeMap<DriveIdentity, UnixMillis>,
}

impl Machine {
    /// Every internal drive that was ever seen in it, and when it was seen last.
    pub(crate) fn ever(&self) -> impl Iterator<Item = (&DriveIdentity, UnixMillis)> {
        self.ever.iter().map(|(drive, at)| (drive, *at))
    }

    /// The work that was finished, the last one last.
    pub(crate) fn done(&self) -> &[Done] {
        &self.done
    }

    /// The finished work in which a drive with this name was proven erased later than `since`.
    pub(crate) fn sanitized_since(
        &self,
        name: &DriveName,
        since: UnixMillis,
    ) -> impl Iterator<Item = &Done> {
        self.done
            .iter()
            .filter(move |it| it.drives.iter().any(|(drive, at)| name.fits(drive) && *at > since))
    }

    /// When a drive with this name was proven erased last, by work that may not be finished.
    pub(crate) fn gone_by_serial(&self, serial: &str) -> Option<UnixMillis> {
        let named = self.gone.iter().filter(|(drive, _)| drive.serial.eq_ignore_ascii_case(serial));
        named.map(|(_, gone)| gone.at).max()
    }

    /// Its internal drives, those that were ever seen in it included. `counts` says which proof counts.
    pub(crate) fn drives(&self, counts: impl Fn(&Gone) -> bool) -> Drives {
        let gone = self.gone.iter().filter(|(_, gone)| counts(gone));
        let gone: BTreeSet<_> = gone.map(|(drive, _)| drive.clone()).collect();
        let (mut there, mut unidentified, mut hidden) = (BTreeSet::new(), Vec::new(), Vec::new());
        if let Some(inventory) = &self.inventory {
            there = internal_drives(inventory);
            let nameless = internal_units(inventory).filter(|unit| unit.identity.is_err());
            unidentified.extend(nameless.map(|unit| unit.label()));
            let unexplained = inventory.controllers.iter().filter(|it| it.unexplained.is_some());
            hidden.extend(unexplained.map(|it| format!("{} ({})", it.address, it.id)));
        }
        let known = |drive: &DriveIdentity| there.iter().chain(&gone).any(|it| is_same(it, drive));
        // One that finished work proved erased, and that was not seen since, left without anybody's data.
        let left_clean = |drive: &DriveIdentity, seen: UnixMillis| {
            self.done.iter().any(|it| it.drives.contains_key(drive) && seen <= it.at)
        };
        let lost = self.ever().filter(|(it, seen)| !known(it) && !left_clean(it, *seen));
        let lost = lost.map(|(drive, _)| drive.clone()).collect();
        there.retain(|drive| !gone.contains(drive));
        Drives { gone, there, lost, unidentified, hidden }
    }
}

/// Whether two looks were at one drive. Its size may have changed between them; its name does not. Two drives with one
/// name differ in their World Wide Names, where they have them.
fn is_same(a: &DriveIdentity, b: &DriveIdentity) -> bool {
    let differ = matches!((&a.wwn, &b.wwn), (Some(a), Some(b)) if a != b);
    a.serial == b.serial && a.model == b.model && !differ
}

/// What a person who picks a machine consents to lose: the drives that are neither on USB, removable, nor far
/// away. Compared as a whole: a drive more or less voids the consent.
pub(crate) fn internal_drives(inventory: &Inventory) -> BTreeSet<DriveIdentity> {
    internal_units(inventory).filter_map(|drive| drive.identity.clone().ok()).collect()
}

/// The drives that are neither on USB, removable, nor far away.
pub(super) fn internal_units(inventory: &Inventory) -> impl Iterator<Item = &DriveUnit> {
    let internal =
        |drive: &&DriveUnit| !drive.removable && !matches!(drive.bus, Bus::Usb | Bus::Network);
    inventory.drives.iter().filter(internal)
}
