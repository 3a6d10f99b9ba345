//! HTTP as a foreign client speaks it: curl on a station.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bench::Station;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Runs curl with `args` (URL included) and returns the final answer, whatever its status. Certificates are not
/// checked, paths are sent as they are written.
///
/// # Errors
/// When there is no whole HTTP answer within 30 s.
pub fn curl(station: &Station, args: &[&str]) -> Result<Answer> {
    let mut command = station.command("curl");
    command.args(["-sSik", "-m", "30", "--path-as-is", "--noproxy", "*"]).args(args);
    let output = command.output().context("failed to start curl")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "curl {args:?}: {}", stderr.trim());
    let mut rest = output.stdout.as_slice();
    loop {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.with_context(|| format!("curl {args:?} got no header"))?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("curl {args:?} got {head:?}"))?;
        rest = &rest[end + 4..];
        // "100 Continue" comes before the answer.
        if status != 100 {
            return Ok(Answer { status, head, body: rest.to_vec() });
        }
    }
}

impl Answer {
    /// A header field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The reason of a refusal: the `error` of a JSON body.
    ///
    /// # Errors
    /// When the body is something else.
    pub fn sentence(&self) -> Result<String> {
        let body = String::from_utf8_lossy(&self.body);
        let value: Value = serde_json::from_str(&body)
            .with_context(|| format!("no JSON: {} {body:?}", self.status))?;
        let sentence = value["error"].as_str().with_context(|| format!("no reason: {body}"))?;
        Ok(sentence.to_owned())
    }
}
