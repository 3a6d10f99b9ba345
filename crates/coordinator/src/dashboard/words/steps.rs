//! What happened to a machine, in words.

use protocol::Step;
use protocol::event::{DriveEvidence, DriveLook, PassObservation, TechniqueObservation};
use protocol::policy::Verification;

use super::super::lang::Lang;

/// Something that happened: a sentence, and what was said word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Told {
    pub(in super::super) sentence: String,
    pub(in super::super) verbatim: Option<String>,
}

impl Lang {
    /// A plain sentence.
    pub(in super::super) fn told(self, pair: (&'static str, &'static str)) -> Told {
        Told { sentence: self.of(pair).to_owned(), verbatim: None }
    }

    /// A sentence and somebody's words.
    pub(in super::super) fn told_with(
        self,
        pair: (&'static str, &'static str),
        verbatim: impl Into<String>,
    ) -> Told {
        Told { verbatim: Some(verbatim.into()), ..self.told(pair) }
    }

    /// A step of an agent.
    pub(in super::super) fn step(self, step: &Step) -> Told {
        match step {
            Step::TicketAccepted { .. } => self.told((
                "Ticket used: from here on data is destroyed",
                "Zgoda wykorzystana: od teraz dane są niszczone",
            )),
            Step::SanitizeStarted { drive, .. } => {
                self.told_with(("Erasing began", "Rozpoczęto kasowanie"), self.drive(drive))
            }
            Step::Sanitized { drive, observed } => {
                let techniques = observed.iter().map(|it| self.observed(it));
                let said: Vec<_> = [self.drive(drive)].into_iter().chain(techniques).collect();
                let pair = (
                    "Erasing ended; nothing is proven yet",
                    "Koniec kasowania; nic jeszcze nie wykazano",
                );
                self.told_with(pair, said.join(" · "))
            }
            Step::Stalled { drive, sentence } => self.told_with(
                (
                    "The drive makes no progress; it is still waited for",
                    "Dysk nie robi postępów; nadal na niego czekamy",
                ),
                format!("{} · {sentence}", self.drive(drive)),
            ),
            Step::Stopped { sentence, .. } => self
                .told_with(("Stopped by a person", "Zatrzymane przez człowieka"), sentence.clone()),
            Step::Verified(evidence) => self.verified(evidence),
            Step::SanitizeFailed { drive, sentence, bad_ranges, .. } => self.told_with(
                ("Erasing failed", "Kasowanie się nie udało"),
                format!("{} · {sentence} [{}]", self.drive(drive), bad_ranges.len()),
            ),
            Step::VerificationConfirmed { drive, sectors_sampled, .. } => self.told_with(
                (
                    "After a restart: still empty, by a sample of sectors",
                    "Po ponownym starcie: nadal pusto, według próbki sektorów",
                ),
                format!("{} · {sectors_sampled}", self.drive(drive)),
            ),
            Step::VerificationNotConfirmed { drive, sentence } => self.told_with(
                (
                    "A fresh look: not as it was when it was verified",
                    "Ponowne sprawdzenie: nie tak, jak przy weryfikacji",
                ),
                format!("{} · {sentence}", self.drive(drive)),
            ),
            Step::ImageWritten { drive, written, duration_ms, .. } => self.told_with(
                ("System written and read back", "System zapisany i sprawdzony odczytem"),
                format!(
                    "{} · {} · {}",
                    self.drive(drive),
                    self.bytes(*written),
                    self.duration(duration_ms / 1000)
                ),
            ),
            Step::Personalized { host_name, root_size, .. } => self.told_with(
                ("The machine's own settings written", "Zapisano własne ustawienia komputera"),
                format!("{host_name} · {}", self.bytes(*root_size)),
            ),
            Step::MadeBootable { boot_entry, .. } => {
                self.told_with(("The drive boots", "Dysk się uruchamia"), boot_entry)
            }
            Step::Inventoried { inventory } => {
                let drives = inventory.drives.iter().map(|drive| self.drive_unit(drive));
                self.told_with(
                    ("Stock taken; nothing was written", "Sprzęt spisany; niczego nie zapisano"),
                    drives.collect::<Vec<_>>().join(" · "),
                )
            }
            Step::DriveLookedAt(look) => self.looked_at(look),
            Step::NoticeWritten(notice) => self.told_with(
                (
                    "A notice was left on the drive for whoever starts the machine",
                    "Na dysku zostawiono informację dla tego, kto uruchomi komputer",
                ),
                format!("{} · {}", self.drive(&notice.drive), notice.certificate.grouped()),
            ),
            Step::PoweringOff {} => self.told((
                "It switches itself off; switch it on again",
                "Wyłącza się; proszę włączyć ponownie",
            )),
            Step::Finished {} => self.told(("All done", "Wszystko zrobione")),
            Step::Refused { refusals } => {
                let said = refusals.iter().map(|it| format!("{}: {}", it.what, it.sentence));
                self.told_with(
                    ("The agent refused", "Agent odmówił"),
                    said.collect::<Vec<_>>().join("; "),
                )
            }
            Step::Failed { sentence, stage } => self.told_with(
                ("Something failed", "Coś się nie udało"),
                format!("{}: {sentence}", self.stage(*stage)),
            ),
            Step::AgentDied { how } => self.told_with(
                ("The agent died and was started again", "Agent padł i wystartował ponownie"),
                how,
            ),
        }
    }

    fn looked_at(self, look: &DriveLook) -> Told {
        let pair = match look.is_blank() {
            true => (
                "Read: blank. That does not prove how it came to be so",
                "Odczytano: pusty. To nie dowodzi, jak do tego doszło",
            ),
            false => ("Read: not blank", "Odczytano: niepusty"),
        };
        let read = format!("{} ({})", self.bytes(look.read), self.verification(look.method));
        let mut said = vec![self.drive(&look.drive), read, format!("{:02x}h", look.filling)];
        if let Some(first) = look.ranges.first() {
            said.push(format!(
                "{} {} · {} · {} {}",
                self.of(("places that differ:", "miejsca, które się różnią:")),
                look.n_ranges,
                self.bytes(look.bytes),
                self.of(("the first at byte", "pierwsze od bajtu")),
                first.offset
            ));
        }
        self.told_with(pair, said.join(" · "))
    }

    fn verified(self, evidence: &DriveEvidence) -> Told {
        let pair = match evidence.method {
            Verification::Full => {
                ("Every sector read back: it is gone", "Odczytano każdy sektor: danych nie ma")
            }
            Verification::Sampled => {
                ("A tenth of it read back: it is gone", "Odczytano jedną dziesiątą: danych nie ma")
            }
        };
        let pass = self.pass(&evidence.verification);
        let canaries = evidence.canaries.as_ref().map(|it| self.canaries(it));
        let old = evidence.old_content.as_ref().map(|it| self.old_content(it));
        let said = [Some(self.drive(&evidence.drive)), Some(pass), canaries, old];
        self.told_with(pair, said.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }

    fn observed(self, observed: &TechniqueObservation) -> String {
        let time = self.duration(observed.duration_ms / 1000);
        let done = match &observed.pass {
            Some(pass) => self.pass(pass),
            None => time,
        };
        format!("{} · {done}", self.technique(observed.technique))
    }

    fn pass(self, pass: &PassObservation) -> String {
        let (bytes, time) = (self.bytes(pass.bytes), self.duration(pass.duration_ms / 1000));
        match pass.retries {
            0 => format!("{bytes} · {time}"),
            n => format!("{bytes} · {time} · {}{n}", self.of(("retries: ", "ponowienia: "))),
        }
    }
}
