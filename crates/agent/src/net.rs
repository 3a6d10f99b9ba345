//! Every wired interface, for ever: up, carrier, address by DHCP, and again from the start when any is lost.
//!
//! A thread per interface. There is no DNS: all that the agent talks to is named by address.

mod exchange;
mod follow;
mod lease;
pub(crate) mod nic;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use protocol::MacAddr;

use crate::roots::Roots;
use crate::screen::Sentence;

const RESCAN: Duration = Duration::from_secs(1);
/// The interface that booted the machine leads to the coordinator; the others start this much later.
const HEAD_START: Duration = Duration::from_secs(5);

/// The state of all wired interfaces, kept up to date by their threads.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    nics: Arc<Mutex<BTreeMap<String, NicState>>>,
}

/// How far an interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NicState {
    /// It cannot be used; why.
    Failed(String),
    /// No cable, or nobody at its other end.
    NoCarrier,
    /// It has a link, and no DHCP server has answered yet.
    Asking,
    /// A DHCP server refused; its words.
    Refused(String),
    /// It has an address.
    Up(Link),
}

/// An interface with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The interface's name.
    pub(crate) nic: String,
    /// Its hardware address.
    pub(crate) mac: MacAddr,
    /// Our address.
    pub(crate) address: Ipv4Addr,
    /// Length of the network's prefix.
    pub(crate) prefix_len: u8,
    /// Where everything outside of the network goes.
    pub(crate) router: Option<Ipv4Addr>,
    /// The DHCP server that gave the address.
    pub(crate) server: Ipv4Addr,
    /// Whether the boot loader used this interface.
    pub(crate) booted: bool,
}

impl Net {
    /// Starts to look after every wired interface, present or to come. Never ends.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn spawn(roots: &Roots, boot_mac: Option<MacAddr>) -> std::io::Result<Self> {
        let net = Self { nics: Arc::default() };
        let (own, roots) = (net.clone(), roots.clone());
        thread::Builder::new()
            .name("net".into())
            .spawn(move || own.look_for_interfaces(&roots, boot_mac))?;
        Ok(net)
    }

    /// One link, and no interface of this machine touched.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn simulated(link: Link) -> Self {
        let nics = BTreeMap::from([(link.nic.clone(), NicState::Up(link))]);
        Self { nics: Arc::new(Mutex::new(nics)) }
    }

    /// The interfaces that have an address now, the one that booted the machine first.
    pub(crate) fn links(&self) -> Vec<Link> {
        let nics = self.lock();
        let up = nics.values().filter_map(|state| match state {
            NicState::Up(link) => Some(link.clone()),
            _ => None,
        });
        let mut links: Vec<Link> = up.collect();
        links.sort_by_key(|link| !link.booted);
        links
    }

    /// Why no interface has an address, in the words of the one that got furthest.
    pub(crate) fn obstacle(&self) -> Sentence {
        let nics = self.lock();
        let has = |wanted: &NicState| nics.values().any(|state| state == wanted);
        let other = nics.values().find_map(|state| match state {
            NicState::Refused(words) => Some(Sentence::AddressRefused(words.clone())),
            NicState::Failed(why) => Some(Sentence::NicFailed(why.clone())),
            NicState::NoCarrier | NicState::Asking | NicState::Up(_) => None,
        });
        match other {
            _ if nics.is_empty() => Sentence::NoNic,
            _ if has(&NicState::Asking) => Sentence::AskingForAddress,
            Some(sentence) => sentence,
            None => Sentence::NoCable,
        }
    }

    fn look_for_interfaces(&self, roots: &Roots, boot_mac: Option<MacAddr>) -> ! {
        let started = Instant::now();
        loop {
            for nic in nic::wired(roots) {
                let booted = boot_mac == Some(nic.mac);
                let too_early = boot_mac.is_some() && !booted && started.elapsed() < HEAD_START;
                if too_early || self.lock().contains_key(&nic.name) {
                    continue;
                }
                self.set(&nic.name, NicState::NoCarrier);
                let (net, roots, name) = (self.clone(), roots.clone(), nic.name.clone());
                let followed = thread::Builder::new().name(name.clone()).spawn(move || {
                    follow::run(&net, &roots, &nic, booted);
                    // The interface is gone; should it come back, it is a new one.
                    net.remove(&nic.name);
                });
                if let Err(error) = followed {
                    tracing::error!(target: "init", nic = %name, %error, "starting a thread");
                    self.remove(&name);
                }
            }
            thread::sleep(RESCAN);
        }
    }

    fn set(&self, nic: &str, state: NicState) {
        let mut nics = self.lock();
        if nics.get(nic) != Some(&state) {
            tracing::info!(target: "init", nic, ?state);
            nics.insert(nic.to_owned(), state);
        }
    }

    fn remove(&self, nic: &str) {
        self.lock().remove(nic);
    }

    /// A poisoned lock holds whole values all the same: each change is one insert or remove.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, NicState>> {
        self.nics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
