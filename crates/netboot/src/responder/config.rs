//! What a responder is told once.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::boot_file::BootFiles;

/// How long a lease lasts unless the technician says otherwise: a working day.
pub const DEFAULT_LEASE_TIME: Duration = Duration::from_secs(8 * 3600);

/// The identity and manner of a responder.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our address on the interface.
    pub server: Ipv4Addr,
    /// What each kind of firmware boots.
    pub boot_files: BootFiles,
    /// Beside another DHCP server, or in its place.
    pub mode: Mode,
}

/// Who gives addresses.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Another server does; only network boot clients are answered.
    Proxy,
    /// We do, on a switch where nobody else does.
    Full(AddressPlan),
}

/// The addresses to give in full mode.
#[derive(Debug, Clone)]
pub struct AddressPlan {
    server: Ipv4Addr,
    prefix_len: u8,
    first: u32,
    last: u32,
    /// How long a lease lasts.
    pub lease_time: Duration,
}

/// Why a range of addresses cannot be given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressPlanError {
    /// A network that small or large has no place for a pool.
    #[error("a network with prefix length {prefix_len} cannot hold a pool: use /8 to /30")]
    Prefix {
        /// Bits of the network.
        prefix_len: u8,
    },
    /// The range is empty.
    #[error("range of addresses {first}-{last} runs backwards")]
    Backwards {
        /// First address given.
        first: Ipv4Addr,
        /// Last address given.
        last: Ipv4Addr,
    },
    /// The range leaves the network of the interface, or holds its first or last address.
    #[error("range {first}-{last} does not lie within the network of {server}/{prefix_len}")]
    Outside {
        /// First address given.
        first: Ipv4Addr,
        /// Last address given.
        last: Ipv4Addr,
        /// Our address.
        server: Ipv4Addr,
        /// Bits of the network.
        prefix_len: u8,
    },
    /// The only address of the range is our own.
    #[error("range {first}-{last} holds no address besides our own")]
    NothingToGive {
        /// First address given.
        first: Ipv4Addr,
        /// Last address given.
        last: Ipv4Addr,
    },
}

impl AddressPlan {
    /// A plan that gives out `range`, less our own address.
    ///
    /// # Errors
    /// [`AddressPlanError`] when the range does not lie within the interface's network.
    pub fn new(
        server: Ipv4Addr,
        prefix_len: u8,
        range: RangeInclusive<Ipv4Addr>,
    ) -> Result<Self, AddressPlanError> {
        let (first, last) = (*range.start(), *range.end());
        let (network_first, network_last) = hosts(server, prefix_len)?;
        if first > last {
            return Err(AddressPlanError::Backwards { first, last });
        }
        if u32::from(first) < network_first || u32::from(last) > network_last {
            return Err(AddressPlanError::Outside { first, last, server, prefix_len });
        }
        if first == last && first == server {
            return Err(AddressPlanError::NothingToGive { first, last });
        }
        Ok(Self {
            server,
            prefix_len,
            first: first.into(),
            last: last.into(),
            lease_time: DEFAULT_LEASE_TIME,
        })
    }

    /// The plan proposed without configuration: the upper half of the interface's network, at most
    /// 1,000 addresses, so that fixed addresses usually found low down stay clear.
    ///
    /// # Errors
    /// [`AddressPlanError::Prefix`] when the network is too small or too large.
    pub fn proposed(server: Ipv4Addr, prefix_len: u8) -> Result<Self, AddressPlanError> {
        const MAX_PROPOSED: u32 = 1000;
        let (network_first, last) = hosts(server, prefix_len)?;
        let first =
            (network_first + (last - network_first) / 2).max(last.saturating_sub(MAX_PROPOSED - 1));
        Self::new(server, prefix_len, first.into()..=last.into())
    }

    /// First and last address given.
    #[must_use]
    pub fn range(&self) -> RangeInclusive<Ipv4Addr> {
        self.first.into()..=self.last.into()
    }

    /// The subnet mask.
    #[must_use]
    pub fn netmask(&self) -> Ipv4Addr {
        mask(self.prefix_len).into()
    }

    /// The broadcast address of the network.
    #[must_use]
    pub fn broadcast(&self) -> Ipv4Addr {
        (u32::from(self.server) | !mask(self.prefix_len)).into()
    }

    /// Whether an address belongs to the interface's network.
    #[must_use]
    pub fn is_on_link(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.server)) & mask(self.prefix_len) == 0
    }

    /// Whether an address may be given out.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.range().contains(&address) && address != self.server
    }

    /// All addresses of the plan, beginning at the `start`th (modulo their number) and going round.
    pub(super) fn addresses_from(&self, start: u32) -> impl Iterator<Item = Ipv4Addr> + use<'_> {
        let len = u64::from(self.last - self.first) + 1;
        (0..len)
            .map(move |step| (u64::from(start) + step) % len + u64::from(self.first))
            .filter_map(|address| u32::try_from(address).ok())
            .map(Ipv4Addr::from)
            .filter(|address| *address != self.server)
    }
}

/// First and last host address of the network of `server`.
fn hosts(server: Ipv4Addr, prefix_len: u8) -> Result<(u32, u32), AddressPlanError> {
    if !(8..=30).contains(&prefix_len) {
        return Err(AddressPlanError::Prefix { prefix_len });
    }
    let network = u32::from(server) & mask(prefix_len);
    Ok((network + 1, (network | !mask(prefix_len)) - 1))
}

/// `prefix_len` is 8 to 30 here, so the shift is in range.
fn mask(prefix_len: u8) -> u32 {
    u32::MAX << (32 - u32::from(prefix_len))
}
