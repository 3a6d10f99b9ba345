//! What people did: an index of the events that are somebody's, for the log of actions.

use std::collections::BTreeMap;

use protocol::{MachineId, PersonId, PulledId};

use crate::event::{AdmittedHow, Happening};
use crate::lots::LotEvent;
use crate::lots::step::{Fate, LotStep, Subject};

/// Events by which people act, in order; grows with the journal and holds no more than where they stand in it.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    deeds: Vec<Deed>,
    /// Out of which machine the drives in bags came.
    bags: BTreeMap<PulledId, MachineId>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deed {
    /// Index of the event, from 0.
    pub(crate) index: u64,
    /// Whose it is; none where the coordinator acted by itself, or nobody knows who tried.
    pub(crate) person: Option<PersonId>,
    /// The machine it is about, if it is about one.
    pub(crate) machine: Option<MachineId>,
}

/// Which deeds are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Only of this person.
    pub(crate) person: Option<PersonId>,
    /// Only about this machine.
    pub(crate) machine: Option<MachineId>,
    /// Only before the event of this index.
    pub(crate) before: Option<u64>,
}

impl Deeds {
    /// Notes an event, if it is somebody's.
    pub(crate) fn note(&mut self, index: u64, happening: &Happening) {
        if let Happening::Lot(LotEvent { what, .. }) = happening
            && let LotStep::DrivePulled { drive, from: Subject::Machine(machine), .. } = what
        {
            self.bags.insert(*drive, *machine);
        }
        if let Some((person, machine)) = whose(happening) {
            let machine = machine.or_else(|| self.about_a_bag(happening));
            self.deeds.push(Deed { index, person, machine });
        }
    }

    /// The machine that a drive in a bag came out of, or was sanitized in.
    fn about_a_bag(&mut self, happening: &Happening) -> Option<MachineId> {
        let Happening::Lot(LotEvent { what: LotStep::Fate { drive, fate }, .. }) = happening else {
            return None;
        };
        let dock = match fate {
            Fate::SanitizedIn { machine } => Some(*machine),
            _ => None,
        };
        self.bags.get(drive).copied().or(dock)
    }

    /// The latest deeds that are wanted, the last one first, and whether there are older ones.
    pub(crate) fn latest(&self, wanted: Wanted, most: usize) -> (Vec<Deed>, bool) {
        let Wanted { person, machine, before } = wanted;
        let end = before
            .map_or(self.deeds.len(), |before| self.deeds.partition_point(|it| it.index < before));
        let fits = |deed: &&Deed| {
            person.is_none_or(|person| deed.person == Some(person))
                && machine.is_none_or(|machine| deed.machine == Some(machine))
        };
        let mut found: Vec<_> =
            self.deeds[..end].iter().rev().filter(fits).take(most + 1).copied().collect();
        let more = found.len() > most;
        found.truncate(most);
        (found, more)
    }
}

