//! How many connections one door holds at a time, in all and for one peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at a time on one door.
const IN_ALL: usize = 512;
/// Connections at a time of one address: a laptop needs a handful, and one that is ill must not starve the others.
const PER_PEER: usize = 32;

/// The places of one door. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_peer: usize,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    peer: IpAddr,
}

impl Places {
    /// All free. So many laptops may have one address.
    pub(crate) fn new(machines_per_address: u32) -> Self {
        let machines = usize::try_from(machines_per_address).unwrap_or(usize::MAX);
        Self { taken: Arc::default(), per_peer: PER_PEER.saturating_mul(machines) }
    }

    /// A place for `peer`, if there is one.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let by_peer = taken.get(&peer).copied().unwrap_or_default();
        if by_peer >= self.per_peer || taken.values().sum::<usize>() >= IN_ALL {
            return None;
        }
        taken.insert(peer, by_peer + 1);
        Some(Place { places: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_take_all_places_and_gives_them_back() {
        let places = Places::new(1);
        let peer = |n: u8| IpAddr::from([10, 0, 0, n]);
        let greedy: Vec<_> = (0..2 * PER_PEER).filter_map(|_| places.take(peer(1))).collect();
        assert_eq!(greedy.len(), PER_PEER);
        assert!(places.take(peer(2)).is_some());
        let others: Vec<_> = (2..=255)
            .flat_map(|n| [places.take(peer(n)), places.take(peer(n))])
            .flatten()
            .collect();
        assert_eq!(others.len(), IN_ALL - PER_PEER);
        assert!(places.take(peer(0)).is_none(), "the door is full");
        drop(others);
        drop(greedy);
        assert!(places.take(peer(1)).is_some());
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept of those that left");
    }
}
