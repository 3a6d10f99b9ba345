//! A lot as the journal knows it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{ItemId, LotId, MachineId, PersonId, Policy, PulledId, Sha256Digest, UnixMillis};
use register::{AssetNumber, AssetRow, Mapping, RowNumber, SerialNumber};

use super::step::{Fate, LotStep, Subject, Sums};
use crate::calendar::Day;
use crate::drive_name::DriveName;

/// What one owner handed over together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lot {
    /// Its id.
    pub(crate) id: LotId,
    /// The institution that hands it over.
    pub(crate) owner: String,
    /// The owner's paper.
    pub(crate) reference: String,
    /// When it was opened.
    pub(crate) opened_at: UnixMillis,
    /// The owner's register.
    pub(crate) register: Option<Register>,
    /// What the owner accepted.
    pub(crate) accepted: Option<Accepted>,
    /// Every policy that the owner ever accepted, the present one last.
    pub(crate) policies: Vec<Policy>,
    /// What the owner stated.
    pub(crate) stated: Option<Stated>,
    /// Machines that a person said belong to it.
    pub(crate) received: BTreeMap<MachineId, Received>,
    /// Machines that a person said do not.
    pub(crate) foreign: BTreeMap<MachineId, String>,
    /// Laptops that were taken in by hand, in their order.
    pub(crate) items: Vec<Item>,
    /// Rows that a person assigned.
    pub(crate) assigned: BTreeMap<Subject, RowNumber>,
    /// Drives that were taken out, in their order.
    pub(crate) pulled: Vec<PulledDrive>,
    /// Drives that were put in, in their order.
    pub(crate) swapped_in: Vec<SwappedIn>,
    /// Where a person looked inside.
    pub(crate) looked_inside: BTreeSet<Subject>,
    /// What was returned to the owner, and when.
    pub(crate) returned: BTreeMap<Subject, UnixMillis>,
    /// How it was closed.
    pub(crate) closed: Option<Closed>,
    /// Its events, as indices of the journal.
    pub(crate) events: Vec<u64>,
}

/// The owner's register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Register {
    /// SHA-256 of the file.
    pub(crate) file: Sha256Digest,
    /// What its columns meant.
    pub(crate) mapping: Mapping,
    /// Its rows.
    pub(crate) rows: Vec<AssetRow>,
    /// The serial numbers in them.
    pub(crate) serials: BTreeSet<SerialNumber>,
    /// When it was read.
    pub(crate) at: UnixMillis,
}

/// The owner accepts how drives are sanitized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) policy: Policy,
    pub(crate) by: PersonId,
    pub(crate) on: Day,
    pub(crate) reference: String,
}

/// The owner states that nothing on these drives exists only there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) by: PersonId,
    pub(crate) on: Day,
    pub(crate) reference: String,
}

/// A person said that a machine belongs to the lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) because: String,
    pub(crate) at: UnixMillis,
}

/// A drive that was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SwappedIn {
    pub(crate) subject: Subject,
    pub(crate) name: DriveName,
    pub(crate) at: UnixMillis,
}

/// A laptop that never boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: ItemId,
    pub(crate) serial: Option<SerialNumber>,
    pub(crate) asset: Option<AssetNumber>,
    pub(crate) because: String,
    pub(crate) at: UnixMillis,
}

/// A drive that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PulledDrive {
    pub(crate) id: PulledId,
    pub(crate) from: Subject,
    pub(crate) name: DriveName,
    pub(crate) bag: String,
    pub(crate) because: String,
    pub(crate) at: UnixMillis,
    pub(crate) fate: Option<Fate>,
    /// When somebody said what became of it.
    pub(crate) fate_at: Option<UnixMillis>,
}

/// How a lot was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) by: PersonId,
    pub(crate) at: UnixMillis,
    pub(crate) sums: Sums,
    pub(crate) missing: Vec<RowNumber>,
    pub(crate) because: String,
}

/// Why a step cannot follow those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StepError {
    #[error("it was opened before, or never")]
    Opening,
    #[error("it is closed")]
    Closed,
    #[error("it is not closed")]
    NotClosed,
    #[error("it holds no such laptop or drive, or holds it already")]
    Thing,
    #[error("its register has no such row")]
    Row,
}

impl PulledDrive {
    /// Whether it is out of its machine.
    pub(crate) fn is_out(&self) -> bool {
        !matches!(self.fate, Some(Fate::PutBack { .. }))
    }
}

impl Lot {
    /// A lot that was just opened.
    pub(crate) fn open(
        id: LotId,
        index: u64,
        what: &LotStep,
        at: UnixMillis,
    ) -> Result<Self, StepError> {
        let LotStep::Opened { owner, reference } = what else { return Err(StepError::Opening) };
        Ok(Self {
            id,
            owner: owner.clone(),
            reference: reference.clone(),
            opened_at: at,
            register: None,
            accepted: None,
            policies: Vec::new(),
            stated: None,
            received: BTreeMap::new(),
            foreign: BTreeMap::new(),
            items: Vec::new(),
            assigned: BTreeMap::new(),
            pulled: Vec::new(),
            swapped_in: Vec::new(),
            looked_inside: BTreeSet::new(),
            returned: BTreeMap::new(),
            closed: None,
            events: vec![index],
        })
    }

    /// Whether it takes things in and may be worked on.
    pub(crate) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// A laptop that was taken in by hand.
    pub(crate) fn item(&self, id: &ItemId) -> Option<&Item> {
        self.items.iter().find(|item| item.id == *id)
    }

