//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::guard::{COOKIE, OwnForm, Submission, visitor};
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::page::{Page, outside_page, refusal_page};
use super::password::{PasswordError, PasswordMark};
use super::visits::VISIT_TIME;
use super::{Desk, Shared};
use crate::http::Peer;

/// The longest name, in characters.
const MAX_NAME_LEN: usize = 60;

/// `GET /`
pub(super) async fn show(State(desk): Shared, lang: Lang, headers: HeaderMap) -> Response {
    match visitor(&headers, &desk, lang) {
        Ok(Some(_)) => Redirect::to("/bench").into_response(),
        Ok(None) => form(&desk, lang, "", None).into_response(),
        Err(page) => page.into_response(),
    }
}

/// `POST /login`
pub(super) async fn log_in(
    State(desk): Shared,
    peer: Option<Extension<Peer>>,
    OwnForm { lang, fields }: OwnForm,
) -> Response {
    let words = lang.words();
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0.ip());
    let name = fields.get("name").trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME_LEN || name.chars().any(char::is_control)
    {
        let page = form(&desk, lang, "", Some(words.wrong_name));
        return page.with(StatusCode::UNPROCESSABLE_ENTITY).into_response();
    }
    if let Err(wait) = desk.attempts.count(address, Instant::now()) {
        tracing::warn!(target: "dashboard", %address, "too many attempts to log in");
        let page = form(&desk, lang, &name, Some(&lang.wait(wait)));
        return page.with(StatusCode::TOO_MANY_REQUESTS).into_response();
    }
    let mark = match check(&desk, fields.get("password").to_owned()).await {
        Ok(Some(mark)) => mark,
        Ok(None) => {
            tracing::warn!(target: "dashboard", %address, "a wrong password");
            let page = form(&desk, lang, &name, Some(words.wrong_password));
            return page.with(StatusCode::UNAUTHORIZED).into_response();
        }
        Err(error) => {
            tracing::error!(target: "dashboard", "{error:#}");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return refusal_page(lang, status, words.no_password).into_response();
        }
    };
    desk.attempts.forgive(address);
    match desk.visits.begin(name, mark, Instant::now()) {
        Ok(secret) => {
            tracing::info!(target: "dashboard", %address, "logged in");
            let seconds = VISIT_TIME.as_secs();
            let cookie = format!(
                "{COOKIE}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
            );
            ([(SET_COOKIE, cookie)], Redirect::to("/bench")).into_response()
        }
        Err(error) => {
            tracing::error!(target: "dashboard", "{error}");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            refusal_page(lang, status, words.not_recorded).into_response()
        }
    }
}

/// `POST /logout`
pub(super) async fn log_out(State(desk): Shared, form: Submission) -> Response {
    desk.visits.end(&form.visitor.secret);
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// All the work of argon2, whatever was typed, and never more of it at once than there are places.
async fn check(desk: &Desk, password: String) -> anyhow::Result<Option<PasswordMark>> {
    let _place = desk.hashing.acquire().await?;
    let file = desk.password.clone();
    let checked: Result<_, PasswordError> =
        tokio::task::spawn_blocking(move || file.check(&password)).await?;
    Ok(checked?)
}

fn form(desk: &Desk, lang: Lang, name: &str, problem: Option<&str>) -> Page {
    let words = lang.words();
    let content = html! {
        div .card .login {
            p .site { (desk.coordinator.config.site_name) }
            h1 { (words.log_in_title) }
            @if let Some(problem) = problem {
                p .notice .bad role="alert" { (icon(Icon::Alert)) span { (problem) } }
            }
            form method="post" action="/login" {
                label for="name" { (words.name) }
                input #name name="name" value=(name) required maxlength=(MAX_NAME_LEN)
                    autocomplete="name" autofocus[name.is_empty()] aria-describedby="name-hint";
                p #name-hint .hint { (words.name_hint) }
                label for="password" { (words.password) }
                input #password name="password" type="password" required
                    autocomplete="current-password" autofocus[!name.is_empty()]
                    aria-describedby="password-hint";
                p #password-hint .hint { (words.password_hint) }
                button .primary { (words.log_in) }
            }
        }
    };
    outside_page(lang, words.log_in, "/", content)
}
