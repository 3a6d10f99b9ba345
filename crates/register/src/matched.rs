//! The register joined with the bench: which row is which machine, and where that cannot be said.
//!
//! Rows and machines are joined by equal serial numbers. A group of more than one row or more than one machine is
//! ambiguous as a whole: to settle a part of it would be a guess about the rest.

use std::collections::{BTreeMap, BTreeSet};

use protocol::MachineId;
use serde::{Deserialize, Serialize};

use crate::model::{makers_contradict, models_contradict};
use crate::place::RowNumber;
use crate::row::{AssetRow, Text};
use crate::serial::{Lookalike, SerialNumber};

/// What a bench knows of a machine, as the machine says it (SMBIOS types 1 to 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who it is to the coordinator.
    pub id: MachineId,
    /// The system's serial number.
    pub system_serial: Option<String>,
    /// The board's.
    pub board_serial: Option<String>,
    /// The chassis'.
    pub chassis_serial: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Product name and version.
    pub model: Option<String>,
}

/// Which of a machine's serial numbers it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerialField {
    /// The system's, as on the label.
    System,
    /// The board's.
    Board,
    /// The chassis'.
    Chassis,
}

/// Every row and every machine, each in one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matches {
    /// What became of each row.
    pub rows: BTreeMap<RowNumber, RowOutcome>,
    /// What became of each machine.
    pub machines: BTreeMap<MachineId, MachineOutcome>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum RowOutcome {
    /// It is this machine.
    Matched(Link),
    /// Its serial number is this machine's, but the register describes another.
    Conflicting {
        /// By what they belong together.
        link: Link,
        /// What speaks against it.
        contradictions: Vec<Contradiction>,
    },
    /// It is one of several, or one of several is it.
    Ambiguous(Tangle),
    /// No machine like it was seen.
    Missing {
        /// Why.
        why: WhyMissing,
        /// Unknown machines whose serial number looks much like its own.
        resembles: Vec<MachineId>,
    },
}

/// What became of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum MachineOutcome {
    /// It is this row.
    Matched(Link),
    /// Its serial number is in this row, which describes another.
    Conflicting {
        /// By what they belong together.
        link: Link,
        /// What speaks against it.
        contradictions: Vec<Contradiction>,
    },
    /// It is one of several, or one of several is it.
    Ambiguous(Tangle),
    /// It is not in the register.
    Unknown {
        /// Why.
        why: WhyUnknown,
        /// Missing rows whose serial number looks much like one of its own.
        resembles: Vec<RowNumber>,
    },
}

/// A row and a machine, and the serial number that joins them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The row.
    pub row: RowNumber,
    /// The machine.
    pub machine: MachineId,
    /// Where the machine has the row's serial number; where it has it more than once, the first.
    pub by: SerialField,
}

/// Rows and machines among which equal serial numbers do not say who is who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tangle {
    /// All its rows.
    pub rows: BTreeSet<RowNumber>,
    /// All its machines.
    pub machines: BTreeSet<MachineId>,
}

/// What a row and a machine with one serial number disagree about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case")]
pub enum Contradiction {
    /// The maker.
    Manufacturer {
        /// What the register says.
        register: String,
        /// What the machine says.
        machine: String,
    },
    /// The model.
    Model {
        /// What the register says.
        register: String,
        /// What the machine says.
        machine: String,
    },
}

/// Why a row has no machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyMissing {
    /// No machine with its serial number was seen.
    NotSeen,
    /// It has no serial number to be matched by.
    NoSerial,
}

/// Why a machine has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyUnknown {
    /// None of its serial numbers is in the register.
    NotInRegister,
    /// It has none that tells machines apart, only placeholders.
    NoSerial,
}

type Serials = BTreeMap<SerialNumber, SerialField>;

/// Joins rows with machines. The order of neither matters. Several `seen` of one id are one machine; several rows of
/// one number, which [`crate::rows`] never gives, are one row.
pub fn matched(rows: &[AssetRow], seen: &[Seen]) -> Matches {
    let mut machines: BTreeMap<MachineId, Machine<'_>> = BTreeMap::new();
    for it in seen {
        machines.entry(it.id).or_default().add(it);
    }
    let rows: BTreeMap<RowNumber, Vec<&AssetRow>> =
        rows.iter().fold(BTreeMap::new(), |mut all: BTreeMap<_, Vec<_>>, row| {
            all.entry(row.row).or_default().push(row);
            all
        });
    let links = links(&rows, &machines);
    let mut matches = Matches { rows: BTreeMap::new(), machines: BTreeMap::new() };
    for tangle in tangles(&links) {
        place_tangle(tangle, &links, &rows, &machines, &mut matches);
    }
    place_rest(&rows, &machines, &mut matches);
    matches
}

