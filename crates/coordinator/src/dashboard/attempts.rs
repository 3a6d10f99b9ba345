//! How often a password may be tried, by one address and by all together. Pure but for the clock that is handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time in which attempts are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Attempts of one address within the window.
const PER_ADDRESS: u32 = 5;
/// Attempts of all addresses within the window.
const IN_ALL: u32 = 40;

/// The attempts of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: Option<Count>,
    // No longer than IN_ALL: whoever is refused by the sum is not counted by address.
    addresses: HashMap<IpAddr, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    n: u32,
}

impl Attempts {
    /// Counts an attempt of `address`.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.addresses.retain(|_, count| count.left(now).is_some());
        if let Some(count) = counts.addresses.get(&address).filter(|it| it.n >= PER_ADDRESS) {
            return Err(count.left(now).unwrap_or_default());
        }
        let all = counts.all.filter(|count| count.left(now).is_some());
        let all = all.unwrap_or(Count { since: now, n: 0 });
        if all.n >= IN_ALL {
            return Err(all.left(now).unwrap_or_default());
        }
        counts.all = Some(Count { n: all.n + 1, ..all });
        counts.addresses.entry(address).or_insert(Count { since: now, n: 0 }).n += 1;
        Ok(())
    }

    /// Forgets the attempts of an address that knew the password.
    pub(crate) fn forgive(&self, address: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).addresses.remove(&address);
    }
}

impl Count {
    fn left(&self, now: Instant) -> Option<Duration> {
        WINDOW.checked_sub(now.saturating_duration_since(self.since)).filter(|it| !it.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, n).into()
    }

    #[test]
    fn one_address_may_try_five_times_a_minute() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..PER_ADDRESS {
            assert_eq!(attempts.count(address(1), start), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(attempts.count(address(1), later), Err(Duration::from_secs(40)));
        assert_eq!(attempts.count(address(2), later), Ok(()));
        assert_eq!(attempts.count(address(1), start + WINDOW), Ok(()));
    }

    #[test]
    fn all_addresses_together_have_a_limit_and_being_right_forgives() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for n in 0..IN_ALL {
            assert_eq!(attempts.count(address(u8::try_from(n).unwrap()), start), Ok(()));
        }
        assert_eq!(attempts.count(address(200), start), Err(WINDOW));
        let other = Attempts::default();
        for _ in 0..3 * PER_ADDRESS {
            assert_eq!(other.count(address(1), start), Ok(()));
            other.forgive(address(1));
        }
    }
}
