//! The words by which registers name their columns, Polish and English.

use crate::mapping::Role;

/// What a header says of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) role: Role,
    /// Of two columns with one role the stronger has it.
    pub(crate) strength: u8,
}

/// A word counts where a header has all parts of one of its lines; the first line that fits decides. A part is a
/// beginning of a word, or a whole word where it ends in a full stop. People come first: "phone number of the user" is theirs.
const WORDS: &[(Role, u8, &[&str])] = &[
    (Role::Person, 2, &["uzytkownik"]),
    (Role::Person, 2, &["uzytkujac"]),
    (Role::Person, 2, &["nazwisk"]),
    (Role::Person, 2, &["imie."]),
    (Role::Person, 2, &["osob"]),
    (Role::Person, 2, &["odpowiedzial"]),
    (Role::Person, 2, &["pracowni"]),
    (Role::Person, 2, &["pesel"]),
    (Role::Person, 2, &["mail"]),
    (Role::Person, 2, &["e", "mail"]),
    (Role::Person, 2, &["telefon."]),
    (Role::Person, 2, &["powierz"]),
    (Role::Person, 2, &["opiekun"]),
    (Role::Person, 2, &["wlasciciel"]),
    (Role::Person, 2, &["posiadacz"]),
    (Role::Person, 2, &["user"]),
    (Role::Person, 2, &["employee"]),
    (Role::Person, 2, &["person"]),
    (Role::Person, 2, &["owner"]),
    (Role::Person, 2, &["custodian"]),
    (Role::Person, 2, &["assign"]),
    (Role::Person, 2, &["surname"]),
    (Role::Person, 2, &["first", "name"]),
    (Role::Person, 2, &["last", "name"]),
    (Role::Person, 2, &["full", "name"]),
    (Role::Person, 2, &["login"]),
    (Role::Ignored, 1, &["data."]),
    (Role::Ignored, 1, &["date"]),
    (Role::Ignored, 1, &["faktur"]),
    (Role::Ignored, 1, &["invoice"]),
    (Role::Ignored, 1, &["dokument"]),
    (Role::Serial, 3, &["nr.", "seryj"]),
    (Role::Serial, 3, &["numer", "seryj"]),
    (Role::Serial, 3, &["serial", "n"]),
    (Role::Serial, 3, &["s.", "n."]),
    (Role::Serial, 3, &["sn."]),
    (Role::Serial, 3, &["service", "tag"]),
    (Role::Serial, 2, &["fabryczn"]),
    (Role::Serial, 2, &["seryj"]),
    (Role::Serial, 2, &["serial"]),
    (Role::Asset, 3, &["inwent"]),
    (Role::Asset, 3, &["asset", "tag"]),
    (Role::Asset, 3, &["asset", "number"]),
    (Role::Asset, 3, &["asset", "no."]),
    (Role::Asset, 3, &["asset", "id."]),
    (Role::Asset, 3, &["inventory", "number"]),
    (Role::Asset, 3, &["inventory", "no."]),
    (Role::Asset, 3, &["inv.", "no."]),
    (Role::Asset, 3, &["nr.", "inw"]),
    (Role::Asset, 2, &["ewidencyjn"]),
    (Role::Asset, 2, &["nr.", "ewid"]),
    (Role::Asset, 2, &["nr.", "srodka"]),
    (Role::Asset, 2, &["numer", "srodka"]),
    (Role::Asset, 2, &["inventory", "tag"]),
    (Role::Value, 3, &["wartosc", "pocz"]),
    (Role::Value, 3, &["initial", "value"]),
    (Role::Value, 2, &["wartosc"]),
    (Role::Value, 2, &["value"]),
    (Role::Value, 2, &["cena"]),
    (Role::Value, 2, &["price"]),
    (Role::Value, 2, &["kwota"]),
    (Role::Value, 2, &["cost"]),
    (Role::Value, 2, &["koszt"]),
    (Role::Manufacturer, 3, &["producent"]),
    (Role::Manufacturer, 3, &["manufacturer"]),
    (Role::Manufacturer, 3, &["marka"]),
    (Role::Manufacturer, 2, &["brand"]),
    (Role::Manufacturer, 2, &["vendor"]),
    (Role::Manufacturer, 2, &["make."]),
    (Role::Model, 3, &["model"]),
    (Role::Model, 2, &["nazwa"]),
    (Role::Model, 2, &["description"]),
    (Role::Model, 2, &["name."]),
    (Role::Model, 2, &["item."]),
    (Role::Model, 1, &["typ."]),
    (Role::Model, 1, &["type"]),
    (Role::Location, 3, &["lokaliz"]),
    (Role::Location, 3, &["location"]),
    (Role::Location, 3, &["miejsce"]),
    (Role::Location, 2, &["pokoj"]),
    (Role::Location, 2, &["pomieszczen"]),
    (Role::Location, 2, &["room"]),
    (Role::Location, 2, &["budynek"]),
    (Role::Location, 2, &["building"]),
    (Role::Location, 1, &["wydzial"]),
    (Role::Location, 1, &["dzial."]),
    (Role::Location, 1, &["komorka"]),
    (Role::Location, 1, &["department"]),
    (Role::Note, 3, &["uwag"]),
    (Role::Note, 3, &["note"]),
    (Role::Note, 3, &["remark"]),
    (Role::Note, 3, &["comment"]),
    (Role::Note, 2, &["komentarz"]),
    (Role::Note, 1, &["opis"]),
    (Role::Ignored, 1, &["lp."]),
    (Role::Ignored, 1, &["l.", "p."]),
    (Role::Ignored, 1, &["poz."]),
    (Role::Ignored, 1, &["no."]),
    (Role::Ignored, 1, &["ilosc"]),
    (Role::Ignored, 1, &["sztuk"]),
    (Role::Ignored, 1, &["szt."]),
    (Role::Ignored, 1, &["jm."]),
    (Role::Ignored, 1, &["quantity"]),
    (Role::Ignored, 1, &["rodzaj"]),
    (Role::Ignored, 1, &["kategor"]),
    (Role::Ignored, 1, &["categor"]),
    (Role::Ignored, 1, &["grupa"]),
    (Role::Ignored, 1, &["kst."]),
    (Role::Ignored, 1, &["stan."]),
    (Role::Ignored, 1, &["status"]),
    (Role::Ignored, 1, &["rok."]),
    (Role::Ignored, 1, &["year"]),
    (Role::Ignored, 1, &["umorzen"]),
];

