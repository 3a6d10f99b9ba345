//! One interface from link to lease, and round again.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use netboot::MacAddress;
use nix::errno::Errno;
use sys::net::{Interface, InterfaceError};

use super::exchange::{Exchange, Outcome, waits};
use super::lease::{Due, Lease};
use super::nic::{WiredNic, carrier};
use super::{Link, Net, NicState};
use crate::roots::Roots;

const POLL: Duration = Duration::from_millis(250);
/// Pause after something that should not fail did.
const PAUSE: Duration = Duration::from_secs(5);

/// An interface and those who want to know about it.
struct Follower<'a> {
    net: &'a Net,
    roots: &'a Roots,
    nic: &'a WiredNic,
    booted: bool,
}

/// Why an interface has no address any more, or never had one.
enum End {
    /// The interface vanished.
    Gone,
    /// Carrier or lease was lost: start again.
    Lost,
}

/// Looks after the interface until it vanishes.
pub(super) fn run(net: &Net, roots: &Roots, nic: &WiredNic, booted: bool) {
    let follower = Follower { net, roots, nic, booted };
    loop {
        match follower.round() {
            Ok(End::Gone) => return,
            Ok(End::Lost) => {}
            Err(error) => {
                if carrier(roots, &nic.name).is_none() {
                    return;
                }
                net.set(&nic.name, NicState::Failed(format!("{error:#}")));
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Follower<'_> {
    /// From down to up to lost.
    fn round(&self) -> anyhow::Result<End> {
        let name = &self.nic.name;
        self.interface()?.set_up(true)?;
        if let Some(end) = self.wait_for_carrier() {
            return Ok(end);
        }
        self.net.set(name, NicState::Asking);
        let exchange = Exchange::open(name, MacAddress(self.nic.mac.0))?;
        let Some(lease) = self.acquire(&exchange)? else { return Ok(End::Lost) };
        self.configure(&lease)?;
        self.net.set(name, NicState::Up(self.link(&lease)));
        let end = self.hold(&exchange, lease)?;
        if let End::Lost = end {
            self.net.set(name, NicState::NoCarrier);
            self.clear()?;
        }
        Ok(end)
    }

    fn interface(&self) -> anyhow::Result<Interface> {
        Ok(Interface::new(&self.nic.name)?)
    }

    fn wait_for_carrier(&self) -> Option<End> {
        loop {
            match carrier(self.roots, &self.nic.name) {
                None => return Some(End::Gone),
                Some(true) => return None,
                Some(false) => self.net.set(&self.nic.name, NicState::NoCarrier),
            }
            thread::sleep(POLL);
        }
    }

    /// Asks until somebody gives a lease; none when the carrier is lost meanwhile.
    fn acquire(&self, exchange: &Exchange) -> anyhow::Result<Option<Lease>> {
        let started = Instant::now();
        for wait in waits() {
            let secs = u16::try_from(started.elapsed().as_secs()).unwrap_or(u16::MAX);
            match exchange.acquire(wait, secs)? {
                Outcome::Leased(lease) => return Ok(Some(lease)),
                Outcome::Refused(words) => {
                    self.net.set(&self.nic.name, NicState::Refused(words));
                    thread::sleep(PAUSE);
                }
                Outcome::Silence => {}
            }
            if !self.has_carrier() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn configure(&self, lease: &Lease) -> anyhow::Result<()> {
        let interface = self.interface()?;
        interface.set_address(lease.address, netmask(lease.prefix_len))?;
        match lease.router.map_or(Ok(()), |router| interface.add_default_route(router)) {
            // It has outlived the carrier.
            Err(error) if errno(&error) == Some(Errno::EEXIST) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Without its lease the address belongs to somebody else.
    fn clear(&self) -> anyhow::Result<()> {
        let unspecified = Ipv4Addr::UNSPECIFIED;
        match self.interface()?.set_address(unspecified, unspecified) {
            // Once the address is gone there is nothing that the mask could belong to.
            Err(error) if errno(&error) == Some(Errno::EADDRNOTAVAIL) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Keeps the lease alive until it or the carrier is lost.
    fn hold(&self, exchange: &Exchange, mut lease: Lease) -> anyhow::Result<End> {
        let mut leased = Instant::now();
        let mut asked: Option<Instant> = None;
        loop {
            match carrier(self.roots, &self.nic.name) {
                None => return Ok(End::Gone),
                Some(false) => return Ok(End::Lost),
                Some(true) => thread::sleep(POLL),
            }
            let everybody = match lease.due(leased.elapsed(), asked.map(|at| at.elapsed())) {
                Due::Nothing => continue,
                Due::End => return Ok(End::Lost),
                Due::Renew { everybody } => everybody,
            };
            asked = Some(Instant::now());
            // As long as the lease runs, a question that cannot be sent is one that nobody answers.
            let outcome = exchange.renew(&lease, everybody).unwrap_or_else(|error| {
                tracing::warn!(target: "init", nic = %self.nic.name, %error, "asking to renew the address");
                Outcome::Silence
            });
            match outcome {
                Outcome::Leased(renewed) if renewed.address == lease.address => {
                    lease = renewed;
                    leased = Instant::now();
                    asked = None;
                }
                Outcome::Leased(_) | Outcome::Refused(_) => return Ok(End::Lost),
                Outcome::Silence => {}
            }
        }
    }

    fn has_carrier(&self) -> bool {
        carrier(self.roots, &self.nic.name) == Some(true)
    }

    fn link(&self, lease: &Lease) -> Link {
        Link {
            nic: self.nic.name.clone(),
            mac: self.nic.mac,
            address: lease.address,
            prefix_len: lease.prefix_len,
            router: lease.router,
            server: lease.server,
            booted: self.booted,
        }
    }
}

fn netmask(prefix_len: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0))
}

fn errno(error: &InterfaceError) -> Option<Errno> {
    match error {
        InterfaceError::Refused { source, .. } => source.source.raw_os_error().map(Errno::from_raw),
        InterfaceError::Socket { .. } | InterfaceError::Name(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_every_length_in_use() {
        for (prefix_len, mask) in
            [(0, [0, 0, 0, 0]), (8, [255, 0, 0, 0]), (23, [255, 255, 254, 0]), (32, [255; 4])]
        {
            assert_eq!(netmask(prefix_len), Ipv4Addr::from(mask));
        }
    }
}
