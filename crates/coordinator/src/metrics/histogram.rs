//! How long something took, counted in buckets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets, in milliseconds: from a disk with a cache that power cannot take to one that is ill.
const UP_TO_MILLIS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 5000];

/// Durations that were observed.
#[derive(Debug, Default)]
pub(crate) struct Histogram(Mutex<Observed>);

#[derive(Debug, Default)]
struct Observed {
    /// How many fell into each bucket and into none before it.
    counts: [u64; UP_TO_MILLIS.len()],
    count: u64,
    sum: Duration,
}

/// What a histogram held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Upper end, and how many were not longer: cumulative.
    pub(super) buckets: Vec<(Duration, u64)>,
    pub(super) count: u64,
    pub(super) sum: Duration,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn observe(&self, time: Duration) {
        let mut observed = self.lock();
        let bucket = UP_TO_MILLIS.iter().position(|up_to| time <= Duration::from_millis(*up_to));
        if let Some(bucket) = bucket {
            observed.counts[bucket] += 1;
        }
        observed.count += 1;
        observed.sum += time;
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let observed = self.lock();
        let mut so_far = 0;
        let buckets = UP_TO_MILLIS.iter().zip(&observed.counts).map(|(up_to, count)| {
            so_far += count;
            (Duration::from_millis(*up_to), so_far)
        });
        Snapshot { buckets: buckets.collect(), count: observed.count, sum: observed.sum }
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_what_is_longer_than_all_counts_in_the_sum_only() {
        let histogram = Histogram::default();
        for millis in [1, 2, 3, 1000, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let Snapshot { buckets, count, sum } = histogram.snapshot();
        let counts: Vec<_> = buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4]);
        assert_eq!((count, sum), (5, Duration::from_millis(61_006)));
    }
}
