//! Every word of the dashboard, in English and in Polish side by side. Pages hold no text of their own. What is shown
//! beside these words came from a machine or from the coordinator's own messages, and is marked as English.

mod deeds;
mod enums;
mod proof;
mod sentences;
mod steps;

pub(super) use steps::Told;

macro_rules! catalogue {
    ($($name:ident: $english:literal, $polish:literal;)*) => {
        /// The fixed words of one language.
        #[derive(Debug)]
        pub(in crate::dashboard) struct Words {
            $(pub(in crate::dashboard) $name: &'static str,)*
        }
        pub(in crate::dashboard) const ENGLISH: Words = Words { $($name: $english,)* };
        pub(in crate::dashboard) const POLISH: Words = Words { $($name: $polish,)* };
    };
}

pub(super) mod lots;
mod protect;

catalogue! {
    // The frame of every page.
    bench: "Bench", "Stół";
    pick: "Pick", "Wybieranie";
    arm: "Arm", "Uzbrajanie";
    lots: "Lots", "Dostawy";
    protected: "Protected", "Chronione";
    log_out: "Log out", "Wyloguj";
    skip: "Skip to the content", "Przejdź do treści";
    menu: "Main menu", "Menu główne";
    languages: "Language", "Język";
    logged_in_as: "Logged in as", "Zalogowano jako";
    back_to_lot: "Back to the lot", "Wróć do dostawy";
    back_to_bench: "Back to the bench", "Wróć do stołu";
    decimal: ".", ",";
    simulated: "Simulated: these machines do not exist, and nothing here proves anything.",
        "Symulacja: te komputery nie istnieją i nic tutaj niczego nie dowodzi.";

    // When a batch would be done.
    forecast: "Expected end, if armed and picked now", "Przewidywany koniec, gdyby uzbroić i wybrać teraz";
    forecast_show: "Show the expected end", "Pokaż przewidywany koniec";
    forecast_end: "Done about", "Koniec około";
    forecast_slowest: "The slowest", "Najwolniejszy";
    forecast_full: "All of each drive is read", "Odczyt całych dysków";
    forecast_sampled: "NIST's sample is read", "Odczyt próbki według NIST";
    forecast_this: "as this policy demands", "tak wymaga ta polityka";
    forecast_basis: "Rests on", "Na podstawie";
    basis_drive: "the drive's own estimate", "szacunek samego dysku";
    basis_measured: "measured here", "pomiar tutaj";
    basis_assumed: "assumed", "założenie";
    forecast_absent: "Not in sight, taken to be as slow", "Niewidoczne, liczone jak najwolniejszy";
    forecast_none: "No machine is in sight that could be picked, so the end is not known.",
        "Nie widać komputera, który można wybrać, więc koniec nie jest znany.";
    forecast_unable: "Would be refused", "Spotka się z odmową";
    ports: "At a time, as there are ports", "Naraz, bo tyle jest portów";

    // The first machine of a model.
    model_asks: "Does this model work:", "Czy ten model działa:";
    model_first: "First went machine", "Pierwszy poszedł komputer";
    model_waiting: "Erased and waiting", "Skasowane i czekają";
    model_ok: "It works: go on", "Działa: dalej";
    model_no: "It does not", "Nie działa";
    first_of_model: "The first machine of each model goes first; the others are erased and wait until somebody says that it \
        works", "Pierwszy komputer każdego modelu idzie pierwszy; pozostałe są kasowane i czekają, aż ktoś potwierdzi, że \
        działa";
    first_of_model_hint: "Holds where a system is installed. A system that a model cannot use is then on one laptop and not \
        on thirty.", "Dotyczy partii, w których instaluje się system. System, z którym dany model nie działa, trafi wtedy \
        na jeden laptop, a nie na trzydzieści.";

    // The panic button.
    panic_now: "STOP ALL MACHINES", "ZATRZYMAJ WSZYSTKO";
    panic_why: "Why (may stay empty)", "Dlaczego (może być puste)";
    panic_on: "All machines are stopped.", "Wszystkie komputery są zatrzymane.";
    panic_meaning: "No machine is let begin or go on, and none writes to its drives any more. A drive that erases itself by \
        its firmware cannot be stopped by anybody: its tile says so. A machine that is not heard was not told.",
        "Żaden komputer nie może zacząć ani kontynuować i żaden nie zapisuje już na dyskach. Dysku, który kasuje się sam, \
        nikt nie może zatrzymać: jest to napisane na jego kafelku. Komputer, którego nie słychać, nie dostał polecenia.";
    panic_over: "Take the stop back", "Odwołaj zatrzymanie";
    panic_over_hint: "No machine goes on by this: each that was stopped has to be picked again.",
        "Żaden komputer nie ruszy przez to sam: każdy zatrzymany trzeba wybrać ponownie.";
    panic_not_recorded: "It could not be recorded, so the machines were not told. Switch off by hand what must stop. The \
        coordinator's log says why.",
        "Nie udało się tego zapisać, więc komputery nie dostały polecenia. Wyłącz ręcznie to, co musi stanąć. Powód jest \
        w dzienniku koordynatora.";

    // Logging in.
    log_in: "Log in", "Zaloguj";
    log_in_title: "Log in to the bench", "Logowanie do stołu";
    name: "Name", "Nazwa użytkownika";
    name_hint: "It is recorded with what you arm and pick.",
        "Zostanie zapisane przy tym, co uzbroisz i wybierzesz.";
    password: "Password", "Hasło";
    password_hint: "A supervisor gave it to you. The first user is “supervisor”; that password was shown once in the \
        terminal when the coordinator first started. Lost it? Run “rehome user password supervisor” there.",
        "Dostajesz je od kierownika. Pierwszy użytkownik to „supervisor”; jego hasło pokazano raz w terminalu przy \
        pierwszym uruchomieniu koordynatora. Zginęło? Uruchom tam „rehome user password supervisor”.";
    wrong_password: "Nobody has this name and this password.",
        "Nikt nie ma takiej nazwy i takiego hasła.";
    wrong_name: "Enter your name, up to 60 characters.",
        "Podaj imię i nazwisko, do 60 znaków.";
    no_password: "The coordinator cannot read its users' file. Its log says why.",
        "Koordynator nie może odczytać pliku użytkowników. Powód jest w jego dzienniku.";

    // The bench.
    bench_empty: "No machine has been seen yet", "Nie widać jeszcze żadnego komputera";
    bench_empty_hint: "Connect a laptop to the switch and start it from the network. It appears \
        here once it has taken stock. Nothing is touched before you arm a batch and pick it.",
        "Podłącz laptop do przełącznika i uruchom go z sieci. Pojawi się tutaj, gdy spisze swój \
        sprzęt. Nic nie zostanie naruszone, zanim uzbroisz partię i go wybierzesz.";
    machine: "Machine", "Komputer";
    machines: "Machines", "Komputery";
    data_there: "Data still there", "Dane nadal są";
    data_gone: "Data gone, proven", "Danych już nie ma";
    no_drives: "No drive seen", "Nie widać dysku";
    key: "Key", "Klucz";
    unknown_model: "Unknown model", "Nieznany model";
    not_armed: "Nothing is armed. Nothing will be touched.",
        "Nic nie jest uzbrojone. Nic nie zostanie naruszone.";
    armed: "Armed", "Uzbrojone";
    disarm: "Disarm", "Rozbrój";
    progress: "Progress of this stage", "Postęp tego etapu";
    stages: "Stages", "Etapy";
    stage_done: "done", "zrobione";
    stage_now: "now", "teraz";
    stage_todo: "to come", "przed nami";
    last_heard: "Last heard", "Ostatni sygnał";
    connection_lost: "The connection to the coordinator is lost. What you see may be old.",
        "Utracono połączenie z koordynatorem. To, co widać, może być nieaktualne.";

    // A machine.
    identity: "Identity", "Tożsamość";
    model: "Model", "Model";
    serial: "Serial number", "Numer seryjny";
    board_serial: "Board serial", "Numer płyty";
    chassis_serial: "Chassis serial", "Numer obudowy";
    addresses: "Network addresses", "Adresy sieciowe";
    first_seen: "First seen", "Pierwszy raz widziany";
    hardware: "Hardware", "Sprzęt";
    processor: "Processor", "Procesor";
    memory: "Memory", "Pamięć";
    mains: "Power", "Zasilanie";
    mains_on: "mains", "z sieci";
    mains_off: "battery", "z baterii";
    mains_unknown: "not known", "nie wiadomo";
    firmware: "Firmware", "Firmware";
    secure_boot_on: "Secure Boot on", "Secure Boot włączony";
    secure_boot_off: "Secure Boot off", "Secure Boot wyłączony";
    drives: "Drives", "Dyski";
    drive: "Drive", "Dysk";
    bus: "Attached by", "Złącze";
    rotating: "rotating disk", "dysk talerzowy";
    removable: "removable", "wymienny";
    content: "Former content", "Dawna zawartość";
    still_there: "still there", "nadal jest";
    gone: "proven gone", "nie ma, sprawdzono";
    controllers: "Storage controllers", "Kontrolery dysków";
    plan: "Plan", "Plan";
    no_plan: "There is no plan yet. It is made after the machine is picked.",
        "Nie ma jeszcze planu. Powstaje po wybraniu komputera.";
    plan_image: "The system is installed here", "Tu zostanie zainstalowany system";
    technique: "How", "Jak";
    policy: "Policy", "Polityka";
    policy_meaning: "What this policy means", "Co oznacza ta polityka";
    policy_default: "recommended", "zalecana";
    medium: "Medium", "Nośnik";
    proof: "Proof", "Dowód";
    proven_how: "How it was proven", "Jak to wykazano";
    unlock_first: "It is locked with our password from an erase that was cut short: that comes off first.",
        "Jest zablokowany naszym hasłem po przerwanym kasowaniu: najpierw zostanie odblokowany.";
    canaries: "Canaries", "Znaczniki";
    surface_read: "Read afterwards", "Odczytano potem";
    seen_again: "Looked at again in a later boot", "Obejrzano ponownie po kolejnym uruchomieniu";
    claim: "What may be claimed", "Co można potwierdzić";
    why_not_more: "Why not more", "Dlaczego nie więcej";
    left_alone: "Left alone", "Pozostawione bez zmian";
    history: "History", "Historia";
    boot_trace: "Network boots", "Uruchomienia z sieci";
    no_boot_trace: "No network boot was seen since the coordinator started.",
        "Od startu koordynatora nie widziano uruchomienia z sieci.";
    needs_you: "A person must look", "Potrzebny człowiek";
    what_to_do: "What to do", "Co zrobić";
    looked_at: "I looked: it may be worked on", "Sprawdzone: można pracować";
    // Holding a machine.
    second_look: "A second pair of eyes", "Druga para oczu";
    witness: "Stop each machine after its check, until a person has looked at the drives",
        "Zatrzymaj każdy komputer po kontroli, aż ktoś obejrzy dyski";
    witness_hint: "Then nothing is installed before somebody releases the machine on its page.",
        "Wtedy nic nie zostanie zainstalowane, zanim ktoś zwolni komputer na jego stronie.";
    holds: "Hold", "Zatrzymanie";
    hold_offer: "The machine can wait once its drives are checked, before anything is installed. Then you can look at \
        any sector.",
        "Komputer może zaczekać po kontroli dysków, zanim cokolwiek zostanie zainstalowane. Wtedy można obejrzeć \
        dowolny sektor.";
    hold_asked: "It will wait once its drives are checked.",
        "Zaczeka, gdy jego dyski będą sprawdzone.";
    hold_now: "Have it wait", "Niech zaczeka";
    hold_off: "No, let it go on", "Nie, niech pracuje dalej";
    release: "I have seen enough: go on", "To wystarczy: pracuj dalej";
    look_hint: "Nothing is written. That you looked is recorded; what you saw is not.",
        "Nic nie zostanie zapisane na dysku. Zapisze się, że patrzono, ale nie to, co było widać.";
    look_sector: "First sector, counted from 0", "Pierwszy sektor, licząc od 0";
    look_count: "How many, up to 8", "Ile, najwyżej 8";
    look_now: "Show", "Pokaż";
    look_offset: "Byte", "Bajt";
    look_hex: "Hexadecimal", "Szesnastkowo";
    look_text: "As text", "Jako tekst";
    look_same: "the same again", "tak samo";
    look_silent: "The machine is not heard. Is it on, and its network cable in?",
        "Nie słychać komputera. Czy jest włączony, a kabel sieciowy podłączony?";
    look_full: "Too many looks wait for this machine. Try again in a moment.",
        "Zbyt wiele pytań czeka na ten komputer. Spróbuj za chwilę.";
    look_unanswered: "The machine does not answer. Its drive may hang: look at the laptop.",
        "Komputer nie odpowiada. Być może dysk się zawiesił: obejrzyj laptop.";
    look_failed: "It could not be read", "Nie udało się odczytać";
    back_to_machine: "Back to the machine", "Wróć do komputera";
    certificate: "Certificate", "Certyfikat";
    certificate_get: "Download the certificate (JSON)", "Pobierz certyfikat (JSON)";
    certificate_hint: "It proves itself offline: rehome verify --key site.pub FILE",
        "Dowodzi sam siebie bez sieci: rehome verify --key site.pub PLIK";
    certificate_none: "There is none yet: it is made when all drives are proven empty and the work \
        is finished.",
        "Jeszcze go nie ma: powstaje, gdy wszystkie dyski są na pewno puste i praca jest skończona.";
    certificate_failed: "There is no certificate for this machine.",
        "Nie ma certyfikatu dla tego komputera.";
    unknown_machine: "Nobody has seen this machine", "Nikt nie widział tego komputera";
    unknown_machine_hint: "Numbers are given in the order in which machines are first seen.",
        "Numery nadawane są w kolejności, w jakiej komputery się zgłaszają.";

    // Arming.
    arm_title: "Arm a batch", "Uzbrój partię";
    lot: "Lot", "Dostawa";
    no_lot: "No lot is open. Open one for what the owner hands over, with their acceptance and statement, then arm.",
        "Żadna dostawa nie jest otwarta. Otwórz ją dla tego, co przekazuje właściciel, z jego akceptacją i oświadczeniem, \
        a potem uzbrój.";
    not_armed_lot: "The papers of the lot are not complete, so nothing is armed.",
        "Dokumenty dostawy nie są kompletne, więc nic nie zostało uzbrojone.";
    arm_warning: "Everything on the drives of the machines that you then pick will be destroyed. \
        It cannot be undone.",
        "Wszystko na dyskach komputerów, które potem wybierzesz, zostanie zniszczone. Nie da się \
        tego cofnąć.";
    what: "What is to be done", "Co ma być zrobione";
    refurbish: "Erase and install a system", "Skasuj i zainstaluj system";
    wipe: "Erase only, leave the machine empty", "Tylko skasuj, zostaw komputer pusty";
    certificate_id: "Certificate ID", "Numer certyfikatu";
    image_only: "Only install a system, on drives that work of this coordinator has proven erased",
        "Tylko zainstaluj system, na dyskach, których skasowania dowiodła praca tego koordynatora";
    verify_only: "Read the drives only, and say whether they are blank",
        "Tylko odczytaj dyski i powiedz, czy są puste";
    inventory_only: "Take stock only, write nothing", "Tylko spisz sprzęt, niczego nie zapisuj";
    writes_nothing_hint: "What only looks writes to no drive. It needs none of the owner’s papers, and proves no erasure.",
        "Praca, która tylko ogląda, nie zapisuje niczego na dyskach. Nie wymaga dokumentów właściciela i nie dowodzi \
        skasowania.";
    image: "System image", "Obraz systemu";
    no_image: "There is no image on this coordinator, so machines can only be erased. \
        “rehome image add” brings one.",
        "Na tym koordynatorze nie ma obrazu, więc komputery można tylko kasować. Obraz dodaje \
        „rehome image add”.";
    locale: "Language of the installed system", "Język instalowanego systemu";
    how_long: "For how long", "Na jak długo";
    count: "How many machines", "Ile komputerów";
    count_again: "Type the number again", "Wpisz liczbę jeszcze raz";
    count_again_hint: "The batch takes no more than this. Count the laptops in front of you.",
        "Partia nie przyjmie więcej. Policz laptopy, które masz przed sobą.";
    arm_now: "Arm", "Uzbrój";
    batches: "Batches", "Partie";
    no_batches: "No batch was ever armed.", "Nigdy nie uzbrojono żadnej partii.";
    taken: "Taken", "Przyjęte";
    by: "By", "Kto";
    since: "Since", "Od";
    until: "Until", "Do";
    batch_armed: "armed", "uzbrojona";
    batch_full: "full", "pełna";
    batch_over: "over", "zakończona";
    batch_disarmed: "disarmed", "rozbrojona";
    not_armed_counts_differ: "Not armed: the two numbers are not the same, or are no numbers.",
        "Nie uzbrojono: te dwie liczby różnią się albo nie są liczbami.";
    not_armed_time: "Not armed: choose how long.", "Nie uzbrojono: wybierz, na jak długo.";
    not_armed_kind: "Not armed: choose what is to be done.",
        "Nie uzbrojono: wybierz, co ma być zrobione.";
    not_armed_policy: "Not armed: choose a policy from the list.",
        "Nie uzbrojono: wybierz politykę z listy.";
    not_armed_simulated: "Simulated machines have small drives of memory: no image fits on them.",
        "Symulowane komputery mają małe dyski w pamięci: żaden obraz się na nich nie zmieści.";
    not_armed_image: "Not armed: choose an image that is on this coordinator.",
        "Nie uzbrojono: wybierz obraz, który jest na tym koordynatorze.";
    not_armed_unusable: "Not armed: this image cannot be given to a laptop",
        "Nie uzbrojono: tego obrazu nie można zainstalować na laptopie";

    // Picking.
    pick_title: "Pick machines", "Wybierz komputery";
    pick_hint: "Go to each laptop. Compare number and key with its screen, then tick it here.",
        "Podejdź do każdego laptopa. Porównaj numer i klucz z jego ekranem, potem zaznacz go tutaj.";
    pick_warning: "Picking a machine consents to the destruction of everything on its drives.",
        "Wybranie komputera to zgoda na zniszczenie wszystkiego na jego dyskach.";
    pick_now: "Pick the ticked machines", "Wybierz zaznaczone komputery";
    pick_none_waits: "No machine waits to be picked.", "Żaden komputer nie czeka na wybór.";
    pick_nothing_armed: "Nothing is armed, so nothing can be picked.",
        "Nic nie jest uzbrojone, więc nie ma czego wybierać.";
    pick_into: "Into the batch", "Do partii";
    pick_no_ticks: "Nothing was picked: no machine was ticked.",
        "Nic nie wybrano: nie zaznaczono żadnego komputera.";
    not_picked: "Nothing was picked.", "Nic nie wybrano.";

    // The log of actions.
    log: "Log", "Dziennik";
    log_who: "Who", "Kto";
    log_when: "When", "Kiedy";
    log_what: "What", "Co";
    log_everybody: "everybody", "wszyscy";
    log_show: "Show", "Pokaż";
    log_older: "Older actions", "Starsze wpisy";
    log_empty: "Nobody did anything like that.", "Nikt nic takiego nie zrobił.";
    log_unread: "The log of actions cannot be read. The coordinator's log says why.",
        "Nie można odczytać dziennika działań. Powód jest w dzienniku koordynatora.";

    // Users.
    users: "Users", "Użytkownicy";
    user_add: "Add a user", "Dodaj użytkownika";
    user_role: "Role", "Rola";
    user_role_hint: "Auditors read and take certificates along. Technicians also pick, look, hold, release and stop all machines. \
        Supervisors may do everything.",
        "Audytor czyta i pobiera certyfikaty. Technik także wybiera, ogląda, zatrzymuje i zwalnia, również wszystkie komputery naraz. \
        Kierownik może wszystko.";
    user_set_role: "Change the role", "Zmień rolę";
    user_renew: "Make a new password", "Utwórz nowe hasło";
    user_remove: "Remove", "Usuń";
    user_password: "Shown only now: the password of", "Widoczne tylko teraz: hasło użytkownika";
    user_taken: "There is a user of this name already.", "Taki użytkownik już istnieje.";
    user_unknown: "There is no such user any more.", "Takiego użytkownika już nie ma.";
    user_last: "This is the only supervisor. Make another one first.",
        "To jedyny kierownik. Najpierw ustanów drugiego.";
    user_full: "There are too many users. Remove one first.",
        "Jest zbyt wielu użytkowników. Najpierw usuń któregoś.";

    // Refusals.
    refused: "That did not work", "To się nie udało";
    foreign_form: "This form did not come from a page of this dashboard, or the page was too old. \
        Go back, reload the page and try again.",
        "Ten formularz nie pochodzi z tego panelu albo strona była zbyt stara. Wróć, odśwież \
        stronę i spróbuj jeszcze raz.";
    unreadable_form: "The form cannot be read. Go back and try again.",
        "Nie można odczytać formularza. Wróć i spróbuj jeszcze raz.";
    clock_in_doubt: "The coordinator's clock was set, so nothing is armed or picked",
        "Zegar koordynatora został przestawiony, więc niczego nie można uzbroić ani wybrać";
    not_recorded: "Nothing was recorded, so nothing has happened. The coordinator's log says why.",
        "Nic nie zapisano, więc nic się nie stało. Powód jest w dzienniku koordynatora.";
    busy: "Too many pages are open at once. Close some and reload.",
        "Zbyt wiele stron jest otwartych naraz. Zamknij kilka i odśwież.";
}
