//! The DHCP and ProxyDHCP service on one interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::netboot::MacAddress;
use ::netboot::dhcp::{Packet, PxeClient};
use ::netboot::responder::{Config, Decision, KeptLease, Mode, Outcome, Port, Responder};
use tokio::net::UdpSocket;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::interface::Interface;
use super::lease_file::LeaseFile;
use super::ports::{PortError, Service};
use super::probe::{Asker, ForeignServer, ProbeReport, overheard_reply};
use super::socket::{self, Eavesdropper};
use super::{Shutdown, Trace, ended, record};

/// How often full mode asks whether it is still alone.
const ALONE_CHECK_EVERY: Duration = Duration::from_secs(60);

/// Decides which machines are served. Asked for each packet of a network boot client: must be
/// quick and must not block.
pub(crate) trait BootPolicy: Send + Sync {
    /// Serve it, or stay silent and why.
    fn decide(&self, client: &PxeClient) -> Decision;
}

/// The service with its sockets open.
#[derive(Debug)]
pub(crate) struct Dhcp {
    interface: Interface,
    server: UdpSocket,
    boot_server: UdpSocket,
    ears: Eavesdropper,
    asker: Option<Asker>,
    /// In full mode, which has leases to keep.
    lease_file: Option<Arc<LeaseFile>>,
    machines: Machines,
}

/// Who is behind which address: for the TFTP and HTTP servers.
#[derive(Debug, Clone)]
pub(crate) struct Machines(Arc<Mutex<Responder>>);

