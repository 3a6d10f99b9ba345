//! The command line's side of the Unix socket.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use protocol::api::ApiError;
use serde::Serialize;
use tokio::net::UnixStream;

use super::door::BY;
use super::{SOCKET, address};
use crate::cli::whoami;
use crate::{console, simulated};

/// Longer than any answer takes, certificates included.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "serve is not running on {data}; start `rehome serve`, or name its directory with --data"
    )]
    NotRunning { data: PathBuf },
    #[error("cannot talk to serve through {socket}; run as the user who runs it")]
    Connect {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("talking to serve failed: {0}")]
    Talk(String),
    /// The coordinator says no, and why.
    #[error("{0}")]
    Refused(String),
}

/// Asks for something, by the name of the user who types this.
pub(crate) async fn get(data: &Path, path: &str) -> Result<Bytes, ClientError> {
    request(data, Method::GET, path, &whoami(), Bytes::new()).await
}

/// Asks for something to be done that needs no further words, by this name.
pub(crate) async fn tell(data: &Path, path: &str, by: &str) -> Result<Bytes, ClientError> {
    request(data, Method::POST, path, by, Bytes::new()).await
}

/// Asks for something to be done, by this name.
pub(crate) async fn post<T: Serialize>(
    data: &Path,
    path: &str,
    by: &str,
    body: &T,
) -> Result<Bytes, ClientError> {
    let body = serde_json::to_vec(body).map_err(|error| ClientError::Talk(error.to_string()))?;
    request(data, Method::POST, path, by, body.into()).await
}

async fn request(
    data: &Path,
    method: Method,
    path: &str,
    by: &str,
    body: Bytes,
) -> Result<Bytes, ClientError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NotRunning { data: data.to_owned() }
        }
        _ => ClientError::Connect { socket: data.join(SOCKET), source },
    };
    let directory = File::open(data).map_err(failed)?;
    let stream = UnixStream::connect(address(&directory)).await.map_err(failed)?;
    let by = HeaderValue::from_bytes(by.as_bytes());
    let by = by.map_err(|_| ClientError::Talk("a name has no control characters".to_owned()))?;
    let talk = async move {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer; an error of its own shows there as well.
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "rehome")
            .header("content-type", "application/json")
            .header(BY, by)
            .body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        if answer.headers().contains_key(simulated::HEADER) {
            console::begin_with(simulated::NOTICE);
        }
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        driver.abort();
        Ok::<_, anyhow::Error>((status, body))
    };
    let talked = tokio::time::timeout(ANSWER_TIME, talk).await;
    let talked = talked.map_err(|_| ClientError::Talk("no answer within a minute".to_owned()))?;
    let (status, body) = talked.map_err(|error| ClientError::Talk(format!("{error:#}")))?;
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<ApiError>(&body) {
        Ok(refusal) => Err(ClientError::Refused(refusal.error)),
        Err(_) => Err(ClientError::Talk(format!("status {status}"))),
    }
}
