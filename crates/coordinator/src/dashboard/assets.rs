//! Style, script and icon. They hold nothing secret and need no login.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::verify_page::{VERIFY_PAGE, VerifyPage};

const STYLE: &str = include_str!("../../assets/dashboard.css");
const SCRIPT: &str = include_str!("../../assets/dashboard.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// `GET /verify`: the page that checks certificates, for everybody. It holds nothing of the site.
pub(super) async fn verify_page() -> Response {
    let VerifyPage { html, policy } = &*VERIFY_PAGE;
    let kind = "text/html; charset=utf-8";
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy.as_str())], html.as_str())
        .into_response()
}

/// `GET /assets/{name}`
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "dashboard.css" => ("text/css; charset=utf-8", STYLE),
        "dashboard.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}
