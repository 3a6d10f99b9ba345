//! What people did: an index of the events that are somebody's, for the log of actions.

use protocol::{MachineId, PersonId};

use crate::event::{AdmittedHow, Happening};
use crate::lots::LotEvent;
use crate::lots::step::LotStep;

/// Events by which people act, in order; grows with the journal and holds no more than where they stand in it.
#[derive(Debug, Default)]
pub(crate) struct Deeds(Vec<Deed>);

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
        if let Some((person, machine)) = whose(happening) {
            self.0.push(Deed { index, person, machine });
        }
    }

    /// The latest deeds that are wanted, the last one first, and whether there are older ones.
    pub(crate) fn latest(&self, wanted: Wanted, most: usize) -> (Vec<Deed>, bool) {
        let Wanted { person, machine, before } = wanted;
        let end =
            before.map_or(self.0.len(), |before| self.0.partition_point(|it| it.index < before));
        let fits = |deed: &&Deed| {
            person.is_none_or(|person| deed.person == Some(person))
                && machine.is_none_or(|machine| deed.machine == Some(machine))
        };
        let mut found: Vec<_> =
            self.0[..end].iter().rev().filter(fits).take(most + 1).copied().collect();
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
        | Happening::Admitted { machine, how: AdmittedHow::Picked { by }, .. } => {
            Some((Some(*by), Some(*machine)))
        }
        Happening::Lot(LotEvent { by, what, .. }) => {
            let machine = match what {
                LotStep::Received { machine, .. } | LotStep::NotOfThisLot { machine, .. } => {
                    Some(*machine)
                }
                _ => None,
            };
            Some((Some(*by), machine))
        }
        Happening::PersonForgotten { by, .. } => Some((Some(*by), None)),
        Happening::BatchArmed { by, .. }
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
    use super::*;

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
