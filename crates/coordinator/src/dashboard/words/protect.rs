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
