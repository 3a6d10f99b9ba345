//! Every word of the screen, in English and in Polish. Nothing is shown that does not stand here or came from
//! the coordinator.

use protocol::Stage;
use sanitize::Doing;

/// A language of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Polish.
    Pl,
}

/// What the machine does, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sentence {
    /// The agent has just begun.
    Starting,
    /// Modules are being loaded.
    LoadingDrivers,
    /// Waiting until no more devices appear.
    WaitingForDevices,
    /// There is no wired interface.
    NoNic,
    /// No interface has a carrier.
    NoCable,
    /// No DHCP server has answered.
    AskingForAddress,
    /// A DHCP server refused, with these words.
    AddressRefused(String),
    /// The interface cannot be used, for this reason.
    NicFailed(String),
    /// Talking to the coordinator at this address.
    Connecting(String),
    /// Taking stock.
    TakingStock,
    /// A plan was sent and the coordinator has not consented yet.
    WaitingForConsent,
    /// This is done to this drive.
    Working(Doing, String),
    /// The evidence of these drives is handed in.
    HandingIn(String),
    /// Verified; it switches itself off, and is to be switched on again for another look.
    FreshPower,
    /// Verified; a person holds the machine and looks at its drives.
    Held,
    /// Verified; this machine of the same model goes first, or went, and a person has to say that the model works.
    AwaitsVerdict(Option<String>),
    /// A person stopped everything; these drives erase themselves, and nothing can stop them.
    Stopped(Vec<String>),
    /// Writing the image to this drive.
    WritingImage(String),
    /// Reading the written image back from this drive.
    CheckingImage(String),
    /// Making the installed system this machine's own.
    Personalizing,
    /// Writing a notice to this drive for whoever starts the machine.
    LeavingNotice(String),
    /// Handing in the evidence.
    Reporting,
    /// All done.
    Finished,
    /// All done, and another laptop waits for the port.
    FinishedNext,
    /// Nothing to do here; on to the machine's own disk.
    LocalDisk,
    /// It cannot go on by itself; the problem says why.
    NeedsAttention,
    /// Words of the coordinator, as they are.
    Verbatim(String),
}

/// The fixed words around the state.
#[derive(Debug)]
pub(super) struct Labels {
    /// Before the machine's number.
    pub(super) machine: &'static str,
    /// Under the missing number.
    pub(super) no_number: &'static str,
    /// Before the fingerprint.
    pub(super) agent: &'static str,
    /// After the fingerprint.
    pub(super) compare: &'static str,
    /// Between done and total.
    pub(super) of: &'static str,
    /// Before the remaining time.
    pub(super) left: &'static str,
    /// Before a problem.
    pub(super) problem: &'static str,
    /// The decimal mark.
    pub(super) decimal: char,
}

const ENGLISH: Labels = Labels {
    machine: "Machine",
    no_number: "The coordinator has not given this machine a number yet.",
    agent: "Agent",
    compare: "the dashboard must show the same",
    of: "of",
    left: "time left",
    problem: "What is wrong:",
    decimal: '.',
};

const POLISH: Labels = Labels {
    machine: "Komputer",
    no_number: "Koordynator nie nadał jeszcze numeru temu komputerowi.",
    agent: "Agent",
    compare: "panel musi pokazywać to samo",
    of: "z",
    left: "pozostało",
    problem: "Co jest nie tak:",
    decimal: ',',
};

