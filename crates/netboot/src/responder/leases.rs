//! Who has which address in full mode.

mod kept;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::config::AddressPlan;
use crate::MacAddress;

pub use kept::{KeptLease, LeaseRefused};

/// How long an offered address is kept for the client to ask for.
const OFFER_HELD: Duration = Duration::from_secs(60);
/// How long an address found in use by somebody else is left alone.
const DECLINED_HELD: Duration = Duration::from_secs(600);

/// The lease table.
///
/// A client keeps its address beyond the lease until somebody else needs it, and a client new to
/// the table gets one computed from its hardware address, so that a bench mostly keeps its addresses
/// from one day to the next. Two machines may compute to the same one: only a table that is kept
/// over a restart ([`KeptLease`]) tells that it is taken. No ping before an offer: it would delay each boot by a second, and
/// clients detect a conflict themselves (DECLINE).
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_address: HashMap<Ipv4Addr, Lease>,
    by_mac: HashMap<MacAddress, Ipv4Addr>,
}

#[derive(Debug)]
struct Lease {
    /// `None` when the address was declined, or is held back since nobody knows whose it is.
    mac: Option<MacAddress>,
    until: Instant,
}

impl Leases {
    /// Reserves an address for `mac`, preferably the one it has or had, then the `wanted` one.
    /// `None` when all are taken.
    pub(super) fn offer(
        &mut self,
        plan: &AddressPlan,
        mac: MacAddress,
        wanted: Option<Ipv4Addr>,
        now: Instant,
    ) -> Option<Ipv4Addr> {
        let wanted = wanted.filter(|address| self.may_have(plan, mac, *address, now));
        let known = self.by_mac.get(&mac).copied().filter(|address| plan.contains(*address));
        let address = known.or(wanted).or_else(|| self.choose(plan, mac, now))?;
        let until = now + OFFER_HELD;
        let held = self.by_address.get(&address).map_or(until, |lease| lease.until.max(until));
        self.assign(mac, address, held);
        Some(address)
    }

    /// Gives `address` to `mac` for the plan's lease time; `false` when somebody else has it or it
    /// is not ours to give.
    pub(super) fn bind(
        &mut self,
        plan: &AddressPlan,
        mac: MacAddress,
        address: Ipv4Addr,
        now: Instant,
    ) -> bool {
        let granted = self.may_have(plan, mac, address, now);
        if granted {
            self.assign(mac, address, now + plan.lease_time);
        }
        granted
    }

    /// The client gives its address back. `false` when it has none.
    pub(super) fn release(&mut self, mac: MacAddress, now: Instant) -> bool {
        let address = self.by_mac.get(&mac);
        let lease = address.and_then(|address| self.by_address.get_mut(address));
        lease.map(|lease| lease.until = now).is_some()
    }

    /// The client found its address in use. `false` when it never had it.
    pub(super) fn decline(&mut self, mac: MacAddress, address: Ipv4Addr, now: Instant) -> bool {
        let held = self.by_mac.get(&mac) == Some(&address);
        if held {
            self.by_mac.remove(&mac);
            self.by_address.insert(address, Lease { mac: None, until: now + DECLINED_HELD });
        }
        held
    }

    pub(super) fn holder(&self, address: Ipv4Addr) -> Option<MacAddress> {
        self.by_address.get(&address)?.mac
    }

    fn may_have(
        &self,
        plan: &AddressPlan,
        mac: MacAddress,
        address: Ipv4Addr,
        now: Instant,
    ) -> bool {
        let lease = self.by_address.get(&address);
        plan.contains(address)
            && lease.is_none_or(|lease| lease.mac == Some(mac) || lease.until <= now)
    }

    /// An address nobody ever had, else the one unused for longest.
    fn choose(&self, plan: &AddressPlan, mac: MacAddress, now: Instant) -> Option<Ipv4Addr> {
        let fresh =
            plan.addresses_from(hash(mac)).find(|address| !self.by_address.contains_key(address));
        let expired = || {
            self.by_address
                .iter()
                .filter(|(address, lease)| plan.contains(**address) && lease.until <= now)
                .min_by_key(|(address, lease)| (lease.until, **address))
                .map(|(address, _)| *address)
        };
        fresh.or_else(expired)
    }

    /// Keeps the two maps each other's inverse.
    fn assign(&mut self, mac: MacAddress, address: Ipv4Addr, until: Instant) {
        if let Some(earlier) =
            self.by_mac.insert(mac, address).filter(|earlier| *earlier != address)
        {
            self.by_address.remove(&earlier);
        }
        let replaced = self.by_address.insert(address, Lease { mac: Some(mac), until });
        if let Some(other) = replaced.and_then(|lease| lease.mac).filter(|other| *other != mac) {
            self.by_mac.remove(&other);
        }
    }
}

/// FNV-1a: the same after a restart, unlike the standard library's seeded hasher.
fn hash(mac: MacAddress) -> u32 {
    mac.0
        .iter()
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
