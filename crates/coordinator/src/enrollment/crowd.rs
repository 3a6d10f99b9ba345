//! How fast machines may enroll. Nothing that is recorded is ever forgotten, so that whoever is on the LAN must not be
//! able to have thousands of machines recorded that do not exist.
//!
//! What records nothing is free: an agent that introduces itself again after a restart of the coordinator.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::UnixMillis;

use crate::bench::Bench;
use crate::clock;
use crate::event::Happening;
use crate::tally::Tally;

/// Enrollments of one address that are recorded within a minute. A laptop boots once in that time.
const PER_ADDRESS: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// New machines of one address within an hour: far fewer than fill [`UNKNOWN_IN_ALL`].
const NEW_PER_ADDRESS: u32 = 20;
/// Machines first seen within an hour that nobody admitted: a large hall switched on at once.
const UNKNOWN_IN_ALL: usize = 400;
const HOUR: Duration = Duration::from_secs(3600);

/// Who enrolled lately.
#[derive(Debug)]
pub(crate) struct Crowd(Mutex<Tallies>);

#[derive(Debug)]
struct Tallies {
    machines_per_address: u32,
    recorded: Tally<IpAddr>,
    new: Tally<IpAddr>,
}

/// An enrollment comes too fast. The agent asks again by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    #[error(
        "{address} has enrolled {limit} times within a minute; the next is taken in {} s",
        .wait.as_secs() + 1
    )]
    OfAddress { address: IpAddr, limit: u32, wait: Duration },
    #[error(
        "{address} has enrolled {limit} new machines within an hour, and each laptop has an address of its own, unless \
         machines_per_address says otherwise; the next is taken in {} s", .wait.as_secs() + 1
    )]
    NewOfAddress { address: IpAddr, limit: u32, wait: Duration },
    #[error(
        "{count} machines were first seen within an hour and nobody picked them; pick those that are laptops of \
         yours, or look who else is on this network. The next is taken in {} s at the latest", .wait.as_secs() + 1
    )]
    Unknown { count: usize, wait: Duration },
}

impl TooMany {
    /// How long until it may be worth asking again.
    pub(crate) fn wait(&self) -> Duration {
        match self {
            Self::OfAddress { wait, .. }
            | Self::NewOfAddress { wait, .. }
            | Self::Unknown { wait, .. } => *wait,
        }
    }
}

impl Crowd {
    /// Nobody yet. So many laptops may have one address.
    pub(crate) fn new(machines_per_address: u32) -> Self {
        let recorded = Tally::new(PER_ADDRESS.saturating_mul(machines_per_address), MINUTE);
        let new = Tally::new(NEW_PER_ADDRESS.saturating_mul(machines_per_address), HOUR);
        Self(Mutex::new(Tallies { machines_per_address, recorded, new }))
    }

    /// Whether `address` may have `happenings` recorded, and counts it if so.
    ///
    /// # Errors
    /// Which limit is in the way, and for how long.
    pub(crate) fn admit(
        &self,
        address: IpAddr,
        (bench, now): (&Bench, UnixMillis),
        happenings: &[Happening],
        at: Instant,
    ) -> Result<(), TooMany> {
        if happenings.is_empty() {
            return Ok(());
        }
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = tallies.machines_per_address;
        let limit = PER_ADDRESS.saturating_mul(n);
        let of_address = |wait| TooMany::OfAddress { address, limit, wait };
        tallies.recorded.room(&address, at).map_err(of_address)?;
        if happenings.iter().any(|it| matches!(it, Happening::MachineSeen { .. })) {
            let limit = NEW_PER_ADDRESS.saturating_mul(n);
            let new_of_address = |wait| TooMany::NewOfAddress { address, limit, wait };
            tallies.new.room(&address, at).map_err(new_of_address)?;
            room_for_unknown(bench, now)?;
            tallies.new.count(address, at);
        }
        tallies.recorded.count(address, at);
        Ok(())
    }
}

/// By the journal, so that a restart of the coordinator forgets nobody.
fn room_for_unknown(bench: &Bench, now: UnixMillis) -> Result<(), TooMany> {
    let unknown = bench.machines().filter(|it| it.admission.is_none() && it.first_seen <= now);
    let left = unknown.map(|it| clock::after(it.first_seen, HOUR).0.saturating_sub(now.0));
    let recent: Vec<u64> = left.filter(|left| *left > 0).collect();
    match recent.iter().min() {
        Some(first) if recent.len() >= UNKNOWN_IN_ALL => {
            Err(TooMany::Unknown { count: recent.len(), wait: Duration::from_millis(*first) })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
