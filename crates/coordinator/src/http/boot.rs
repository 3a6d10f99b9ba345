//! The plain HTTP port: boot files, chunks, and the one call of a first boot.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use osimage::StoredHash;
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;

use super::answer::{Refused, log_refusal};
use super::file_body::FileBody;
use super::range::{Wanted, wanted};
use crate::access::{Denied, Need, Ruled};
use crate::boot_files::boot_file;
use crate::consent::token_digest;
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::metrics::Counted;

/// The routes, all of them for everybody: firmware has no session. Whatever else is asked for does not exist, which is
/// said at once: it tries many names.
fn routes() -> Ruled<Arc<Coordinator>> {
    Ruled::new(deny)
        .get("/chunk/{stored}", Need::Nothing, chunk)
        .post("/booted/{token}", Need::Nothing, booted)
        .get("/{*path}", Need::Nothing, file)
}

/// The router.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    routes().finish().layer(middleware::map_response(log_refusal)).with_state(coordinator)
}

/// Nobody is anybody here.
fn deny(_: &Request, _: Denied) -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// Every route with its rule.
#[cfg(test)]
pub(crate) fn rules() -> Vec<crate::access::Rule> {
    routes().rules()
}

async fn file(
    State(coordinator): State<Arc<Coordinator>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(file) = boot_file(&coordinator, &path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let file = Bytes::from_owner(file);
    let part = Part::of(file.len(), &headers);
    let body = file.slice(part.range.clone());
    part.answer(Body::from(body))
}

/// What is answered to somebody who wants a file or a part of it.
#[derive(Debug)]
struct Part {
    status: StatusCode,
    /// Empty where there is no such part.
    range: Range<usize>,
    content_range: Option<String>,
}

impl Part {
    fn of(len: usize, headers: &HeaderMap) -> Self {
        let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        let (status, range, content_range) = match wanted(range, len) {
            Wanted::Whole => (StatusCode::OK, 0..len, None),
            Wanted::Part(part) => {
                let described = format!("bytes {}-{}/{len}", part.start, part.end - 1);
                (StatusCode::PARTIAL_CONTENT, part, Some(described))
            }
            Wanted::Beyond => {
                (StatusCode::RANGE_NOT_SATISFIABLE, 0..0, Some(format!("bytes */{len}")))
            }
        };
        Self { status, range, content_range }
    }

    /// `body` is of known length, which is always said, never sent in chunks of unknown number: UEFI firmware asks
    /// for the length first.
    fn answer(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let binary = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, binary);
        let range = self.content_range.and_then(|range| HeaderValue::from_str(&range).ok());
        if let Some(range) = range {
            headers.insert(header::CONTENT_RANGE, range);
        }
        response
    }
}

/// A chunk as it is stored. Its name is its hash: whoever gets it checks it.
async fn chunk(
    State(coordinator): State<Arc<Coordinator>>,
    Path(stored): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(stored) = stored.parse::<StoredHash>() else {
        return Refused::new(StatusCode::BAD_REQUEST, "that is not the hash of a chunk")
            .into_response();
    };
    let sent = coordinator.chunk_bytes.clone();
    match stream(&coordinator.images.chunk_path(stored), &headers, sent).await {
        Ok(response) => response,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Refused::new(StatusCode::NOT_FOUND, "there is no such chunk; `rehome image check`")
                .into_response()
        }
        Err(error) => {
            tracing::error!(target: "image", %stored, %error, "failed to read a chunk");
            let sentence = "the chunk cannot be read; `rehome image check` on the coordinator";
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
        }
    }
}

async fn stream(
    path: &std::path::Path,
    headers: &HeaderMap,
    sent: Counted,
) -> io::Result<Response> {
    let mut file = File::open(path).await?;
    let len = usize::try_from(file.metadata().await?.len()).map_err(io::Error::other)?;
    let part = Part::of(len, headers);
    file.seek(SeekFrom::Start(part.range.start as u64)).await?;
    let body = FileBody::new(file, part.range.len() as u64, sent);
    Ok(part.answer(Body::new(body)))
}

/// The installed system's first boot. A second call changes nothing.
async fn booted(
    State(coordinator): State<Arc<Coordinator>>,
    Path(token): Path<String>,
) -> Result<&'static str, Refused> {
    let digest = token_digest(&token.to_ascii_lowercase());
    let known = coordinator
        .journal
        .decide(move |bench, _| match bench.by_first_boot_token(&digest) {
            None => (Vec::new(), None),
            Some(machine) => {
                let fresh = machine.admission.as_ref().is_some_and(|it| it.booted.is_none());
                let booted = Happening::Booted { machine: machine.id, first_boot_token: digest };
                (fresh.then_some(booted).into_iter().collect(), Some(machine.number))
            }
        })
        .await?;
    match known {
        Some(number) => {
            tracing::info!(target: "boot", machine = %number, "the installed system has started");
            Ok("thank you; this machine is on its own now\n")
        }
        None => Err(Refused::new(StatusCode::NOT_FOUND, "nobody was given this token")),
    }
}
