//! The TFTP service: port 69, and a task with a port of its own for each transfer.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use ::netboot::MacAddress;
use ::netboot::tftp::{
    End, ErrorCode, Incoming, MAX_DATAGRAM_LEN, Progress, Request, Transfer, classify, error,
};
use ::netboot::trace::{Step, TraceEvent};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::dhcp::Machines;
use super::interface::Interface;
use super::ports::{PortError, Service};
use super::{Shutdown, Trace, ended, record, socket};

/// Transfers at a time: several stacks of laptops, and an end to what a flood can cost.
const MAX_TRANSFERS: usize = 256;

/// The files served, by name. A lookup in a map: no path of a client ever reaches a file system.
pub(crate) trait BootFiles: Send + Sync {
    /// The content of `path`, which has no leading slash, for the machine at `peer`.
    fn get(&self, path: &str, peer: SocketAddr) -> Option<Arc<[u8]>>;
}

/// The service with its port open.
#[derive(Debug)]
pub(crate) struct Tftp {
    interface: Interface,
    socket: UdpSocket,
}

/// The service cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("failed to receive TFTP requests on {interface}; has it been removed?")]
pub(crate) struct TftpError {
    interface: String,
    #[source]
    source: io::Error,
}

impl Tftp {
    /// Opens port 69 on the interface's address.
    ///
    /// # Errors
    /// [`PortError`] says who has the port and what to do.
    pub(crate) fn bind(interface: &Interface) -> Result<Self, PortError> {
        let address = Service::Tftp.local_address(interface.address);
        Self::bind_at(interface, address)
            .map_err(|source| PortError::new(Service::Tftp, interface, source))
    }

    fn bind_at(interface: &Interface, address: SocketAddrV4) -> io::Result<Self> {
        let socket = socket::udp(&interface.name, address)?;
        Ok(Self { interface: interface.clone(), socket })
    }

    /// Serves `files` until `shutdown`. `machines` tells who asks (absent with DHCP off).
    ///
    /// # Errors
    /// [`TftpError`] when the interface is gone.
    pub(crate) async fn serve(
        self,
        files: Arc<dyn BootFiles>,
        machines: Option<Machines>,
        trace: Trace,
        mut shutdown: Shutdown,
    ) -> Result<(), TftpError> {
        let places = Arc::new(Semaphore::new(MAX_TRANSFERS));
        // Dropped at the end, which ends the transfers.
        let mut transfers = JoinSet::new();
        let mut buffer = [0; MAX_DATAGRAM_LEN];
        loop {
            let received = tokio::select! {
                () = ended(&mut shutdown) => return Ok(()),
                Some(ended) = transfers.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(target: "netboot", %error, "a TFTP transfer died");
                    }
                    continue;
                }
                received = self.socket.recv_from(&mut buffer) => received,
            };
            let (len, peer) = received
                .map_err(|source| TftpError { interface: self.interface.name.clone(), source })?;
            let client =
                machines.as_ref().and_then(|machines| machines.boot_file_requested(peer.ip()));
            let log = Log { client, trace: trace.clone() };
            if let Some((request, content)) = self.accept(&buffer[..len], peer, &*files, &log).await
            {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    self.refuse(peer, error(ErrorCode::Undefined, "busy"), "busy", &log).await;
                    continue;
                };
                let interface = self.interface.clone();
                transfers.spawn(async move {
                    let path = request.path.clone();
                    if let Err(error) = send_file(&interface, peer, &request, content, &log).await {
                        let message = error.to_string();
                        log.record(Step::TftpAborted { path, message });
                    }
                    drop(place);
                });
            }
        }
    }

    /// The file to send, or nothing because the refusal has been sent.
    async fn accept(
        &self,
        datagram: &[u8],
        peer: SocketAddr,
        files: &dyn BootFiles,
        log: &Log,
    ) -> Option<(Request, Arc<[u8]>)> {
        match classify(datagram) {
            Incoming::Read(mut request) => {
                request.path = request.path.trim_start_matches('/').to_owned();
                if let Some(content) = files.get(&request.path, peer) {
                    return Some((request, content));
                }
                self.reply(peer, &error(ErrorCode::NotFound, "file not found")).await;
                log.record(Step::TftpNotFound { path: request.path });
            }
            Incoming::Refuse { reply, reason } => self.refuse(peer, reply, reason, log).await,
            Incoming::Ignore => {
                tracing::debug!(target: "netboot", %peer, "ignored a packet on the TFTP port");
            }
        }
        None
    }

    async fn refuse(&self, peer: SocketAddr, reply: Vec<u8>, reason: &str, log: &Log) {
        self.reply(peer, &reply).await;
        log.record(Step::TftpRefused { peer, reason: reason.to_owned() });
    }

    async fn reply(&self, peer: SocketAddr, datagram: &[u8]) {
        if let Err(error) = self.socket.send_to(datagram, peer).await {
            tracing::warn!(target: "netboot", %peer, %error, "cannot send a TFTP error");
        }
    }
}

/// Where a client's steps go.
#[derive(Debug)]
struct Log {
    client: Option<MacAddress>,
    trace: Trace,
}

impl Log {
    fn record(&self, step: Step) {
        record(&self.trace, TraceEvent { client: self.client, step });
    }
}