/// All that was seen under one id.
#[derive(Debug, Default)]
struct Machine<'a> {
    seen: Vec<&'a Seen>,
    serials: Serials,
}

impl<'a> Machine<'a> {
    fn add(&mut self, seen: &'a Seen) {
        self.seen.push(seen);
        let fields = [
            (SerialField::System, &seen.system_serial),
            (SerialField::Board, &seen.board_serial),
            (SerialField::Chassis, &seen.chassis_serial),
        ];
        for (field, text) in fields {
            let Some(serial) = text.as_deref().and_then(SerialNumber::parse) else { continue };
            self.serials.entry(serial).and_modify(|it| *it = field.min(*it)).or_insert(field);
        }
    }
}

fn links(
    rows: &BTreeMap<RowNumber, Vec<&AssetRow>>,
    machines: &BTreeMap<MachineId, Machine<'_>>,
) -> Vec<Link> {
    let mut by_serial: BTreeMap<&SerialNumber, Vec<(MachineId, SerialField)>> = BTreeMap::new();
    for (id, machine) in machines {
        for (serial, field) in &machine.serials {
            by_serial.entry(serial).or_default().push((*id, *field));
        }
    }
    let mut links = BTreeMap::new();
    for row in rows.values().flatten() {
        let found = row.serial.as_ref().and_then(|serial| by_serial.get(serial));
        for (machine, by) in found.into_iter().flatten() {
            let field = links.entry((row.row, *machine)).or_insert(*by);
            *field = (*field).min(*by);
        }
    }
    links.into_iter().map(|((row, machine), by)| Link { row, machine, by }).collect()
}

/// The groups in which each row and machine is linked to another of the group, directly or by others.
fn tangles(links: &[Link]) -> Vec<Tangle> {
    let mut tangles: Vec<Tangle> = Vec::new();
    let (mut by_row, mut by_machine) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for link in links {
        by_row.entry(link.row).or_default().push(link.machine);
        by_machine.entry(link.machine).or_default().push(link.row);
    }
    let mut placed = BTreeSet::new();
    for first in by_row.keys() {
        let mut tangle = Tangle { rows: BTreeSet::new(), machines: BTreeSet::new() };
        let mut next = vec![*first];
        while let Some(row) = next.pop() {
            if !placed.insert(row) {
                continue;
            }
            tangle.rows.insert(row);
            for machine in by_row.get(&row).into_iter().flatten() {
                if tangle.machines.insert(*machine) {
                    next.extend(by_machine.get(machine).into_iter().flatten());
                }
            }
        }
        if !tangle.rows.is_empty() {
            tangles.push(tangle);
        }
    }
    tangles
}

fn place_tangle(
    tangle: Tangle,
    links: &[Link],
    rows: &BTreeMap<RowNumber, Vec<&AssetRow>>,
    machines: &BTreeMap<MachineId, Machine<'_>>,
    matches: &mut Matches,
) {
    let is_pair = tangle.rows.len() == 1 && tangle.machines.len() == 1;
    let link = links.iter().find(|link| is_pair && tangle.rows.contains(&link.row));
    let Some(link) = link else {
        let row = |row: &RowNumber| (*row, RowOutcome::Ambiguous(tangle.clone()));
        let machine = |id: &MachineId| (*id, MachineOutcome::Ambiguous(tangle.clone()));
        matches.rows.extend(tangle.rows.iter().map(row));
        matches.machines.extend(tangle.machines.iter().map(machine));
        return;
    };
    let seen = machines.get(&link.machine).map(|it| it.seen.as_slice()).unwrap_or_default();
    let assets = rows.get(&link.row).map(Vec::as_slice).unwrap_or_default();
    let pairs = assets.iter().flat_map(|asset| seen.iter().map(move |seen| (asset, seen)));
    let found: BTreeSet<Contradiction> =
        pairs.flat_map(|(asset, seen)| contradictions(asset, seen)).collect();
    let contradictions: Vec<Contradiction> = found.into_iter().collect();
    let link = link.clone();
    let (row, machine) = (link.row, link.machine);
    if contradictions.is_empty() {
        matches.rows.insert(row, RowOutcome::Matched(link.clone()));
        matches.machines.insert(machine, MachineOutcome::Matched(link));
    } else {
        let outcome =
            RowOutcome::Conflicting { link: link.clone(), contradictions: contradictions.clone() };
        matches.rows.insert(row, outcome);
        matches.machines.insert(machine, MachineOutcome::Conflicting { link, contradictions });
    }
}

