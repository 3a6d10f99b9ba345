//! What a person may do about a lot, whichever way they say it: command line, API or dashboard.

use axum::http::StatusCode;
use protocol::{ItemId, LotId, MachineNumber, PersonId, Policy, PulledId, Sha256Digest};
use register::{AssetRow, Mapping, RowNumber};
use serde::{Deserialize, Serialize};

use super::LotError;
use super::decide::{self, Desk, End, Pointed, Pull};
use super::step::{LotStep, Sums};
use crate::access::{Action, Actor};
use crate::calendar::Day;
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::http::answer::Refused;
use crate::{policies, random};

/// What a person wants of a lot.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "wish", deny_unknown_fields)]
pub(crate) enum LotWish {
    /// Record that the owner accepts how drives are sanitized.
    Accept {
        policy: Policy,
        accepted_by: String,
        on: Day,
        #[serde(default)]
        reference: String,
    },
    /// Record that the owner states that nothing on the drives exists only there.
    State {
        stated_by: String,
        on: Day,
        #[serde(default)]
        reference: String,
    },
    /// Take the owner's register, as it was read from a file with this SHA-256.
    Import { file: Sha256Digest, mapping: Mapping, rows: Vec<AssetRow> },
    /// A machine that was seen belongs to the lot.
    Receive { machine: MachineNumber, because: String },
    /// A machine that was seen does not.
    Refuse { machine: MachineNumber, because: String },
    /// Take in a laptop that never boots.
    TakeIn {
        #[serde(default)]
        serial: String,
        #[serde(default)]
        asset: String,
        because: String,
    },
    /// Say which row of the register it is.
    Assign { subject: Named, row: RowNumber, because: String },
    /// A drive was taken out and put into a bag.
    Pull { from: Named, model: String, serial: String, bag: String, because: String },
    /// The drive in a bag was destroyed.
    Destroyed {
        bag: String,
        how: String,
        #[serde(default)]
        reference: String,
    },
    /// The drive in a bag was sanitized in a machine.
    Sanitized { bag: String, machine: MachineNumber },
    /// The drive in a bag was returned to the owner.
    DriveReturned { bag: String, reference: String },
    /// The drive in a bag was put back where it was.
    PutBack { bag: String, because: String },
    /// A drive was put in.
    Swap { subject: Named, model: String, serial: String, because: String },
    /// Somebody looked inside, and there is no drive but those that are known.
    NothingInside { subject: Named, because: String },
    /// It was returned to the owner as it is.
    GiveBack { subject: Named, reference: String },
    /// It was not, after all.
    NotGivenBack { subject: Named, because: String },
    /// Close the lot, having counted.
    Close {
        sums: Sums,
        missing: usize,
        #[serde(default)]
        because: String,
    },
    /// Open it again.
    Reopen { because: String },
}

impl LotWish {
    /// What it is to wish this, for the rules.
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Accept { .. } | Self::State { .. } => Action::AcceptPolicy,
            Self::Import { .. } => Action::OpenLot,
            Self::Close { .. } | Self::Reopen { .. } => Action::Close,
            Self::Receive { .. }
            | Self::Refuse { .. }
            | Self::TakeIn { .. }
            | Self::Assign { .. }
            | Self::Pull { .. }
            | Self::Destroyed { .. }
            | Self::Sanitized { .. }
            | Self::DriveReturned { .. }
            | Self::PutBack { .. }
            | Self::Swap { .. }
            | Self::NothingInside { .. }
            | Self::GiveBack { .. }
            | Self::NotGivenBack { .. } => Action::TakeIn,
        }
    }
}

/// A thing of a lot, as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Named {
    /// A machine by its number.
    Machine(MachineNumber),
    /// A laptop that was taken in by hand.
    Item(ItemId),
}

impl From<Named> for Pointed {
    fn from(named: Named) -> Self {
        match named {
            Named::Machine(number) => Self::Machine(number),
            Named::Item(item) => Self::Item(item),
        }
    }
}

/// Opens a lot.
///
/// # Errors
/// When nothing is said of its owner, or nothing can be recorded.
pub(crate) async fn open(
    coordinator: &Coordinator,
    by: PersonId,
    owner: String,
    reference: String,
) -> Result<LotId, Refused> {
    let id = LotId::from_bytes(random::bytes()?);
    let decided = coordinator
        .journal
        .decide(move |_, _| apart(decide::open(id, by, &owner, &reference)))
        .await?;
    decided.map(|()| id).map_err(|error| refused(&error))
}