async fn send_file(
    interface: &Interface,
    peer: SocketAddr,
    request: &Request,
    content: Arc<[u8]>,
    log: &Log,
) -> io::Result<()> {
    let socket = socket::udp(&interface.name, SocketAddrV4::new(interface.address, 0))?;
    // From here on the kernel drops what others send to this port.
    socket.connect(peer).await?;
    let start = Instant::now();
    let (mut transfer, mut progress) = Transfer::start(request, content, start);
    let (path, bytes) = (request.path.clone(), transfer.content_len());
    log.record(Step::TftpStarted { path: path.clone(), bytes });
    let mut buffer = [0; MAX_DATAGRAM_LEN];
    let end = loop {
        send_packets(&socket, &progress).await?;
        if let Some(end) = progress.end {
            break end;
        }
        progress = tokio::select! {
            received = socket.recv(&mut buffer) => {
                transfer.packet(&buffer[..received?], Instant::now())
            }
            () = sleep_until(transfer.deadline().into()) => transfer.tick(Instant::now()),
        };
    };
    log.record(match end {
        End::Finished => {
            let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            Step::TftpFinished { path, bytes, millis }
        }
        End::OptionsRead => Step::TftpSizeRead { path },
        End::Aborted { code, message } => {
            Step::TftpAborted { path, message: format!("error {code}: {message}") }
        }
        End::GaveUp => Step::TftpGaveUp { path, confirmed: transfer.confirmed_bytes(), bytes },
    });
    Ok(())
}

async fn send_packets(socket: &UdpSocket, progress: &Progress) -> io::Result<()> {
    for packet in &progress.packets {
        match socket.send(packet).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(error),
            // A full queue or a pulled cable is a lost packet: it is sent again in time.
            Err(error) => tracing::debug!(target: "netboot", %error, "a TFTP packet was not sent"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::sync::{broadcast, watch};
    use tokio::time::timeout;

    use super::*;

    struct OneFile(Arc<[u8]>);

    impl BootFiles for OneFile {
        fn get(&self, path: &str, _peer: SocketAddr) -> Option<Arc<[u8]>> {
            (path == "core.0").then(|| Arc::clone(&self.0))
        }
    }

    /// Sends `request` to a server on loopback and acknowledges what comes in blocks of 512 bytes.
    /// Returns the file, or the error code, and the steps recorded.
    async fn get(request: &[u8], content: &[u8]) -> (Result<Vec<u8>, u8>, Vec<&'static str>) {
        let name = "lo".to_owned();
        let address = Ipv4Addr::LOCALHOST;
        let interface = Interface { name, address, prefix_len: 8, running: true };
        let server = Tftp::bind_at(&interface, SocketAddrV4::new(address, 0)).unwrap();
        let port = server.socket.local_addr().unwrap();
        let (trace, mut events) = broadcast::channel(100);
        let (end, shutdown) = watch::channel(false);
        let service =
            tokio::spawn(server.serve(Arc::new(OneFile(content.into())), None, trace, shutdown));
        let client = UdpSocket::bind((address, 0)).await.unwrap();
        client.send_to(request, port).await.unwrap();
        let (mut file, mut last) = (Vec::new(), 0_u16);
        let mut buffer = [0; 2000];
        let result = loop {
            let received = timeout(Duration::from_secs(5), client.recv_from(&mut buffer));
            let (len, from) = received.await.expect("an answer at once").unwrap();
            match buffer[1] {
                3 => {
                    assert_ne!(from, port, "a transfer has a port of its own");
                    // The server sends a block again where a busy machine lets it wait for a second.
                    let block = u16::from_be_bytes([buffer[2], buffer[3]]);
                    if block == last + 1 {
                        file.extend(&buffer[4..len]);
                        last = block;
                    }
                    client.send_to(&[0, 4, buffer[2], buffer[3]], from).await.unwrap();
                    if len < 4 + 512 {
                        break Ok(file);
                    }
                }
                5 => break Err(buffer[3]),
                op => panic!("operation {op}"),
            }
        };
        let last = if result.is_ok() { 2 } else { 1 };
        let mut steps = Vec::new();
        while steps.len() < last {
            let event = timeout(Duration::from_secs(5), events.recv()).await.expect("a step");
            steps.push(event.unwrap().step.name());
        }
        end.send(true).unwrap();
        timeout(Duration::from_secs(5), service).await.expect("shutdown").unwrap().unwrap();
        (result, steps)
    }

    #[tokio::test]
    async fn requests_are_answered() {
        let content: Vec<u8> = (0..3000_u32).flat_map(u32::to_be_bytes).collect();
        let got = |file: &[u8]| (Ok(file.to_vec()), vec!["tftp_started", "tftp_finished"]);
        assert_eq!(get(b"\0\x01core.0\0octet\0", &content).await, got(&content));
        assert_eq!(get(b"\0\x01/core.0\0octet\0", &content[..512]).await, got(&content[..512]));
        let not_found = (Err(1), vec!["tftp_not_found"]);
        assert_eq!(get(b"\0\x01../core.0\0octet\0", &content).await, not_found);
        assert_eq!(get(b"\0\x01etc/passwd\0octet\0", &content).await, not_found);
        let refused = |code| (Err(code), vec!["tftp_refused"]);
        assert_eq!(get(b"\0\x02core.0\0octet\0", &content).await, refused(2));
        assert_eq!(get(b"\0\x01core.0\0netascii\0", &content).await, refused(4));
    }
}
