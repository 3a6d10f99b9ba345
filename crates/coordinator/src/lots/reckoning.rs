//! What a lot received, where each thing ended, and what stands in the way of closing it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{DriveIdentity, JobKind, MachineId, UnixMillis};
use register::{
    AssetRow, Contradiction, MachineOutcome, Matches, RowNumber, RowOutcome, Seen, matched,
};
use serde::{Deserialize, Serialize};

use super::lot::{Item, Lot, PulledDrive};
use super::step::{Subject, Sums};
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
}

/// A lot, with what the whole bench knows of it.
pub(crate) fn reckon(bench: &Bench, lot: &Lot) -> Reckoning {
    let candidates = candidates(bench, lot);
    let joined = join(lot, &candidates);
    let mut received = Vec::new();
    let mut unknown = Vec::new();
    for machine in &candidates {
        let subject = Subject::Machine(machine.id);
        let said = lot.received.contains_key(&machine.id) || is_worked_on(bench, lot, machine);
        let place = joined.places.get(&subject);
        if !said && place.is_none() {
            let resembles = joined.resembles.get(&machine.id).cloned().unwrap_or_default();
            unknown.push(Unknown { machine: machine.id, resembles });
            continue;
        }
        let standing = standing(lot, subject, place, || machine_standing(lot, machine));
        received.push(Standing { observed: observed(machine), ..standing });
    }
    for item in &lot.items {
        let subject = Subject::Item(item.id);
        received
            .push(standing(lot, subject, joined.places.get(&subject), || item_standing(lot, item)));
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
    Reckoning { sums, received, unknown, rows: joined.rows }
}

impl Reckoning {
    /// Rows of which nothing was received.
    pub(crate) fn missing(&self) -> Vec<RowNumber> {
        let missing = self.rows.iter().filter(|(_, row)| **row == RowStanding::Missing);
        missing.map(|(row, _)| *row).collect()
    }

    /// Whether nothing stands in the way of closing.
    pub(crate) fn may_close(&self) -> bool {
        self.sums.is_even() && self.unknown.is_empty()
    }

    /// What was received as this.
    pub(crate) fn standing(&self, subject: &Subject) -> Option<&Standing> {
        self.received.iter().find(|it| it.subject == *subject)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The machines that belong to the lot or may: seen while it was open, and not said to be something else.
fn candidates<'a>(bench: &'a Bench, lot: &Lot) -> Vec<&'a Machine> {
    let until = lot.closed.as_ref().map(|closed| closed.at);
    let elsewhere = |machine: &Machine| {
        let others = bench.lots().filter(|other| other.id != lot.id);
        let mut others = others
            .filter(|it| it.received.contains_key(&machine.id) || is_worked_on(bench, it, machine));
        others.next().is_some()
    };
    let seen_meanwhile = |machine: &Machine| {
        let mut boots = machine.boots.iter();
        boots.any(|boot| boot.at >= lot.opened_at && until.is_none_or(|until| boot.at <= until))
    };
    let belongs = |machine: &&Machine| {
        let said = lot.received.contains_key(&machine.id) || is_worked_on(bench, lot, machine);
        !lot.foreign.contains_key(&machine.id)
            && (said || (seen_meanwhile(machine) && !elsewhere(machine)))
    };
    let mut all: Vec<_> = bench.machines().filter(belongs).collect();
    all.sort_by_key(|machine| machine.number);
    all
}

/// Whether one of the lot's batches took the machine.
fn is_worked_on(bench: &Bench, lot: &Lot, machine: &Machine) -> bool {
    let mut batches = bench.batches().filter(|batch| batch.lot == Some(lot.id));
    batches.any(|batch| batch.admitted.contains(&machine.id))
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
    for (subject, row) in &lot.assigned {
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
    lot: &Lot,
    subject: Subject,
    place: Option<&Place>,
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
    let pulled = lot.pulled.iter().filter(|it| it.from == subject && it.fate.is_none());
    in_the_way
        .extend(pulled.map(|it| Obstacle::NoFate { drive: it.name.clone(), bag: it.bag.clone() }));
    let end = if lot.returned.contains_key(&subject) {
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

/// Drives that are out of this.
fn out_of<'a>(lot: &'a Lot, subject: &Subject) -> impl Iterator<Item = &'a PulledDrive> {
    let subject = *subject;
    lot.pulled.iter().filter(move |drive| drive.from == subject && drive.is_out())
}

fn item_standing(lot: &Lot, item: &Item) -> (End, Vec<Obstacle>) {
    let subject = Subject::Item(item.id);
    let empty = lot.looked_inside.contains(&subject);
    let pulled = out_of(lot, &subject).next().is_some();
    // Somebody had it open: either the drive that came out was the only one, or there was none.
    let obstacles = if empty || pulled { Vec::new() } else { vec![Obstacle::DrivesInside] };
    (End::Pulled, obstacles)
}

fn machine_standing(lot: &Lot, machine: &Machine) -> (End, Vec<Obstacle>) {
    let subject = Subject::Machine(machine.id);
    let out: BTreeSet<&DriveName> = out_of(lot, &subject).map(|drive| &drive.name).collect();
    let is_out = |drive: &DriveIdentity| out.iter().any(|name| name.fits(drive));
    let drives = machine.drives();
    let mut obstacles = Vec::new();
    for drive in drives.there.iter().filter(|it| !is_out(it)) {
        obstacles.push(Obstacle::DataThere { drive: drive.to_string() });
    }
    for drive in drives.lost.iter().filter(|it| !is_out(it)) {
        obstacles.push(Obstacle::DriveGone { drive: drive.to_string() });
    }
    let looked = lot.looked_inside.contains(&subject);
    // One that is in sight and gives no name is there, whatever a person says, unless some drive was taken out since.
    let taken_out = looked && !out.is_empty();
    for label in drives.unidentified.iter().filter(|_| !taken_out) {
        obstacles.push(Obstacle::DataThere { drive: label.clone() });
    }
    for controller in drives.hidden.iter().filter(|_| !looked) {
        obstacles.push(Obstacle::Hidden { controller: controller.clone() });
    }
    let erased = drives.gone.iter().any(|it| !is_out(it));
    let nothing = !erased && obstacles.is_empty();
    if nothing && out.is_empty() && !looked {
        obstacles.push(Obstacle::NoDriveSeen);
    }
    if erased && obstacles.is_empty() && !machine.was_worked_on() {
        obstacles.push(Obstacle::Unfinished);
    }
    (if erased { End::Erased } else { End::Pulled }, obstacles)
}
