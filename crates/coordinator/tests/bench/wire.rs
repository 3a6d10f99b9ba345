//! Bytes as an attacker would send them: no client library in between that would put them right.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::coordinator::Coordinator;
use crate::laptop::secured;

/// No answer takes longer than the longest limit of the coordinator's.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One of the two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Clear,
    Tls,
}

/// A connection, and bytes.
pub(crate) struct Wire(Box<dyn Stream>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(at: &Coordinator, port: Port) -> Self {
        Self::open_from(at, port, [127, 0, 0, 1]).await
    }

    /// From another address of this computer.
    pub(crate) async fn open_from(at: &Coordinator, port: Port, address: [u8; 4]) -> Self {
        let stream = connect(at, port, address).await;
        match port {
            Port::Clear => Self(Box::new(stream)),
            Port::Tls => Self(Box::new(secured(at, stream).await.unwrap())),
        }
    }

    /// A connection whose other side expects TLS and gets none.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self(Box::new(stream))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// The next answer; none where the connection is closed instead.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("neither answered nor closed")
    }

    async fn read(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Reply { status, head, body })
    }

    /// Resolves when the other side has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        // Reset or ended, both are closed.
        drop(read.expect("it stays open"));
    }
}

pub(crate) async fn connect(at: &Coordinator, port: Port, address: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((std::net::Ipv4Addr::from(address), 0).into()).unwrap();
    let to = if port == Port::Clear { at.http() } else { at.api() };
    socket.connect(to.into()).await.unwrap()
}
