//! HTTP on three doors: boot files in the clear, the agents' API over TLS, administration over a Unix socket.

pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod boot;
mod file_body;
mod impatient;
mod places;
mod range;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use answer::Refused;
use impatient::Impatient;
pub(crate) use places::Places;

/// How long a client may take for the head of a request, and for the TLS handshake.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// A request that takes longer than this, its body included, is given up.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer. Firmware pauses; a laptop that was switched off never goes on.
const STALL_TIME: Duration = Duration::from_secs(60);
/// What the kernel holds for a client that is slow to take it, in bytes: more than a gigabit needs on a LAN.
const SEND_BUFFER_LEN: usize = 256 * 1024;
/// How long open connections may go on when we stop.
const FAREWELL_TIME: Duration = Duration::from_secs(3);

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves a router in the clear, or over TLS, until `shutdown`.
pub(crate) async fn serve_tcp(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<rustls::ServerConfig>>,
    places: Places,
    mut shutdown: watch::Receiver<bool>,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = ended(&mut shutdown) => break,
            // Those that have ended make room in the set.
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => { pause(&error).await; continue }
            },
        };
        let Some(place) = places.take(peer.ip()) else {
            tracing::warn!(target: "http", %peer, "too many connections, turned one away");
            continue;
        };
        let (router, acceptor, shutdown) = (router.clone(), acceptor.clone(), shutdown.clone());
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_LEN) {
            tracing::debug!(target: "http", %peer, %error, "the kernel's buffer stays as it is");
        }
        let stream = Impatient::new(stream, STALL_TIME);
        connections.spawn(async move {
            let _place = place;
            let Some(acceptor) = acceptor else {
                return converse(stream, Some(Peer(peer)), router, shutdown).await;
            };
            match tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, Some(Peer(peer)), router, shutdown).await,
                Ok(Err(error)) => tracing::debug!(target: "http", %peer, %error, "no TLS"),
                Err(_) => tracing::debug!(target: "http", %peer, "TLS handshake took too long"),
            }
        });
    }
    farewell(connections).await;
}

/// Serves a router on a Unix socket until `shutdown`.
pub(crate) async fn serve_unix(
    listener: UnixListener,
    router: Router,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = ended(&mut shutdown) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => { pause(&error).await; continue }
            },
        };
        connections.spawn(converse(stream, None, router.clone(), shutdown.clone()));
    }
    farewell(connections).await;
}

/// Gives up requests that take longer: a layer for all routes but those whose answers go on.
pub(crate) async fn within_time(
    State(time): State<Duration>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Refused::new(StatusCode::REQUEST_TIMEOUT, "the request took too long; send it again")
                .into_response()
        }
    }
}

/// One connection, request after request.
async fn converse<S>(
    stream: S,
    peer: Option<Peer>,
    router: Router,
    mut shutdown: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        service.call(request)
    });
    let connection = http1::Builder::new()
        // GRUB knows `Content-Length` and waits for the end of the connection on `content-length`.
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ended(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "http", ?peer, %error, "a connection ended early");
    }
}

/// Out of file descriptors, most likely: trying again at once would only burn time.
async fn pause(error: &io::Error) {
    tracing::warn!(target: "http", %error, "failed to accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Resolves when the services shall end; also when whoever could say so is gone.
async fn ended(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|end| *end).await);
}

async fn farewell(mut connections: JoinSet<()>) {
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL_TIME, all).await.is_err() {
        tracing::info!(target: "http", "closing connections that are still busy");
    }
}

#[cfg(test)]
mod tests;
