//! The target: a TCP port of the loopback interface behind which a simulated drive answers.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use drive::sim::SimDrive;

use super::controller::Subsystem;
use super::pdu::{FromHost, HEADER_LEN, Header, PduError};
use super::queue::{Queue, QueueError};

/// A drive on the network. It is gone when this is dropped.
#[derive(Debug)]
pub struct Target {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    subsystem: Arc<Subsystem>,
    /// Off: connections are closed as soon as they come.
    powered: AtomicBool,
    ended: AtomicBool,
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    n_connections: AtomicU64,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("receiving from or sending to the host")]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Unit(#[from] PduError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Target {
    /// Puts a drive on a port that the kernel picks.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub fn serve(drive: &SimDrive, nqn: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("opening a port of the loopback interface")?;
        let address = listener.local_addr().context("asking for the port")?;
        let shared = Arc::new(Shared {
            subsystem: Arc::new(Subsystem::new(nqn.to_owned(), drive.clone())),
            powered: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            connections: Mutex::default(),
            n_connections: AtomicU64::new(0),
        });
        let accepting = thread::Builder::new().name("nvme-target".into()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Self { shared, address, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its NVMe qualified name.
    pub fn nqn(&self) -> &str {
        &self.shared.subsystem.nqn
    }

    /// How many connections there were.
    pub fn n_connections(&self) -> u64 {
        self.shared.n_connections.load(Ordering::SeqCst)
    }

    /// Takes the power away from the drive: its connections break and new ones come to nothing.
    pub fn power_cut(&self) {
        self.shared.powered.store(false, Ordering::SeqCst);
        self.shared.subsystem.drive.power_cut();
        self.shared.disconnect();
    }

    /// Gives the power back. The host connects again by itself.
    pub fn power_on(&self) {
        self.shared.subsystem.drive.power_on();
        self.shared.powered.store(true, Ordering::SeqCst);
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.disconnect();
        // Wakes the thread that accepts; where nothing can connect any more, nothing can wake it.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take()
            && woken
            && accepting.join().is_err()
        {
            eprintln!("nvme target {}: the accepting thread panicked", self.nqn());
        }
    }
}

impl Shared {
    fn disconnect(&self) {
        for stream in self.connections().values() {
            // A connection that is gone already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let started = stream.and_then(|stream| start(stream, shared));
        if let Err(error) = started {
            eprintln!("nvme target {}: a connection was lost: {error}", shared.subsystem.nqn);
        }
    }
}

fn start(stream: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let number = shared.n_connections.fetch_add(1, Ordering::SeqCst);
    stream.set_nodelay(true)?;
    // Entered before the power is looked at: a cut either finds it here or was seen.
    shared.connections().insert(number, stream.try_clone()?);
    if !shared.powered.load(Ordering::SeqCst) {
        shared.connections().remove(&number);
        return stream.shutdown(Shutdown::Both);
    }
    let shared = Arc::clone(shared);
    thread::Builder::new().name(format!("nvme-queue-{number}")).spawn(move || {
        let ended = converse(&stream, &shared);
        shared.connections().remove(&number);
        // With the last descriptor the connection would close by itself, but a clone may be about to be shut down.
        let _ = stream.shutdown(Shutdown::Both);
        if let Err(error) = ended {
            eprintln!("nvme target {}: connection {number} ended: {error}", shared.subsystem.nqn);
        }
    })?;
    Ok(())
}

/// Unit by unit, until the host closes the connection.
fn converse(mut stream: &TcpStream, shared: &Shared) -> Result<(), ConnectionError> {
    let mut queue = Queue::new(Arc::clone(&shared.subsystem));
    loop {
        let mut header = [0; HEADER_LEN];
        match stream.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let header = Header::parse(header)?;
        let mut body = vec![0; header.body_len()];
        stream.read_exact(&mut body)?;
        for unit in queue.handle(FromHost::parse(&header, &body)?)? {
            stream.write_all(&unit.encode())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drive::sim::{Kind, NvmeDevice};
    use protocol::{ByteLen, DriveIdentity, SectorSize};

    use super::*;

    /// ICReq: 128 bytes, all of the fields behind the common header zero.
    const INITIALIZE: [u8; 128] = {
        let mut bytes = [0; 128];
        bytes[2] = 128;
        bytes[4] = 128;
        bytes
    };

    fn target() -> Target {
        let (model, serial) = ("MODEL".to_owned(), "SERIAL".to_owned());
        let identity = DriveIdentity { model, serial, wwn: None, size: ByteLen(1 << 20) };
        let sector_size = SectorSize::try_from(512).unwrap();
        let drive = SimDrive::with(identity, sector_size, Kind::Nvme(NvmeDevice::default()));
        Target::serve(&drive, "nqn.2026-11.example.rehome:test").unwrap()
    }

    /// What comes back before the target closes the connection, or 128 bytes.
    fn exchange(target: &Target, sent: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(target.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(sent).unwrap();
        let mut answer = Vec::new();
        match stream.take(128).read_to_end(&mut answer) {
            Ok(_) => {}
            // An end as well; that it takes too long is none.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection stays open: {error}"),
        }
        answer
    }

    #[test]
    fn garbage_ends_one_connection_and_no_other() {
        let target = target();
        assert_eq!(exchange(&target, &[0xff; 128]).len(), 0);
        assert_eq!(exchange(&target, &INITIALIZE)[..8], [1, 0, 128, 0, 128, 0, 0, 0]);
        assert_eq!(target.n_connections(), 2);
    }

    #[test]
    fn without_power_nobody_is_heard() {
        let target = target();
        target.power_cut();
        assert_eq!(exchange(&target, &INITIALIZE).len(), 0);
        target.power_on();
        assert_eq!(exchange(&target, &INITIALIZE).len(), 128);
    }
}
