//! A small client of QEMU's machine protocol: one JSON value per line over a Unix socket.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// Longest wait for QEMU's answer to a command. Most take milliseconds.
const ANSWER: Duration = Duration::from_secs(30);

/// What QEMU says, one line each.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The first line after connecting.
    Greeting,
    /// A command's result.
    Return(Value),
    /// A command's refusal, in QEMU's words.
    Error(String),
    /// Something happened: its name and details.
    Event(String, Value),
}

impl Message {
    /// Parses one line.
    ///
    /// # Errors
    /// When it is no JSON object of a known kind.
    pub fn parse(line: &str) -> Result<Self> {
        let mut value: Value =
            serde_json::from_str(line).with_context(|| format!("QMP line is no JSON: {line:?}"))?;
        if value.get("QMP").is_some() {
            Ok(Self::Greeting)
        } else if let Some(result) = value.get_mut("return") {
            Ok(Self::Return(result.take()))
        } else if let Some(description) = value.pointer("/error/desc").and_then(Value::as_str) {
            Ok(Self::Error(description.to_owned()))
        } else if let Some(name) = value.get("event").and_then(Value::as_str) {
            Ok(Self::Event(name.to_owned(), value.get("data").cloned().unwrap_or(Value::Null)))
        } else {
            bail!("QMP line of unknown kind: {line:?}")
        }
    }
}

/// A connection to one QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    unread: Vec<u8>,
    events: VecDeque<(String, Value)>,
}

impl Qmp {
    /// Connects, waiting up to 15 s for the socket to appear.
    ///
    /// # Errors
    /// When there is no QEMU behind the socket by then.
    pub fn connect(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(15);
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= deadline => {
                    return Err(error)
                        .with_context(|| format!("no QEMU answers at {}", socket.display()));
                }
                Err(_) => sleep(Duration::from_millis(50)),
            }
        };
        let mut qmp = Self { stream, unread: Vec::new(), events: VecDeque::new() };
        match qmp.read_message(Instant::now() + ANSWER)? {
            Some(Message::Greeting) => {}
            other => bail!("QEMU greets with {other:?}"),
        }
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Runs a command and returns its result. Events that come meanwhile are kept.
    ///
    /// # Errors
    /// When QEMU refuses, does not answer within 30 s, or is gone.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let mut line = json!({"execute": command, "arguments": arguments}).to_string();
        line.push('\n');
        self.stream
            .write_all(line.as_bytes())
            .with_context(|| format!("failed to send `{command}` to QEMU"))?;
        let deadline = Instant::now() + ANSWER;
        loop {
            match self.read_message(deadline)? {
                Some(Message::Return(value)) => return Ok(value),
                Some(Message::Error(words)) => {
                    bail!("QEMU refused `{command}` {arguments}: {words}")
                }
                Some(Message::Event(name, data)) => self.events.push_back((name, data)),
                Some(Message::Greeting) => bail!("QEMU greeted twice"),
                None => bail!("QEMU did not answer `{command}` within {ANSWER:?}"),
            }
        }
    }

    /// Waits for the event `name` for which `is_it` holds; forgets earlier events.
    ///
    /// # Errors
    /// After `timeout`, naming the events that came instead, or when QEMU is gone.
    pub fn wait_event(
        &mut self,
        name: &str,
        timeout: Duration,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + timeout;
        let mut others = Vec::new();
        loop {
            let event = match self.events.pop_front() {
                Some(event) => event,
                None => match self.read_message(deadline)? {
                    Some(Message::Event(event, data)) => (event, data),
                    Some(other) => bail!("QEMU said {other:?} unasked"),
                    None => bail!("no event {name} within {timeout:?}; events since: {others:?}"),
                },
            };
            if event.0 == name && is_it(&event.1) {
                return Ok(event.1);
            }
            others.push(event.0);
        }
    }

    /// The next message, or `None` at the deadline.
    fn read_message(&mut self, deadline: Instant) -> Result<Option<Message>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Message::parse(String::from_utf8_lossy(&line).trim()).map(Some);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left)).context("failed to set QMP timeout")?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(anyhow!("QEMU closed its QMP connection")),
                Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error).context("failed to read from QEMU"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_told_apart() {
        for (line, expected) in [
            (r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#, Some(Message::Greeting)),
            (r#"{"return": {}}"#, Some(Message::Return(json!({})))),
            (
                r#"{"error": {"class": "GenericError", "desc": "no slot"}}"#,
                Some(Message::Error("no slot".to_owned())),
            ),
            (
                r#"{"timestamp": {"seconds": 1}, "event": "RESET", "data": {"guest": true}}"#,
                Some(Message::Event("RESET".to_owned(), json!({"guest": true}))),
            ),
            (r#"{"event": "STOP"}"#, Some(Message::Event("STOP".to_owned(), Value::Null))),
            (r#"{"id": 4}"#, None),
            ("(qemu) ", None),
            ("", None),
        ] {
            assert_eq!(Message::parse(line).ok(), expected, "{line}");
        }
    }

    #[test]
    fn events_between_command_and_answer_are_kept() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut qmp = Qmp { stream: ours, unread: Vec::new(), events: VecDeque::new() };
        let lines = "{\"event\": \"RESET\"}\n{\"event\": \"DEVICE_DELETED\", \"data\": \
                     {\"device\": \"drive0\"}}\n{\"return\": 7}\n";
        theirs.write_all(lines.as_bytes()).unwrap();
        assert_eq!(qmp.execute("device_del", &json!({"id": "drive0"})).unwrap(), json!(7));
        let short = Duration::from_millis(10);
        let is_drive0 = |data: &Value| data["device"] == "drive0";
        qmp.wait_event("DEVICE_DELETED", short, is_drive0).unwrap();
        let error = qmp.wait_event("SHUTDOWN", short, |_| true).unwrap_err();
        assert!(error.to_string().contains("no event SHUTDOWN"), "{error}");
    }
}
