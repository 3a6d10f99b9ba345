//! The language of a page: what a person chose, or else what the browser asks for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;

use super::Desk;
use super::guard::cookie;
use super::words::{ENGLISH, POLISH, Words};
use crate::config::Language;

/// Name of the cookie that remembers the choice.
pub(super) const COOKIE: &str = "rehome-lang";

/// A language of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    /// English.
    En,
    /// Polish.
    Pl,
}

impl Lang {
    /// Its code, for HTML and cookies.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Pl => "pl",
        }
    }

    /// The language as the configuration names it.
    pub(super) const fn language(self) -> Language {
        match self {
            Self::En => Language::En,
            Self::Pl => Language::Pl,
        }
    }

    /// The catalogue.
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Pl => &POLISH,
        }
    }

    /// Reads a code such as `pl` or `pl-PL`.
    pub(super) fn parse(code: &str) -> Option<Self> {
        match code.trim().split('-').next()? {
            "en" => Some(Self::En),
            "pl" => Some(Self::Pl),
            _ => None,
        }
    }

    /// What `?lang=` says.
    pub(super) fn chosen(query: Option<&str>) -> Option<Self> {
        let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == "lang").find_map(|(_, value)| Self::parse(value))
    }

    /// The first of `pl, en;q=0.8` that we speak; browsers name the dearest first.
    fn accepted(header: &str) -> Option<Self> {
        header.split(',').find_map(|entry| Self::parse(entry.split(';').next()?))
    }
}

impl FromRequestParts<Arc<Desk>> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Infallible> {
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let lang = Self::chosen(parts.uri.query())
            .or_else(|| cookie(&parts.headers, COOKIE).and_then(Self::parse))
            .or_else(|| accepted.and_then(Self::accepted));
        Ok(lang.unwrap_or(match desk.coordinator.config.language {
            Language::En => Self::En,
            Language::Pl => Self::Pl,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_we_speak_is_taken() {
        for (header, expected) in [
            ("pl,en;q=0.8", Some(Lang::Pl)),
            ("de-DE, en-GB;q=0.7, pl;q=0.3", Some(Lang::En)),
            ("uk, de", None),
            ("", None),
        ] {
            assert_eq!(Lang::accepted(header), expected, "{header}");
        }
        assert_eq!(Lang::chosen(Some("a=b&lang=pl")), Some(Lang::Pl));
        assert_eq!(Lang::chosen(Some("lang=xx")), None);
    }
}
