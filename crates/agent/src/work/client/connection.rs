//! One kept-alive HTTP/1.1 connection, over pinned TLS or plain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where requests go.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    kept: Option<SendRequest<Full<Bytes>>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("connecting to the coordinator at {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("asking the coordinator at {address} for {path}")]
    Http {
        address: SocketAddr,
        path: String,
        #[source]
        source: hyper::Error,
    },
    #[error("no answer from the coordinator at {address} to {path} within {seconds} s")]
    Timeout { address: SocketAddr, path: String, seconds: u64 },
    #[error("the answer to {path} is cut short or longer than {limit} bytes")]
    Body { path: String, limit: usize },
    #[error("building the request for {path}")]
    Build {
        path: String,
        #[source]
        source: hyper::http::Error,
    },
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) path: String,
    /// A body makes it a POST.
    pub(crate) body: Option<Bytes>,
    pub(crate) session: Option<String>,
    /// The longest answer that is read, in bytes.
    pub(crate) limit: usize,
    pub(crate) timeout: Duration,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { address, tls, kept: None }
    }

    /// Sends and waits for the whole answer. A kept connection that the other side has closed meanwhile is
    /// replaced once; every request of ours may be repeated.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> Result<(StatusCode, Bytes), RequestError> {
        let waited = timeout(ask.timeout, async {
            if let Some(kept) = self.kept.take()
                && !kept.is_closed()
                && let Ok(answer) = self.exchange(kept, ask).await
            {
                return Ok(answer);
            }
            let fresh = self.connect(&ask.path).await?;
            self.exchange(fresh, ask).await
        });
        waited.await.unwrap_or_else(|_| {
            Err(RequestError::Timeout {
                address: self.address,
                path: ask.path.clone(),
                seconds: ask.timeout.as_secs(),
            })
        })
    }

    async fn exchange(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        ask: &Ask,
    ) -> Result<(StatusCode, Bytes), RequestError> {
        let request = self.request(ask)?;
        let failed =
            |source| RequestError::Http { address: self.address, path: ask.path.clone(), source };
        sender.ready().await.map_err(failed)?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ask.limit).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(source) => failed(*source),
            Err(other) => {
                debug_assert!(other.is::<LengthLimitError>());
                RequestError::Body { path: ask.path.clone(), limit: ask.limit }
            }
        })?;
        self.kept = Some(sender);
        Ok((status, body.to_bytes()))
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>, RequestError> {
        let mut request = Request::builder().uri(&ask.path).header(header::HOST, self.host());
        if ask.body.is_some() {
            request = request.method("POST").header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(session) = &ask.session {
            request = request.header(header::AUTHORIZATION, format!("Bearer {session}"));
        }
        request
            .body(Full::new(ask.body.clone().unwrap_or_default()))
            .map_err(|source| RequestError::Build { path: ask.path.clone(), source })
    }

    fn host(&self) -> String {
        self.address.to_string()
    }

    async fn connect(&self, path: &str) -> Result<SendRequest<Full<Bytes>>, RequestError> {
        let address = self.address;
        let refused = |source| RequestError::Connect { address, source };
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
            .map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        match &self.tls {
            None => self.start(TokioIo::new(stream), path).await,
            Some(config) => {
                let name = ServerName::IpAddress(address.ip().into());
                let stream = TlsConnector::from(config.clone()).connect(name, stream).await;
                self.start(TokioIo::new(stream.map_err(refused)?), path).await
            }
        }
    }

    async fn start<T>(&self, io: T, path: &str) -> Result<SendRequest<Full<Bytes>>, RequestError>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(io).await.map_err(|source| RequestError::Http {
            address: self.address,
            path: path.to_owned(),
            source,
        })?;
        // Its end is seen by the sender; what it says beyond that is of no use to anybody.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(sender)
    }
}
