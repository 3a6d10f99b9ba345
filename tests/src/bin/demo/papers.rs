//! What a certificate says of the drive, for the table and `summary.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Techniques, claim, reasons, canaries and how much was read, of the only drive.
///
/// # Errors
/// When the file is no certificate. Its signature is not looked at here: `rehome verify` does that.
pub(crate) fn sanitized(certificate: &Path) -> Result<Value> {
    let envelope: Value = serde_json::from_slice(&fs::read(certificate)?)?;
    let payload = envelope["payload"].as_str().context("the certificate has no payload")?;
    let statement: Value = serde_json::from_slice(&STANDARD.decode(payload)?)?;
    let facts = &statement["facts"];
    let (planned, evidence) = (&facts["plan"]["drives"][0], &facts["drives"][0]["evidence"]);
    Ok(json!({
        "policy": facts["plan"]["policy"],
        "techniques": planned["techniques"],
        "claim": evidence["claim"],
        "reasons": planned["reasons"],
        "canaries_placed": evidence["canaries"]["placed"],
        "canaries_found": evidence["canaries"]["found"],
        "bytes_read_back": evidence["verification"]["bytes"],
    }))
}

/// The same in a sentence.
pub(crate) fn in_words(sanitized: &Value) -> String {
    let techniques: Vec<_> = sanitized["techniques"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let claim = sanitized["claim"].as_str().unwrap_or("nothing");
    let canaries = match (&sanitized["canaries_placed"], &sanitized["canaries_found"]) {
        (Value::Number(placed), Value::Number(found)) => {
            format!("; {placed} canaries placed, {found} found")
        }
        _ => String::new(),
    };
    format!("{}: {claim}{canaries}", techniques.join(", then "))
}
