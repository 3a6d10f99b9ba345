//! Names and numbers of people, told from their look. Good enough to leave a column out; not good enough to promise
//! that free text holds none.

use crate::problem::PersonalData;
use crate::words::fold;

/// Frequent given names, folded.
const GIVEN_NAMES: &[&str] = &[
    "adam",
    "agata",
    "agnieszka",
    "aleksandra",
    "aleksander",
    "alicja",
    "andrzej",
    "aneta",
    "anna",
    "artur",
    "barbara",
    "bartosz",
    "beata",
    "bogdan",
    "bogumila",
    "bozena",
    "cezary",
    "czeslaw",
    "damian",
    "daniel",
    "danuta",
    "dariusz",
    "dawid",
    "dominik",
    "dorota",
    "edward",
    "edyta",
    "elzbieta",
    "emilia",
    "ewa",
    "ewelina",
    "filip",
    "franciszek",
    "gabriela",
    "grazyna",
    "grzegorz",
    "halina",
    "hanna",
    "helena",
    "henryk",
    "irena",
    "iwona",
    "izabela",
    "jacek",
    "jadwiga",
    "jakub",
    "jan",
    "janina",
    "janusz",
    "jaroslaw",
    "jerzy",
    "joanna",
    "jolanta",
    "jozef",
    "julia",
    "justyna",
    "kacper",
    "kamil",
    "karol",
    "karolina",
    "katarzyna",
    "kazimierz",
    "kinga",
    "krystyna",
    "krzysztof",
    "leszek",
    "lucyna",
    "lukasz",
    "maciej",
    "magdalena",
    "malgorzata",
    "marcin",
    "marek",
    "maria",
    "mariola",
    "mariusz",
    "marta",
    "martyna",
    "mateusz",
    "michal",
    "miroslaw",
    "monika",
    "natalia",
    "norbert",
    "oliwia",
    "patrycja",
    "patryk",
    "pawel",
    "piotr",
    "przemyslaw",
    "radoslaw",
    "rafal",
    "renata",
    "robert",
    "roman",
    "ryszard",
    "sebastian",
    "slawomir",
    "stanislaw",
    "stefan",
    "sylwia",
    "szymon",
    "tadeusz",
    "teresa",
    "tomasz",
    "urszula",
    "waldemar",
    "wanda",
    "weronika",
    "wieslaw",
    "wieslawa",
    "witold",
    "wlodzimierz",
    "wojciech",
    "zbigniew",
    "zdzislaw",
    "zenon",
    "zofia",
    "zuzanna",
    "david",
    "elizabeth",
    "james",
    "john",
    "mary",
    "michael",
    "peter",
    "sarah",
    "susan",
    "thomas",
    "william",
];

/// How Polish family names end, folded.
const FAMILY_ENDINGS: &[&str] =
    &["ski", "ska", "cki", "cka", "dzki", "dzka", "wicz", "czyk", "czak", "iak", "owna", "szczak"];

/// Words of offices, folded: "Straż Miejska" ends like a name and is none.
const INSTITUTIONS: &[&str] = &[
    "biblioteka",
    "biuro",
    "centrum",
    "dom",
    "dzial",
    "filia",
    "gmina",
    "gminna",
    "gminny",
    "komenda",
    "miejska",
    "miejski",
    "muzeum",
    "osrodek",
    "pokoj",
    "polska",
    "polski",
    "powiat",
    "przedszkole",
    "rada",
    "referat",
    "sala",
    "sekcja",
    "straz",
    "szkola",
    "ulica",
    "urzad",
    "wiejska",
    "wiejski",
    "wydzial",
    "zespol",
];

/// What a cell holds of a person, where that is beyond doubt: such text must not be kept, whatever its column.
pub(crate) fn surely(text: &str) -> Option<PersonalData> {
    let mut words =
        text.split(|it: char| it.is_whitespace() || matches!(it, ',' | ';' | '(' | ')' | ':'));
    words.find_map(|word| {
        if is_mail_address(word) {
            Some(PersonalData::MailAddress)
        } else {
            is_pesel(word).then_some(PersonalData::Pesel)
        }
    })
}

/// Whether a cell looks like one that holds a person.
pub(crate) fn likely(text: &str) -> bool {
    surely(text).is_some() || is_name(text)
}

fn is_mail_address(word: &str) -> bool {
    let word = word.trim_matches(|it: char| !it.is_alphanumeric());
    word.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.split_once('.').is_some_and(|(a, b)| !a.is_empty() && b.len() >= 2)
    })
}

/// The number of the Polish population register: eleven digits with a date and a check digit.
fn is_pesel(word: &str) -> bool {
    const WEIGHTS: [u32; 10] = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
    let digits: Vec<u32> = word.chars().filter_map(|it| it.to_digit(10)).collect();
    if digits.len() != 11 || word.chars().count() != 11 {
        return false;
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let month = (digits[2] * 10 + digits[3]) % 20;
    let day = digits[4] * 10 + digits[5];
    (10 - sum % 10) % 10 == digits[10] && (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Two or three words such as `Jan Kowalski`, `KOWALSKA-NOWAK Anna`, `J. Wiśniewski`.
fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let is_word = |word: &&str| {
        word.chars().next().is_some_and(char::is_uppercase)
            && word.chars().all(|it| it.is_alphabetic() || matches!(it, '-' | '.' | '\''))
    };
    if !(2..=4).contains(&words.len()) || !words.iter().all(is_word) {
        return false;
    }
    let folded: Vec<String> = words.iter().map(|word| fold(word)).collect();
    if folded.iter().any(|word| INSTITUTIONS.contains(&word.as_str())) {
        return false;
    }
    folded.iter().any(|word| {
        let ends = |ending: &&str| word.len() > ending.len() + 1 && word.ends_with(*ending);
        GIVEN_NAMES.contains(&word.as_str()) || FAMILY_ENDINGS.iter().any(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_machines() {
        for (text, is_person) in [
            ("Jan Kowalski", true),
            ("NOWAK Anna", true),
            ("J. Wiśniewski", true),
            ("Kowalska-Nowak, Maria", true),
            ("anna.nowak@urzad.example", true),
            ("44051401359", true),
            ("44051401358", false),
            ("Dell Latitude", false),
            ("Lenovo ThinkPad T440", false),
            ("Pokój 12", false),
            ("Wydział Finansowy", false),
            ("Urząd Miasta", false),
            ("Straż Miejska", false),
            ("Hewlett Packard", false),
            ("PF01ABCD", false),
            ("", false),
        ] {
            assert_eq!(likely(text), is_person, "{text:?}");
        }
        assert_eq!(surely("oddał: a.b@c.pl, dnia"), Some(PersonalData::MailAddress));
        assert_eq!(surely("PESEL 44051401359"), Some(PersonalData::Pesel));
        assert_eq!(surely("Jan Kowalski"), None);
    }
}
