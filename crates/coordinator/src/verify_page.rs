//! The page that checks certificates in a browser: one file without network, for a stick, and served to everybody.
//!
//! Style and script stand in it, and its own policy lets nothing else run: their hashes are computed here.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PAGE: &str = include_str!("../assets/verify.html");
const STYLE: &str = include_str!("../assets/verify.css");
const SCRIPT: [&str; 3] = [
    include_str!("../assets/verify_words.js"),
    include_str!("../assets/verify_checks.js"),
    include_str!("../assets/verify_page.js"),
];

/// The page and what the browser may do on it.
#[derive(Debug)]
pub(crate) struct VerifyPage {
    /// The whole file.
    pub(crate) html: String,
    /// Its `Content-Security-Policy`, for those who serve it: a page cannot forbid by itself to be framed.
    pub(crate) policy: String,
}

/// The page, put together at first use.
pub(crate) static VERIFY_PAGE: LazyLock<VerifyPage> = LazyLock::new(|| {
    let script = format!("\"use strict\";\n{}", SCRIPT.concat());
    let inner = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(&script)
    );
    // In this order: the script holds no placeholder, but it may hold anything else.
    let html = PAGE.replacen("{{POLICY}}", &inner, 1).replacen("{{STYLE}}", STYLE, 1).replacen(
        "{{SCRIPT}}",
        &script,
        1,
    );
    VerifyPage { html, policy: format!("{inner}; frame-ancestors 'none'") }
});

/// The hash of an inline element's text, as Content Security Policy wants it.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(evidence::sha256(text.as_bytes()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_file_that_loads_nothing() {
        let html = &VERIFY_PAGE.html;
        assert!(!html.contains("{{") && html.contains(&hash(STYLE)));
        for element in ["<style>", "</style>", "<script>", "</script>"] {
            assert_eq!(html.matches(element).count(), 1, "{element}");
        }
        for way in
            ["http://", "https://", "src=", "@import", "url(", "fetch(", "innerHTML", "eval("]
        {
            assert!(!html.replace("'none'", "").contains(way), "{way} is in the page");
        }
    }
}
