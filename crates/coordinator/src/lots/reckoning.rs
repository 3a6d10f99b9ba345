//! What a lot received, where each thing ended, and what stands in the way of closing it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{JobKind, MachineId, Policy, UnixMillis};
use register::{
    AssetRow, Contradiction, MachineOutcome, Matches, RowNumber, RowOutcome, Seen, matched,
};
use serde::{Deserialize, Serialize};

use super::claim::Claims;
use super::inside::of_machine;
use super::lot::{Item, Lot, PulledDrive};
use super::step::{Fate, Subject, Sums};
use crate::bench::{Bench, Machine};
use crate::drive_name::DriveName;

/// A lot, reckoned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reckoning {
    /// How much of what was received has which end.
    pub(crate) sums: Sums,
    /// What was received, machines first.
    pub(crate) received: Vec<Standing>,
    /// Machines that were seen while the lot was open, of which nobody has said whether they belong to it.
    pub(crate) unknown: Vec<Unknown>,
    /// What became of each row of the register.
    pub(crate) rows: BTreeMap<RowNumber, RowStanding>,
    /// Bags whose drive has no fate, and came out of what does not count as received any more.
    pub(crate) stray_bags: Vec<String>,
}

/// Something that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) subject: Subject,
    /// Its row, where there is one.
    pub(crate) row: Option<RowNumber>,
    /// Where it ended.
    pub(crate) end: Option<End>,
    /// What is still to be done; empty where it has an end.
    pub(crate) in_the_way: Vec<Obstacle>,
    /// What its latest work found that only looked. Never an end: a person decides by it, on paper.
    pub(crate) observed: Option<Observed>,
}

/// What work found that writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "observed")]
pub(crate) enum Observed {
    /// Its stock was taken.
    Inventoried { at: UnixMillis },
    /// Its drives were read, and all of them are blank. Not erased by us, for all that anybody can say.
    FoundBlank { at: UnixMillis },
    /// Its drives were read, and not all of them are blank.
    FoundData { at: UnixMillis },
}

/// Where a thing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// Every drive is proven erased, and the work on it is done.
    Erased,
    /// Every drive was pulled and has a fate, or there is none.
    Pulled,
    /// It was returned to the owner.
    Returned,
}

/// A machine that nobody has placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unknown {
    pub(crate) machine: MachineId,
    /// Rows whose serial number looks much like one of its own.
    pub(crate) resembles: Vec<RowNumber>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "row")]
pub(crate) enum RowStanding {
    /// It is this.
    Matched { subject: Subject },
    /// By its serial number it is this, but the register describes something else.
    Conflicting { subject: Subject, contradictions: Vec<Contradiction> },
    /// It is one of several.
    Ambiguous { subjects: Vec<Subject> },
    /// Nothing like it was received.
    Missing,
}

/// What is still to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "obstacle")]
pub(crate) enum Obstacle {
    /// The register describes something else under its serial number: a person says which row it is.
    RegisterContradicts { row: RowNumber, contradictions: Vec<Contradiction> },
    /// Several rows or machines have its serial number: a person says which row it is.
    RegisterAmbiguous,
    /// A drive is not proven erased, and not pulled.
    DataThere { drive: String },
    /// A drive was seen in it once, is not there now, and nobody said that it was pulled.
    DriveGone { drive: String },
    /// No drive was seen in it; a person has to look inside.
    NoDriveSeen,
    /// A controller hides whatever is behind it; a person has to look.
    Hidden { controller: String },
    /// Its drives are proven erased, but its work is not done, so there is no certificate.
    Unfinished,
    /// A drive was pulled and nobody said what became of it.
    NoFate { drive: DriveName, bag: String },
    /// It never booted: its drives are to be pulled, or it is to be returned.
    DrivesInside,
    /// A drive was put into a bag, and was seen in the machine since.
    SeenSince { drive: String, bag: String },
    /// It was returned, and has booted here since.
    BootedSince,
    /// A drive is said to be sanitized in another machine, and the journal does not prove that.
    NotSanitized { drive: DriveName, bag: String },
    /// Its drives are proven erased, but a person must look at it, so there is no certificate.
    Attention { sentence: String },
}

