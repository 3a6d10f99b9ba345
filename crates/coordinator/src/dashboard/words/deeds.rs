//! What people did, in words: the log of actions.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use protocol::{LotId, PersonId};

use super::super::lang::Lang;
use super::Told;
use crate::access::Role;
use crate::event::{AdmittedHow, Happening};
use crate::lots::Lot;
use crate::lots::step::LotStep;

impl Lang {
    /// What somebody did. `name` gives people's names, `lots` what lots and bags are. Machine and person stand beside it.
    pub(in super::super) fn deed(
        self,
        happening: &Happening,
        name: impl Fn(PersonId) -> String,
        lots: &BTreeMap<LotId, Arc<Lot>>,
    ) -> Told {
        let told = |pair| self.told(pair);
        match happening {
            Happening::LoggedIn { .. } => told(("Logged in", "Zalogowanie")),
            Happening::LoggedOut { .. } => told(("Logged out", "Wylogowanie")),
            Happening::LoginsRefused { count, persons } => {
                let persons: Vec<_> = persons.iter().map(|person| name(*person)).collect();
                self.told_with(
                    ("Logins were refused", "Odmowa zalogowania"),
                    joined([format!("{count} ×"), persons.join(", ")]),
                )
            }
            Happening::UserAdded { person, role, .. } => self.told_with(
                ("Added a user", "Dodano użytkownika"),
                joined([name(*person), self.user_role(*role).to_owned()]),
            ),
            Happening::UserChanged { person, password: true, .. } => self.told_with(
                ("Made a new password for a user", "Utworzono nowe hasło użytkownika"),
                name(*person),
            ),
            Happening::UserChanged { person, role, .. } => self.told_with(
                ("Gave a user another role", "Zmieniono rolę użytkownika"),
                joined([name(*person), self.user_role(*role).to_owned()]),
            ),
            Happening::UserRemoved { person, .. } => {
                self.told_with(("Removed a user", "Usunięto użytkownika"), name(*person))
            }
            Happening::CertificateExported { .. } => {
                told(("Took the certificate along", "Pobrano certyfikat"))
            }
            Happening::Admitted { how: AdmittedHow::Picked { .. }, .. } => {
                told(("Picked the machine", "Wybrano komputer"))
            }
            Happening::Admitted { how: AdmittedHow::Continued { .. }, .. } => told((
                "Let the stopped machine go on",
                "Pozwolono zatrzymanemu komputerowi pracować dalej",
            )),
            Happening::ModelJudged { model, works, because, .. } => {
                let pair = if *works {
                    ("Said that a model works", "Potwierdzono, że model działa")
                } else {
                    ("Said that a model does not work", "Stwierdzono, że model nie działa")
                };
                self.told_with(pair, joined([model.to_string(), because.clone()]))
            }
            Happening::Panicked { because, .. } => self.told_with(
                ("Stopped all machines", "Zatrzymano wszystkie komputery"),
                because.clone(),
            ),
            Happening::PanicOver { because, .. } => self.told_with(
                (
                    "Took the stop of all machines back",
                    "Odwołano zatrzymanie wszystkich komputerów",
                ),
                because.clone(),
            ),
            Happening::BatchArmed { count, job, policy, lot, .. } => self.told_with(
                ("Armed a batch", "Uzbrojono partię"),
                joined([
                    self.job(job).to_owned(),
                    self.machines(u64::from(*count)),
                    policy.name.clone(),
                    lot.and_then(|id| lots.get(&id)).map(|lot| lot_name(lot)).unwrap_or_default(),
                ]),
            ),
            Happening::BatchDisarmed { .. } => told(("Disarmed a batch", "Rozbrojono partię")),
            Happening::ConflictSettled { .. } => told((
                "Compared the machine with others: it may be worked on",
                "Porównano komputer z innymi: można na nim pracować",
            )),
            Happening::LockAdopted { drive, because, .. } => self.told_with(
                ("Said that a drive's lock is ours", "Uznano blokadę dysku za naszą"),
                joined([drive.to_string(), because.clone()]),
            ),
            Happening::HoldAsked { .. } => told(("Has the machine wait", "Komputer ma zaczekać")),
            Happening::HoldReleased { .. } => told(("Let the machine go on", "Zwolniono komputer")),
            Happening::Looked { drive, sector, count, .. } => self.told_with(
                ("Looked at a drive", "Obejrzano dysk"),
                joined([self.drive(drive), self.sectors(*sector, *count)]),
            ),
            Happening::ClockAccepted { because, .. } => {
                self.told_with(("Accepted the clock", "Przyjęto czas zegara"), because.clone())
            }
            Happening::Protected { mark, because, .. } => self.told_with(
                ("Protected something", "Objęto ochroną"),
                joined([mark.to_string(), because.clone()]),
            ),
            Happening::Unprotected { mark, because, .. } => self.told_with(
                ("Protects it no more", "Zdjęto ochronę"),
                joined([mark.to_string(), because.clone()]),
            ),
            Happening::KeyRotated { because, .. } => self.told_with(
                ("Gave the site a new key", "Zmieniono klucz stanowiska"),
                because.clone(),
            ),
            Happening::PersonForgotten { because, .. } => self
                .told_with(("Deleted a person's name", "Usunięto nazwisko osoby"), because.clone()),
            Happening::Lot(event) => {
                self.lot_deed(&event.what, lots.get(&event.lot).map(Arc::as_ref))
            }
            // Nobody's deeds: `crate::deeds` leaves them out.
            other => self.told_with(("Something else", "Coś innego"), format!("{other:?}")),
        }
    }

