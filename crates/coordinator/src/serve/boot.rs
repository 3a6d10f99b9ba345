//! Network boot: what is proposed for the network that is found, and the sockets' view of our decisions.

use std::net::SocketAddr;
use std::sync::Arc;

use ::netboot::dhcp::PxeClient;
use ::netboot::responder::{AddressPlan, BootFiles, Config as DhcpConfig, Decision, Mode};
use anyhow::{Context as _, Result, bail};
use protocol::MacAddr;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::Ended;
use crate::boot_choice::{Caller, is_answered};
use crate::boot_files::{BootSet, boot_file};
use crate::config::{Config, DhcpSetting};
use crate::console::say;
use crate::coordinator::Coordinator;
use crate::netboot::{
    self, BootPolicy, Dhcp, Interface, LeaseFile, ProbeReport, Service, Tftp, check_ports,
    interfaces, probe,
};

/// Boot trace events that a slow reader may fall behind.
const TRACE_BACKLOG: usize = 1024;

/// Network boot, ready to start.
#[derive(Debug)]
pub(super) enum Network {
    /// None is wanted.
    Off,
    /// Sockets are open.
    On(Box<Sockets>),
}

/// The open sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    setting: DhcpSetting,
    dhcp: Dhcp,
    tftp: Tftp,
}

/// Looks at the network, says in plain words what it proposes, and opens the sockets.
pub(super) async fn prepare(config: &Config, boot_set: &BootSet) -> Result<Network> {
    if config.dhcp == DhcpSetting::Off {
        return Ok(Network::Off);
    }
    if !boot_set.missing().is_empty() {
        bail!(
            "{} has no {}; build the appliance with scripts/build-appliance, or run with --dhcp off",
            config.appliance.display(),
            boot_set.missing().join(", ")
        );
    }
    let interface = interface(config)?;
    let services = [
        Service::Dhcp,
        Service::BootServer,
        Service::Tftp,
        Service::Http(config.http_port),
        Service::Api(config.api_port),
    ];
    if let Some(taken) = check_ports(&interface, &services).into_iter().next() {
        return Err(taken.into());
    }
    say(&format!("looking for other DHCP servers on {} ...", interface.name))?;
    let report = probe(&interface).await?;
    let setting = decide(config.dhcp, &interface, &report)?;
    let leases = LeaseFile::new(config.data.join("leases.json"));
    let dhcp = Dhcp::bind(&interface, dhcp_config(config, &interface, setting)?, &report, leases)?;
    let tftp = Tftp::bind(&interface)?;
    Ok(Network::On(Box::new(Sockets { setting, dhcp, tftp })))
}

fn interface(config: &Config) -> Result<Interface> {
    let all = interfaces().context("failed to list the network interfaces")?;
    let fits = |it: &Interface| match &config.interface {
        Some(name) => it.name == *name,
        None => it.address == config.address,
    };
    let found = all.into_iter().find(fits).with_context(|| {
        format!(
            "no network interface fits interface = {} and address = {}",
            config.interface.as_deref().unwrap_or("(any)"),
            config.address
        )
    })?;
    Ok(Interface { address: config.address, ..found })
}

fn decide(
    wanted: DhcpSetting,
    interface: &Interface,
    report: &ProbeReport,
) -> Result<DhcpSetting, std::io::Error> {
    let others: Vec<_> = report.servers().iter().map(|it| it.address.to_string()).collect();
    let name = &interface.name;
    if others.is_empty() {
        say(&format!("nobody else answers DHCP on {name}"))?;
    } else {
        say(&format!("{} answers DHCP on {name}", others.join(", ")))?;
    }
    let setting = match wanted {
        DhcpSetting::Auto if others.is_empty() => DhcpSetting::Full,
        DhcpSetting::Auto => DhcpSetting::Proxy,
        other => other,
    };
    match setting {
        // Refused when the sockets are opened, with the reason.
        DhcpSetting::Full if !others.is_empty() => {}
        DhcpSetting::Full => say("this coordinator gives addresses (full mode)")?,
        _ => say("this coordinator only answers machines that boot from the network (proxy mode)")?,
    }
    Ok(setting)
}

fn dhcp_config(config: &Config, interface: &Interface, setting: DhcpSetting) -> Result<DhcpConfig> {
    let Interface { address, prefix_len, .. } = *interface;
    let mode = match (setting, config.lease_first, config.lease_last) {
        (DhcpSetting::Full, Some(first), Some(last)) => {
            Mode::Full(AddressPlan::new(address, prefix_len, first..=last)?)
        }
        (DhcpSetting::Full, _, _) => Mode::Full(AddressPlan::proposed(address, prefix_len)?),
        _ => Mode::Proxy,
    };
    let boot_files = BootFiles::standard(address, config.http_port)?;
    Ok(DhcpConfig { server: address, boot_files, mode })
}

impl Network {
    /// What `auto` came to.
    pub(super) fn setting(&self) -> DhcpSetting {
        match self {
            Self::Off => DhcpSetting::Off,
            Self::On(sockets) => sockets.setting,
        }
    }

    /// Starts the services.
    pub(super) fn spawn(
        self,
        services: &mut JoinSet<Ended>,
        coordinator: &Arc<Coordinator>,
        stopping: &watch::Receiver<bool>,
    ) {
        let Self::On(sockets) = self else { return };
        let Sockets { dhcp, tftp, .. } = *sockets;
        let (trace, events) = broadcast::channel(TRACE_BACKLOG);
        services.spawn(keep_traces(coordinator.clone(), events));
        let machines = coordinator.dhcp_machines.get_or_init(|| dhcp.machines()).clone();
        let desk = Arc::new(BootDesk(coordinator.clone()));
        let serve = dhcp.serve(desk.clone(), trace.clone(), stopping.clone());
        services.spawn(async { Ok(serve.await?) });
        let serve = tftp.serve(desk, Some(machines), trace, stopping.clone());
        services.spawn(async { Ok(serve.await?) });
    }
}

async fn keep_traces(
    coordinator: Arc<Coordinator>,
    mut events: broadcast::Receiver<::netboot::trace::TraceEvent>,
) -> Ended {
    loop {
        match events.recv().await {
            Ok(event) => coordinator.live.trace(&event),
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                tracing::warn!(target: "netboot", lost, "boot trace fell behind");
            }
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

/// Our decisions, as the sockets ask for them.
#[derive(Debug)]
struct BootDesk(Arc<Coordinator>);

impl BootPolicy for BootDesk {
    fn decide(&self, client: &PxeClient) -> Decision {
        let uuid = client.uuid.map(|uuid| uuid.to_string());
        let caller = Caller { mac: Some(MacAddr(client.mac.0)), uuid: uuid.as_deref() };
        let published = self.0.journal.published();
        let now = self.0.journal.now();
        if is_answered(&published.bench, now, self.0.config.discovery, caller) {
            Decision::Serve
        } else {
            Decision::Silent { reason: "nothing is armed and discovery is off".to_owned() }
        }
    }
}

impl netboot::BootFiles for BootDesk {
    fn get(&self, path: &str, _peer: SocketAddr) -> Option<Arc<[u8]>> {
        boot_file(&self.0, path)
    }
}
