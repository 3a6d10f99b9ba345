//! What a person wants of a lot is decided here. Pure.

use std::collections::BTreeSet;

use protocol::{ItemId, JobKind, LotId, MachineNumber, PersonId, Policy, PulledId, Sha256Digest};
use register::{AssetNumber, AssetRow, Mapping, RowNumber, SerialNumber};

use super::LotError;
use super::claim::{Claims, answers, is_sure, is_worked_on, other_lot};
use super::error::MAX_TEXT;
use super::lot::{Lot, PulledDrive};
use super::reckoning::{Reckoning, is_sanitized, reckon};
use super::step::{Fate, LotEvent, LotStep, Subject, Sums};
use crate::bench::{Batch, Bench, Machine};
use crate::drive_name::DriveName;
use crate::event::Happening;

/// What a person points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pointed {
    /// A machine, by its number.
    Machine(MachineNumber),
    /// A laptop that was taken in by hand.
    Item(ItemId),
}

/// A person's decision about an open lot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    bench: &'a Bench,
    lot: &'a Lot,
    by: PersonId,
}

type Decided = Result<Vec<Happening>, LotError>;

/// Opens a lot.
pub(crate) fn open(id: LotId, by: PersonId, owner: &str, reference: &str) -> Decided {
    let owner = line(owner, "whose it is, with --owner")?;
    let what = LotStep::Opened { owner, reference: maybe(reference, "the paper")? };
    Ok(vec![Happening::Lot(LotEvent { lot: id, by, what })])
}

/// Opens a closed lot again.
pub(crate) fn reopen(bench: &Bench, id: LotId, by: PersonId, because: &str) -> Decided {
    let lot = bench.lot(&id).ok_or(LotError::NoLot(id))?;
    if lot.is_open() {
        return Err(LotError::NotClosed(id));
    }
    let what = LotStep::Reopened { because: reason(because)? };
    Ok(vec![Happening::Lot(LotEvent { lot: id, by, what })])
}

/// The lot that is meant: the named one, or the only open one.
pub(crate) fn which(bench: &Bench, named: Option<LotId>) -> Result<&Lot, LotError> {
    if let Some(id) = named {
        return bench.lot(&id).ok_or(LotError::NoLot(id));
    }
    let open: Vec<_> = bench.lots().filter(|lot| lot.is_open()).collect();
    match open[..] {
        [] => Err(LotError::NoneOpen),
        [lot] => Ok(lot),
        _ => Err(LotError::SeveralOpen(open.len())),
    }
}

/// Whether a batch of this work under this policy may be armed for the lot. What writes nothing asks for no paper: the
/// owner accepts how data is destroyed, and states that nothing is lost by it.
pub(crate) fn may_arm(lot: &Lot, policy: &Policy, job: &JobKind) -> Result<(), LotError> {
    if let Some(closed) = closed(lot) {
        return Err(closed);
    }
    if !job.writes() {
        return Ok(());
    }
    match &lot.accepted {
        Some(accepted) if accepted.policy == *policy => {}
        accepted => {
            let other = accepted.as_ref().map(|it| match it.policy.name == policy.name {
                true => format!(", but an older {:?}", it.policy.name),
                false => format!(", but {:?}", it.policy.name),
            });
            return Err(LotError::NotAccepted {
                lot: lot.id,
                wanted: policy.name.clone(),
                other: other.unwrap_or_default(),
            });
        }
    }
    lot.stated.as_ref().map(|_| ()).ok_or(LotError::NotStated(lot.id))
}

fn closed(lot: &Lot) -> Option<LotError> {
    (!lot.is_open()).then(|| LotError::Closed { lot: lot.id, owner: lot.owner.clone() })
}

impl<'a> Desk<'a> {
    /// A decision about a lot, which must be open.
    pub(crate) fn at(bench: &'a Bench, id: LotId, by: PersonId) -> Result<Self, LotError> {
        let lot = bench.lot(&id).ok_or(LotError::NoLot(id))?;
        closed(lot).map_or(Ok(Self { bench, lot, by }), Err)
    }

