//! The dashboard: pages for people, on the port of the agents' API, over the same TLS.
//!
//! Rendered here, whole without a script; a small one from this same place keeps them fresh. Nothing is loaded from
//! anywhere else. Whatever a machine says of itself is hostile: it is shown as text.

mod arm_page;
mod assets;
mod bench_page;
mod concern;
mod events;
mod explanation;
mod forecast;
mod guard;
mod history;
mod icon;
mod lang;
mod log;
mod log_page;
mod login_page;
mod lots;
mod machine_page;
mod models;
mod page;
mod panic;
mod pick_page;
mod protect_page;
mod tile;
mod users_page;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::sync::{Semaphore, watch};

use crate::access::{Action, Need, Ruled};
use crate::console::say;
use crate::coordinator::Coordinator;
use crate::http::within_time;
use crate::logs;
use crate::simulated;
use crate::users::{FIRST_NAME, First};
use lang::Lang;

pub(crate) use log::{Log, read_log};

/// The largest form: some hundred machines picked at once.
const MAX_FORM_LEN: usize = 64 << 10;
/// Pages that are kept fresh at a time.
const MAX_STREAMS: usize = 32;

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
        coordinator,
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        stopping,
        uploads: lots::upload::Uploads::default(),
    });
    pages()
        .finish()
        .layer(middleware::from_fn_with_state(time, within_time))
        .merge(stream().finish())
        .layer(middleware::from_fn_with_state(desk.clone(), guard::identify))
        .layer(DefaultBodyLimit::max(MAX_FORM_LEN))
        .layer(middleware::from_fn(dress))
        .layer(middleware::from_fn(move |request, next| {
            simulated::under_notice(simulated, request, next)
        }))
        .with_state(desk)
}

/// Every page and form, each with its rule.
fn pages() -> Ruled<Arc<Desk>> {
    use Action as May;
    let may = Need::May;
    Ruled::new(guard::deny)
        .get("/", Need::Nothing, login_page::show)
        .get("/assets/{name}", Need::Nothing, assets::asset)
        .get("/verify", Need::Nothing, assets::verify_page)
        .post("/login", Need::Nothing, login_page::log_in)
        .post("/logout", may(May::LogOut), login_page::log_out)
        .post("/panic", may(May::Panic), panic::stop)
        .post("/panic/over", may(May::EndPanic), panic::end)
        .get("/bench", may(May::Read), bench_page::show)
        .get("/log", may(May::Read), log_page::show)
        .get("/machines/{number}", may(May::Read), machine_page::show)
        .get("/machines/{number}/certificate", may(May::ExportCertificate), machine_page::download)
        .post("/machines/{number}/settle", may(May::Settle), machine_page::settle)
        .post("/machines/{number}/hold", may(May::Hold), machine_page::hold)
        .post("/machines/{number}/release", may(May::Release), machine_page::release)
        .post("/machines/{number}/look", may(May::Look), machine_page::look)
        .post("/models", may(May::JudgeModel), models::say)
        .get("/arm", may(May::Read), arm_page::show)
        .post("/arm", may(May::Arm), arm_page::submit)
        .post("/disarm", may(May::Disarm), arm_page::submit_disarm)
        .get("/pick", may(May::Read), pick_page::show)
        .post("/pick", may(May::Pick), pick_page::submit)
        .get("/lots", may(May::Read), lots::list_page::show)
        .post("/lots", may(May::OpenLot), lots::list_page::open)
        .get("/lots/{id}", may(May::Read), lots::lot_page::show)
        .get("/lots/{id}/table", may(May::Read), lots::table::download)
        .get("/lots/{id}/certificates", may(May::ExportCertificate), lots::certificates::download)
        // What is wished decides which role it takes: the handler asks.
        .post("/lots/{id}/wish", may(May::TakeIn), lots::wish::submit)
        .post_up_to(
            lots::upload::MAX_LEN,
            "/lots/{id}/register",
            may(May::OpenLot),
            lots::upload::submit,
        )
        .post("/lots/{id}/register/take", may(May::OpenLot), lots::upload::take)
        .get("/protected", may(May::Read), protect_page::show)
        .post("/protected", may(May::Protect), protect_page::add)
        .post("/protected/remove", may(May::Protect), protect_page::remove)
        .get("/users", may(May::ManageUsers), users_page::show)
        .post("/users", may(May::ManageUsers), users_page::add)
        .post("/users/role", may(May::ManageUsers), users_page::set_role)
        .post("/users/password", may(May::ManageUsers), users_page::renew)
        .post("/users/remove", may(May::ManageUsers), users_page::remove)
}

/// The pages that stay open.
fn stream() -> Ruled<Arc<Desk>> {
    Ruled::new(guard::deny).get("/events", Need::May(Action::Read), events::stream)
}

/// Says where the dashboard is and, the first time ever, who may log in with which password.
///
/// # Errors
/// When the users cannot be read and none can be made.
pub(crate) async fn introduce(coordinator: &Coordinator) -> anyhow::Result<()> {
    let api = coordinator.api;
    let url = match api.port() {
        443 => format!("https://{}/", api.ip()),
        _ => format!("https://{api}/"),
    };
    say(&format!("dashboard: {url} (the browser asks once, since the certificate is our own)"))?;
    match coordinator.login.users.first(&coordinator.journal).await? {
        First::There => {}
        First::Kept => say(&format!(
            "there are users now: log in as {FIRST_NAME} with the dashboard's password, and add others with \
             `rehome user add`"
        ))?,
        // Whoever may read the system's journal is not thereby a supervisor here.
        First::Made(_) if logs::is_journal(std::io::stdout()) => say(&format!(
            "log in as {FIRST_NAME}; `rehome user password {FIRST_NAME}` makes the password and shows it once"
        ))?,
        First::Made(password) => {
            say(&format!("log in as: {FIRST_NAME}"))?;
            say(&format!("dashboard password: {password}"))?;
            let again = format!("`rehome user password {FIRST_NAME}` makes another one");
            say(&format!("it is shown only now; {again}, `rehome user add` more users"))?;
        }
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