/// Follows a person's wish about a lot.
///
/// # Errors
/// Why it is not followed, or when nothing can be recorded.
pub(crate) async fn wish(
    coordinator: &Coordinator,
    lot: LotId,
    by: &Actor,
    wish: LotWish,
) -> Result<(), Refused> {
    // Here, where nobody comes by: one request carries wishes of different weight.
    let action = wish.action();
    if !by.role.may(action) {
        let sentence = format!("this takes a {}; nothing was done", action.least().name());
        return Err(Refused::new(StatusCode::FORBIDDEN, sentence));
    }
    if let LotWish::Accept { policy, .. } = &wish {
        let bad = |error| Refused::because(StatusCode::BAD_REQUEST, &error);
        policies::check(policy).map_err(bad)?;
    }
    let journal = &coordinator.journal;
    let by = by.person(journal).await?;
    // Names go into the side table before the decision, which knows ids only.
    let representative = match &wish {
        LotWish::Accept { accepted_by: name, .. } | LotWish::State { stated_by: name, .. } => {
            let name = name.trim();
            if name.is_empty() || name.chars().count() > 100 {
                let sentence = "name who says so for the owner, up to 100 characters";
                return Err(Refused::new(StatusCode::BAD_REQUEST, sentence));
            }
            journal.person(name.to_owned()).await?
        }
        _ => by,
    };
    let (item, drive) =
        (ItemId::from_bytes(random::bytes()?), PulledId::from_bytes(random::bytes()?));
    let decide = move |bench: &_, _| {
        if let LotWish::Reopen { because } = &wish {
            return apart(decide::reopen(bench, lot, by, because));
        }
        let desk = Desk::at(bench, lot, by);
        apart(desk.and_then(|desk| follow(&desk, wish, representative, item, drive)))
    };
    journal.decide(decide).await?.map_err(|error| refused(&error))
}

fn follow(
    desk: &Desk<'_>,
    wish: LotWish,
    representative: PersonId,
    item: ItemId,
    drive: PulledId,
) -> Result<Vec<Happening>, LotError> {
    match wish {
        LotWish::Accept { policy, on, reference, .. } => {
            let accepted_by = representative;
            desk.paper(LotStep::PolicyAccepted { policy, accepted_by, on, reference })
        }
        LotWish::State { on, reference, .. } => {
            desk.paper(LotStep::NothingUnique { stated_by: representative, on, reference })
        }
        LotWish::Import { file, mapping, rows } => desk.import(file, mapping, rows),
        LotWish::Receive { machine, because } => desk.receive(machine, &because),
        LotWish::Refuse { machine, because } => desk.refuse(machine, &because),
        LotWish::TakeIn { serial, asset, because } => desk.take_in(item, &serial, &asset, &because),
        LotWish::Assign { subject, row, because } => desk.assign(subject.into(), row, &because),
        LotWish::Pull { from, model, serial, bag, because } => {
            desk.pull(drive, &Pull { from: from.into(), model, serial, bag, because })
        }
        LotWish::Destroyed { bag, how, reference } => {
            desk.fate(&bag, &End::Destroyed { how, reference })
        }
        LotWish::Sanitized { bag, machine } => {
            desk.fate(&bag, &End::SanitizedIn { number: machine })
        }
        LotWish::DriveReturned { bag, reference } => desk.fate(&bag, &End::Returned { reference }),
        LotWish::PutBack { bag, because } => desk.fate(&bag, &End::PutBack { because }),
        LotWish::Swap { subject, model, serial, because } => {
            desk.swap(subject.into(), &model, &serial, &because)
        }
        LotWish::NothingInside { subject, because } => {
            desk.nothing_inside(subject.into(), &because)
        }
        LotWish::GiveBack { subject, reference } => desk.give_back(subject.into(), &reference),
        LotWish::NotGivenBack { subject, because } => desk.not_given_back(subject.into(), &because),
        LotWish::Close { sums, missing, because } => desk.close(sums, missing, &because),
        // Decided before: it is about a lot that is closed.
        LotWish::Reopen { .. } => Ok(Vec::new()),
    }
}

fn apart(decided: Result<Vec<Happening>, LotError>) -> (Vec<Happening>, Result<(), LotError>) {
    match decided {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn refused(error: &LotError) -> Refused {
    let status = match error {
        LotError::NoLot(_) | LotError::NoMachine(_) | LotError::NoItem(_) => StatusCode::NOT_FOUND,
        LotError::Text { .. } | LotError::Nameless | LotError::NoName(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::CONFLICT,
    };
    Refused::because(status, error)
}
