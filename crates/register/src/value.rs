//! What an asset was worth, in the books' currency.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sheet::Cell;

/// An amount of money in hundredths (grosze, cents); the register does not say reliably of what currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(pub i64);

impl Value {
    /// The amount in a cell; `None` where it is none, or could be two.
    pub(crate) fn parse(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Empty => None,
            // A workbook's own number has a decimal point, and is often the result of a division.
            Cell::Number { digits, .. } => {
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                let kept = fraction.get(..2).unwrap_or(fraction);
                let rounded_up = fraction.as_bytes().get(2).is_some_and(|digit| *digit >= b'5');
                let hundredths = assemble(whole, kept)?;
                let step = if whole.starts_with('-') { -1 } else { 1 };
                Some(Self(if rounded_up { hundredths.checked_add(step)? } else { hundredths }))
            }
            Cell::Text(text) => parse_text(text).map(Self),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let hundredths = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// `1 234,56 zł`, `1.234,56`, `1,234.56`, `1234`: the last mark is the decimal one where one or two digits follow.
/// A single mark with three digits behind it (`1.234`) may be either, and is nothing.
fn parse_text(text: &str) -> Option<i64> {
    const CURRENCIES: [&str; 5] = ["zł", "zl", "pln", "eur", "€"];
    let lower = text.to_lowercase();
    let mut bare = lower.trim();
    for currency in CURRENCIES {
        let trimmed = bare.strip_suffix(currency).or_else(|| bare.strip_prefix(currency));
        bare = trimmed.unwrap_or(bare).trim();
    }
    let number: String = bare.chars().filter(|it| !it.is_whitespace() && *it != '\'').collect();
    let number = number.strip_suffix(",-").unwrap_or(&number);
    let marks: Vec<(usize, char)> =
        number.char_indices().filter(|(_, it)| matches!(it, ',' | '.')).collect();
    let Some((at, mark)) = marks.last().copied() else { return assemble(number, "") };
    let (whole, fraction) = (&number[..at], &number[at + 1..]);
    let same = marks.iter().filter(|(_, it)| *it == mark).count();
    match (fraction.len(), same) {
        (1 | 2, 1) => assemble(&thousands(whole)?, fraction),
        (3, 2..) if same == marks.len() => assemble(&thousands(number)?, ""),
        _ => None,
    }
}

/// The digits of a number in which every mark has three digits behind it.
fn thousands(text: &str) -> Option<String> {
    let mut groups = text.split(['.', ',']);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = rest.iter().all(|group| group.len() == 3);
    let plausible = rest.is_empty() || (1..=4).contains(&first.len());
    (grouped && plausible).then(|| format!("{first}{}", rest.concat()))
}

/// Hundredths of digits before and behind the decimal mark.
fn assemble(whole: &str, fraction: &str) -> Option<i64> {
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, whole),
    };
    let all = format!("{digits}{fraction:0<2}");
    let numeric = !digits.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
    let hundredths: i64 = if numeric { all.parse().ok()? } else { return None };
    Some(sign * hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_or_refused() {
        for (text, hundredths) in [
            ("1234", Some(123_400)),
            ("1234,5", Some(123_450)),
            ("1 234,56 zł", Some(123_456)),
            ("1\u{a0}234,56", Some(123_456)),
            ("1.234,56", Some(123_456)),
            ("1,234.56", Some(123_456)),
            ("1.234.567", Some(123_456_700)),
            ("PLN 99,00", Some(9_900)),
            ("-0,05", Some(-5)),
            ("2500,-", Some(250_000)),
            ("1.234", None),
            ("1,234", None),
            ("12.34.56", None),
            ("1,2345", None),
            ("abc", None),
            (",50", None),
            ("99999999999999999999", None),
            ("=1+1", None),
        ] {
            assert_eq!(parse_text(text), hundredths, "{text:?}");
        }
        let number = |digits: &str| Cell::Number { digits: digits.to_owned(), exact: true };
        for (digits, hundredths) in
            [("1234.567", 123_457), ("2499.99", 249_999), ("12", 1_200), ("-1.005", -101)]
        {
            assert_eq!(Value::parse(&number(digits)), Some(Value(hundredths)), "{digits}");
        }
        assert_eq!(Value(-5).to_string(), "-0.05");
    }
}