/// A lot, with what the whole bench knows of it.
pub(crate) fn reckon(bench: &Bench, lot: &Lot) -> Reckoning {
    let claims = Claims::of(bench);
    let candidates = candidates(bench, lot, &claims);
    let joined = join(lot, &candidates);
    let mut received = Vec::new();
    let mut unknown = Vec::new();
    for machine in &candidates {
        let subject = Subject::Machine(machine.id);
        let said = claims.is_said(lot, machine);
        let place = joined.places.get(&subject);
        if !said && place.is_none() {
            let resembles = joined.resembles.get(&machine.id).cloned().unwrap_or_default();
            unknown.push(Unknown { machine: machine.id, resembles });
            continue;
        }
        let boots_again = machine_boots_again(lot, machine, &claims);
        let end = || of_machine(bench, lot, machine);
        let standing = standing(bench, lot, subject, place, boots_again, end);
        received.push(Standing { observed: observed(machine), ..standing });
    }
    for item in &lot.items {
        let subject = Subject::Item(item.id);
        let place = joined.places.get(&subject);
        received.push(standing(bench, lot, subject, place, false, || of_item(lot, item)));
    }
    let mut sums = Sums { received: count(received.len()), ..Sums::default() };
    for it in &received {
        match it.end {
            Some(End::Erased) => sums.erased += 1,
            Some(End::Pulled) => sums.pulled += 1,
            Some(End::Returned) => sums.returned += 1,
            None => {}
        }
    }
    let stray = lot
        .pulled
        .iter()
        .filter(|it| it.fate.is_none() && !received.iter().any(|thing| thing.subject == it.from));
    let stray_bags = stray.map(|it| it.bag.clone()).collect();
    Reckoning { sums, received, unknown, rows: joined.rows, stray_bags }
}

impl Reckoning {
    /// Rows of which nothing was received.
    pub(crate) fn missing(&self) -> Vec<RowNumber> {
        let missing = self.rows.iter().filter(|(_, row)| **row == RowStanding::Missing);
        missing.map(|(row, _)| *row).collect()
    }

