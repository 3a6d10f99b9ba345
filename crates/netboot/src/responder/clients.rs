//! What is remembered of network boot clients: which form of offer their firmware understands.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::MacAddress;

/// Anybody on the LAN may invent hardware addresses; the longest unseen is forgotten first.
const MAX_CLIENTS: usize = 1024;
/// After this silence a DISCOVER begins a new attempt.
const NEW_ATTEMPT_AFTER: Duration = Duration::from_secs(300);
/// DISCOVERs of one attempt that get the same form of offer.
const DISCOVERS_PER_FORM: u32 = 2;
/// DISCOVERs without a REQUEST after which the technician gets a hint.
const DISCOVERS_BEFORE_HINT: u32 = 3;

/// The clients by hardware address.
#[derive(Debug, Default)]
pub(super) struct Clients(HashMap<MacAddress, Client>);

/// What a DISCOVER means after the ones before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Index of the form of offer to use; the caller takes it modulo the number of its forms.
    pub(super) form: usize,
    /// The form is another than before.
    pub(super) switched: bool,
    /// Set when the client has asked that often without taking any offer, and only once.
    pub(super) no_request: Option<u32>,
}

#[derive(Debug)]
struct Client {
    last_seen: Instant,
    form: usize,
    discovers: u32,
    discovers_without_request: u32,
    address: Option<Ipv4Addr>,
}

impl Clients {
    /// Notes a DISCOVER that will be answered.
    pub(super) fn discovered(&mut self, mac: MacAddress, now: Instant) -> Attempt {
        let client = self.entry(mac, now);
        if now.saturating_duration_since(client.last_seen) > NEW_ATTEMPT_AFTER {
            client.discovers = 0;
            client.discovers_without_request = 0;
        }
        client.last_seen = now;
        let switched = client.discovers == DISCOVERS_PER_FORM;
        if switched {
            client.form = client.form.wrapping_add(1);
            client.discovers = 0;
        }
        client.discovers += 1;
        client.discovers_without_request = client.discovers_without_request.saturating_add(1);
        let unheard = client.discovers_without_request;
        let no_request = (unheard == DISCOVERS_BEFORE_HINT).then_some(unheard);
        Attempt { form: client.form, switched, no_request }
    }

    /// Notes that a client took an offer, if it is one of ours. Returns whether it is.
    pub(super) fn requested(
        &mut self,
        mac: MacAddress,
        address: Option<Ipv4Addr>,
        now: Instant,
    ) -> bool {
        if !self.0.contains_key(&mac) {
            return false;
        }
        if let Some(address) = address {
            self.locate(mac, address);
        }
        let client = self.entry(mac, now);
        client.last_seen = now;
        client.discovers_without_request = 0;
        true
    }

    /// Notes that a client went on with our offer: this form suits it.
    pub(super) fn progressed(&mut self, mac: MacAddress, now: Instant) {
        let client = self.entry(mac, now);
        client.last_seen = now;
        client.discovers = 0;
        client.discovers_without_request = 0;
    }

    /// Notes the address a client has; nobody else has it then.
    pub(super) fn locate(&mut self, mac: MacAddress, address: Ipv4Addr) {
        for (other, client) in &mut self.0 {
            if *other == mac {
                client.address = Some(address);
            } else if client.address == Some(address) {
                client.address = None;
            }
        }
    }

    /// The form of offer the client was last given.
    pub(super) fn form(&self, mac: MacAddress) -> usize {
        self.0.get(&mac).map_or(0, |client| client.form)
    }

    pub(super) fn at(&self, address: Ipv4Addr) -> Option<MacAddress> {
        self.0.iter().find(|(_, client)| client.address == Some(address)).map(|(mac, _)| *mac)
    }

    fn entry(&mut self, mac: MacAddress, now: Instant) -> &mut Client {
        if self.0.len() >= MAX_CLIENTS && !self.0.contains_key(&mac) {
            let oldest = self.0.iter().min_by_key(|(_, client)| client.last_seen);
            if let Some(oldest) = oldest.map(|(mac, _)| *mac) {
                self.0.remove(&oldest);
            }
        }
        self.0.entry(mac).or_insert(Client {
            last_seen: now,
            form: 0,
            discovers: 0,
            discovers_without_request: 0,
            address: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    #[test]
    fn third_unheeded_discover_changes_the_form_and_hints_once() {
        let (mut clients, now) = (Clients::default(), Instant::now());
        let attempts: Vec<Attempt> = (0..6).map(|_| clients.discovered(MAC, now)).collect();
        let forms: Vec<usize> = attempts.iter().map(|attempt| attempt.form).collect();
        assert_eq!(forms, [0, 0, 1, 1, 2, 2]);
        let hints: Vec<_> = attempts.iter().map(|attempt| attempt.no_request).collect();
        assert_eq!(hints, [None, None, Some(3), None, None, None]);
    }

    #[test]
    fn a_form_that_worked_stays() {
        let (mut clients, mut now) = (Clients::default(), Instant::now());
        for _ in 0..3 {
            clients.discovered(MAC, now);
        }
        for _ in 0..5 {
            clients.progressed(MAC, now);
            now += Duration::from_secs(60);
            assert_eq!(
                clients.discovered(MAC, now),
                Attempt { form: 1, switched: false, no_request: None }
            );
        }
    }

    #[test]
    fn an_old_attempt_does_not_count() {
        let (mut clients, mut now) = (Clients::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(clients.discovered(MAC, now).form, 0);
            now += NEW_ATTEMPT_AFTER + Duration::from_secs(1);
        }
    }

    #[test]
    fn invented_addresses_do_not_fill_the_memory() {
        let (mut clients, now) = (Clients::default(), Instant::now());
        for number in 0..3000_u32 {
            let [a, b, c, d] = number.to_be_bytes();
            clients.discovered(MacAddress([2, 0, a, b, c, d]), now);
        }
        assert_eq!(clients.0.len(), MAX_CLIENTS);
    }
}
