//! Answers in JSON; refusals as [`ApiError`] with the fitting status.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::api::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::journal::JournalError;
use crate::random::RandomError;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    sentence: String,
    retry_after: Option<Duration>,
}

/// Any JSON answer.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body, read whole before it is parsed; its errors are ours and in JSON as well.
#[derive(Debug)]
pub(crate) struct FromBody<T>(pub(crate) T);

/// Part of a path, with errors of ours.
#[derive(Debug)]
pub(crate) struct FromPath<T>(pub(crate) T);

/// A query, with errors of ours.
#[derive(Debug)]
pub(crate) struct FromQuery<T>(pub(crate) T);

impl Refused {
    /// A refusal with its reason and what to do next.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry_after: None }
    }

    /// The reason, in English.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// A refusal whose reason is an error and its causes.
    pub(crate) fn because(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Self {
        let causes: Vec<_> = anyhow::Chain::new(error).map(ToString::to_string).collect();
        Self::new(status, causes.join(": "))
    }

    /// A refusal of what may be asked again after a while.
    pub(crate) fn for_now(wait: Duration, error: &(dyn std::error::Error + 'static)) -> Self {
        let refused = Self::because(StatusCode::TOO_MANY_REQUESTS, error);
        Self { retry_after: Some(wait), ..refused }
    }
}

impl From<JournalError> for Refused {
    /// Nothing was recorded, so nothing may be claimed; the client tries again.
    fn from(error: JournalError) -> Self {
        let status = match &error {
            // It will not fit the next time either.
            JournalError::Long { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::because(status, &error)
    }
}

impl From<RandomError> for Refused {
    fn from(error: RandomError) -> Self {
        Self::because(StatusCode::SERVICE_UNAVAILABLE, &error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // What people ask for may name people: they are told, the log is not. See `log_refusal`.
        if self.status.is_server_error() {
            tracing::warn!(target: "http", status = self.status.as_u16(), "{}", self.sentence);
        }
        let sentence = RefusalSentence(self.sentence.clone());
        let mut response = Json(ApiError { error: self.sentence }).into_response();
        response.extensions_mut().insert(sentence);
        *response.status_mut() = self.status;
        if let Some(wait) = self.retry_after {
            // Begun seconds count: not a moment too early.
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Why a request was refused, beside the answer that says so.
#[derive(Debug, Clone)]
struct RefusalSentence(String);

/// Logs what machines are refused: they have nobody to tell.
pub(crate) async fn log_refusal(response: Response) -> Response {
    let status = response.status();
    if let Some(RefusalSentence(sentence)) = response.extensions().get()
        && !status.is_server_error()
    {
        tracing::info!(target: "http", status = status.as_u16(), "{sentence}");
    }
    response
}

/// Marks an answer as one that nobody may keep, or take for another kind than it is.
pub(crate) async fn never_kept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
            Err(error) => {
                tracing::error!(target: "http", %error, "an answer cannot be written as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FromBody<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = match &rejection {
                BytesRejection::FailedToBufferBody(failed) => failed.status(),
                _ => StatusCode::BAD_REQUEST,
            };
            Refused::new(status, format!("the body cannot be read: {rejection}"))
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Refused::new(StatusCode::BAD_REQUEST, format!("the body is not as expected: {error}"))
        })
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for FromPath<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(part)| Self(part)).map_err(|rejection| {
            let sentence = format!("the path is not as expected: {}", rejection.body_text());
            Refused::new(StatusCode::BAD_REQUEST, sentence)
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for FromQuery<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|rejection| {
            let sentence = format!("the query is not as expected: {}", rejection.body_text());
            Refused::new(StatusCode::BAD_REQUEST, sentence)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_too_often_is_told_when_to_come_again() {
        let error = std::io::Error::other("too often");
        let response = Refused::for_now(Duration::from_millis(50_900), &error).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "51");
        let response = Refused::because(StatusCode::CONFLICT, &error).into_response();
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }
}
