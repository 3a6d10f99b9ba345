//! Words about what is never touched.

use super::super::lang::Lang;
use crate::protection::ProtectError;

catalogue! {
    title: "Protected", "Chronione";
    meaning: "What is listed here is never picked, never wiped, and loses a ticket that it has.",
        "Tego, co jest na liście, nie da się wybrać ani skasować; wydana już zgoda traci ważność.";
    listed: "The list", "Lista";
    none: "Nothing is protected.", "Nic nie jest chronione.";
    add: "Protect a machine or a drive", "Obejmij ochroną komputer lub dysk";
    add_now: "Protect", "Chroń";
    mark: "By which it is known", "Po czym je poznać";
    mark_hint: "A serial number, UUID, network address or World Wide Name, as it stands on the label.",
        "Numer seryjny, UUID, adres sieciowy lub World Wide Name, tak jak na etykiecie.";
    because: "Why", "Dlaczego";
    remove: "Protect it no more", "Zdejmij ochronę";
    remove_now: "Take it off the list", "Usuń z listy";
    nobody: "No machine that was seen says this of itself: is it typed as on the label?",
        "Żaden widziany komputer nie podaje takiego oznaczenia: czy wpisano je jak na etykiecie?";
    is_protected: "Protected: nothing is done to it", "Chroniony: nic się z nim nie dzieje";
    is_protected_hint: "If it is to be worked on after all, take it off the list of what is protected. Else say on its lot's page where it belongs.",
        "Jeśli jednak ma zostać użyty, zdejmij go z listy chronionych. Jeśli nie, zaznacz na stronie dostawy, gdzie należy.";
    wrong_mark: "This is no serial number, UUID, network address or World Wide Name: one line of 3 to 300 characters.",
        "To nie jest numer seryjny, UUID, adres sieciowy ani World Wide Name: jeden wiersz, od 3 do 300 znaków.";
    wrong_reason: "Say why, in one line.", "Podaj powód, w jednym wierszu.";
    twice: "It is protected already.", "Jest już chronione.";
    not_listed: "It is not on the list any more.", "Nie ma go już na liście.";
}

impl Lang {
    /// The words about what is never touched.
    pub(in super::super) const fn protect(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Pl => &POLISH,
        }
    }

    /// That a machine is on the list, and what to do about it.
    pub(in super::super) const fn is_protected(self) -> (&'static str, &'static str) {
        let words = self.protect();
        (words.is_protected, words.is_protected_hint)
    }

    /// Why the list stays as it is.
    pub(in super::super) const fn not_protected(self, why: &ProtectError) -> &'static str {
        let words = self.protect();
        match why {
            ProtectError::Mark => words.wrong_mark,
            ProtectError::Reason => words.wrong_reason,
            ProtectError::Twice(_) => words.twice,
            ProtectError::Not(_) => words.not_listed,
        }
    }
}
