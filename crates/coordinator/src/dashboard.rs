//! The dashboard: pages for people, on the port of the agents' API, over the same TLS.
//!
//! Rendered here, whole without a script; a small one from this same place keeps them fresh. Nothing is loaded from
//! anywhere else. Whatever a machine says of itself is hostile: it is shown as text.

mod arm_page;
mod assets;
mod attempts;
mod bench_page;
mod concern;
mod events;
mod explanation;
mod guard;
mod history;
mod icon;
mod lang;
mod login_page;
mod lots;
mod machine_page;
mod page;
mod password;
mod pick_page;
mod tile;
mod visits;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};

use crate::console::say;
use crate::coordinator::Coordinator;
use crate::http::within_time;
use crate::simulated;
use attempts::Attempts;
use lang::Lang;
use visits::Visits;

pub(crate) use password::PasswordFile;

/// The largest form: some hundred machines picked at once.
const MAX_FORM_LEN: usize = 64 << 10;
/// Pages that are kept fresh at a time.
const MAX_STREAMS: usize = 32;
/// Passwords that are checked at a time, 19 MiB and some tens of milliseconds each.
const MAX_HASHING: usize = 2;

/// What every answer says to the browser. A form's origin must stay visible to us, hence `same-origin`.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

type Shared = State<Arc<Desk>>;

/// What the pages share.
#[derive(Debug)]
struct Desk {
    coordinator: Arc<Coordinator>,
    password: PasswordFile,
    visits: Visits,
    attempts: Attempts,
    hashing: Semaphore,
    streams: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
    /// Registers that somebody is looking at before they are taken.
    uploads: lots::upload::Uploads,
}

/// The routes. The open pages end when `stopping` becomes true.
/// All but those take no longer than `time`, bodies included.
pub(crate) fn router(
    coordinator: Arc<Coordinator>,
    stopping: watch::Receiver<bool>,
    time: Duration,
) -> Router {
    let simulated = coordinator.site.simulated;
    let desk = Arc::new(Desk {
        password: PasswordFile::of(&coordinator.config.data),
        coordinator,
        visits: Visits::default(),
        attempts: Attempts::default(),
        hashing: Semaphore::new(MAX_HASHING),
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        stopping,
        uploads: lots::upload::Uploads::default(),
    });
    Router::new()
        .route("/", get(login_page::show))
        .route("/login", post(login_page::log_in))
        .route("/logout", post(login_page::log_out))
        .route("/bench", get(bench_page::show))
        .route("/machines/{number}", get(machine_page::show))
        .route("/machines/{number}/certificate", get(machine_page::download))
        .route("/machines/{number}/settle", post(machine_page::settle))
        .route("/machines/{number}/hold", post(machine_page::hold))
        .route("/machines/{number}/release", post(machine_page::release))
        .route("/machines/{number}/look", post(machine_page::look))
        .route("/arm", get(arm_page::show).post(arm_page::submit))
        .route("/disarm", post(arm_page::submit_disarm))
        .route("/pick", get(pick_page::show).post(pick_page::submit))
        .route("/lots", get(lots::list_page::show).post(lots::list_page::open))
        .route("/lots/{id}", get(lots::lot_page::show))
        .route("/lots/{id}/table", get(lots::table::download))
        .route("/lots/{id}/wish", post(lots::wish::submit))
        .route("/lots/{id}/register", post(lots::upload::submit).layer(lots::upload::limit()))
        .route("/lots/{id}/register/take", post(lots::upload::take))
        .route("/assets/{name}", get(assets::asset))
        .route("/verify", get(assets::verify_page))
        .layer(middleware::from_fn_with_state(time, within_time))
        .route("/events", get(events::stream))
        .layer(DefaultBodyLimit::max(MAX_FORM_LEN))
        .layer(middleware::from_fn(dress))
        .layer(middleware::from_fn(move |request, next| {
            simulated::under_notice(simulated, request, next)
        }))
        .with_state(desk)
}

/// Says where the dashboard is and, the first time ever, its password.
///
/// # Errors
/// When there is no usable password and none can be made.
pub(crate) fn introduce(coordinator: &Coordinator) -> anyhow::Result<()> {
    let api = coordinator.api;
    let url = match api.port() {
        443 => format!("https://{}/", api.ip()),
        _ => format!("https://{api}/"),
    };
    say(&format!("dashboard: {url} (the browser asks once, since the certificate is our own)"))?;
    if let Some(password) = PasswordFile::of(&coordinator.config.data).first()? {
        say(&format!("dashboard password: {password}"))?;
        say("it is shown only now; `rehome dashboard password --new` makes another one")?;
    }
    Ok(())
}

/// Puts the headers on every answer, and the language that somebody chose into a cookie.
async fn dress(request: Request, next: Next) -> Response {
    let chosen = Lang::chosen(request.uri().query());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // The page that checks certificates is one file, with a policy of its own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(lang) = chosen {
        let (name, code) = (lang::COOKIE, lang.code());
        let cookie =
            format!("{name}={code}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

#[cfg(test)]
mod tests;