    /// A drive that was taken out.
    pub(crate) fn pulled(&self, id: &PulledId) -> Option<&PulledDrive> {
        self.pulled.iter().find(|drive| drive.id == *id)
    }

    /// Drives that were put back or put in, and that nobody took out since: name and time.
    pub(crate) fn put_in<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> impl Iterator<Item = (&'a DriveName, UnixMillis)> {
        let back = self.pulled.iter().filter(|it| it.from == *subject && !it.is_out());
        let back = back.map(|it| (&it.name, it.fate_at.unwrap_or(it.at)));
        let swapped = self.swapped_in.iter().filter(|it| it.subject == *subject);
        let both = back.chain(swapped.map(|it| (&it.name, it.at)));
        both.filter(|(name, at)| {
            let mut out = self.pulled.iter().filter(|it| it.from == *subject && it.is_out());
            !out.any(|it| it.name.serial.eq_ignore_ascii_case(&name.serial) && it.at > *at)
        })
    }

    /// The row with this number.
    pub(crate) fn row(&self, row: RowNumber) -> Option<&AssetRow> {
        self.register.iter().flat_map(|it| &it.rows).find(|it| it.row == row)
    }

    /// Takes the next step after the first.
    pub(crate) fn apply(
        &mut self,
        index: u64,
        by: PersonId,
        what: &LotStep,
        at: UnixMillis,
    ) -> Result<(), StepError> {
        match (what, self.is_open()) {
            (LotStep::Opened { .. }, _) => return Err(StepError::Opening),
            (LotStep::Reopened { .. }, true) => return Err(StepError::NotClosed),
            (LotStep::Reopened { .. }, false) | (_, true) => {}
            (_, false) => return Err(StepError::Closed),
        }
        self.take(by, what, at)?;
        self.events.push(index);
        Ok(())
    }

    fn take(&mut self, by: PersonId, what: &LotStep, at: UnixMillis) -> Result<(), StepError> {
        match what.clone() {
            // Refused above.
            LotStep::Opened { .. } => return Err(StepError::Opening),
            LotStep::RegisterImported { file, mapping, rows } => {
                // Rows are numbered by their place in the file: in another file the same number is another asset.
                self.assigned.clear();
                let serials = rows.iter().filter_map(|row| row.serial.clone()).collect();
                self.register = Some(Register { file, mapping, rows, serials, at });
            }
            LotStep::PolicyAccepted { policy, accepted_by, on, reference } => {
                self.policies.push(policy.clone());
                self.accepted = Some(Accepted { policy, by: accepted_by, on, reference });
            }
            LotStep::NothingUnique { stated_by, on, reference } => {
                self.stated = Some(Stated { by: stated_by, on, reference });
            }
            LotStep::Received { machine, because } => {
                self.foreign.remove(&machine);
                self.received.insert(machine, Received { because, at });
            }
            LotStep::NotOfThisLot { machine, because } => {
                self.received.remove(&machine);
                self.assigned.remove(&Subject::Machine(machine));
                self.foreign.insert(machine, because);
            }
            LotStep::TakenIn { item: id, serial, asset, because } => {
                if self.item(&id).is_some() {
                    return Err(StepError::Thing);
                }
                self.items.push(Item { id, serial, asset, because, at });
            }
            LotStep::RowAssigned { subject, row, .. } => {
                self.knows(&subject)?;
                self.row(row).ok_or(StepError::Row)?;
                self.assigned.retain(|_, other| *other != row);
                self.assigned.insert(subject, row);
            }
            LotStep::DrivePulled { drive: id, from, name, bag, because } => {
                self.knows(&from)?;
                if self.pulled(&id).is_some() {
                    return Err(StepError::Thing);
                }
                let (fate, fate_at) = (None, None);
                self.pulled.push(PulledDrive { id, from, name, bag, because, at, fate, fate_at });
            }
            LotStep::Fate { drive, fate } => {
                let drive = self.pulled.iter_mut().find(|it| it.id == drive);
                let drive = drive.ok_or(StepError::Thing)?;
                // Whoever looked inside did not see what was put in later.
                if matches!(fate, Fate::PutBack { .. }) {
                    self.looked_inside.remove(&drive.from);
                }
                (drive.fate, drive.fate_at) = (Some(fate), Some(at));
            }
            LotStep::SwappedIn { subject, name, .. } => {
                self.knows(&subject)?;
                self.looked_inside.remove(&subject);
                self.swapped_in.push(SwappedIn { subject, name, at });
            }
            LotStep::NothingElseInside { subject, .. } => {
                self.knows(&subject)?;
                self.looked_inside.insert(subject);
            }
            LotStep::Returned { subject, .. } => {
                self.knows(&subject)?;
                self.returned.insert(subject, at);
            }
            LotStep::NotReturned { subject, .. } => {
                self.returned.remove(&subject).ok_or(StepError::Thing)?;
            }
            LotStep::Closed { sums, missing, because } => {
                self.closed = Some(Closed { by, at, sums, missing, because });
            }
            LotStep::Reopened { .. } => self.closed = None,
        }
        Ok(())
    }

    /// Whether an item is ours; which machines are is reckoned with the whole bench.
    fn knows(&self, subject: &Subject) -> Result<(), StepError> {
        match subject {
            Subject::Machine(_) => Ok(()),
            Subject::Item(item) => self.item(item).map(|_| ()).ok_or(StepError::Thing),
        }
    }
}