/// The longest header, in characters: what is longer is a sentence.
const MAX_HEADER_LEN: usize = 60;

/// What a header's text means; none for words that are not known.
pub(crate) fn meaning(header: &str) -> Option<Meaning> {
    if header.chars().count() > MAX_HEADER_LEN {
        return None;
    }
    let folded = fold(header);
    let words: Vec<&str> = folded.split(' ').collect();
    let has = |part: &&str| match part.strip_suffix('.') {
        Some(whole) => words.contains(&whole),
        None => words.iter().any(|word| word.starts_with(part)),
    };
    let line = WORDS.iter().find(|(_, _, parts)| parts.iter().all(has));
    line.map(|(role, strength, _)| Meaning { role: *role, strength: *strength })
}

/// Lower case, Polish letters without their marks, everything else than letters and digits a single blank.
pub(crate) fn fold(text: &str) -> String {
    let plain = |it: char| match it {
        'ą' => 'a',
        'ć' => 'c',
        'ę' => 'e',
        'ł' => 'l',
        'ń' => 'n',
        'ó' => 'o',
        'ś' => 's',
        'ź' | 'ż' => 'z',
        it if it.is_alphanumeric() => it,
        _ => ' ',
    };
    let spaced: String = text.chars().flat_map(char::to_lowercase).map(plain).collect();
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_mean_what_offices_mean_by_them() {
        use Role::{Asset, Ignored, Location, Manufacturer, Model, Note, Person, Serial, Value};
        for (header, role) in [
            ("Nr seryjny", Some(Serial)),
            ("NUMER SERYJNY / S/N", Some(Serial)),
            ("Nr fabryczny", Some(Serial)),
            ("S/N", Some(Serial)),
            ("SN", Some(Serial)),
            ("Serial No.", Some(Serial)),
            ("Serial", Some(Serial)),
            ("Service Tag", Some(Serial)),
            ("Nr inw.", Some(Asset)),
            ("Numer inwentarzowy", Some(Asset)),
            ("Nr środka trwałego", Some(Asset)),
            ("Asset Tag", Some(Asset)),
            ("Nazwa środka trwałego", Some(Model)),
            ("Model Name", Some(Model)),
            ("Producent", Some(Manufacturer)),
            ("Wartość początkowa (zł)", Some(Value)),
            ("Cena brutto", Some(Value)),
            ("Miejsce użytkowania", Some(Location)),
            ("Pokój", Some(Location)),
            ("Osoba odpowiedzialna", Some(Person)),
            ("Użytkownik", Some(Person)),
            ("Imię i nazwisko", Some(Person)),
            ("E-mail", Some(Person)),
            ("Assigned to", Some(Person)),
            ("Nr telefonu użytkownika", Some(Person)),
            ("Uwagi", Some(Note)),
            ("L.p.", Some(Ignored)),
            ("Data zakupu", Some(Ignored)),
            ("Nr faktury", Some(Ignored)),
            ("PF01ABCD", None),
            ("Laptop Dell Latitude E6440", None),
            ("Zażółć", None),
            ("", None),
        ] {
            assert_eq!(meaning(header).map(|it| it.role), role, "{header:?}");
        }
    }
}
