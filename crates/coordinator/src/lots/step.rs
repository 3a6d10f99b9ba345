//! What happens to a lot: the journal's words.

use std::fmt;

use protocol::{ItemId, LotId, MachineId, PersonId, Policy, PulledId, Sha256Digest};
use register::{AssetNumber, AssetRow, Mapping, RowNumber, SerialNumber};
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::drive_name::DriveName;

/// A person did something about a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LotEvent {
    /// Which lot.
    pub(crate) lot: LotId,
    /// Who.
    pub(crate) by: PersonId,
    /// What.
    pub(crate) what: LotStep,
}

/// What a person did, or says, about a lot. What is said later about the same thing replaces what was said before; both
/// stay in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step", deny_unknown_fields)]
pub(crate) enum LotStep {
    /// The lot was opened. Always its first event.
    Opened {
        /// The institution that hands it over, as `Urząd Miasta Leszna`. Never a person.
        owner: String,
        /// The owner's paper: number of the order, agreement or resolution; may be empty.
        reference: String,
    },
    /// The owner's register was read. A later one replaces it as a whole.
    RegisterImported {
        /// SHA-256 of the file.
        file: Sha256Digest,
        /// What its columns meant: offered again for the next file with the same header.
        mapping: Mapping,
        /// What was kept of it.
        rows: Vec<AssetRow>,
    },
    /// The owner accepts how drives are sanitized.
    PolicyAccepted {
        /// In full, so that nothing can be changed behind its name.
        policy: Policy,
        /// Who accepted it for the owner.
        accepted_by: PersonId,
        /// The day.
        on: Day,
        /// The paper that says so; may be empty.
        reference: String,
    },
    /// The owner states that nothing on these drives exists only there.
    NothingUnique {
        /// Who stated it for the owner.
        stated_by: PersonId,
        /// The day.
        on: Day,
        /// The paper that says so; may be empty.
        reference: String,
    },
    /// A machine that was seen belongs to the lot, whatever the register says.
    Received {
        machine: MachineId,
        /// Why, where it is not in the register.
        because: String,
    },
    /// A machine that was seen does not belong to the lot.
    NotOfThisLot { machine: MachineId, because: String },
    /// A laptop that never boots was taken in by hand.
    TakenIn {
        item: ItemId,
        serial: Option<SerialNumber>,
        asset: Option<AssetNumber>,
        /// Why it could not be seen by itself.
        because: String,
    },
    /// What was received is this row of the register, on a person's word.
    RowAssigned { subject: Subject, row: RowNumber, because: String },
    /// A drive was taken out.
    DrivePulled {
        drive: PulledId,
        /// Out of what.
        from: Subject,
        /// By its label.
        name: DriveName,
        /// The number of the bag that it is in.
        bag: String,
        because: String,
    },
    /// What became of a drive that was taken out.
    Fate { drive: PulledId, fate: Fate },
    /// A drive was put in, in the place of one that was taken out or of none.
    SwappedIn {
        subject: Subject,
        /// By its label.
        name: DriveName,
        /// Where it comes from.
        because: String,
    },
    /// A person looked inside: there is no drive but those that are known.
    NothingElseInside { subject: Subject, because: String },
    /// It was returned to the owner as it is.
    Returned {
        subject: Subject,
        /// The paper that says so.
        reference: String,
    },
    /// That was not so: it is here.
    NotReturned { subject: Subject, because: String },
    /// All that was received has an end.
    Closed {
        /// What was reckoned then.
        sums: Sums,
        /// The register's rows of which nothing was ever seen.
        missing: Vec<RowNumber>,
        /// What a person says of those; never empty where there are any.
        because: String,
    },
    /// It goes on after all.
    Reopened { because: String },
}

/// Something that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// A machine whose agent was seen.
    Machine(MachineId),
    /// A laptop that was taken in by hand.
    Item(ItemId),
}

/// What became of a drive that was taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fate", deny_unknown_fields)]
pub(crate) enum Fate {
    /// Destroyed.
    Destroyed {
        /// How, as `shredded, DIN 66399 H-4`.
        how: String,
        /// The paper that says so; may be empty.
        reference: String,
    },
    /// Sanitized in another machine, under a job of its own; the journal proves it.
    SanitizedIn { machine: MachineId },
    /// Returned to the owner, with what is on it.
    Returned { reference: String },
    /// Put back where it was.
    PutBack { because: String },
}

/// What was received, and where it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sums {
    /// Machines and items.
    pub(crate) received: u32,
    /// Of these: every drive is proven erased.
    pub(crate) erased: u32,
    /// Of these: every drive that is not proven erased was pulled and has a fate, or there is none.
    pub(crate) pulled: u32,
    /// Of these: returned to the owner.
    pub(crate) returned: u32,
}

impl Sums {
    /// Whether everything has an end.
    pub(crate) fn is_even(&self) -> bool {
        self.received == self.erased + self.pulled + self.returned
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, erased, pulled, returned } = self;
        write!(
            f,
            "{received} received: {erased} proven erased, {pulled} with drives pulled, {returned} returned"
        )
    }
}
