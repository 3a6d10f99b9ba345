//! Sentences with something in them.

use std::num::NonZeroU32;
use std::time::Duration;

use protocol::{ByteLen, DriveIdentity, DriveUnit, MachineNumber};

use super::super::lang::Lang;
use crate::admission::AdmissionError;
use crate::disk_space::DiskSpaceError;
use crate::witness::{Content, WitnessError};

/// Hours and minutes, for a person who waits.
fn clock(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours @ 0..48, minutes) => format!("{hours} h {minutes:02} min"),
        (hours, _) => format!("{} d {} h", hours / 24, hours % 24),
    }
}

impl Lang {
    /// A length in bytes, with this language's decimal mark.
    pub(in super::super) fn bytes(self, len: ByteLen) -> String {
        len.to_string().replace('.', self.words().decimal)
    }

    /// A length in bytes per second.
    pub(in super::super) fn rate(self, rate: ByteLen) -> String {
        format!("{}/s", self.bytes(rate))
    }

    /// Why nothing new is begun, and what to do.
    pub(in super::super) fn low_disk(self, error: &DiskSpaceError) -> String {
        match (self, error) {
            (Self::En, DiskSpaceError::Low { free, min_free, .. }) => format!(
                "The coordinator’s disk is nearly full: {} free, and nothing new is begun below {}. Make room: “rehome \
                 image list” and “rehome image remove”, or delete old backups there. What has begun goes on.",
                self.bytes(*free),
                self.bytes(*min_free)
            ),
            (Self::Pl, DiskSpaceError::Low { free, min_free, .. }) => format!(
                "Dysk koordynatora jest prawie pełny: wolne {}, a poniżej {} nic nowego się nie zaczyna. Zwolnij \
                 miejsce: „rehome image list” i „rehome image remove” albo usuń stamtąd stare kopie zapasowe. To, co \
                 już trwa, idzie dalej.",
                self.bytes(*free),
                self.bytes(*min_free)
            ),
            (Self::En, DiskSpaceError::Ask { .. }) => {
                "It cannot be told how much room the coordinator’s disk has; \
                nothing new is begun before that is known. Its log says why."
                    .to_owned()
            }
            (Self::Pl, DiskSpaceError::Ask { .. }) => {
                "Nie wiadomo, ile miejsca jest na dysku koordynatora; dopóki \
                to się nie wyjaśni, nic nowego się nie zaczyna. Powód jest w jego dzienniku."
                    .to_owned()
            }
        }
    }

    pub(in super::super) fn left(self, seconds: u64) -> String {
        match self {
            Self::En => format!("{} left", clock(seconds)),
            Self::Pl => format!("zostało {}", clock(seconds)),
        }
    }

    pub(in super::super) fn duration(self, seconds: u64) -> String {
        clock(seconds)
    }

    pub(in super::super) fn ago(self, seconds: u64) -> String {
        match self {
            Self::En => format!("{} ago", clock(seconds)),
            Self::Pl => format!("{} temu", clock(seconds)),
        }
    }

    /// How many machines, as Polish grammar wants it.
    pub(in super::super) fn machines(self, n: u64) -> String {
        let noun = match (self, n, n % 10, n % 100) {
            (Self::En, 1, ..) => "machine",
            (Self::En, ..) => "machines",
            (Self::Pl, 1, ..) => "komputer",
            (Self::Pl, _, _, 12..=14) => "komputerów",
            (Self::Pl, _, 2..=4, _) => "komputery",
            (Self::Pl, ..) => "komputerów",
        };
        format!("{n} {noun}")
    }

    pub(in super::super) fn places(self, taken: usize, count: u32) -> String {
        match self {
            Self::En => format!("{taken} of {count} places taken"),
            Self::Pl => format!("zajęte miejsca: {taken} z {count}"),
        }
    }