impl Lang {
    pub(super) const fn labels(self) -> &'static Labels {
        match self {
            Self::En => &ENGLISH,
            Self::Pl => &POLISH,
        }
    }

    /// The stages that the screen counts off, with their names. Before the first and after the last the
    /// agent does not run.
    pub(super) const fn stages(self) -> [(Stage, &'static str); 8] {
        let [init, inventory, plan, sanitize, verify, image, personalize, report] = match self {
            Self::En => {
                ["start", "inventory", "plan", "erase", "verify", "image", "personalize", "report"]
            }
            Self::Pl => {
                ["start", "spis", "plan", "kasowanie", "kontrola", "obraz", "ustawienia", "raport"]
            }
        };
        [
            (Stage::Init, init),
            (Stage::Inventory, inventory),
            (Stage::Plan, plan),
            (Stage::Sanitize, sanitize),
            (Stage::Verify, verify),
            (Stage::Image, image),
            (Stage::Personalize, personalize),
            (Stage::Report, report),
        ]
    }
}

impl Sentence {
    /// The sentence in words.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.english(),
            Lang::Pl => self.polish(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Starting => "Starting.".into(),
            Self::LoadingDrivers => "Loading drivers for the hardware of this machine.".into(),
            Self::WaitingForDevices => "Waiting until all drives have answered.".into(),
            Self::NoNic => "No wired network interface was found. Plug in a USB adapter.".into(),
            Self::NoCable => "No network. Plug in the network cable.".into(),
            Self::AskingForAddress => "Asking the network for an address (DHCP).".into(),
            Self::AddressRefused(words) => {
                format!("The DHCP server gives this machine no address: {words}")
            }
            Self::NicFailed(why) => format!("The network interface fails: {why}"),
            Self::Connecting(address) => format!("Connecting to the coordinator at {address}."),
            Self::TakingStock => "Taking stock of this machine.".into(),
            Self::WaitingForConsent => "Waiting for consent to the plan.".into(),
            Self::Working(doing, drive) => match doing {
                Doing::Sampling => format!("Noting samples of what is on {drive}."),
                Doing::PlacingCanaries => format!("Placing canaries on {drive}."),
                Doing::ErasingItself => format!("Erasing: {drive} does it by itself."),
                Doing::Overwriting => format!("Erasing: writing over all of {drive}."),
                Doing::LookingForOld => format!("Looking for canaries and old data on {drive}."),
                Doing::ReadingBack => format!("Reading back {drive}: is everything gone?"),
            },
            Self::HandingIn(drives) => format!("Handing in what was seen of {drives}."),
            Self::FreshPower => {
                "Erased and checked. This machine switches itself off; switch it on again: it looks once more.".into()
            }
            Self::Held => {
                "Erased and checked. A person looks at the drives; this machine waits to be released on the dashboard.".into()
            }
            Self::AwaitsVerdict(Some(first)) => format!(
                "Erased and checked. Machine {first} of the same model goes first; this one waits until a person says that \
                 the model works."
            ),
            Self::AwaitsVerdict(None) => {
                "Erased and checked. This machine waits until a person says that its model works.".into()
            }
            Self::Stopped(erasing) if erasing.is_empty() => {
                "Stopped by a person. Nothing is written any more; this machine waits.".into()
            }
            Self::Stopped(erasing) => format!(
                "Stopped by a person. But {} erases itself, and nothing can stop that: leave this machine plugged in.",
                erasing.join(", ")
            ),
            Self::WritingImage(drive) => format!("Writing the system to {drive}."),
            Self::CheckingImage(drive) => format!("Reading the system back from {drive}."),
            Self::Personalizing => "Setting up the new system for this machine.".into(),
            Self::LeavingNotice(drive) => {
                format!("Leaving a notice on {drive} for whoever starts this machine.")
            }
            Self::Reporting => "Handing in what was observed.".into(),
            Self::Finished => "Done.".into(),
            Self::FinishedNext => "Done. Unplug this machine and plug in the next one.".into(),
            Self::LocalDisk => "Nothing to do here. Starting from this machine's own disk.".into(),
            Self::NeedsAttention => "This machine needs a person.".into(),
            Self::Verbatim(words) => words.clone(),
        }
    }

    fn polish(&self) -> String {
        match self {
            Self::Starting => "Uruchamianie.".into(),
            Self::LoadingDrivers => "Ładowanie sterowników dla sprzętu tego komputera.".into(),
            Self::WaitingForDevices => "Czekam, aż zgłoszą się wszystkie dyski.".into(),
            Self::NoNic => "Nie znaleziono karty sieci przewodowej. Podłącz adapter USB.".into(),
            Self::NoCable => "Brak sieci. Podłącz kabel sieciowy.".into(),
            Self::AskingForAddress => "Pytam sieć o adres (DHCP).".into(),
            Self::AddressRefused(words) => {
                format!("Serwer DHCP nie daje temu komputerowi adresu: {words}")
            }
            Self::NicFailed(why) => format!("Karta sieciowa zawodzi: {why}"),
            Self::Connecting(address) => {
                format!("Łączę się z koordynatorem pod adresem {address}.")
            }
            Self::TakingStock => "Spisuję, co jest w tym komputerze.".into(),
            Self::WaitingForConsent => "Czekam na zgodę na plan.".into(),
            Self::Working(doing, drive) => match doing {
                Doing::Sampling => format!("Zapamiętuję próbki tego, co jest na dysku {drive}."),
                Doing::PlacingCanaries => format!("Rozmieszczam znaczniki na dysku {drive}."),
                Doing::ErasingItself => format!("Kasowanie: dysk {drive} robi to sam."),
                Doing::Overwriting => format!("Kasowanie: nadpisuję cały dysk {drive}."),
                Doing::LookingForOld => {
                    format!("Szukam znaczników i starych danych na dysku {drive}.")
                }
                Doing::ReadingBack => format!("Odczytuję dysk {drive}: czy wszystko zniknęło?"),
            },
            Self::HandingIn(drives) => format!("Przekazuję to, co zaobserwowano na dyskach: {drives}."),
            Self::FreshPower => {
                "Skasowano i sprawdzono. Komputer się wyłączy; włącz go ponownie: sprawdzi dyski jeszcze raz.".into()
            }
            Self::Held => {
                "Skasowano i sprawdzono. Ktoś ogląda dyski; komputer czeka, aż zostanie zwolniony w panelu.".into()
            }
            Self::AwaitsVerdict(Some(first)) => format!(
                "Skasowano i sprawdzono. Komputer {first} tego samego modelu idzie pierwszy; ten czeka, aż ktoś potwierdzi, \
                 że ten model działa."
            ),
            Self::AwaitsVerdict(None) => {
                "Skasowano i sprawdzono. Komputer czeka, aż ktoś potwierdzi, że jego model działa.".into()
            }
            Self::Stopped(erasing) if erasing.is_empty() => {
                "Zatrzymane przez człowieka. Nic nie jest już zapisywane; komputer czeka.".into()
            }
            Self::Stopped(erasing) => format!(
                "Zatrzymane przez człowieka. Jednak dysk {} kasuje się sam i nic nie może go powstrzymać: nie odłączaj \
                 komputera od prądu.",
                erasing.join(", ")
            ),
            Self::WritingImage(drive) => format!("Zapisuję system na {drive}."),
            Self::CheckingImage(drive) => format!("Sprawdzam system zapisany na {drive}."),
            Self::Personalizing => "Przygotowuję nowy system dla tego komputera.".into(),
            Self::LeavingNotice(drive) => {
                format!("Zostawiam na dysku {drive} informację dla tego, kto uruchomi komputer.")
            }
            Self::Reporting => "Przekazuję to, co zaobserwowano.".into(),
            Self::Finished => "Gotowe.".into(),
            Self::FinishedNext => "Gotowe. Odłącz ten komputer i podłącz następny.".into(),
            Self::LocalDisk => {
                "Nie ma tu nic do zrobienia. Uruchamiam system z własnego dysku.".into()
            }
            Self::NeedsAttention => "Ten komputer wymaga uwagi człowieka.".into(),
            Self::Verbatim(words) => words.clone(),
        }
    }
}
