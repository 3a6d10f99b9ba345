//! Who may see a page and whose forms are followed.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, RequestExt};
use protocol::PersonId;

use super::lang::Lang;
use super::page::{Page, refusal_page};
use super::{Desk, Shared};
use crate::access::{Action, Denied};
use crate::login::{Door, Visit};
use crate::panic::Panic;

/// Name of the cookie that holds a visit's secret. Browsers take one of this prefix only over TLS and only from
/// this very host.
pub(super) const COOKIE: &str = "__Host-rehome";

/// A person who is logged in, and the language to answer in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) visit: Visit,
    /// By whom what this visitor does is done.
    pub(super) by: PersonId,
    pub(super) lang: Lang,
    pub(super) secret: String,
    /// Who stopped everything, if somebody has when this is asked.
    pub(super) panic: Option<Panic>,
}

impl Visitor {
    /// Whether this person may do that: what is not allowed is not offered.
    pub(super) fn may(&self, action: Action) -> bool {
        self.visit.actor.role.may(action)
    }
}

/// Finds out who asks, before any route is reached: see [`crate::access::Ruled`].
pub(super) async fn identify(
    State(desk): Shared,
    lang: Lang,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(lang);
    match visitor(request.headers(), &desk, lang, !request.uri().path().starts_with("/events")) {
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor.visit.actor.clone());
            request.extensions_mut().insert(visitor);
        }
        Ok(None) => {}
        Err(page) => return page.into_response(),
    }
    next.run(request).await
}

/// What somebody sees whom a rule keeps out: the login, or which role it takes.
pub(super) fn deny(request: &Request, denied: Denied) -> Response {
    let lang = request.extensions().get::<Lang>().copied().unwrap_or(Lang::En);
    match denied {
        Denied::Nobody => Redirect::to("/").into_response(),
        Denied::Role(action) => {
            let sentence = lang.not_your_role(action.least());
            refusal_page(lang, StatusCode::FORBIDDEN, &sentence).into_response()
        }
    }
}

/// A form that a logged-in person sent from one of our own pages.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
}

/// A form from one of our own pages, sent before the login.
#[derive(Debug)]
pub(super) struct OwnForm {
    pub(super) lang: Lang,
    pub(super) fields: Fields,
}

/// What a form says.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field, empty if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field that may occur more than once.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<Desk>> for Visitor {
    type Rejection = Response;

    /// Whom [`identify`] found; a route whose rule lets strangers in cannot have one.
    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Redirect::to("/").into_response())
    }
}

impl FromRequest<Arc<Desk>> for OwnForm {
    type Rejection = Response;

    async fn from_request(mut request: Request, desk: &Arc<Desk>) -> Result<Self, Response> {
        let lang: Lang =
            request.extract_parts_with_state(desk).await.map_err(|never| match never {})?;
        let refuse =
            || refusal_page(lang, StatusCode::FORBIDDEN, lang.words().foreign_form).into_response();
        if !is_ours(request.headers()) {
            return Err(refuse());
        }
        let form = Form::<Vec<(String, String)>>::from_request(request, desk).await;
        form.map(|Form(fields)| Self { lang, fields: Fields(fields) }).map_err(|rejection| {
            let status = rejection.status();
            refusal_page(lang, status, lang.words().unreadable_form).into_response()
        })
    }
}

/// A file that a logged-in person sent from one of our own pages.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) visitor: Visitor,
    /// The file's bytes; empty where none was chosen.
    pub(super) file: Bytes,
}

impl FromRequest<Arc<Desk>> for Upload {
    type Rejection = Response;

    async fn from_request(mut request: Request, desk: &Arc<Desk>) -> Result<Self, Response> {
        let visitor: Visitor = request.extract_parts_with_state(desk).await?;
        let lang = visitor.lang;
        let foreign = || {
            let words = lang.words().foreign_form;
            refusal_page(lang, StatusCode::FORBIDDEN, words).into_response()
        };
        if !is_ours(request.headers()) {
            return Err(foreign());
        }
        let unreadable = |status: StatusCode| {
            let words = match status {
                StatusCode::PAYLOAD_TOO_LARGE => lang.lots().upload_too_large,
                _ => lang.words().unreadable_form,
            };
            refusal_page(lang, status, words).into_response()
        };
        let mut parts = Multipart::from_request(request, desk)
            .await
            .map_err(|rejection| unreadable(rejection.status()))?;
        let (mut token, mut file) = (String::new(), Bytes::new());
        while let Some(part) = parts.next_field().await.map_err(|it| unreadable(it.status()))? {
            let name = part.name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(|it| unreadable(it.status()))?;
            match name.as_str() {
                "token" => token = String::from_utf8_lossy(&bytes).into_owned(),
                "file" => file = bytes,
                _ => return Err(unreadable(StatusCode::BAD_REQUEST)),
            }
        }
        if visitor.visit.sent(&token) { Ok(Self { visitor, file }) } else { Err(foreign()) }
    }
}

impl FromRequest<Arc<Desk>> for Submission {
    type Rejection = Response;

    async fn from_request(mut request: Request, desk: &Arc<Desk>) -> Result<Self, Response> {
        let visitor: Visitor = request.extract_parts_with_state(desk).await?;
        let OwnForm { lang, fields } = OwnForm::from_request(request, desk).await?;
        if visitor.visit.sent(fields.get("token")) {
            return Ok(Self { visitor, fields });
        }
        let words = lang.words().foreign_form;
        Err(refusal_page(lang, StatusCode::FORBIDDEN, words).into_response())
    }
}

/// Who sent this, if anybody is logged in with it.
fn visitor(
    headers: &HeaderMap,
    desk: &Desk,
    lang: Lang,
    asks: bool,
) -> Result<Option<Visitor>, Page> {
    let Some(secret) = cookie(headers, COOKIE) else { return Ok(None) };
    let visit = desk.coordinator.login.find(secret, Door::Browser, asks).map_err(|error| {
        tracing::error!(target: "dashboard", "{error:#}");
        let words = lang.words().no_password;
        refusal_page(lang, StatusCode::SERVICE_UNAVAILABLE, words)
    })?;
    Ok(visit.and_then(|visit| {
        let by = visit.actor.person?;
        let panic = desk.coordinator.journal.published().bench.panic().cloned();
        Some(Visitor { visit, by, lang, secret: secret.to_owned(), panic })
    }))
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all("cookie").into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether a browser says that a form was sent from a page of ours. One that says nothing is not believed.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site");
    let origin = text(ORIGIN.as_str());
    let same_host = origin.map(|origin| {
        origin.strip_prefix("https://").is_some_and(|host| Some(host) == text(HOST.as_str()))
    });
    match (site, same_host) {
        (Some(site), same_host) => site == "same-origin" && same_host != Some(false),
        (None, same_host) => same_host == Some(true),
    }
}
