//! What people are shown of a lot.

use protocol::{BatchId, ItemId, LotId, MachineNumber, PersonId, Sha256Digest, UnixMillis};
use register::{AssetRow, RowNumber};
use serde::Serialize;

use super::actions::Named;
use super::lot::{Item, Lot};
use super::reckoning::{End, Observed, Obstacle, RowStanding, reckon};
use super::step::{Fate, Subject, Sums};
use crate::bench::{Bench, Machine};
use crate::calendar::Day;
use crate::drive_name::DriveName;
use crate::journal::{Journal, JournalError};
use crate::policies;
use crate::view;

/// A lot with its reckoning.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LotView {
    pub(crate) id: LotId,
    pub(crate) owner: String,
    pub(crate) reference: String,
    pub(crate) opened_at: UnixMillis,
    pub(crate) register: Option<RegisterView>,
    pub(crate) accepted: Option<PaperView>,
    pub(crate) stated: Option<PaperView>,
    /// Its batches, the first in front.
    pub(crate) batches: Vec<BatchId>,
    pub(crate) sums: Sums,
    /// Whether nothing stands in the way of closing.
    pub(crate) may_close: bool,
    pub(crate) received: Vec<ThingView>,
    pub(crate) unknown: Vec<UnknownView>,
    /// Rows of the register of which nothing was received.
    pub(crate) missing: Vec<AssetRow>,
    pub(crate) pulled: Vec<PulledView>,
    pub(crate) closed: Option<ClosedView>,
}

/// The owner's register.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RegisterView {
    pub(crate) file: Sha256Digest,
    pub(crate) rows: usize,
    pub(crate) at: UnixMillis,
}

/// A paper of the owner.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaperView {
    /// Who said so, or the bare id where the name is gone.
    pub(crate) by: String,
    pub(crate) on: Day,
    pub(crate) reference: String,
    /// Name and digest of the policy, where it is about one.
    pub(crate) policy: Option<(String, Option<Sha256Digest>)>,
}

/// Something that was received.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ThingView {
    pub(crate) thing: Named,
    /// Vendor and model, where it said so.
    pub(crate) model: String,
    pub(crate) serial: Option<String>,
    pub(crate) row: Option<RowNumber>,
    pub(crate) asset: Option<String>,
    /// Why a laptop was taken in by hand.
    pub(crate) because: Option<String>,
    pub(crate) end: Option<End>,
    pub(crate) in_the_way: Vec<Obstacle>,
    /// What work found that only looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed: Option<Observed>,
}

/// A machine that nobody has placed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UnknownView {
    pub(crate) machine: MachineNumber,
    pub(crate) model: String,
    pub(crate) serial: Option<String>,
    pub(crate) resembles: Vec<RowNumber>,
}

/// A drive that was taken out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PulledView {
    pub(crate) bag: String,
    pub(crate) name: DriveName,
    pub(crate) from: Option<Named>,
    pub(crate) because: String,
    pub(crate) at: UnixMillis,
    pub(crate) fate: Option<Fate>,
}

/// How a lot was closed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClosedView {
    pub(crate) by: String,
    pub(crate) at: UnixMillis,
    pub(crate) missing: usize,
    pub(crate) because: String,
}

/// The names of people, as far as they are on record.
pub(crate) type Names = [(PersonId, String)];

/// All lots, the oldest first: call it where blocking is allowed.
///
/// # Errors
/// When the names of people cannot be read.
pub(crate) fn all(journal: &Journal) -> Result<Vec<LotView>, JournalError> {
    let names = journal.names()?;
    let bench = snapshot(journal);
    let mut lots: Vec<_> = bench.lots().map(|it| lot(&bench, it, &names)).collect();
    lots.sort_by_key(|lot| lot.opened_at);
    Ok(lots)
}

/// One lot; none where there is none. Call it where blocking is allowed.
///
/// # Errors
/// When the names of people cannot be read.
pub(crate) fn one(journal: &Journal, id: &LotId) -> Result<Option<LotView>, JournalError> {
    let names = journal.names()?;
    let bench = snapshot(journal);
    Ok(bench.lot(id).map(|it| lot(&bench, it, &names)))
}

/// The bench as it is now. A reckoning takes its time, and the writer would wait for the lock.
fn snapshot(journal: &Journal) -> Bench {
    journal.published().bench.clone()
}

