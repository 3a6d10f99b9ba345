//! The leases of full mode on the medium: a restart gives nobody's address away.
//!
//! `DATA/leases.json` is a list of addresses, each with who has it and until when. It is read once
//! at the start and written whole at each change, before the machine is told. Leases that have run
//! out are not written. What is damaged is told by name and stops nothing; the addresses still
//! legible in it are held back for a lease time, since somebody may have them.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::netboot::MacAddress;
use ::netboot::responder::{KeptLease, Responder};
use protocol::{MacAddr, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{clock, private_file};

/// What to do when it is not known who has an address.
const ADVICE: &str = "restart the machines on the bench that are running before adding others";

/// The file.
#[derive(Debug)]
pub(crate) struct LeaseFile {
    path: PathBuf,
    /// Whether the last write failed, which is told once. Its lock also keeps writes in order.
    failing: Mutex<bool>,
}

/// One address in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: Ipv4Addr,
    /// None holds it back from everybody. Never left out, which serde would take for none.
    #[serde(deserialize_with = "Option::deserialize")]
    mac: Option<MacAddr>,
    until: UnixMillis,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
struct Content {
    leases: Vec<KeptLease>,
    /// What cannot be understood, in plain words.
    damage: Vec<String>,
}

impl LeaseFile {
    /// The file at `path`, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, failing: Mutex::new(false) }
    }

    /// Takes over what the file holds. Whatever is wrong with it is told and stops nothing.
    pub(super) fn restore(&self, responder: &mut Responder) {
        let path = self.path.display();
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::warn!(target: "netboot", %path, %error, "cannot read the leases: {ADVICE}");
                return;
            }
        };
        let Content { leases, damage } = Content::parse(&bytes, clock::wall());
        for damage in damage {
            tracing::warn!(target: "netboot", %path, "{damage}; {ADVICE}");
        }
        for refused in responder.restore(Instant::now(), leases) {
            tracing::warn!(target: "netboot", %path, "{refused}");
        }
    }

    /// Writes what `leases` gives when our turn has come. Blocks until that is on the medium. A
    /// failure is told once and stops nothing: without addresses the bench would stand still.
    pub(super) fn keep(&self, leases: impl FnOnce() -> Vec<KeptLease>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = encode(&leases(), clock::wall()).map_err(anyhow::Error::from);
        let written = encoded.and_then(|text| Ok(private_file::replace(&self.path, &text)?));
        let path = self.path.display();
        match &written {
            Ok(()) if *failing => tracing::info!(target: "netboot", %path, "leases are kept again"),
            Err(error) if !*failing => tracing::warn!(
                target: "netboot", %path, error = format!("{error:#}"),
                "cannot keep the leases, so a restart may give an address twice: make room on the disk"
            ),
            _ => {}
        }
        *failing = written.is_err();
    }
}

impl Content {
    fn parse(bytes: &[u8], now: UnixMillis) -> Self {
        let mut content = Self::default();
        match serde_json::from_slice::<Vec<Value>>(bytes) {
            Ok(values) => values.into_iter().for_each(|value| content.take(value, now)),
            Err(error) => {
                let held = content.hold_back(&String::from_utf8_lossy(bytes));
                content.damage.push(format!("the leases are damaged ({error}): {held}"));
            }
        }
        content
    }

    fn take(&mut self, value: Value, now: UnixMillis) {
        let text = value.to_string();
        match serde_json::from_value::<Entry>(value) {
            Ok(Entry { address, mac, until }) => self.leases.push(KeptLease {
                address,
                mac: mac.map(|mac| MacAddress(mac.0)),
                remaining: Duration::from_millis(until.0.saturating_sub(now.0)),
            }),
            Err(error) => {
                let held = self.hold_back(&text);
                self.damage.push(format!("the lease {text} is damaged ({error}): {held}"));
            }
        }
    }

    /// Holds back the addresses named in a damaged text, and says which.
    fn hold_back(&mut self, text: &str) -> String {
        let words = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let mut addresses: Vec<Ipv4Addr> = words.filter_map(|word| word.parse().ok()).collect();
        addresses.sort();
        addresses.dedup();
        // As long as any lease of ours can last.
        let held = |address: &Ipv4Addr| KeptLease {
            address: *address,
            mac: None,
            remaining: Duration::MAX,
        };
        self.leases.extend(addresses.iter().map(held));
        if addresses.is_empty() {
            return "no address is legible in it".to_owned();
        }
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        format!("nobody gets {} for a lease time", addresses.join(", "))
    }
}

fn encode(leases: &[KeptLease], now: UnixMillis) -> io::Result<Vec<u8>> {
    let entry = |lease: &KeptLease| Entry {
        address: lease.address,
        mac: lease.mac.map(|mac| MacAddr(mac.0)),
        until: clock::after(now, lease.remaining),
    };
    let entries: Vec<_> = leases.iter().map(entry).collect();
    Ok(serde_json::to_vec_pretty(&entries)?)
}

#[cfg(test)]
mod tests;
