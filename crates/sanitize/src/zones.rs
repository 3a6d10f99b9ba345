//! The surface test: how each hundredth of the drive took its requests.

use std::time::Duration;

use protocol::ByteLen;
use protocol::event::Zone;

/// Into how many equal parts a drive is divided.
pub(crate) const N_ZONES: u64 = 100;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Adds the requests of one pass up by zone.
pub(crate) struct Zones {
    size: u64,
    /// One per zone.
    sums: Vec<Sum>,
}

#[derive(Clone, Default)]
struct Sum {
    bytes: u64,
    nanos: u128,
    worst: Duration,
}

impl Zones {
    /// For a drive of that many bytes.
    pub(crate) fn of(size: u64) -> Self {
        Self { size, sums: (0..N_ZONES).map(|_| Sum::default()).collect() }
    }

    /// A request for that range took so long and succeeded or not: then only its time counts, which is what a worn
    /// zone shows. One that reaches over several zones counts in each by its share, and its latency in the first.
    pub(crate) fn add(&mut self, offset: u64, length: u64, took: Duration, has_succeeded: bool) {
        let end = offset + length;
        let mut is_first = true;
        let bounds = (0..N_ZONES)
            .map(|number| (start_of(number, self.size), start_of(number + 1, self.size)));
        for ((zone_start, zone_end), sum) in bounds.zip(&mut self.sums) {
            let share = end.min(zone_end).saturating_sub(offset.max(zone_start));
            if share == 0 {
                continue;
            }
            sum.nanos += took.as_nanos() * u128::from(share) / u128::from(length);
            if has_succeeded {
                sum.bytes += share;
            }
            if is_first {
                sum.worst = sum.worst.max(took);
            }
            is_first = false;
        }
    }

    /// All of them, in the order of the drive.
    pub(crate) fn observed(&self) -> Vec<Zone> {
        self.sums.iter().map(Sum::observed).collect()
    }
}

impl Sum {
    fn observed(&self) -> Zone {
        let rate = u128::from(self.bytes) * NANOS_PER_SECOND / self.nanos.max(1);
        Zone {
            rate: ByteLen(u64::try_from(rate).unwrap_or(u64::MAX)),
            worst_request_ms: u64::try_from(self.worst.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Where the zone of that number begins, in bytes.
fn start_of(number: u64, size: u64) -> u64 {
    let start = u128::from(size) * u128::from(number) / u128::from(N_ZONES);
    u64::try_from(start).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn check(size: u64, requests: &[(u64, u64, u32, bool)], expected: &[(usize, u64, u64)]) {
        let mut zones = Zones::of(size);
        for &(offset, length, ms, has_succeeded) in requests {
            zones.add(offset, length, MS * ms, has_succeeded);
        }
        let observed = zones.observed();
        assert_eq!(observed.len(), 100);
        let touched: Vec<(usize, u64, u64)> = observed
            .iter()
            .enumerate()
            .filter(|(_, zone)| **zone != Zone::default())
            .map(|(number, zone)| (number, zone.rate.0, zone.worst_request_ms))
            .collect();
        assert_eq!(touched, expected);
    }

    #[test]
    fn rates_are_of_the_time_that_requests_took() {
        check(100_000, &[], &[]);
        // Two requests in the first zone, one in the last.
        check(
            100_000,
            &[(0, 500, 10, true), (500, 500, 40, true), (99_000, 1_000, 1, true)],
            &[(0, 20_000, 40), (99, 1_000_000, 1)],
        );
        // Over two zones and a half: the same rate in each, the latency where it began.
        check(
            100_000,
            &[(500, 2_000, 20, true)],
            &[(0, 100_000, 20), (1, 100_000, 0), (2, 100_000, 0)],
        );
        // What failed costs time and gives nothing.
        check(100_000, &[(0, 1_000, 900, false), (0, 1_000, 100, true)], &[(0, 1_000, 900)]);
        // Zones of a size that is no multiple of 100 cover all of it, to the last byte.
        check(1_050, &[(1_040, 10, 5, true)], &[(99, 2_000, 5)]);
    }

    #[test]
    fn zones_are_equal_and_cover_the_drive() {
        for size in [512, 1_000, 13 << 20, 500_107_862_016, u64::MAX] {
            assert_eq!((start_of(0, size), start_of(N_ZONES, size)), (0, size));
            for number in 0..N_ZONES {
                let length = start_of(number + 1, size) - start_of(number, size);
                assert!(length.abs_diff(size / N_ZONES) <= 1, "{number} of {size}");
            }
        }
    }
}