    /// Ports are free, and laptops are to come.
    pub(in super::super) fn plug_the_next(self, free: u32, to_come: u32) -> String {
        match self {
            Self::En => {
                format!("Plug in the next laptop. Free ports: {free}, still to come: {to_come}.")
            }
            Self::Pl => format!(
                "Podłącz następny laptop. Wolne porty: {free}, jeszcze do podłączenia: {to_come}."
            ),
        }
    }

    pub(in super::super) fn wait_to_be_picked(self, n: usize) -> String {
        match self {
            Self::En => format!("Waiting to be picked at this moment: {n}"),
            Self::Pl => format!("W tej chwili czeka na wybór: {n}"),
        }
    }

    pub(in super::super) fn wait(self, time: Duration) -> String {
        let seconds = time.as_secs().max(1);
        match self {
            Self::En => format!("Too many attempts. Wait {seconds} s and try again."),
            Self::Pl => format!("Zbyt wiele prób. Odczekaj {seconds} s i spróbuj ponownie."),
        }
    }

    pub(in super::super) fn some_data_there(self, n: usize, all: usize) -> String {
        match self {
            Self::En => format!("Data still on {n} of {all} drives"),
            Self::Pl => format!("Dane nadal na {n} z {all} dysków"),
        }
    }

    pub(in super::super) fn threads(self, n: u32) -> String {
        match self {
            Self::En => format!("{n} threads"),
            Self::Pl => format!("wątki: {n}"),
        }
    }

    pub(in super::super) fn batteries(self, n: u32) -> String {
        match self {
            Self::En => format!("batteries: {n}"),
            Self::Pl => format!("baterie: {n}"),
        }
    }

    /// A drive, as messages name it.
    pub(in super::super) fn drive(self, drive: &DriveIdentity) -> String {
        let (model, serial, size) = (&drive.model, &drive.serial, self.bytes(drive.size));
        match self {
            Self::En => format!("{model}, serial {serial} ({size})"),
            Self::Pl => format!("{model}, nr {serial} ({size})"),
        }
    }

    /// A drive unit, whether it says who it is or not.
    pub(in super::super) fn drive_unit(self, drive: &DriveUnit) -> String {
        match &drive.identity {
            Ok(identity) => self.drive(identity),
            Err(_) => format!("{} ({})", drive.kernel_name, self.bytes(drive.size)),
        }
    }

