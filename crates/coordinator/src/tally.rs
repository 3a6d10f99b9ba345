//! How often something was done within a time. Pure but for the clock that is handed in.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Counts of the present window of each `K`: a window begins with the first count in it.
#[derive(Debug)]
pub(crate) struct Tally<K> {
    window: Duration,
    most: u32,
    counts: HashMap<K, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    n: u32,
}

impl<K: Eq + Hash> Tally<K> {
    /// At most `most` within `window`.
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        Self { window, most, counts: HashMap::new() }
    }

    /// Whether there is room for one more. Counts nothing; forgets windows that are over.
    ///
    /// # Errors
    /// How long until there is.
    pub(crate) fn room(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        let window = self.window;
        self.counts.retain(|_, count| !count.left(window, now).is_zero());
        match self.counts.get(key).filter(|count| count.n >= self.most) {
            Some(full) => Err(full.left(window, now)),
            None => Ok(()),
        }
    }

    /// Counts one, for which [`Tally::room`] found room.
    pub(crate) fn count(&mut self, key: K, now: Instant) {
        self.counts.entry(key).or_insert(Count { since: now, n: 0 }).n += 1;
    }

    /// Takes one count back.
    pub(crate) fn take_back(&mut self, key: &K) {
        if let Some(count) = self.counts.get_mut(key) {
            count.n = count.n.saturating_sub(1);
        }
    }

    /// Forgets the counts of one.
    pub(crate) fn forgive(&mut self, key: &K) {
        self.counts.remove(key);
    }
}

impl Count {
    fn left(self, window: Duration, now: Instant) -> Duration {
        window.saturating_sub(now.saturating_duration_since(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_so_many_and_is_forgotten_when_it_is_over() {
        let (mut tally, start) = (Tally::new(2, Duration::from_secs(60)), Instant::now());
        for _ in 0..2 {
            assert_eq!(tally.room(&"a", start), Ok(()));
            tally.count("a", start);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(tally.room(&"a", later), Err(Duration::from_secs(40)));
        assert_eq!(tally.room(&"b", later), Ok(()));
        assert_eq!(tally.room(&"b", start + Duration::from_secs(60)), Ok(()));
        assert!(tally.counts.is_empty(), "nothing is kept of windows that are over");
    }
}
