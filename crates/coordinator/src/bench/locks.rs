//! Drives that may be locked with a password of ours: an erase that is cut short leaves it behind, in whatever machine
//! the drive turns up next.

use std::collections::BTreeSet;

use protocol::{DriveIdentity, DriveUnit, Inventory, MachineId, Sha256Digest};

/// For which drives passwords were given out. Never shrinks: that a password came off again is only what an agent said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    given: BTreeSet<Given>,
    secrets: BTreeSet<Sha256Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    model: String,
    serial: String,
    machine: MachineId,
    secret: Sha256Digest,
}

impl Locks {
    pub(super) fn give(&mut self, machine: MachineId, drive: &DriveIdentity, secret: Sha256Digest) {
        let (model, serial) = (drive.model.clone(), drive.serial.clone());
        self.given.insert(Given { model, serial, machine, secret });
        self.secrets.insert(secret);
    }

    /// Whether the password of this drive, by this secret, was given to this machine already.
    pub(crate) fn is_given(
        &self,
        machine: MachineId,
        drive: &DriveIdentity,
        secret: Sha256Digest,
    ) -> bool {
        let (model, serial) = (drive.model.clone(), drive.serial.clone());
        self.given.contains(&Given { model, serial, machine, secret })
    }

    /// The drives in sight for which a password was given out, as they name themselves now: their size may be another
    /// one than then. Drives of other machines are nobody's business there.
    pub(crate) fn among(&self, inventory: &Inventory) -> BTreeSet<DriveIdentity> {
        let is_ours = |drive: &&DriveIdentity| {
            self.given.iter().any(|it| it.model == drive.model && it.serial == drive.serial)
        };
        let drives = inventory.drives.iter();
        let named = drives.filter_map(|DriveUnit { identity, .. }| identity.as_ref().ok());
        named.filter(is_ours).cloned().collect()
    }

    /// The recovery secrets that passwords were given out by, by their check values.
    pub(crate) fn secrets(&self) -> &BTreeSet<Sha256Digest> {
        &self.secrets
    }
}
