//! Somebody else's DHCP server: a real dnsmasq that gives addresses and knows nothing of us.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::{Station, Workshop};
use crate::log_tail::LogTail;
use crate::process::Process;

/// A running dnsmasq on its own station of the LAN.
#[derive(Debug)]
pub struct ForeignDhcp {
    // Before the station: the process has to be gone when its namespace goes.
    process: Process,
    station: Station,
}

impl ForeignDhcp {
    /// Starts it at `address` (with prefix length), giving leases of `first`-`last` for an hour.
    ///
    /// # Errors
    /// When dnsmasq does not come up within 10 s.
    pub fn start(workshop: &Workshop, address: &str, first: &str, last: &str) -> Result<Self> {
        let station = workshop.add_station("router", Some(address))?;
        let lease_file = workshop.run_dir().join("dnsmasq.leases");
        let mut command = station.command("dnsmasq");
        command
            .args(["--conf-file=/dev/null", "--keep-in-foreground", "--log-facility=-"])
            .args(["--user=root", "--pid-file=", "--port=0", "--interface=eth0"])
            .args(["--bind-interfaces", "--no-ping", "--dhcp-authoritative", "--log-dhcp"])
            .arg(format!("--dhcp-leasefile={}", lease_file.display()))
            .arg(format!("--dhcp-range={first},{last},1h"));
        let mut process = workshop.start("dnsmasq", &mut command)?;
        let mut log = LogTail::new(process.log());
        log.wait_any(&["DHCP, IP range"], Duration::from_secs(10), || {
            Ok(process.ended()?.map(|status| format!("dnsmasq ended with {status}")))
        })
        .context("the foreign DHCP server did not come up")?;
        Ok(Self { process, station })
    }

    /// What it logged: every DHCP message with its options.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The computer it runs on.
    pub fn station(&self) -> &Station {
        &self.station
    }

    /// Takes it off the LAN at once.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.process.kill()
    }
}