/// Who did this and to which machine; nothing where nobody did. Every kind of event stands here, so that a new one is
/// not forgotten.
fn whose(happening: &Happening) -> Option<(Option<PersonId>, Option<MachineId>)> {
    match happening {
        Happening::ConflictSettled { machine, by, .. }
        | Happening::HoldAsked { machine, by }
        | Happening::HoldReleased { machine, by }
        | Happening::Looked { machine, by, .. }
        | Happening::CertificateExported { machine, by }
        | Happening::Admitted {
            machine,
            how: AdmittedHow::Picked { by } | AdmittedHow::Continued { by },
            ..
        } => Some((Some(*by), Some(*machine))),
        Happening::Lot(LotEvent { by, what, .. }) => {
            let machine = match what {
                LotStep::Received { machine, .. } | LotStep::NotOfThisLot { machine, .. } => {
                    Some(*machine)
                }
                LotStep::RowAssigned { subject, .. }
                | LotStep::DrivePulled { from: subject, .. }
                | LotStep::SwappedIn { subject, .. }
                | LotStep::NothingElseInside { subject, .. }
                | LotStep::Returned { subject, .. }
                | LotStep::NotReturned { subject, .. } => match subject {
                    Subject::Machine(machine) => Some(*machine),
                    Subject::Item(_) => None,
                },
                LotStep::Opened { .. }
                | LotStep::RegisterImported { .. }
                | LotStep::PolicyAccepted { .. }
                | LotStep::NothingUnique { .. }
                | LotStep::TakenIn { .. }
                | LotStep::Fate { .. }
                | LotStep::Closed { .. }
                | LotStep::Reopened { .. } => None,
            };
            Some((Some(*by), machine))
        }
        Happening::PersonForgotten { by, .. } => Some((Some(*by), None)),
        Happening::ModelJudged { by, .. }
        | Happening::Panicked { by, .. }
        | Happening::PanicOver { by, .. }
        | Happening::BatchArmed { by, .. }
        | Happening::BatchDisarmed { by, .. }
        | Happening::LockAdopted { by, .. }
        | Happening::KeyRotated { by, .. }
        | Happening::Protected { by, .. }
        | Happening::Unprotected { by, .. }
        | Happening::ClockAccepted { by, .. } => Some((Some(*by), None)),
        Happening::LoggedIn { person } | Happening::LoggedOut { person } => {
            Some((Some(*person), None))
        }
        Happening::UserAdded { by, .. }
        | Happening::UserChanged { by, .. }
        | Happening::UserRemoved { by, .. } => Some((*by, None)),
        Happening::LoginsRefused { .. } => Some((None, None)),
        Happening::Founded { .. }
        | Happening::MachineSeen { .. }
        | Happening::FirstOfModel { .. }
        | Happening::IdentityConflict { .. }
        | Happening::Enrolled { .. }
        | Happening::Admitted { .. }
        | Happening::AttentionNeeded { .. }
        | Happening::PlanRefused { .. }
        | Happening::TicketIssued { .. }
        | Happening::DrivePasswordGiven { .. }
        | Happening::AgentRecord { .. }
        | Happening::PersonNamed { .. }
        | Happening::Booted { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use protocol::LotId;

    use super::*;
    use crate::drive_name::DriveName;

    #[test]
    fn what_is_said_of_a_machine_or_its_drive_stands_under_the_machine() {
        let [mine, other] = [1, 2].map(|n| MachineId::from_bytes([n; 16]));
        let subject = Subject::Machine(mine);
        let (drive, because) = (PulledId::from_bytes([3; 16]), "so".to_owned());
        let name = DriveName { model: "Example SSD".into(), serial: "S1".into() };
        let reference = because.clone();
        let steps = [
            LotStep::DrivePulled {
                drive,
                from: subject,
                name: name.clone(),
                bag: "1".into(),
                because: because.clone(),
            },
            LotStep::Fate { drive, fate: Fate::SanitizedIn { machine: other } },
            LotStep::RowAssigned {
                subject,
                row: register::RowNumber(1.try_into().unwrap()),
                because: because.clone(),
            },
            LotStep::SwappedIn { subject, name, because: because.clone() },
            LotStep::NothingElseInside { subject, because: because.clone() },
            LotStep::Returned { subject, reference },
            LotStep::NotReturned { subject, because: because.clone() },
            LotStep::Received { machine: mine, because },
        ];
        let (lot, by) = (LotId::from_bytes([1; 16]), PersonId::from_bytes([9; 16]));
        let mut deeds = Deeds::default();
        for (index, what) in (0..).zip(steps.clone()) {
            deeds.note(index, &Happening::Lot(LotEvent { lot, by, what }));
        }
        let of = |machine| Wanted { machine: Some(machine), ..Wanted::default() };
        assert_eq!(deeds.latest(of(mine), 100).0.len(), steps.len());
        assert!(deeds.latest(of(other), 100).0.is_empty());
    }

    #[test]
    fn the_latest_come_first_by_person_and_by_machine_a_page_at_a_time() {
        let person = |n| PersonId::from_bytes([n; 16]);
        let machine = |n| MachineId::from_bytes([n; 16]);
        let mut deeds = Deeds::default();
        for index in 0..40_u64 {
            let n = u8::try_from(index % 4).unwrap();
            deeds.note(
                index,
                &match n {
                    0 => Happening::LoggedIn { person: person(1) },
                    1 => Happening::HoldAsked { machine: machine(1), by: person(2) },
                    2 => Happening::HoldAsked { machine: machine(2), by: person(1) },
                    _ => {
                        Happening::AttentionNeeded { machine: machine(1), sentence: String::new() }
                    }
                },
            );
        }
        let indices = |wanted, most| {
            let (found, more) = deeds.latest(wanted, most);
            (found.iter().map(|deed| deed.index).collect::<Vec<_>>(), more)
        };
        assert_eq!(indices(Wanted::default(), 3), (vec![38, 37, 36], true));
        let next = Wanted { before: Some(36), ..Wanted::default() };
        assert_eq!(indices(next, 2), (vec![34, 33], true));
        let ola = Wanted { person: Some(person(2)), ..Wanted::default() };
        assert_eq!(indices(ola, 100).0.len(), 10);
        let both = Wanted { machine: Some(machine(2)), ..ola };
        assert_eq!(indices(both, 100), (vec![], false));
        let second = Wanted { machine: Some(machine(2)), before: Some(5), ..Wanted::default() };
        assert_eq!(indices(second, 100), (vec![2], false));
    }
}
