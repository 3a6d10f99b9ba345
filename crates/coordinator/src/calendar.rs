//! Moments and days as dates, in UTC.

use std::fmt;
use std::str::FromStr;

use protocol::UnixMillis;
use serde::{Deserialize, Serialize};

/// A day that a person names, as `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// What is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day; write it as 2026-11-22")]
pub(crate) struct NoDay(String);

impl Day {
    /// The day of a moment.
    pub(crate) fn of(at: UnixMillis) -> Option<Self> {
        utc(at).get(..10)?.parse().ok()
    }

    /// The moment at which it begins.
    fn begins(self) -> UnixMillis {
        // Counting from the other side: the years before, then day by day, is plain, and a year has 366 days.
        let (year, month, day) = (u64::from(self.year), u64::from(self.month), u64::from(self.day));
        let guess =
            (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
        let found = (guess..guess + 366).find(|days| date(*days) == (year, month, day));
        UnixMillis(found.unwrap_or_default() * 86_400_000)
    }
}

impl FromStr for Day {
    type Err = NoDay;
    fn from_str(text: &str) -> Result<Self, NoDay> {
        let parse = || {
            let mut parts = text.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let shaped =
                (year.len(), month.len(), day.len()) == (4, 2, 2) && parts.next().is_none();
            let digits = text.bytes().all(|it| it == b'-' || it.is_ascii_digit());
            let day = Self {
                year: year.parse().ok()?,
                month: month.parse().ok()?,
                day: day.parse().ok()?,
            };
            // A day that the calendar has is the one that its own beginning is written as.
            let known = shaped && digits && day.year >= 1970 && utc(day.begins()).starts_with(text);
            known.then_some(day)
        };
        parse().ok_or_else(|| NoDay(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Day {
    type Error = NoDay;
    fn try_from(text: String) -> Result<Self, NoDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// A moment as `2026-11-22 09:06:44 UTC`.
pub(crate) fn utc(at: UnixMillis) -> String {
    let seconds = at.0 / 1000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds % 86_400 / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that the leap day comes last
/// and the months' lengths repeat every five (153 days).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_795_338_404, "2026-11-22 09:06:44 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(UnixMillis(seconds * 1000)), text);
            assert_eq!(Day::of(UnixMillis(seconds * 1000)).unwrap().to_string(), text[..10]);
        }
    }

    #[test]
    fn every_day_of_five_centuries_is_read_and_no_other() {
        for days in 0..182_621 {
            let text = utc(UnixMillis(days * 86_400_000));
            assert_eq!(text[..10].parse::<Day>().unwrap().to_string(), text[..10]);
        }
        for bad in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "26-01-01",
            "2026-1-1",
            "2026-01-01-",
            "+026-01-01",
            "1969-12-31",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad} was taken");
        }
    }
}
