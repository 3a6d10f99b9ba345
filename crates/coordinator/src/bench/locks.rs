//! Drives that may be locked with a password of ours: an erase that is cut short leaves it behind, in whatever machine
//! the drive turns up next.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    DriveIdentity, DriveUnit, Inventory, MachineId, PersonId, Sha256Digest, UnixMillis,
};

use crate::drive_name::DriveName;

/// For which drives passwords were given out, here or by a coordinator before us. Never shrinks: that a password came off
/// again is only what an agent said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    given: BTreeSet<Given>,
    secrets: BTreeSet<Sha256Digest>,
    adopted: BTreeMap<DriveName, Adopted>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    drive: DriveName,
    machine: MachineId,
    secret: Sha256Digest,
}

/// A person's word that the lock of a drive is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adopted {
    /// Whose.
    pub(crate) by: PersonId,
    /// Why, in the person's words.
    pub(crate) because: String,
    /// When.
    pub(crate) at: UnixMillis,
}

/// How a lock is known as ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    /// A password was given out for the drive.
    Given,
    /// A person adopted it.
    Adopted,
}

impl Locks {
    pub(super) fn give(&mut self, machine: MachineId, drive: &DriveIdentity, secret: Sha256Digest) {
        self.given.insert(Given { drive: DriveName::of(drive), machine, secret });
        self.secrets.insert(secret);
    }

    /// The caller has asked [`Self::ours`] before.
    pub(super) fn adopt(&mut self, drive: DriveName, adopted: Adopted) {
        self.adopted.insert(drive, adopted);
    }

    /// Whether the password of this drive, by this secret, was given to this machine already.
    pub(crate) fn is_given(
        &self,
        machine: MachineId,
        drive: &DriveIdentity,
        secret: Sha256Digest,
    ) -> bool {
        self.given.contains(&Given { drive: DriveName::of(drive), machine, secret })
    }

    /// How the lock of a drive is known as ours, if it is.
    pub(crate) fn ours(&self, drive: &DriveName) -> Option<Ours> {
        if self.adopted.contains_key(drive) {
            return Some(Ours::Adopted);
        }
        self.given.iter().any(|it| it.drive == *drive).then_some(Ours::Given)
    }

    /// The drives that people adopted.
    pub(crate) fn adopted(&self) -> impl Iterator<Item = (&DriveName, &Adopted)> {
        self.adopted.iter()
    }

    /// The drives in sight whose lock is ours, as they name themselves now: their size may be another one than then.
    /// Drives of other machines are nobody's business there.
    pub(crate) fn among(&self, inventory: &Inventory) -> BTreeSet<DriveIdentity> {
        let drives = inventory.drives.iter();
        let named = drives.filter_map(|DriveUnit { identity, .. }| identity.as_ref().ok());
        named.filter(|drive| self.ours(&DriveName::of(drive)).is_some()).cloned().collect()
    }

    /// The recovery secrets that passwords were given out by, by their check values. An adopted lock names none: which
    /// secret opens the drive shows only when it is opened.
    pub(crate) fn secrets(&self) -> &BTreeSet<Sha256Digest> {
        &self.secrets
    }
}