    fn step(&self, what: LotStep) -> Decided {
        Ok(vec![Happening::Lot(LotEvent { lot: self.lot.id, by: self.by, what })])
    }

    /// A paper of the owner: acceptance or statement, which say for themselves. What is armed under a policy that the
    /// owner accepts no more ends.
    pub(crate) fn paper(&self, mut what: LotStep) -> Decided {
        let mut accepted = None;
        match &mut what {
            LotStep::PolicyAccepted { reference, policy, .. } => {
                *reference = maybe(reference, "the paper")?;
                accepted = Some(policy.clone());
            }
            LotStep::NothingUnique { reference, .. } => *reference = maybe(reference, "the paper")?,
            _ => {}
        }
        let mut happenings = self.step(what)?;
        if let Some(policy) = accepted {
            let open =
                self.open_batches().filter(|it| it.job.kind.writes() && it.job.policy != policy);
            happenings
                .extend(open.map(|it| Happening::BatchDisarmed { batch: it.id, by: self.by }));
        }
        Ok(happenings)
    }

    fn open_batches(&self) -> impl Iterator<Item = &'a Batch> {
        let lot = self.lot.id;
        self.bench.batches().filter(move |it| it.lot == Some(lot) && !it.disarmed)
    }

    /// Takes the owner's register.
    pub(crate) fn import(
        &self,
        file: Sha256Digest,
        mapping: Mapping,
        rows: Vec<AssetRow>,
    ) -> Decided {
        // Whoever read the file may be a program of somebody else.
        if let Some(problem) = register::check_assets(&rows).first() {
            return Err(LotError::Register(problem.to_string()));
        }
        self.step(LotStep::RegisterImported { file, mapping, rows })
    }

    /// A machine that was seen belongs to the lot.
    pub(crate) fn receive(&self, number: MachineNumber, because: &str) -> Decided {
        let machine = self.machine(number)?;
        // That another lot's register has it is no reason: an owner may give the whole register with each lot.
        let mut others = self.bench.lots().filter(|it| it.is_open() && it.id != self.lot.id);
        if let Some(other) = others.find(|it| is_sure(self.bench, it, &machine.id)) {
            return Err(LotError::NotOurs { number, why: answers(other) });
        }
        self.step(LotStep::Received { machine: machine.id, because: reason(because)? })
    }

    /// A machine that was seen does not.
    pub(crate) fn refuse(&self, number: MachineNumber, because: &str) -> Decided {
        let machine = self.machine(number)?;
        if is_worked_on(self.bench, self.lot, &machine.id) {
            let why = "a batch of this lot worked on it, so it answers for it".to_owned();
            return Err(LotError::Ours { number, why });
        }
        let from = Subject::Machine(machine.id);
        if let Some(it) = self.lot.pulled.iter().find(|it| it.from == from && it.is_out()) {
            let why = format!("bag {} holds a drive of it; put that back first", it.bag);
            return Err(LotError::Ours { number, why });
        }
        self.step(LotStep::NotOfThisLot { machine: machine.id, because: reason(because)? })
    }

    /// A laptop that never boots is taken in.
    pub(crate) fn take_in(
        &self,
        item: ItemId,
        serial: &str,
        asset: &str,
        because: &str,
    ) -> Decided {
        let (serial, asset) =
            (maybe(serial, "its serial number")?, maybe(asset, "its asset number")?);
        let (serial, asset) = (SerialNumber::parse(&serial), AssetNumber::parse(&asset));
        if serial.is_none() && asset.is_none() {
            return Err(LotError::Nameless);
        }
        let twin = self.lot.items.iter().find(|it| {
            (serial.is_some() && it.serial == serial) || (asset.is_some() && it.asset == asset)
        });
        if let Some(twin) = twin {
            let name = serial.map_or_else(String::new, |it| it.as_str().to_owned());
            return Err(LotError::Twice(name, format!("item {}", twin.id)));
        }
        let seen = serial.as_ref().and_then(|serial| {
            let claims = Claims::of(self.bench);
            // One that a closed lot answered for, and that has not booted since, may have died meanwhile.
            let is_here = |it: &&Machine| {
                let open = other_lot(self.bench, Some(self.lot.id), Some(&it.id), &it.identity);
                open.is_some() || !claims.is_elsewhere(self.lot, it)
            };
            let parts = |it: &&Machine| {
                let who = &it.identity;
                let serials = [&who.system_serial, &who.board_serial, &who.chassis_serial];
                serials
                    .into_iter()
                    .flatten()
                    .any(|it| SerialNumber::parse(it).as_ref() == Some(serial))
            };
            self.bench.machines().filter(parts).find(is_here)
        });
        if let (Some(machine), Some(serial)) = (seen, &serial) {
            let place = format!("machine {}, which has booted", machine.number);
            return Err(LotError::Twice(serial.as_str().to_owned(), place));
        }
        let because = line(because, "why it cannot be seen by itself, with --because")?;
        self.step(LotStep::TakenIn { item, serial, asset, because })
    }

    /// What was received is this row.
    pub(crate) fn assign(&self, pointed: Pointed, row: RowNumber, because: &str) -> Decided {
        let subject = self.subject(pointed)?;
        self.is_ours(pointed, &subject, Claims::is_candidate)?;
        self.lot.row(row).ok_or(LotError::NoRow(row))?;
        self.step(LotStep::RowAssigned { subject, row, because: reason(because)? })
    }

    /// A drive was taken out.
    pub(crate) fn pull(&self, drive: PulledId, out: &Pull) -> Decided {
        let from = self.received(out.from)?;
        let name = self.known_name(&from, drive_name(&out.model, &out.serial)?);
        let bag = line(&out.bag, "the number of the bag, with --bag")?;
        if let Some(other) = self.lot.pulled.iter().find(|it| it.bag == bag && it.is_out()) {
            return Err(LotError::BagTaken { bag, name: other.name.clone() });
        }
        let twin = |it: &&PulledDrive| it.name == name && it.is_out();
        let n_twins = self.lot.pulled.iter().filter(twin).count();
        if let Some(other) =
            self.lot.pulled.iter().find(twin).filter(|_| n_twins >= self.namesakes(&from, &name))
        {
            return Err(LotError::Twice(name.to_string(), format!("bag {}", other.bag)));
        }
        let because = reason(&out.because)?;
        self.step(LotStep::DrivePulled { drive, from, name, bag, because })
    }

    /// What became of the drive in a bag.
    pub(crate) fn fate(&self, bag: &str, end: &End) -> Decided {
        let mut drives = self.lot.pulled.iter().rev();
        let drive = drives.find(|it| it.bag == bag.trim() && it.is_out());
        let drive = drive.ok_or_else(|| LotError::NoDrive(bag.chars().take(40).collect()))?;
        let fate = match end {
            End::Destroyed { how, reference } => Fate::Destroyed {
                how: line(how, "how it was destroyed, with --how")?,
                reference: maybe(reference, "the paper")?,
            },
            End::Returned { reference } => Fate::Returned {
                reference: line(
                    reference,
                    "which paper says so, with --reference and without names of people",
                )?,
            },
            End::PutBack { because } => Fate::PutBack { because: reason(because)? },
            End::SanitizedIn { number } => {
                let machine = self.machine(*number)?;
                let accepted = self.lot.accepted.as_ref();
                let under = |policy: &Policy| accepted.is_some_and(|it| it.policy == *policy);
                if !is_sanitized(self.bench, machine, drive, under) {
                    let done = machine.done().iter().flat_map(|it| it.drives.keys());
                    let proven: Vec<_> = done.map(ToString::to_string).collect();
                    let proven = if proven.is_empty() { "none".into() } else { proven.join(", ") };
                    let (number, name) = (*number, drive.name.clone());
                    return Err(LotError::NotSanitized { number, name, proven });
                }
                Fate::SanitizedIn { machine: machine.id }
            }
        };
        self.step(LotStep::Fate { drive: drive.id, fate })
    }

    /// A drive was put in.
    pub(crate) fn swap(
        &self,
        pointed: Pointed,
        model: &str,
        serial: &str,
        because: &str,
    ) -> Decided {
        let subject = self.received(pointed)?;
        let name = drive_name(model, serial)?;
        self.step(LotStep::SwappedIn { subject, name, because: reason(because)? })
    }

    /// Somebody looked inside.
    pub(crate) fn nothing_inside(&self, pointed: Pointed, because: &str) -> Decided {
        let subject = self.received(pointed)?;
        self.step(LotStep::NothingElseInside { subject, because: reason(because)? })
    }

    /// It went back to the owner.
    pub(crate) fn give_back(&self, pointed: Pointed, reference: &str) -> Decided {
        let subject = self.received(pointed)?;
        let reference =
            line(reference, "which paper says so, with --reference and without names of people")?;
        self.step(LotStep::Returned { subject, reference })
    }

    /// It did not, after all.
    pub(crate) fn not_given_back(&self, pointed: Pointed, because: &str) -> Decided {
        let subject = self.subject(pointed)?;
        if !self.lot.returned.contains_key(&subject) {
            return Err(LotError::NotReturned);
        }
        self.step(LotStep::NotReturned { subject, because: reason(because)? })
    }

    /// Closes the lot, if everything received has an end and the person counted the same.
    pub(crate) fn close(&self, said: Sums, said_missing: usize, because: &str) -> Decided {
        let reckoning = reckon(self.bench, self.lot);
        if let Some(why) = in_the_way(self.bench, &reckoning) {
            return Err(LotError::InTheWay { lot: self.lot.id, why });
        }
        let (is, missing) = (reckoning.sums, reckoning.missing());
        if said != is || said_missing != missing.len() {
            let is_missing = missing.len();
            return Err(LotError::Miscounted { said, said_missing, is, is_missing });
        }
        let because = match missing.is_empty() {
            true => maybe(because, "the remark")?,
            false => line(because, "what became of the missing ones, with --because")?,
        };
        let open = self.open_batches();
        let mut happenings: Vec<_> =
            open.map(|it| Happening::BatchDisarmed { batch: it.id, by: self.by }).collect();
        let what = LotStep::Closed { sums: is, missing, because };
        happenings.push(Happening::Lot(LotEvent { lot: self.lot.id, by: self.by, what }));
        Ok(happenings)
    }

    /// A label is often shorter than what the drive says: where the serial number is that of a drive that was seen in this
    /// machine, it is that drive.
    fn known_name(&self, from: &Subject, typed: DriveName) -> DriveName {
        let Subject::Machine(id) = from else { return typed };
        let Some(machine) = self.bench.machine(id) else { return typed };
        let known = machine.ever().map(|(drive, _)| drive);
        let known = known.filter(|it| it.serial.eq_ignore_ascii_case(&typed.serial));
        // One drive may have been seen in two sizes.
        let names: BTreeSet<_> = known.map(DriveName::of).collect();
        match (names.first(), names.len()) {
            (Some(name), 1) => name.clone(),
            _ => typed,
        }
    }

    /// How many drives of this name the thing may hold: they differ in their World Wide Names.
    fn namesakes(&self, from: &Subject, name: &DriveName) -> usize {
        let Subject::Machine(id) = from else { return 1 };
        let ever = self.bench.machine(id).into_iter().flat_map(Machine::ever);
        let named = ever.map(|(drive, _)| drive).filter(|drive| name.fits(drive));
        named.filter_map(|drive| drive.wwn.as_ref()).collect::<BTreeSet<_>>().len().max(1)
    }

    fn machine(&self, number: MachineNumber) -> Result<&'a Machine, LotError> {
        self.bench.numbered(number).ok_or(LotError::NoMachine(number))
    }

    fn subject(&self, pointed: Pointed) -> Result<Subject, LotError> {
        match pointed {
            Pointed::Machine(number) => Ok(Subject::Machine(self.machine(number)?.id)),
            Pointed::Item(item) => {
                self.lot.item(&item).map(|it| Subject::Item(it.id)).ok_or(LotError::NoItem(item))
            }
        }
    }

    /// A thing that counts as received.
    fn received(&self, pointed: Pointed) -> Result<Subject, LotError> {
        let subject = self.subject(pointed)?;
        self.is_ours(pointed, &subject, Claims::is_received)?;
        Ok(subject)
    }

    /// Whether a machine is ours, by how much is asked.
    fn is_ours(
        &self,
        pointed: Pointed,
        subject: &Subject,
        ask: impl Fn(&Claims<'a>, &Bench, &Lot, &Machine) -> bool,
    ) -> Result<(), LotError> {
        let (Pointed::Machine(number), Subject::Machine(id)) = (pointed, subject) else {
            return Ok(());
        };
        let machine = self.bench.machine(id).ok_or(LotError::NoMachine(number))?;
        if ask(&Claims::of(self.bench), self.bench, self.lot, machine) {
            return Ok(());
        }
        let why = "say that it does with `rehome lot receive`".to_owned();
        Err(LotError::NotOurs { number, why })
    }
}

