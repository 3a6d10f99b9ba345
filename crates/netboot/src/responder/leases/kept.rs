//! The lease table as data, to be kept over a restart.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Lease, Leases};
use crate::MacAddress;
use crate::responder::config::AddressPlan;

/// An address that nobody else gets for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLease {
    /// The address.
    pub address: Ipv4Addr,
    /// Who has it; `None` holds it back from everybody, as after a DECLINE.
    pub mac: Option<MacAddress>,
    /// How long still. Zero has run out and is left out; more than a lease time, as after the clock
    /// was set back, counts as one.
    pub remaining: Duration,
}

/// Why a kept lease is nobody's any more. An address of ours is held back until it has run out:
/// who really has it is not known, and two machines must not have it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseRefused {
    /// We give no addresses.
    #[error("the lease of {address} is not taken over: this server gives no addresses")]
    ProxyMode {
        /// The address.
        address: Ipv4Addr,
    },
    /// The range was changed since.
    #[error("the lease of {address} is not taken over: the range is now {first}-{last}")]
    Outside {
        /// The address.
        address: Ipv4Addr,
        /// First address given.
        first: Ipv4Addr,
        /// Last address given.
        last: Ipv4Addr,
    },
    /// No network card has such an address.
    #[error(
        "the lease of {address} is not taken over: {mac} is no network card's; it is held back"
    )]
    Implausible {
        /// The address.
        address: Ipv4Addr,
        /// Its holder.
        mac: MacAddress,
    },
    /// The address is in the table twice.
    #[error("{address} is leased more than once: it is held back from all")]
    AddressTwice {
        /// The address.
        address: Ipv4Addr,
    },
    /// The machine is in the table twice.
    #[error("{mac} has {earlier} and cannot have {address} too: {address} is held back")]
    MachineTwice {
        /// The machine.
        mac: MacAddress,
        /// What it keeps.
        earlier: Ipv4Addr,
        /// What it does not.
        address: Ipv4Addr,
    },
}

impl Leases {
    /// Everything that has not run out, by address.
    pub(in crate::responder) fn export(&self, now: Instant) -> Vec<KeptLease> {
        let mut kept: Vec<_> = self
            .by_address
            .iter()
            .map(|(address, Lease { mac, until })| KeptLease {
                address: *address,
                mac: *mac,
                remaining: until.saturating_duration_since(now),
            })
            .filter(|lease| !lease.remaining.is_zero())
            .collect();
        kept.sort_by_key(|lease| lease.address);
        kept
    }

    /// Takes one lease over.
    pub(in crate::responder) fn import(
        &mut self,
        plan: &AddressPlan,
        kept: KeptLease,
        now: Instant,
    ) -> Result<(), LeaseRefused> {
        let KeptLease { address, mac, remaining } = kept;
        if remaining.is_zero() {
            return Ok(());
        }
        if !plan.contains(address) {
            let (first, last) = plan.range().into_inner();
            return Err(LeaseRefused::Outside { address, first, last });
        }
        let until = now + remaining.min(plan.lease_time);
        let refused = match mac {
            _ if self.by_address.contains_key(&address) => LeaseRefused::AddressTwice { address },
            None => {
                self.hold_back(address, until);
                return Ok(());
            }
            Some(mac) if !mac.is_plausible() => LeaseRefused::Implausible { address, mac },
            Some(mac) => {
                let Some(earlier) = self.by_mac.get(&mac).copied() else {
                    self.assign(mac, address, until);
                    return Ok(());
                };
                LeaseRefused::MachineTwice { mac, earlier, address }
            }
        };
        self.hold_back(address, until);
        Err(refused)
    }

    /// Nobody gets the address until `until`, nor before its present lease has run out.
    fn hold_back(&mut self, address: Ipv4Addr, until: Instant) {
        let earlier = self.by_address.remove(&address);
        if let Some(mac) = earlier.as_ref().and_then(|lease| lease.mac) {
            self.by_mac.remove(&mac);
        }
        let until = earlier.map_or(until, |lease| lease.until.max(until));
        self.by_address.insert(address, Lease { mac: None, until });
    }
}
