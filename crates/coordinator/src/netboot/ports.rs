//! Whether the ports that network boot needs are free, asked before anything starts.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use ::netboot::{dhcp, tftp};
use socket2::{Protocol, Type};

use super::interface::Interface;
use super::socket;

/// A service that needs a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// DHCP, 67/udp.
    Dhcp,
    /// PXE boot server, 4011/udp.
    BootServer,
    /// TFTP, 69/udp.
    Tftp,
    /// HTTP for boot files on this TCP port.
    Http(u16),
    /// The agents' API over TLS on this TCP port.
    Api(u16),
}

/// A service cannot have its port.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {service} through {interface}: {}", remedy(*.service, .source))]
pub(crate) struct PortError {
    /// The service.
    pub(crate) service: Service,
    /// The interface.
    pub(crate) interface: String,
    /// What the kernel said.
    #[source]
    pub(crate) source: io::Error,
}

/// Opens each service's port through `interface` and closes it again; the errors are those that
/// could not be opened.
pub(crate) fn check_ports(interface: &Interface, services: &[Service]) -> Vec<PortError> {
    let check = |service: &Service| {
        let (kind, protocol) = match service.protocol() {
            "tcp" => (Type::STREAM, Protocol::TCP),
            _ => (Type::DGRAM, Protocol::UDP),
        };
        let address = service.local_address(interface.address);
        let opened = socket::bound(&interface.name, address, kind, protocol).and_then(|socket| {
            // Two TCP sockets may be bound alike; only one may listen.
            if kind == Type::STREAM { socket.listen(1) } else { Ok(()) }
        });
        opened.err().map(|source| PortError::new(*service, interface, source))
    };
    services.iter().filter_map(check).collect()
}

impl Service {
    /// The port.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Dhcp => dhcp::SERVER_PORT,
            Self::BootServer => dhcp::BOOT_SERVER_PORT,
            Self::Tftp => tftp::PORT,
            Self::Http(port) | Self::Api(port) => port,
        }
    }

    /// Clients without an address broadcast, which only a socket bound to no address hears.
    pub(super) fn local_address(self, server: Ipv4Addr) -> SocketAddrV4 {
        let address = match self {
            Self::Dhcp | Self::BootServer => Ipv4Addr::UNSPECIFIED,
            Self::Tftp | Self::Http(_) | Self::Api(_) => server,
        };
        SocketAddrV4::new(address, self.port())
    }

    fn protocol(self) -> &'static str {
        match self {
            Self::Dhcp | Self::BootServer | Self::Tftp => "udp",
            Self::Http(_) | Self::Api(_) => "tcp",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Dhcp => "DHCP",
            Self::BootServer => "the PXE boot server",
            Self::Tftp => "TFTP",
            Self::Http(_) => "HTTP",
            Self::Api(_) => "the agents' API",
        };
        write!(f, "{name} (port {}/{})", self.port(), self.protocol())
    }
}

impl PortError {
    pub(super) fn new(service: Service, interface: &Interface, source: io::Error) -> Self {
        Self { service, interface: interface.name.clone(), source }
    }
}

fn remedy(service: Service, error: &io::Error) -> String {
    let (port, protocol) = (service.port(), service.protocol());
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let letter = if protocol == "udp" { 'u' } else { 't' };
            let off = match service {
                Service::Dhcp | Service::BootServer => "stop it, or run with DHCP off",
                Service::Tftp => "stop it",
                Service::Http(_) | Service::Api(_) => "stop it, or choose another port",
            };
            format!("another program has it; `ss -{letter}lpn sport = :{port}` names it; {off}")
        }
        io::ErrorKind::PermissionDenied => "not permitted; run as root".to_owned(),
        io::ErrorKind::AddrNotAvailable => "the interface has lost its address".to_owned(),
        _ => "the kernel refuses it; does the interface exist and is it up?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_what_to_do() {
        let (name, address) = ("lo".to_owned(), Ipv4Addr::LOCALHOST);
        let interface = Interface { name, address, prefix_len: 8, running: true };
        let holder = std::net::TcpListener::bind((address, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        let errors = check_ports(&interface, &[Service::Http(port)]);
        assert_eq!(errors.len(), 1);
        let message = errors[0].to_string();
        assert!(message.contains(&format!("HTTP (port {port}/tcp) through lo")), "{message}");
        assert!(message.contains("ss -tlpn") && message.contains("another port"), "{message}");
        drop(holder);
        assert!(check_ports(&interface, &[Service::Http(port)]).is_empty());
    }

    #[test]
    fn every_failure_says_what_to_do() {
        let check = |service: Service, kind: io::ErrorKind, words: &str| {
            let message = remedy(service, &kind.into());
            assert!(message.contains(words), "{message}");
        };
        check(Service::Dhcp, io::ErrorKind::AddrInUse, "ss -ulpn sport = :67");
        check(Service::Dhcp, io::ErrorKind::AddrInUse, "DHCP off");
        check(Service::Tftp, io::ErrorKind::PermissionDenied, "root");
        check(Service::BootServer, io::ErrorKind::NotFound, "interface");
    }
}