    /// Whether nothing stands in the way of closing.
    pub(crate) fn may_close(&self) -> bool {
        self.sums.is_even() && self.unknown.is_empty() && self.stray_bags.is_empty()
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The machines that belong to the lot or may, by their numbers.
fn candidates<'a>(bench: &'a Bench, lot: &Lot, claims: &Claims<'_>) -> Vec<&'a Machine> {
    let mut all: Vec<_> =
        bench.machines().filter(|machine| claims.is_candidate(bench, lot, machine)).collect();
    all.sort_by_key(|machine| machine.number);
    all
}

/// Where something stands in the register.
#[derive(Debug)]
enum Place {
    Row(RowNumber),
    Contradicts(RowNumber, Vec<Contradiction>),
    Ambiguous,
}

#[derive(Debug, Default)]
struct Joined {
    places: BTreeMap<Subject, Place>,
    rows: BTreeMap<RowNumber, RowStanding>,
    resembles: BTreeMap<MachineId, Vec<RowNumber>>,
}

/// The register joined with what was received; what a person assigned goes first.
fn join(lot: &Lot, machines: &[&Machine]) -> Joined {
    let mut joined = Joined::default();
    let all = lot.register.as_ref().map(|it| it.rows.as_slice()).unwrap_or_default();
    let ours: BTreeSet<MachineId> = machines.iter().map(|machine| machine.id).collect();
    let is_ours = |subject: &Subject| match subject {
        Subject::Machine(id) => ours.contains(id),
        Subject::Item(_) => true,
    };
    for (subject, row) in lot.assigned.iter().filter(|(subject, _)| is_ours(subject)) {
        joined.places.insert(*subject, Place::Row(*row));
        joined.rows.insert(*row, RowStanding::Matched { subject: *subject });
    }
    let free = |subject: Subject| !lot.assigned.contains_key(&subject);
    let rows: Vec<AssetRow> =
        all.iter().filter(|row| !joined.rows.contains_key(&row.row)).cloned().collect();
    // The join knows machines only; an item goes by its own id, which no machine has.
    let machine_of = |item: &Item| MachineId::from_bytes(*item.id.as_bytes());
    let items: BTreeMap<MachineId, &Item> =
        lot.items.iter().map(|item| (machine_of(item), item)).collect();
    let seen: Vec<Seen> = machines
        .iter()
        .filter(|it| free(Subject::Machine(it.id)))
        .map(|it| seen_machine(it))
        .chain(lot.items.iter().filter(|it| free(Subject::Item(it.id))).map(|item| Seen {
            id: machine_of(item),
            system_serial: item.serial.as_ref().map(|it| it.as_str().to_owned()),
            board_serial: None,
            chassis_serial: None,
            manufacturer: None,
            model: None,
        }))
        .collect();
    let subject = |id: &MachineId| match items.get(id) {
        Some(item) => Subject::Item(item.id),
        None => Subject::Machine(*id),
    };
    let matches = matched(&rows, &seen);
    place_rows(&matches, subject, &mut joined);
    place_machines(&matches, subject, &mut joined);
    by_asset_number(lot, &rows, &mut joined);
    joined
}

fn seen_machine(machine: &Machine) -> Seen {
    let product = machine.inventory.as_ref().map(|it| &it.product);
    let model: Vec<&str> = product
        .iter()
        .flat_map(|it| [&it.name, &it.version])
        .flatten()
        .map(String::as_str)
        .collect();
    Seen {
        id: machine.id,
        system_serial: machine.identity.system_serial.clone(),
        board_serial: machine.identity.board_serial.clone(),
        chassis_serial: machine.identity.chassis_serial.clone(),
        manufacturer: product.and_then(|it| it.vendor.clone()),
        model: (!model.is_empty()).then(|| model.join(" ")),
    }
}

fn place_rows(matches: &Matches, subject: impl Fn(&MachineId) -> Subject, joined: &mut Joined) {
    for (row, outcome) in &matches.rows {
        let standing = match outcome {
            RowOutcome::Matched(link) => RowStanding::Matched { subject: subject(&link.machine) },
            RowOutcome::Conflicting { link, contradictions } => RowStanding::Conflicting {
                subject: subject(&link.machine),
                contradictions: contradictions.clone(),
            },
            RowOutcome::Ambiguous(tangle) => {
                RowStanding::Ambiguous { subjects: tangle.machines.iter().map(&subject).collect() }
            }
            RowOutcome::Missing { .. } => RowStanding::Missing,
        };
        joined.rows.insert(*row, standing);
    }
}

fn place_machines(matches: &Matches, subject: impl Fn(&MachineId) -> Subject, joined: &mut Joined) {
    for (machine, outcome) in &matches.machines {
        let place = match outcome {
            MachineOutcome::Matched(link) => Place::Row(link.row),
            MachineOutcome::Conflicting { link, contradictions } => {
                Place::Contradicts(link.row, contradictions.clone())
            }
            MachineOutcome::Ambiguous(_) => Place::Ambiguous,
            MachineOutcome::Unknown { resembles, .. } => {
                joined.resembles.insert(*machine, resembles.clone());
                continue;
            }
        };
        joined.places.insert(subject(machine), place);
    }
}

/// A laptop that never boots may have nothing readable but the owner's sticker.
fn by_asset_number(lot: &Lot, rows: &[AssetRow], joined: &mut Joined) {
    for item in &lot.items {
        let subject = Subject::Item(item.id);
        let Some(asset) = item.asset.as_ref().filter(|_| !joined.places.contains_key(&subject))
        else {
            continue;
        };
        let mut same = rows.iter().filter(|row| row.asset.as_ref() == Some(asset));
        let (Some(row), None) = (same.next(), same.next()) else { continue };
        if joined.rows.get(&row.row) == Some(&RowStanding::Missing) {
            joined.rows.insert(row.row, RowStanding::Matched { subject });
            joined.places.insert(subject, Place::Row(row.row));
        }
    }
}

/// Puts register, papers and drives together.
fn standing(
    bench: &Bench,
    lot: &Lot,
    subject: Subject,
    place: Option<&Place>,
    boots_again: bool,
    drives: impl FnOnce() -> (End, Vec<Obstacle>),
) -> Standing {
    let mut in_the_way = Vec::new();
    let row = match place {
        Some(Place::Row(row)) => Some(*row),
        Some(Place::Contradicts(row, contradictions)) => {
            let contradictions = contradictions.clone();
            in_the_way.push(Obstacle::RegisterContradicts { row: *row, contradictions });
            Some(*row)
        }
        Some(Place::Ambiguous) => {
            in_the_way.push(Obstacle::RegisterAmbiguous);
            None
        }
        None => None,
    };
    // A drive that was pulled out of a laptop which went back is still here.
    let pulled = lot.pulled.iter().filter(|it| it.from == subject);
    in_the_way.extend(pulled.filter_map(|it| bag(bench, lot, it)));
    let end = if lot.returned.contains_key(&subject) {
        in_the_way.extend(boots_again.then_some(Obstacle::BootedSince));
        End::Returned
    } else {
        let (end, more) = drives();
        in_the_way.extend(more);
        end
    };
    let end = in_the_way.is_empty().then_some(end);
    Standing { subject, row, end, in_the_way, observed: None }
}

fn observed(machine: &Machine) -> Option<Observed> {
    let work = machine.admission.as_ref()?;
    let at = work.finished?;
    match work.job.kind {
        JobKind::InventoryOnly {} => Some(Observed::Inventoried { at }),
        JobKind::VerifyOnly {} if work.found_blank() => Some(Observed::FoundBlank { at }),
        JobKind::VerifyOnly {} => Some(Observed::FoundData { at }),
        JobKind::Wipe {} | JobKind::Refurbish { .. } | JobKind::ImageOnly { .. } => None,
    }
}

/// What is still to be done about a drive in a bag.
fn bag(bench: &Bench, lot: &Lot, it: &PulledDrive) -> Option<Obstacle> {
    let (drive, bag) = (it.name.clone(), it.bag.clone());
    match &it.fate {
        None => Some(Obstacle::NoFate { drive, bag }),
        Some(Fate::SanitizedIn { machine }) => {
            let dock = bench.machine(machine);
            let proven = dock.is_some_and(|dock| {
                is_sanitized(bench, dock, it, |policy| lot.policies.contains(policy))
            });
            (!proven).then_some(Obstacle::NotSanitized { drive, bag })
        }
        Some(_) => None,
    }
}

/// Whether finished work on a machine proves that it sanitized a drive after that was pulled, under such a policy.
pub(super) fn is_sanitized(
    bench: &Bench,
    dock: &Machine,
    drive: &PulledDrive,
    under: impl Fn(&Policy) -> bool,
) -> bool {
    let mut done = dock.sanitized_since(&drive.name, drive.at);
    done.any(|work| bench.batch(&work.batch).is_some_and(|batch| under(&batch.job.policy)))
}

/// Whether it was returned and is here again, and no other lot answers for that.
fn machine_boots_again(lot: &Lot, machine: &Machine, claims: &Claims<'_>) -> bool {
    let returned = lot.returned.get(&Subject::Machine(machine.id));
    returned.is_some_and(|at| machine.seen_at > *at) && !claims.is_elsewhere(lot, machine)
}

fn of_item(lot: &Lot, item: &Item) -> (End, Vec<Obstacle>) {
    let subject = Subject::Item(item.id);
    let inside = lot.put_in(&subject).map(|(name, _)| name.to_string());
    let mut obstacles: Vec<_> = inside.map(|drive| Obstacle::DataThere { drive }).collect();
    let empty = lot.looked_inside.contains(&subject);
    let pulled = lot.pulled.iter().any(|it| it.from == subject && it.is_out());
    // Somebody had it open: either the drive that came out was the only one, or there was none.
    if obstacles.is_empty() && !empty && !pulled {
        obstacles.push(Obstacle::DrivesInside);
    }
    (End::Pulled, obstacles)
}
