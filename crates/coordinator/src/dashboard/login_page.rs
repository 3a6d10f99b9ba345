//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::guard::{COOKIE, OwnForm, Submission, Visitor};
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::page::{Page, outside_page, refusal_page};
use super::{Desk, Shared};
use crate::http::Peer;
use crate::login::{Door, LoginError, VISIT_TIME};
use crate::users::MAX_NAME_LEN;

/// `GET /`
pub(super) async fn show(
    State(desk): Shared,
    lang: Lang,
    visitor: Option<Extension<Visitor>>,
) -> Response {
    match visitor {
        Some(_) => Redirect::to("/bench").into_response(),
        None => form(&desk, lang, "", None).into_response(),
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
    let typed = (name.clone(), fields.get("password").to_owned());
    let (login, journal) = (&desk.coordinator.login, &desk.coordinator.journal);
    match login.log_in(journal, address, typed, Door::Browser).await {
        Ok(secret) => {
            let seconds = VISIT_TIME.as_secs();
            let cookie = format!(
                "{COOKIE}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
            );
            ([(SET_COOKIE, cookie)], Redirect::to("/bench")).into_response()
        }
        Err(LoginError::Wait(wait)) => {
            let page = form(&desk, lang, &name, Some(&lang.wait(wait)));
            page.with(StatusCode::TOO_MANY_REQUESTS).into_response()
        }
        Err(LoginError::Wrong) => {
            let page = form(&desk, lang, &name, Some(words.wrong_password));
            page.with(StatusCode::UNAUTHORIZED).into_response()
        }
        Err(error) => {
            let why = match error {
                LoginError::Users(_) => words.no_password,
                _ => words.not_recorded,
            };
            tracing::error!(target: "dashboard", "{:#}", anyhow::Error::from(error));
            refusal_page(lang, StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

/// `POST /logout`
pub(super) async fn log_out(State(desk): Shared, form: Submission) -> Response {
    let (login, journal) = (&desk.coordinator.login, &desk.coordinator.journal);
    let Submission { visitor, .. } = form;
    if let Err(error) = login.log_out(journal, &visitor.visit.actor, &visitor.secret).await {
        // The visit is over all the same.
        tracing::error!(target: "dashboard", %error, "a logout could not be recorded");
    }
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
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
                    autocomplete="username" autofocus[name.is_empty()] aria-describedby="name-hint";
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