    pub(in super::super) fn identity_conflict(self, other: Option<MachineNumber>) -> String {
        let other = other.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self::En => format!("It is not clear whether this is machine {other}"),
            Self::Pl => format!("Nie wiadomo, czy to nie jest komputer {other}"),
        }
    }

    pub(in super::super) fn settle_conflict(self) -> &'static str {
        self.of((
            "Compare the labels of both laptops. If they are two, say so below and pick it again.",
            "Porównaj naklejki obu laptopów. Jeśli to dwa różne, potwierdź poniżej i wybierz ponownie.",
        ))
    }

    pub(in super::super) fn blank_identity(self) -> (&'static str, &'static str) {
        let title = self.of((
            "The machine gives nothing by which it could be known again",
            "Komputer nie podaje niczego, po czym można go rozpoznać",
        ));
        let remedy = self.of((
            "It cannot be worked on: no serial number, no UUID, no built-in network card. Take its \
             drives out.",
            "Nie można na nim pracować: brak numeru, UUID i wbudowanej karty sieciowej. Wyjmij dyski.",
        ));
        (title, remedy)
    }

    pub(in super::super) fn stopped(self) -> (&'static str, &'static str) {
        let title = self.of(("Work has stopped", "Praca została przerwana"));
        let remedy = self.of((
            "Read the report, look at the laptop and mend what you can. Then restart it from the \
             network and pick it again. A drive that fails again is to be taken out and destroyed.",
            "Przeczytaj raport, obejrzyj laptop i napraw, co się da. Potem uruchom go z sieci i \
             wybierz ponownie. Dysk, który znów zawodzi, trzeba wyjąć i zniszczyć.",
        ));
        (title, remedy)
    }

    pub(in super::super) fn stands_still(self) -> (&'static str, &'static str) {
        let title = self.of((
            "A drive that erases itself makes no progress",
            "Dysk, który sam się kasuje, nie robi postępów",
        ));
        let remedy = self.of((
            "It is still being waited for; some drives stand still for an hour and then finish. Leave the machine on. \
             If nothing changes until tomorrow, switch it off and on; it goes on by itself. A drive that stands still \
             again is to be taken out and destroyed.",
            "Nadal czekamy; niektóre dyski stoją w miejscu przez godzinę, a potem kończą. Nie wyłączaj komputera. Jeśli \
             do jutra nic się nie zmieni, wyłącz go i włącz: będzie pracować dalej sam. Dysk, który znów stanie, trzeba \
             wyjąć i zniszczyć.",
        ));
        (title, remedy)
    }

    pub(in super::super) fn halted(self) -> (&'static str, &'static str) {
        let title = self.of((
            "It was stopped when a person stopped all machines",
            "Zatrzymano go, gdy człowiek zatrzymał wszystkie komputery",
        ));
        let remedy = self.of((
            "Find out why. When the stop of all machines is taken back, pick this one again: its work goes on, and what \
             was proven before is only looked at again.",
            "Ustal przyczynę. Po odwołaniu zatrzymania wybierz ten komputer ponownie: praca ruszy dalej, a to, co już \
             wykazano, zostanie tylko obejrzane jeszcze raz.",
        ));
        (title, remedy)
    }

    pub(in super::super) fn awaits_verdict(self) -> (&'static str, &'static str) {
        let title = self.of((
            "Erased and checked; it waits for a word on its model",
            "Skasowany i sprawdzony; czeka na ocenę modelu",
        ));
        let remedy = self.of((
            "Look at the first machine of this model: does it start, with picture, sound and network? Then say so on the \
             bench, and the others go on.",
            "Obejrzyj pierwszy komputer tego modelu: czy startuje, czy jest obraz, dźwięk i sieć? Potem powiedz to na \
             stole, a pozostałe ruszą dalej.",
        ));
        (title, remedy)
    }

    /// A drive goes on whatever a person says.
    pub(in super::super) fn unstoppable(self, drive: &str) -> String {
        match self {
            Self::En => format!(
                "{drive} erases itself by its firmware: nothing can stop that. Leave it plugged in."
            ),
            Self::Pl => format!(
                "{drive} kasuje się sam: nic nie może tego powstrzymać. Nie odłączaj od prądu."
            ),
        }
    }

    pub(in super::super) fn held(self) -> (&'static str, &'static str) {
        let title = self.of((
            "It waits for a person to look at its drives",
            "Czeka, aż ktoś obejrzy jego dyski",
        ));
        let remedy = self.of((
            "Look at whichever sectors you like, below or with another tool, then release it. Until then nothing is \
             written.",
            "Obejrzyj poniżej lub innym narzędziem dowolne sektory, potem zwolnij komputer. Do tego czasu nic nie \
             zostanie zapisane.",
        ));
        (title, remedy)
    }

    /// Why a machine is not held or let go, or nothing is shown. A second, verbatim part may be in English.
    pub(in super::super) fn witness_error(self, error: &WitnessError) -> (String, Option<String>) {
        let words = self.words();
        let fixed = |sentence: &str| (sentence.to_owned(), None);
        match error {
            WitnessError::Refused(error) => self.admission_error(error),
            WitnessError::Count(_) => fixed(words.unreadable_form),
            WitnessError::Silent => fixed(words.look_silent),
            WitnessError::Full(_) => fixed(words.look_full),
            WitnessError::NoAnswer => fixed(words.look_unanswered),
            WitnessError::Unreadable(said) => (words.look_failed.to_owned(), Some(said.clone())),
            WitnessError::NotRecorded | WitnessError::Journal(_) | WitnessError::Random(_) => {
                fixed(words.not_recorded)
            }
        }
    }

    /// Which sectors are shown.
    pub(in super::super) fn sectors(self, first: u64, count: u32) -> String {
        let last = first.saturating_add(u64::from(count).saturating_sub(1));
        match (self, count) {
            (Self::En, 1) => format!("Sector {first}"),
            (Self::En, _) => format!("Sectors {first} to {last}"),
            (Self::Pl, 1) => format!("Sektor {first}"),
            (Self::Pl, _) => format!("Sektory od {first} do {last}"),
        }
    }

    /// What they look like as a whole.
    pub(in super::super) fn content(self, content: Content) -> String {
        match (self, content) {
            (Self::En, Content::Zero) => "All zero".to_owned(),
            (Self::Pl, Content::Zero) => "Same zera".to_owned(),
            (Self::En, Content::Repeated(byte)) => format!("One byte repeated: {byte:02x}"),
            (Self::Pl, Content::Repeated(byte)) => format!("Jeden powtarzany bajt: {byte:02x}"),
            (Self::En, Content::Mixed) => "Mixed: a pattern, or data".to_owned(),
            (Self::Pl, Content::Mixed) => "Różne bajty: wzór albo dane".to_owned(),
        }
    }

    /// Why a person's wish is not followed. A second, verbatim part may be in English.
    pub(in super::super) fn admission_error(
        self,
        error: &AdmissionError,
    ) -> (String, Option<String>) {
        let fixed = |pair| (self.of(pair).to_owned(), None);
        match error {
            AdmissionError::Arming => fixed((
                "A batch takes at least one machine and lasts from a minute to seven days.",
                "Partia przyjmuje co najmniej jeden komputer i trwa od minuty do siedmiu dni.",
            )),
            AdmissionError::NoBatch(_) | AdmissionError::Over(_) => fixed((
                "This batch is disarmed or over. Arm another one.",
                "Ta partia jest rozbrojona lub zakończona. Uzbrój następną.",
            )),
            AdmissionError::NothingArmed => fixed((
                "Nothing is armed. Arm a batch first.",
                "Nic nie jest uzbrojone. Najpierw uzbrój partię.",
            )),
            AdmissionError::SeveralArmed(_) => fixed((
                "Several batches are armed. Say which one.",
                "Uzbrojono kilka partii. Wskaż jedną.",
            )),
            AdmissionError::NothingToWitness(_) => fixed((
                "Nothing is verified by this kind of work, so there is nothing to wait for: leave out the hold.",
                "Ta praca niczego nie sprawdza po skasowaniu, więc nie ma na co czekać: nie zaznaczaj postoju.",
            )),
            AdmissionError::Lot(error) => {
                (self.words().not_armed_lot.to_owned(), Some(error.to_string()))
            }
            AdmissionError::Machine { number, why } => {
                (format!("{} {number}", self.words().machine), Some(why.clone()))
            }
        }
    }

    pub(in super::super) fn times(self) -> [(u64, &'static str); 6] {
        [
            (3600, self.of(("1 hour", "1 godzina"))),
            (2 * 3600, self.of(("2 hours", "2 godziny"))),
            (4 * 3600, self.of(("4 hours", "4 godziny"))),
            (8 * 3600, self.of(("8 hours", "8 godzin"))),
            (24 * 3600, self.of(("1 day", "1 dzień"))),
            (3 * 24 * 3600, self.of(("3 days", "3 dni"))),
        ]
    }

    /// The title of a machine's page.
    pub(in super::super) fn machine_title(self, number: NonZeroU32) -> String {
        format!("{} {number:02}", self.words().machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polish_counts_as_poles_do() {
        for (n, text) in [
            (1, "1 komputer"),
            (2, "2 komputery"),
            (5, "5 komputerów"),
            (12, "12 komputerów"),
            (22, "22 komputery"),
            (34, "34 komputery"),
            (100, "100 komputerów"),
        ] {
            assert_eq!(Lang::Pl.machines(n), text);
        }
        assert_eq!(Lang::Pl.bytes(ByteLen(3_221_225_472)), "3,22 GB");
        assert_eq!(Lang::En.left(4_000), "1 h 06 min left");
    }
}