    /// What somebody did or said about a lot, and about which.
    fn lot_deed(self, step: &LotStep, lot: Option<&Lot>) -> Told {
        let (pair, verbatim) = match step {
            LotStep::Opened { owner, .. } => (
                ("Opened a lot", "Otwarto dostawę"),
                if lot.is_some() { String::new() } else { owner.clone() },
            ),
            LotStep::RegisterImported { rows, .. } => {
                (("Imported the register", "Wczytano ewidencję"), rows.len().to_string())
            }
            LotStep::PolicyAccepted { policy, reference, .. } => (
                ("The owner accepts the policy", "Właściciel przyjmuje politykę"),
                joined([policy.name.clone(), reference.clone()]),
            ),
            LotStep::NothingUnique { reference, .. } => (
                (
                    "The owner states that nothing on the drives exists only there",
                    "Właściciel oświadcza, że na dyskach nie ma nic jedynego",
                ),
                reference.clone(),
            ),
            LotStep::Received { because, .. } => {
                (("Received a machine", "Przyjęto komputer"), because.clone())
            }
            LotStep::NotOfThisLot { because, .. } => {
                (("A machine is not of the lot", "Komputer nie należy do dostawy"), because.clone())
            }
            LotStep::TakenIn { because, .. } => (
                ("Took in a laptop that does not boot", "Przyjęto laptop, który się nie uruchamia"),
                because.clone(),
            ),
            LotStep::RowAssigned { because, .. } => {
                (("Assigned a row of the register", "Przypisano wiersz ewidencji"), because.clone())
            }
            LotStep::DrivePulled { name, bag, because, .. } => (
                ("Pulled a drive", "Wyjęto dysk"),
                joined([name.to_string(), bag.clone(), because.clone()]),
            ),
            LotStep::Fate { drive, fate } => {
                let it = lot.and_then(|lot| lot.pulled(drive));
                let name = it.map(|it| it.name.to_string()).unwrap_or_default();
                let bag =
                    it.map(|it| format!("{} {}", self.lots().bag, it.bag)).unwrap_or_default();
                (
                    ("Said what became of a drive", "Zapisano, co się stało z dyskiem"),
                    joined([name, bag, self.fate(fate)]),
                )
            }
            LotStep::SwappedIn { name, because, .. } => {
                (("Put a drive in", "Włożono dysk"), joined([name.to_string(), because.clone()]))
            }
            LotStep::NothingElseInside { because, .. } => (
                ("Looked inside: no further drive", "Zajrzano do środka: nie ma innych dysków"),
                because.clone(),
            ),
            LotStep::Returned { reference, .. } => {
                (("Returned it to the owner", "Zwrócono właścicielowi"), reference.clone())
            }
            LotStep::NotReturned { because, .. } => {
                (("It was not returned after all", "Jednak nie zwrócono"), because.clone())
            }
            LotStep::Closed { because, .. } => {
                (("Closed the lot", "Zamknięto dostawę"), because.clone())
            }
            LotStep::Reopened { because } => {
                (("Opened the lot again", "Otwarto dostawę ponownie"), because.clone())
            }
        };
        let verbatim = joined([lot.map(lot_name).unwrap_or_default(), verbatim]);
        Told { verbatim: (!verbatim.is_empty()).then_some(verbatim), ..self.told(pair) }
    }

    /// A role's name.
    pub(in super::super) const fn user_role(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::En, Role::Auditor) => "auditor",
            (Self::En, Role::Technician) => "technician",
            (Self::En, Role::Supervisor) => "supervisor",
            (Self::Pl, Role::Auditor) => "audytor",
            (Self::Pl, Role::Technician) => "technik",
            (Self::Pl, Role::Supervisor) => "kierownik",
        }
    }

    /// Why somebody may not do something.
    pub(in super::super) fn not_your_role(self, least: Role) -> String {
        let role = self.user_role(least);
        match self {
            Self::En => {
                format!("Your role does not suffice: this takes a {role}. Nothing was done.")
            }
            Self::Pl => format!(
                "Twoja rola nie wystarcza: do tego potrzebny jest {role}. Nic nie zostało zrobione."
            ),
        }
    }
}

/// By what people know a lot: its owner, and the paper or the beginning of its id.
fn lot_name(lot: &Lot) -> String {
    let paper = match lot.reference.as_str() {
        "" => lot.id.to_string().chars().take(8).collect(),
        paper => paper.to_owned(),
    };
    format!("{} ({paper})", lot.owner)
}

fn joined<T: Display, const N: usize>(parts: [T; N]) -> String {
    let parts: Vec<_> = parts.iter().map(ToString::to_string).filter(|it| !it.is_empty()).collect();
    parts.join(" · ")
}