/// A drive that was taken out, as a person says it.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    /// Out of what.
    pub(crate) from: Pointed,
    /// Model, by its label.
    pub(crate) model: String,
    /// Serial number, by its label.
    pub(crate) serial: String,
    /// The number of the bag.
    pub(crate) bag: String,
    /// Why.
    pub(crate) because: String,
}

/// What became of it, as a person says it.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// Destroyed.
    Destroyed { how: String, reference: String },
    /// Sanitized in this machine.
    SanitizedIn { number: MachineNumber },
    /// Returned to the owner.
    Returned { reference: String },
    /// Put back.
    PutBack { because: String },
}

/// What stands in the way of closing, in one sentence; none if nothing does.
pub(crate) fn in_the_way(bench: &Bench, reckoning: &Reckoning) -> Option<String> {
    if reckoning.may_close() {
        return None;
    }
    let number = |subject: &Subject| match subject {
        Subject::Machine(id) => {
            bench.machine(id).map_or_else(String::new, |it| format!("machine {}", it.number))
        }
        Subject::Item(item) => format!("item {item}"),
    };
    let blocked = reckoning.received.iter().filter(|it| it.end.is_none());
    let mut names: Vec<String> = blocked.map(|it| number(&it.subject)).collect();
    let unknown = reckoning.unknown.iter().map(|it| number(&Subject::Machine(it.machine)));
    names.extend(unknown.map(|name| format!("{name} (not in the register)")));
    names.extend(reckoning.stray_bags.iter().map(|bag| format!("the drive in bag {bag}")));
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("{}{more}; `rehome lot show` says why", names.join(", ")))
}

fn drive_name(model: &str, serial: &str) -> Result<DriveName, LotError> {
    let name = DriveName::typed(model, serial)?;
    line(&name.model, "the model, with --model")?;
    line(&name.serial, "the serial number, with --serial")?;
    Ok(name)
}

fn reason(text: &str) -> Result<String, LotError> {
    line(text, "why, with --because")
}

/// A line that must not be empty.
fn line(text: &str, what: &'static str) -> Result<String, LotError> {
    let text = text.trim();
    let fits =
        !text.is_empty() && text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(LotError::Text { what }) }
}

/// A line that may be empty.
fn maybe(text: &str, what: &'static str) -> Result<String, LotError> {
    if text.trim().is_empty() { Ok(String::new()) } else { line(text, what) }
}
