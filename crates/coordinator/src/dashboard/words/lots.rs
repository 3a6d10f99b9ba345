//! Words about lots.

use register::{Role, RowNumber};

use super::super::lang::Lang;
use crate::calendar::utc;
use crate::lots::actions::Named;
use crate::lots::reckoning::{End, Observed, Obstacle};
use crate::lots::step::Fate;
use crate::lots::view::short;

catalogue! {
    title: "Lots", "Dostawy";
    none: "No lot was opened yet", "Nie otwarto jeszcze żadnej dostawy";
    none_hint: "A lot is what one owner hands over together. It answers for every laptop and every drive, from the register to the last paper.",
        "Dostawa to wszystko, co jeden właściciel przekazuje razem. Rozlicza każdy laptop i każdy dysk, od ewidencji po ostatni dokument.";
    open_title: "Open a lot", "Otwórz dostawę";
    open_now: "Open", "Otwórz";
    owner: "Whose it is", "Czyje to jest";
    owner_hint: "The institution, not a person.", "Instytucja, nie osoba.";
    reference: "Number of the paper", "Numer dokumentu";
    reference_optional: "May stay empty.", "Może pozostać puste.";
    state_open: "open", "otwarta";
    state_may_close: "may be closed", "można zamknąć";
    state_closed: "closed", "zamknięta";
    opened: "Opened", "Otwarto";
    closed: "Closed", "Zamknięto";

    reckoning: "Reckoning", "Rozliczenie";
    received: "received", "przyjęte";
    erased: "proven erased", "dowiedzione skasowanie";
    pulled: "drives pulled", "dyski wyjęte";
    returned: "returned", "zwrócone";
    to_do: "still open", "otwarte";
    missing: "never seen", "nigdy niewidziane";
    even: "Everything received has an end.", "Wszystko, co przyjęto, jest rozliczone.";
    uneven: "The lot cannot be closed yet: see what is still open.",
        "Dostawy nie można jeszcze zamknąć: zobacz, co pozostało.";

    papers: "Papers of the owner", "Dokumenty właściciela";
    register: "Asset register", "Ewidencja środków";
    register_none: "None was taken in. Without one every machine has to be placed by hand.",
        "Nie wczytano. Bez niej każdy komputer trzeba przypisać ręcznie.";
    register_take: "Choose a file (CSV, XLSX or ODS)", "Wybierz plik (CSV, XLSX lub ODS)";
    register_read: "Read it", "Wczytaj";
    register_again: "Another file replaces this register as a whole.", "Inny plik zastąpi całą ewidencję.";
    accepted: "How drives are sanitized, accepted by", "Sposób usuwania danych zaakceptował(a)";
    accept_title: "The owner accepts how drives are sanitized", "Właściciel akceptuje sposób usuwania danych";
    accepted_by: "Who accepts it for the owner", "Kto akceptuje w imieniu właściciela";
    stated: "Nothing unique on the drives, stated by", "Brak unikalnych danych oświadczył(a)";
    state_title: "The owner states: nothing on these drives exists only there",
        "Właściciel oświadcza: na tych dyskach nie ma niczego, co istnieje tylko tam";
    stated_by: "Who states it for the owner", "Kto oświadcza w imieniu właściciela";
    day: "Day of the paper", "Data dokumentu";
    record: "Record", "Zapisz";
    not_yet: "not yet", "jeszcze nie";

    in_the_way: "What stands in the way", "Co stoi na przeszkodzie";
    things: "What was received", "Co przyjęto";
    nothing_received: "Nothing yet.", "Jeszcze nic.";
    thing: "Laptop", "Laptop";
    asset: "Asset number", "Nr inwentarzowy";
    serial: "Serial number", "Numer seryjny";
    model: "Model", "Model";
    ended: "End", "Rozliczenie";
    unknown_title: "Not in the register", "Spoza ewidencji";
    unknown_hint: "These machines were seen while the lot was open, and nobody said yet whether they belong to it.",
        "Te komputery widziano, gdy dostawa była otwarta, i nikt jeszcze nie określił, czy do niej należą.";
    resembles: "looks much like row", "przypomina wiersz";
    receive: "It belongs to this lot", "Należy do tej dostawy";
    refuse: "It does not belong to this lot", "Nie należy do tej dostawy";
    because: "Why", "Dlaczego";

    take_in_title: "Take in a laptop that never boots", "Przyjmij laptop, który się nie uruchamia";
    take_in_now: "Take it in", "Przyjmij";
    take_in_hint: "At least one of the two numbers.", "Co najmniej jeden z dwóch numerów.";
    taken_in_because: "taken in by hand", "przyjęty ręcznie";

    pull_title: "A drive is taken out", "Wyjęcie dysku";
    pull_now: "It is in the bag", "Jest w torebce";
    drive_model: "Model, by the drive’s label", "Model, z etykiety dysku";
    drive_serial: "Serial number, by the drive’s label", "Numer seryjny, z etykiety dysku";
    bag: "Number of the bag", "Numer torebki";
    bags: "Drives that were taken out", "Wyjęte dyski";
    from: "Out of", "Z";
    drive: "Drive", "Dysk";
    fate: "What became of it", "Co się z nim stało";
    fate_none: "not known yet", "jeszcze nie wiadomo";
    fate_destroyed: "Destroyed", "Zniszczony";
    fate_how: "How it was destroyed", "Jak go zniszczono";
    fate_sanitized: "Sanitized in another machine", "Skasowany w innym komputerze";
    fate_machine: "Number of that machine", "Numer tego komputera";
    fate_returned: "Returned to the owner", "Zwrócony właścicielowi";
    fate_paper: "Number of the paper that says so (no names of people)", "Numer dokumentu, który to potwierdza (bez nazwisk)";
    fate_put_back: "Put back where it was", "Włożony z powrotem";

    inside_now: "I looked: there is no other drive inside", "Sprawdzone: w środku nie ma innego dysku";
    assign_now: "It is this row of the register", "To jest ten wiersz ewidencji";
    row: "Row", "Wiersz";
    give_back_now: "Returned to the owner as it is", "Zwrócony właścicielowi tak, jak jest";
    other_ends: "Other ends", "Inne rozliczenie";

    missing_title: "Rows of which nothing was seen", "Wiersze, z których nic nie widziano";
    close_title: "Close the lot", "Zamknij dostawę";
    close_hint: "Count what is in front of you and type it. It must be what is reckoned here.",
        "Policz to, co masz przed sobą, i wpisz. Musi się zgadzać z rozliczeniem.";
    close_because: "What became of those that were never seen", "Co stało się z nigdy niewidzianymi";
    close_now: "Close", "Zamknij";
    reopen_now: "Open it again", "Otwórz ponownie";
    take_away: "To take along", "Do zabrania";
    export_certificates: "All certificates (ZIP)", "Wszystkie certyfikaty (ZIP)";
    export_certificates_hint: "With the page that checks them in any browser, without a network.",
        "Ze stroną, która sprawdza je w dowolnej przeglądarce, bez sieci.";
    verify_here: "Check certificates here", "Sprawdź certyfikaty tutaj";
    of_lot: "Lot", "Dostawa";
    of_lot_hint: "What was pulled, returned or is missing is said there.",
        "Tam zapisuje się, co wyjęto, zwrócono lub czego brakuje.";
    export_csv: "Reckoning as a table (CSV)", "Rozliczenie jako tabela (CSV)";

    preview_title: "Is this register understood?", "Czy ewidencja jest dobrze zrozumiana?";
    preview_columns: "What the columns mean", "Co oznaczają kolumny";
    column: "Column", "Kolumna";
    header: "Header", "Nagłówek";
    means: "Meaning", "Znaczenie";
    preview_rows: "The first rows, as they would be kept", "Pierwsze wiersze, tak jak zostałyby zapisane";
    preview_again: "Look again with these meanings", "Pokaż jeszcze raz z tym znaczeniem";
    preview_take: "Yes, take it in", "Tak, wczytaj";
    problems: "What must be mended first", "Co trzeba najpierw poprawić";
    upload_none: "Choose a file first.", "Najpierw wybierz plik.";
    upload_gone: "The file is not here any more. Choose it again.", "Pliku już tu nie ma. Wybierz go ponownie.";
    upload_too_large: "The file is too large for a register.", "Plik jest za duży jak na ewidencję.";
    not_followed: "Nothing was recorded", "Nic nie zapisano";
    unknown_lot: "There is no such lot", "Nie ma takiej dostawy";
}