/// What the two say of maker and model that cannot both be true. A model's name often holds the maker's.
fn contradictions(row: &AssetRow, seen: &Seen) -> Vec<Contradiction> {
    let joined = |a: Option<&str>, b: Option<&str>| {
        let said: Vec<&str> = a.into_iter().chain(b).collect();
        said.join(" ")
    };
    let register =
        joined(row.manufacturer.as_ref().map(Text::as_str), row.model.as_ref().map(Text::as_str));
    let machine = joined(seen.manufacturer.as_deref(), seen.model.as_deref());
    let mut found = Vec::new();
    if makers_contradict(&register, &machine) {
        let (register, machine) = (register.clone(), machine.clone());
        found.push(Contradiction::Manufacturer { register, machine });
    }
    if models_contradict(&register, &machine) {
        found.push(Contradiction::Model { register, machine });
    }
    found
}

/// Rows and machines without a link: missing and unknown.
fn place_rest(
    rows: &BTreeMap<RowNumber, Vec<&AssetRow>>,
    machines: &BTreeMap<MachineId, Machine<'_>>,
    matches: &mut Matches,
) {
    let missing: Vec<(RowNumber, Vec<&SerialNumber>)> = rows
        .iter()
        .filter(|(row, _)| !matches.rows.contains_key(row))
        .map(|(row, assets)| (*row, assets.iter().filter_map(|it| it.serial.as_ref()).collect()))
        .collect();
    let unknown: Vec<(MachineId, &Serials)> = machines
        .iter()
        .filter(|(id, _)| !matches.machines.contains_key(id))
        .map(|(id, machine)| (*id, &machine.serials))
        .collect();
    let (mut machines_like, mut rows_like) = (BTreeMap::new(), BTreeMap::new());
    for (row, machine) in alike(&missing, &unknown) {
        machines_like.entry(row).or_insert_with(Vec::new).push(machine);
        rows_like.entry(machine).or_insert_with(Vec::new).push(row);
    }
    for (row, serials) in &missing {
        let why = if serials.is_empty() { WhyMissing::NoSerial } else { WhyMissing::NotSeen };
        let resembles = machines_like.remove(row).unwrap_or_default();
        matches.rows.insert(*row, RowOutcome::Missing { why, resembles });
    }
    for (id, machine) in &unknown {
        let why = if machine.is_empty() { WhyUnknown::NoSerial } else { WhyUnknown::NotInRegister };
        let resembles = rows_like.remove(id).unwrap_or_default();
        matches.machines.insert(*id, MachineOutcome::Unknown { why, resembles });
    }
}

/// Rows and machines with serial numbers that look much alike. Each serial number is looked at once, and compared only
/// with those that end alike: ten thousand rows and some hundred machines are reckoned at each step of a person.
fn alike(
    missing: &[(RowNumber, Vec<&SerialNumber>)],
    unknown: &[(MachineId, &Serials)],
) -> BTreeSet<(RowNumber, MachineId)> {
    let mut by_ending: BTreeMap<String, Vec<(MachineId, &SerialNumber, Lookalike)>> =
        BTreeMap::new();
    for (id, serials) in unknown {
        for serial in serials.keys() {
            let look = serial.lookalike();
            by_ending.entry(look.ending().to_owned()).or_default().push((*id, serial, look));
        }
    }
    let mut alike = BTreeSet::new();
    for (row, serials) in missing {
        for serial in serials {
            let look = serial.lookalike();
            for (id, other, other_look) in by_ending.get(look.ending()).into_iter().flatten() {
                if serial != other && look.resembles(other_look) {
                    alike.insert((*row, *id));
                }
            }
        }
    }
    alike
}
