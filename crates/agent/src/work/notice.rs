//! What stays on a wiped drive for whoever starts the machine.

use std::sync::Arc;

use evidence::certificate::id_of;
use protocol::{Plan, Stage, Step, UnixMillis};
use sanitize::{Notice, leave_notice};

use super::drives::Clean;
use super::job::Job;
use super::{blocking, clock};
use crate::screen::Sentence;

/// Writes a notice to every drive that the plan leaves one on, once all of them are verified and nobody holds the machine.
pub(super) async fn leave(
    job: &Job,
    plan: &Plan,
    clean: Vec<Clean>,
    with_program: bool,
) -> anyhow::Result<()> {
    let notice = Arc::new(Notice {
        day: day(clock::now()),
        site: job.site.name.clone(),
        certificate: id_of(&plan.machine, &plan.batch),
        with_program,
    });
    for drive in clean {
        let identity = drive.evidence.drive.clone();
        let mut planned = plan.drives.iter();
        if !planned.any(|it| it.leaves_notice && it.identity == identity) {
            continue;
        }
        job.status.enter(Stage::Report, Sentence::LeavingNotice(identity.to_string()));
        job.stop.check()?;
        let notice = notice.clone();
        let written = blocking(move || {
            leave_notice(drive.drive.as_ref(), &identity, &notice)
                .map_err(|failed| anyhow::anyhow!(failed.sentence()))
        });
        job.records.append_and_settle(Step::NoticeWritten(written.await?)).await?;
    }
    Ok(())
}

/// The day in UTC, as `2026-11-23`, by the proleptic Gregorian calendar.
fn day(at: UnixMillis) -> String {
    let days = at.0 / 86_400_000;
    // Eras of 400 years that begin on the first of March of year 0: then a leap day is the last of its year.
    let since_era = days + 719_468;
    let (era, day) = (since_era / 146_097, since_era % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (era * 400 + year, month + 3),
        _ => (era * 400 + year + 1, month - 9),
    };
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_392_000, "2026-11-23"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (1_798_761_599, "2026-12-31"),
        ] {
            assert_eq!(day(UnixMillis(seconds * 1000)), expected, "{seconds}");
        }
    }
}
