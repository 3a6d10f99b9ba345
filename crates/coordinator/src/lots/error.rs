//! Why a person's wish about a lot is not followed.

use protocol::{ItemId, LotId, MachineNumber};
use register::RowNumber;

use super::step::Sums;
use crate::drive_name::{DriveName, NoName};

/// The longest text that a person may write into a lot, in characters.
pub(super) const MAX_TEXT: usize = 300;

/// Why a person's wish about a lot is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LotError {
    #[error("there is no lot {0}; `rehome lot list` shows them")]
    NoLot(LotId),
    #[error("no lot is open; open one with `rehome lot open`")]
    NoneOpen,
    #[error("{0} lots are open; say which one with --lot")]
    SeveralOpen(usize),
    #[error("lot {lot} of {owner} is closed; `rehome lot reopen` opens it again")]
    Closed { lot: LotId, owner: String },
    #[error("lot {0} is not closed")]
    NotClosed(LotId),
    #[error("say {what}: one line of at most {MAX_TEXT} characters")]
    Text { what: &'static str },
    #[error("nobody has seen machine {0}")]
    NoMachine(MachineNumber),
    #[error("machine {number} does not belong to this lot: {why}")]
    NotOurs { number: MachineNumber, why: String },
    #[error("machine {number} belongs to this lot: {why}")]
    Ours { number: MachineNumber, why: String },
    #[error("no laptop {0} was taken in by hand; `rehome lot show` lists them")]
    NoItem(ItemId),
    #[error("a laptop that is taken in needs its serial number or the owner's asset number")]
    Nameless,
    #[error("{0} is here already: {1}")]
    Twice(String, String),
    #[error("the register has no row {0}")]
    NoRow(RowNumber),
    #[error("the register cannot be taken: {0}")]
    Register(String),
    #[error("there is no drive in bag {0:?}; `rehome lot show` lists them")]
    NoDrive(String),
    #[error("bag {bag:?} holds {name} already; give each drive its own")]
    BagTaken { bag: String, name: DriveName },
    #[error(transparent)]
    NoName(#[from] NoName),
    #[error(
        "the journal does not prove that machine {number} sanitized {name} after it was pulled, in work that is \
         finished and under the policy that the owner accepted; its finished work proves: {proven}"
    )]
    NotSanitized { number: MachineNumber, name: DriveName, proven: String },
    #[error("it was not returned")]
    NotReturned,
    #[error("lot {lot} cannot be closed: {why}")]
    InTheWay { lot: LotId, why: String },
    #[error(
        "you said {said}, with {said_missing} rows missing; it is {is}, with {is_missing} missing. Look again, then close"
    )]
    Miscounted { said: Sums, said_missing: usize, is: Sums, is_missing: usize },
    #[error(
        "the owner has not accepted policy {wanted:?} for lot {lot}{other}; record it with `rehome lot accept`"
    )]
    NotAccepted { lot: LotId, wanted: String, other: String },
    #[error(
        "nobody has stated for lot {0} that nothing on its drives exists only there; record it with `rehome lot state`"
    )]
    NotStated(LotId),
}
