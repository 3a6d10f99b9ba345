//! Who comes by which door: the Unix socket, which is root's, or the TLS port with a bearer token.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::monitor::METRICS;
use super::requests::{LoggedIn, LoginRequest};
use crate::access::{Actor, Denied, Role};
use crate::coordinator::Coordinator;
use crate::http::Peer;
use crate::http::answer::{FromBody, Json, Refused};
use crate::login::{Door, LoginError, VISIT_TIME};

/// By whom something is asked through the Unix socket: a name in UTF-8.
pub(crate) const BY: &str = "rehome-by";
/// Who asks there without a name, and may only look.
const UNNAMED: &str = "somebody on the coordinator's own computer";
/// Who reads the metrics by the token that is made for it.
const MONITOR: &str = "a monitor";
/// The longest name by that door, in bytes.
const MAX_BY_LEN: usize = 256;

/// Whoever may open the socket acts as supervisor, by the name that is said.
pub(super) async fn socket(mut request: Request, next: Next) -> Response {
    let by = request.headers().get(BY).map(|by| String::from_utf8(by.as_bytes().to_vec()));
    let name = match by {
        Some(Ok(name)) if !name.trim().is_empty() && name.len() <= MAX_BY_LEN => name,
        None if request.method() == Method::GET => UNNAMED.to_owned(),
        _ => {
            let sentence = format!(
                "say who asks, in UTF-8 and no longer than {MAX_BY_LEN} bytes, as header {BY}"
            );
            return Refused::new(StatusCode::BAD_REQUEST, sentence).into_response();
        }
    };
    let actor = Actor { name, role: Role::Supervisor, person: None };
    request.extensions_mut().insert(actor);
    next.run(request).await
}

/// A program with a bearer token acts as its user. Cookies are not looked at, so no page elsewhere can send a browser
/// here.
pub(super) async fn program(
    State(coordinator): State<Arc<Coordinator>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(token) = bearer(request.headers()) {
        match coordinator.login.find(token, Door::Program, true) {
            Ok(Some(visit)) => drop(request.extensions_mut().insert(visit.actor)),
            Ok(None) if is_monitor(&coordinator, token, &request) => {
                let monitor = Actor { name: MONITOR.to_owned(), role: Role::Auditor, person: None };
                request.extensions_mut().insert(monitor);
            }
            Ok(None) => {}
            Err(error) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Refused::because(status, &error).into_response();
            }
        }
    }
    next.run(request).await
}

/// Whether this is the monitors' token, where it is worth something.
fn is_monitor(coordinator: &Coordinator, token: &str, request: &Request) -> bool {
    request.uri().path() == METRICS && coordinator.metrics_token.is(token)
}

/// What a rule says in a handler's stead.
pub(super) fn deny(_: &Request, denied: Denied) -> Response {
    match denied {
        Denied::Nobody => {
            let sentence =
                "log in with POST /api/v1/login and send its token as `Authorization: Bearer`";
            let mut response = Refused::new(StatusCode::UNAUTHORIZED, sentence).into_response();
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            response
        }
        Denied::Role(action) => {
            let sentence = format!("this takes a {}; nothing was done", action.least().name());
            Refused::new(StatusCode::FORBIDDEN, sentence).into_response()
        }
    }
}

/// Logs a program in: the token acts as the user, for 12 hours, or until it was not used for 2.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "session", request_body = LoginRequest,
    responses((status = 200, body = LoggedIn, description = "The token."), super::docs::Refusals),
    security(())
)]
pub(super) async fn log_in(
    State(coordinator): Shared,
    peer: Option<Extension<Peer>>,
    FromBody(LoginRequest { name, password }): FromBody<LoginRequest>,
) -> Result<Json<LoggedIn>, Refused> {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0.ip());
    let (login, journal) = (&coordinator.login, &coordinator.journal);
    let token = login.log_in(journal, address, (name, password), Door::Program).await;
    let token = token.map_err(|error| match error {
        LoginError::Wait(wait) => Refused::for_now(wait, &error),
        LoginError::Wrong => Refused::because(StatusCode::UNAUTHORIZED, &error),
        error => Refused::because(StatusCode::SERVICE_UNAVAILABLE, &error),
    })?;
    Ok(Json(LoggedIn { token, seconds: VISIT_TIME.as_secs() }))
}

/// Ends the session of the token that is sent.
#[utoipa::path(
    post, path = "/api/v1/logout", tag = "session",
    responses((status = 204, description = "The token is worth nothing any more."), super::docs::Refusals)
)]
pub(super) async fn log_out(
    State(coordinator): Shared,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let token = bearer(&headers).unwrap_or_default();
    coordinator.login.log_out(&coordinator.journal, &actor, token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
