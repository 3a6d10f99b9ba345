//! Results on standard output. Questions and progress go to standard error.

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;

/// Prints a text as it is.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    io::stdout().write_all(text.as_bytes()).context("printing the result")
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&to_json(value)?)
}

/// A value as lines of JSON.
pub(super) fn to_json(value: &impl Serialize) -> anyhow::Result<String> {
    let mut json = serde_json::to_string_pretty(value).context("writing the result as JSON")?;
    json.push('\n');
    Ok(json)
}