/// The service cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DhcpError {
    /// Full mode beside another server would give addresses twice.
    #[error(
        "full mode refuses to start on {interface}: {} answers DHCP there; take it off this switch \
         or use proxy mode", list(.servers)
    )]
    NotAlone {
        /// The interface.
        interface: String,
        /// The other servers.
        servers: Vec<ForeignServer>,
    },
    /// A port is not to be had.
    #[error(transparent)]
    Port(PortError),
    /// The ears for other servers cannot be opened.
    #[error("cannot listen for other DHCP servers on {interface}; run as root")]
    Listen {
        /// The interface.
        interface: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Receiving failed for good.
    #[error("failed to receive DHCP packets on {interface}; has it been removed?")]
    Receive {
        /// The interface.
        interface: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl Dhcp {
    /// Opens the ports. `probe` is the proof that somebody looked for other servers: full mode is
    /// refused when there are any. Full mode takes over what `lease_file` holds, and keeps it up.
    ///
    /// # Errors
    /// [`DhcpError`] names the other server or the port.
    pub(crate) fn bind(
        interface: &Interface,
        config: Config,
        probe: &ProbeReport,
        lease_file: LeaseFile,
    ) -> Result<Self, DhcpError> {
        let full = matches!(config.mode, Mode::Full(_));
        let name = || interface.name.clone();
        if full && !probe.servers().is_empty() {
            let servers = probe.servers().to_vec();
            return Err(DhcpError::NotAlone { interface: name(), servers });
        }
        let open = |service: Service| {
            socket::udp(&interface.name, service.local_address(interface.address))
                .map_err(|source| DhcpError::Port(PortError::new(service, interface, source)))
        };
        let listen = |source| DhcpError::Listen { interface: name(), source };
        let mut responder = Responder::new(config);
        let lease_file = full.then(|| Arc::new(lease_file));
        if let Some(lease_file) = &lease_file {
            lease_file.restore(&mut responder);
        }
        Ok(Self {
            server: open(Service::Dhcp)?,
            boot_server: open(Service::BootServer)?,
            ears: Eavesdropper::new(&interface.name).map_err(listen)?,
            asker: if full { Some(Asker::new(interface).map_err(listen)?) } else { None },
            lease_file,
            machines: Machines(Arc::new(Mutex::new(responder))),
            interface: interface.clone(),
        })
    }

    /// Who is behind which address.
    pub(crate) fn machines(&self) -> Machines {
        self.machines.clone()
    }

    /// Answers until `shutdown`.
    ///
    /// # Errors
    /// [`DhcpError::Receive`] when the interface is gone.
    pub(crate) async fn serve(
        self,
        policy: Arc<dyn BootPolicy>,
        trace: Trace,
        mut shutdown: Shutdown,
    ) -> Result<(), DhcpError> {
        let received = tokio::select! {
            () = ended(&mut shutdown) => return Ok(()),
            received = self.answer(Port::Server, &self.server, &*policy, &trace) => received,
            received = self.answer(Port::BootServer, &self.boot_server, &*policy, &trace) => received,
            received = self.overhear(&trace) => received,
            () = self.ask_for_others(), if self.asker.is_some() => return Ok(()),
        };
        let interface = self.interface.name.clone();
        received.map_err(|source| DhcpError::Receive { interface, source })
    }

    async fn answer(
        &self,
        port: Port,
        socket: &UdpSocket,
        policy: &dyn BootPolicy,
        trace: &Trace,
    ) -> io::Result<()> {
        let mut buffer = [0; 2048];
        loop {
            let (len, source) = socket.recv_from(&mut buffer).await?;
            let SocketAddr::V4(source) = source else { continue };
            // Our own probe comes back to us because it is a broadcast.
            if *source.ip() == self.interface.address {
                continue;
            }
            match Packet::parse(&buffer[..len]) {
                Ok(packet) => {
                    let outcome = self.machines.responder().handle(
                        Instant::now(),
                        port,
                        source,
                        &packet,
                        |client| policy.decide(client),
                    );
                    if outcome.leases_changed {
                        self.keep_leases().await;
                    }
                    publish(socket, outcome, trace).await;
                }
                Err(error) => {
                    tracing::debug!(target: "netboot", %source, %error, "ignored a packet");
                }
            }
        }
    }

    /// Brings the leases to the medium, so that no machine is told of an address that a restart
    /// forgets.
    async fn keep_leases(&self) {
        let Some(lease_file) = self.lease_file.clone() else { return };
        let machines = self.machines.clone();
        if let Err(error) = spawn_blocking(move || lease_file.keep(|| machines.leases())).await {
            tracing::error!(target: "netboot", %error, "keeping the leases died");
        }
    }

    /// Listens for what other servers tell their clients.
    async fn overhear(&self, trace: &Trace) -> io::Result<()> {
        const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let mut buffer = [0; 2048];
        loop {
            let len = self.ears.receive(&mut buffer).await?;
            let Some(reply) = overheard_reply(&buffer[..len]) else { continue };
            let silent = |_: &PxeClient| Decision::Silent { reason: String::new() };
            let outcome = self.machines.responder().handle(
                Instant::now(),
                Port::Server,
                NOWHERE,
                &reply,
                silent,
            );
            publish(&self.server, outcome, trace).await;
        }
    }

    /// A server that unicasts its answers is not overheard on a switch; a question brings it out.
    async fn ask_for_others(&self) {
        let Some(asker) = &self.asker else { return };
        let mut ticks = interval(ALONE_CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = asker.ask().await {
                // A pulled cable; clients do not reach us either until it is back.
                let interface = &self.interface.name;
                tracing::warn!(target: "netboot", interface, %error, "cannot look for other servers");
            }
        }
    }
}

impl Machines {
    /// Notes that `peer` asked for a boot file, and tells which machine that is.
    pub(crate) fn boot_file_requested(&self, peer: IpAddr) -> Option<MacAddress> {
        match peer {
            IpAddr::V4(peer) => self.responder().boot_file_requested(Instant::now(), peer),
            IpAddr::V6(_) => None,
        }
    }

    /// The server that made full mode stop, for the dashboard.
    pub(crate) fn stopped_by(&self) -> Option<Ipv4Addr> {
        self.responder().stopped_by()
    }

    fn leases(&self) -> Vec<KeptLease> {
        self.responder().leases(Instant::now())
    }

    /// A panic elsewhere leaves the responder as it was between two packets at worst.
    fn responder(&self) -> MutexGuard<'_, Responder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(socket: &UdpSocket, outcome: Outcome, trace: &Trace) {
    for event in outcome.trace {
        record(trace, event);
    }
    for reply in outcome.replies {
        if let Err(error) = socket.send_to(&reply.packet.encode(), reply.to).await {
            // The client asks again; a lasting fault shows in the trace as DISCOVERs in a row.
            let mac = reply.packet.chaddr.to_string();
            tracing::warn!(target: "netboot", mac, to = %reply.to, %error, "cannot send a DHCP reply");
        }
    }
}

fn list(servers: &[ForeignServer]) -> String {
    let addresses: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    addresses.join(", ")
}
