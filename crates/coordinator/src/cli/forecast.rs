//! When a batch would be done, in words.

use protocol::policy::Verification;

use crate::calendar::utc;
use crate::forecast::{Basis, Forecast};

/// A forecast, a line each.
pub(super) fn lines(forecast: &Forecast) -> Vec<String> {
    let Forecast { machines, unable, not_in_sight, ports, verification, .. } = forecast;
    let mut lines = Vec::new();
    if let (Some(slowest), Some(end)) = (machines.first(), forecast.end) {
        let seconds = match verification {
            Verification::Full => forecast.full_seconds,
            Verification::Sampled => forecast.sampled_seconds,
        };
        lines.push(format!("expected end: {} (in {})", utc(end), time(seconds)));
        let by = time(slowest.by(*verification));
        lines.push(format!("slowest: machine {}, {}: {by}", slowest.number, slowest.drive));
        let mark = |this| if this == *verification { " (this policy)" } else { "" };
        lines.push(format!(
            "read all of each drive: {}{}; NIST's sample: {}{}",
            time(forecast.full_seconds),
            mark(Verification::Full),
            time(forecast.sampled_seconds),
            mark(Verification::Sampled)
        ));
        let n = |basis| machines.iter().filter(|machine| machine.basis == basis).count();
        lines.push(format!(
            "it rests on drives' own estimates for {} machines, on what was measured here for {}, on assumptions for {}",
            n(Basis::Drive),
            n(Basis::Measured),
            n(Basis::Assumed)
        ));
    } else {
        lines.push("expected end: unknown, no machine is in sight that could be picked".to_owned());
    }
    if *not_in_sight > 0 && !machines.is_empty() {
        lines.push(format!(
            "{not_in_sight} of the batch are not in sight: each is taken to be as slow as the slowest"
        ));
    }
    if let Some(ports) = ports {
        lines.push(format!("{ports} at a time, as there are ports"));
    }
    let refused = unable.iter().map(|it| format!("machine {}: {}", it.number, it.because));
    lines.extend(refused.map(|line| format!("would be refused: {line}")));
    lines
}

/// Hours and minutes.
fn time(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use protocol::UnixMillis;

    use super::*;
    use crate::forecast::MachineTime;

    #[test]
    fn a_forecast_says_end_slowest_and_what_reading_costs() {
        let machines = vec![MachineTime {
            number: protocol::MachineNumber(std::num::NonZeroU32::MIN),
            drive: "DISK (1)".into(),
            full_seconds: 7_200,
            sampled_seconds: 3_660,
            basis: Basis::Drive,
        }];
        let mut forecast = Forecast {
            machines,
            unable: Vec::new(),
            not_in_sight: 2,
            ports: Some(8),
            verification: Verification::Full,
            full_seconds: 7_200,
            sampled_seconds: 3_660,
            end: Some(UnixMillis(7_200_000)),
        };
        let said = lines(&forecast).join("\n");
        for words in [
            "1970-01-01 02:00",
            "in 2 h 00 min",
            "machine 01, DISK (1): 2 h",
            "2 h 00 min (this policy)",
            "sample: 1 h 01 min",
            "estimates for 1 machines",
            "2 of the batch",
            "8 at a time",
        ] {
            assert!(said.contains(words), "{words:?} is not in {said}");
        }
        forecast.machines.clear();
        forecast.end = None;
        assert!(lines(&forecast)[0].contains("unknown"));
    }
}
