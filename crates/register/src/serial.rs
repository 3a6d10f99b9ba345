//! Serial numbers: what makes two of them equal, and what is none.

use std::fmt;

use protocol::is_placeholder;
use serde::{Deserialize, Serialize};

use crate::row::NotKept;

/// The longest serial number, in characters.
pub(crate) const MAX_SERIAL_LEN: usize = 80;
/// Shorter than this many letters and digits is no serial number: half of a school's register would match it.
const MIN_SERIAL_LEN: usize = 4;

/// What Polish clerks write when they have none, beside what firmware does ([`is_placeholder`]): lower-case letters and
/// digits only.
const OF_CLERKS: [&str; 10] = [
    "bezn",
    "beznumeru",
    "brak",
    "brakdanych",
    "braknr",
    "braknumeru",
    "nieczytelny",
    "niedotyczy",
    "nieznany",
    "usunieto",
];

/// A serial number that can tell machines apart.
///
/// Two are equal when they differ in case and blanks only. `O` and `0` stay different: whoever may have mistyped is
/// asked ([`SerialNumber::resembles`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialNumber(String);

impl SerialNumber {
    /// The serial number in a text; none where it is a placeholder, too short or too long.
    pub fn parse(text: &str) -> Option<Self> {
        let serial: String = text
            .chars()
            .filter(|it| !it.is_whitespace() && !it.is_control())
            .flat_map(char::to_uppercase)
            .collect();
        let bare = bare(&serial);
        let count = bare.chars().count();
        let plausible = (MIN_SERIAL_LEN..=MAX_SERIAL_LEN).contains(&count)
            && serial.chars().count() <= MAX_SERIAL_LEN;
        let says_nothing = is_placeholder(&serial) || OF_CLERKS.contains(&bare.as_str());
        (plausible && !says_nothing && !counts_up(&bare)).then_some(Self(serial))
    }

    /// In capitals and without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two are different, yet one may be a misreading of the other: letters and digits that look alike,
    /// marks left out, or a barcode's prefix (`1S` and the type) before the number.
    pub fn resembles(&self, other: &Self) -> bool {
        self != other && self.lookalike().resembles(&other.lookalike())
    }

    /// The same for all that look alike on a worn label.
    pub(crate) fn lookalike(&self) -> Lookalike {
        let look = |it| match it {
            'O' | 'Q' | 'D' => '0',
            'I' | 'L' => '1',
            'Z' => '2',
            'S' => '5',
            'G' => '6',
            'B' => '8',
            it => it,
        };
        Lookalike(self.0.chars().filter(char::is_ascii_alphanumeric).map(look).collect())
    }
}

/// A serial number as it looks on a worn label: ASCII only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lookalike(String);

impl Lookalike {
    /// A shorter ending may be shared by chance.
    const MIN_ENDING_LEN: usize = 7;

    /// Whether one is the other, or ends with it.
    pub(crate) fn resembles(&self, other: &Self) -> bool {
        let ends =
            |long: &str, short: &str| short.len() >= Self::MIN_ENDING_LEN && long.ends_with(short);
        self == other || ends(&self.0, &other.0) || ends(&other.0, &self.0)
    }

    /// What all that look alike have in common: the last characters, or all where there are not as many.
    pub(crate) fn ending(&self) -> &str {
        let from = self.0.len().saturating_sub(Self::MIN_ENDING_LEN);
        self.0.get(from..).unwrap_or(&self.0)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SerialNumber {
    type Error = NotKept;
    fn try_from(text: String) -> Result<Self, NotKept> {
        Self::parse(&text).ok_or(NotKept { what: "serial number" })
    }
}

impl From<SerialNumber> for String {
    fn from(serial: SerialNumber) -> Self {
        serial.0
    }
}

/// Letters and digits in lower case.
fn bare(text: &str) -> String {
    text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Digits counted up: `123456789`, `0123456789`, `34567`.
fn counts_up(bare: &str) -> bool {
    let mut pairs = bare.chars().zip(bare.chars().skip(1));
    pairs.all(|(a, b)| match (a.to_digit(10), b.to_digit(10)) {
        (Some(a), Some(b)) => (a + 1) % 10 == b,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_has_is_no_serial_number() {
        for junk in [
            "",
            " ",
            "0",
            "-",
            "N/A",
            "n/d",
            "123456789",
            "0123456789",
            "1234567890",
            "00000000",
            "XXXXXXXX",
            "........",
            "To be filled by O.E.M.",
            "To Be Filled By O.E.M. ",
            "Default string",
            "None",
            "System Serial Number",
            "Not Specified",
            "INVALID",
            "brak",
            "Brak numeru",
            "b/n",
            "nieczytelny",
            "AB1",
            "FFFFFFFF",
        ] {
            assert_eq!(SerialNumber::parse(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn case_and_blanks_make_no_difference() {
        let serial = |text| SerialNumber::parse(text).unwrap();
        assert_eq!(serial(" pf0 1abcd"), serial("PF01ABCD"));
        assert_eq!(serial("PF01ABCD").as_str(), "PF01ABCD");
        for (a, b, alike) in [
            ("PF01ABCD", "PFO1ABCD", true),
            ("PF-01ABCD", "PF01ABCD", true),
            ("1S20AWS0AB00PF01ABCD", "PF01ABCD", true),
            ("S/N:PF01ABCD", "PF01ABCD", true),
            ("PF01ABCD", "pf01abcd", false),
            ("PF01ABCD", "PF01ABCE", false),
            ("X1ABCD", "1ABCD", false),
        ] {
            assert_eq!(serial(a).resembles(&serial(b)), alike, "{a} {b}");
            assert_eq!(serial(b).resembles(&serial(a)), alike, "{b} {a}");
        }
    }
}