/// A lot as people see it. Of one that is closed, the sums and the missing rows are those that were signed for.
pub(super) fn lot(bench: &Bench, lot: &Lot, names: &Names) -> LotView {
    let reckoning = reckon(bench, lot);
    let mut batches: Vec<_> = bench.batches().filter(|batch| batch.lot == Some(lot.id)).collect();
    batches.sort_by_key(|batch| batch.armed_at);
    let rows = lot.register.as_ref().map(|it| it.rows.as_slice()).unwrap_or_default();
    let is_missing = |row: &&AssetRow| match &lot.closed {
        Some(closed) => closed.missing.contains(&row.row),
        None => reckoning.rows.get(&row.row) == Some(&RowStanding::Missing),
    };
    let unplaced = reckoning.unknown.iter().filter(|_| lot.is_open());
    let unknown = unplaced.filter_map(|it| {
        let machine = bench.machine(&it.machine)?;
        Some(UnknownView {
            machine: machine.number,
            model: model(machine),
            serial: serial(machine),
            resembles: it.resembles.clone(),
        })
    });
    let things = reckoning.received.iter().filter_map(|it| {
        let asset = it.row.and_then(|row| lot.row(row)).and_then(|row| row.asset.clone());
        let asset = asset.map(|asset| asset.as_str().to_owned());
        let mut thing = match &it.subject {
            Subject::Machine(id) => of_machine(bench.machine(id)?),
            Subject::Item(id) => of_item(lot.item(id)?),
        };
        (thing.row, thing.asset) = (it.row, asset.or(thing.asset));
        (thing.end, thing.in_the_way) = (it.end, it.in_the_way.clone());
        thing.observed = it.observed;
        Some(thing)
    });
    LotView {
        id: lot.id,
        owner: lot.owner.clone(),
        reference: lot.reference.clone(),
        opened_at: lot.opened_at,
        register: lot.register.as_ref().map(|it| RegisterView {
            file: it.file,
            rows: it.rows.len(),
            at: it.at,
        }),
        accepted: lot.accepted.as_ref().map(|it| PaperView {
            by: name(names, it.by),
            on: it.on,
            reference: it.reference.clone(),
            policy: Some((it.policy.name.clone(), policies::digest(&it.policy).ok())),
        }),
        stated: lot.stated.as_ref().map(|it| PaperView {
            by: name(names, it.by),
            on: it.on,
            reference: it.reference.clone(),
            policy: None,
        }),
        batches: batches.iter().map(|batch| batch.id).collect(),
        sums: lot.closed.as_ref().map_or(reckoning.sums, |closed| closed.sums),
        may_close: reckoning.may_close(),
        received: things.collect(),
        unknown: unknown.collect(),
        missing: rows.iter().filter(is_missing).cloned().collect(),
        pulled: lot.pulled.iter().map(|it| pulled(bench, it)).collect(),
        closed: lot.closed.as_ref().map(|it| ClosedView {
            by: name(names, it.by),
            at: it.at,
            missing: it.missing.len(),
            because: it.because.clone(),
        }),
    }
}

fn pulled(bench: &Bench, drive: &super::lot::PulledDrive) -> PulledView {
    let from = match drive.from {
        Subject::Machine(id) => bench.machine(&id).map(|it| Named::Machine(it.number)),
        Subject::Item(item) => Some(Named::Item(item)),
    };
    PulledView {
        bag: drive.bag.clone(),
        name: drive.name.clone(),
        from,
        because: drive.because.clone(),
        at: drive.at,
        fate: drive.fate.clone(),
    }
}

fn of_machine(machine: &Machine) -> ThingView {
    ThingView {
        thing: Named::Machine(machine.number),
        model: model(machine),
        serial: serial(machine),
        row: None,
        asset: None,
        because: None,
        end: None,
        in_the_way: Vec::new(),
        observed: None,
    }
}

fn of_item(item: &Item) -> ThingView {
    ThingView {
        thing: Named::Item(item.id),
        model: String::new(),
        serial: item.serial.as_ref().map(|it| it.as_str().to_owned()),
        row: None,
        asset: item.asset.as_ref().map(|it| it.as_str().to_owned()),
        because: Some(item.because.clone()),
        end: None,
        in_the_way: Vec::new(),
        observed: None,
    }
}

fn model(machine: &Machine) -> String {
    machine.inventory.as_ref().map(|it| view::model(&it.product)).unwrap_or_default()
}

fn serial(machine: &Machine) -> Option<String> {
    let who = &machine.identity;
    who.system_serial.clone().or_else(|| who.chassis_serial.clone())
}

fn name(names: &Names, id: PersonId) -> String {
    let name = names.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
    name.unwrap_or_else(|| id.to_string())
}

/// A short form of an item's id, for people: eight digits.
pub(crate) fn short(item: &ItemId) -> String {
    item.to_string().chars().take(8).collect()
}