impl Lang {
    /// The catalogue about lots.
    pub(in super::super) const fn lots(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Pl => &POLISH,
        }
    }

    pub(in super::super) fn lot_end(self, end: End) -> &'static str {
        let words = self.lots();
        match end {
            End::Erased => words.erased,
            End::Pulled => words.pulled,
            End::Returned => words.returned,
        }
    }

    /// What was found by work that only looked.
    pub(in super::super) fn observed_thing(self, observed: Observed) -> String {
        let (pair, at) = match observed {
            Observed::Inventoried { at } => {
                (("inventoried, nothing erased", "zinwentaryzowany, nic nie skasowano"), at)
            }
            Observed::FoundBlank { at } => (
                (
                    "read and found blank; not proven erased here",
                    "odczytany, pusty; skasowania tu nie dowiedziono",
                ),
                at,
            ),
            Observed::FoundData { at } => (("read and found not blank", "odczytany, niepusty"), at),
        };
        format!("{} ({})", self.of(pair), utc(at))
    }

    /// How people name a thing.
    pub(in super::super) fn named(self, named: &Named) -> String {
        match named {
            Named::Machine(number) => format!("{} {number}", self.words().machine),
            Named::Item(item) => format!("{} {}", self.lots().taken_in_because, short(item)),
        }
    }

    /// What stands in the way, and what to do about it.
    pub(in super::super) fn obstacle(self, obstacle: &Obstacle) -> String {
        match (self, obstacle) {
            (Self::En, other) => other.to_string(),
            (Self::Pl, Obstacle::RegisterContradicts { row, .. }) => {
                format!("wiersz {row} ewidencji opisuje coś innego; wskaż właściwy wiersz")
            }
            (Self::Pl, Obstacle::RegisterAmbiguous) => {
                "ten numer seryjny ma kilka wierszy lub komputerów; wskaż właściwy wiersz"
                    .to_owned()
            }
            (Self::Pl, Obstacle::DataThere { drive }) => {
                format!("{drive}: skasowanie niedowiedzione; skasuj go albo wyjmij")
            }
            (Self::Pl, Obstacle::DriveGone { drive }) => {
                format!("{drive} był w środku, a już go nie ma; podaj, w której jest torebce")
            }
            (Self::Pl, Obstacle::NoDriveSeen) => {
                "nie widziano w nim dysku; zajrzyj do środka i wyjmij, co tam jest".to_owned()
            }
            (Self::Pl, Obstacle::Hidden { controller }) => format!(
                "kontroler {controller} ukrywa to, co za nim jest; przełącz SATA na AHCI albo zajrzyj do środka"
            ),
            (Self::Pl, Obstacle::Unfinished) => {
                "dyski są skasowane, ale praca nie jest skończona, więc nie ma certyfikatu"
                    .to_owned()
            }
            (Self::Pl, Obstacle::NoFate { drive, bag }) => format!(
                "co się stało z dyskiem {drive} w torebce {bag}? zniszczony, skasowany czy zwrócony"
            ),
            (Self::Pl, Obstacle::SeenSince { drive, bag }) => format!(
                "{drive} ma być w torebce {bag}, ale komputer widział go później; zapisz, że włożono go z powrotem, albo wyjmij go jeszcze raz"
            ),
            (Self::Pl, Obstacle::BootedSince) => {
                "zwrócony, ale później uruchomił się tutaj; zapisz, że jednak go nie zwrócono"
                    .to_owned()
            }
            (Self::Pl, Obstacle::NotSanitized { drive, bag }) => format!(
                "żadna zakończona praca nie dowodzi skasowania dysku {drive} z torebki {bag}; zapisz, co się z nim stało"
            ),
            (Self::Pl, Obstacle::Attention { sentence }) => format!(
                "dyski są skasowane, ale komputer musi obejrzeć człowiek, więc nie ma certyfikatu: {sentence}"
            ),
            (Self::Pl, Obstacle::DrivesInside) => {
                "wyjmij dysk, zajrzyj do środka albo zwróć laptop".to_owned()
            }
        }
    }

    pub(in super::super) fn fate(self, fate: &Fate) -> String {
        let words = self.lots();
        let told = |word: &str, rest: &str| match rest {
            "" => word.to_owned(),
            rest => format!("{word}: {rest}"),
        };
        match fate {
            Fate::Destroyed { how, reference } => {
                told(words.fate_destroyed, format!("{how} {reference}").trim())
            }
            Fate::SanitizedIn { .. } => words.fate_sanitized.to_owned(),
            Fate::Returned { reference } => told(words.fate_returned, reference),
            Fate::PutBack { because } => told(words.fate_put_back, because),
        }
    }

    pub(in super::super) fn role(self, role: Role) -> &'static str {
        self.of(match role {
            Role::Serial => ("serial number", "numer seryjny"),
            Role::Asset => ("asset number", "numer inwentarzowy"),
            Role::Manufacturer => ("manufacturer", "producent"),
            Role::Model => ("model", "model"),
            Role::Location => ("location", "miejsce"),
            Role::Person => ("a person: not kept", "osoba: nie zapisujemy"),
            Role::Value => ("value", "wartość"),
            Role::Note => ("note", "uwagi"),
            Role::Ignored => ("not kept", "nie zapisujemy"),
        })
    }

    /// How many assets, as Polish grammar wants it.
    pub(in super::super) fn rows(self, n: usize) -> String {
        let noun = match (self, n, n % 10, n % 100) {
            (Self::En, 1, ..) => "asset",
            (Self::En, ..) => "assets",
            (Self::Pl, 1, ..) => "pozycja",
            (Self::Pl, _, _, 12..=14) => "pozycji",
            (Self::Pl, _, 2..=4, _) => "pozycje",
            (Self::Pl, ..) => "pozycji",
        };
        format!("{n} {noun}")
    }

    /// A row of the register.
    pub(in super::super) fn register_row(self, row: RowNumber) -> String {
        format!("{} {row}", self.lots().row)
    }
}
