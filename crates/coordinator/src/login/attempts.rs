//! How often a password may be tried, by one address and by all together. Pure but for the clock that is handed in.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::tally::Tally;

/// The time in which attempts are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Attempts of one address within the window.
const PER_ADDRESS: u32 = 5;
/// Attempts of all addresses within the window.
const IN_ALL: u32 = 40;

/// The attempts of the last minute.
#[derive(Debug)]
pub(crate) struct Attempts(Mutex<Tallies>);

#[derive(Debug)]
struct Tallies {
    all: Tally<()>,
    // No longer than IN_ALL: whoever is refused by the sum is not counted by address.
    addresses: Tally<IpAddr>,
}

impl Default for Attempts {
    fn default() -> Self {
        let (all, addresses) = (Tally::new(IN_ALL, WINDOW), Tally::new(PER_ADDRESS, WINDOW));
        Self(Mutex::new(Tallies { all, addresses }))
    }
}

impl Attempts {
    /// Counts an attempt of `address`.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.addresses.room(&address, now)?;
        tallies.all.room(&(), now)?;
        tallies.addresses.count(address, now);
        tallies.all.count((), now);
        Ok(())
    }

    /// Forgets the attempts of an address that knew the password, and that one in the sum: whoever knows one shall not
    /// use up the others' attempts by it.
    pub(crate) fn forgive(&self, address: IpAddr) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.addresses.forgive(&address);
        tallies.all.take_back(&());
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
        for _ in 0..3 * IN_ALL {
            assert_eq!(other.count(address(1), start), Ok(()));
            other.forgive(address(1));
        }
    }
}
