//! The plain HTTP port: boot files, chunks, and the one call of a first boot.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use osimage::StoredHash;

use super::answer::Refused;
use super::range::{Wanted, wanted};
use crate::boot_files::boot_file;
use crate::consent::token_digest;
use crate::coordinator::Coordinator;
use crate::event::Happening;

/// The routes. Whatever else is asked for does not exist, which is said at once: firmware tries many names.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    Router::new()
        .route("/chunk/{stored}", get(chunk))
        .route("/booted/{token}", post(booted))
        .route("/{*path}", get(file))
        .with_state(coordinator)
}

async fn file(
    State(coordinator): State<Arc<Coordinator>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    match boot_file(&coordinator, &path) {
        Some(file) => part_of(Bytes::from_owner(file), &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The file, or the part of it that was asked for, always with its length and never in chunks of unknown number:
/// UEFI firmware asks for the length first.
fn part_of(file: Bytes, headers: &HeaderMap) -> Response {
    let len = file.len();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, body, content_range) = match wanted(range, len) {
        Wanted::Whole => (StatusCode::OK, file, None),
        Wanted::Part(part) => {
            let described = format!("bytes {}-{}/{len}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, file.slice(part), Some(described))
        }
        Wanted::Beyond => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(format!("bytes */{len}")))
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let binary = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, binary);
    if let Some(range) = content_range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    response
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
    match tokio::fs::read(coordinator.images.chunk_path(stored)).await {
        Ok(bytes) => part_of(bytes.into(), &headers),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
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
