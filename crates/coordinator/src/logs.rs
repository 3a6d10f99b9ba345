//! The log: what happens while we serve, on standard error. A line an event, whatever an event says: a machine that puts
//! a line break into its name does not get a line of its own.
//!
//! People's names, passwords and sessions do not stand in it; what people do stands in the journal.

use std::fmt::{self, Write as _};
use std::os::fd::AsFd;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::console::{escaped, printable};

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// Time, level, stage, sentence, facts.
    Text,
    /// An object with `time`, `level`, `target`, `message` and the facts.
    Json,
    /// As text, with the level as systemd's journal reads it and without the time, which it knows.
    Journald,
}

impl LogFormat {
    /// What fits where standard error leads to.
    pub(crate) fn fitting() -> Self {
        if is_journal(std::io::stderr()) { Self::Journald } else { Self::Text }
    }
}

/// Whether what is written there ends up in systemd's journal, for all who may read that.
pub(crate) fn is_journal(stream: impl AsFd) -> bool {
    let Some(named) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    let stat = nix::sys::stat::fstat(stream);
    stat.is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Begins to log. `REHOME_LOG` says how much.
pub(crate) fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_env("REHOME_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(Lines(format))
        .init();
}

/// Writes events as lines.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut facts = Facts::default();
        event.record(&mut facts);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        writeln!(writer, "{}", line(self.0, &time, level, target, &facts))
    }
}

/// One event as one line, without its end. Pure.
fn line(format: LogFormat, time: &str, level: Level, target: &str, facts: &Facts) -> String {
    match format {
        LogFormat::Text => printable(&format!("{time} {level:>5} {target}: {}", facts.text())),
        LogFormat::Journald => {
            format!("<{}>{}", priority(level), printable(&format!("{target}: {}", facts.text())))
        }
        LogFormat::Json => {
            let mut object = facts.others.clone();
            object.insert("time".to_owned(), time.into());
            object.insert("level".to_owned(), level.as_str().to_lowercase().into());
            object.insert("target".to_owned(), target.into());
            object.insert("message".to_owned(), facts.message.clone().into());
            escaped(&Value::Object(object).to_string())
        }
    }
}

/// The level as syslog counts it (`sd-daemon(3)`).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Facts {
    message: String,
    others: Map<String, Value>,
}

impl Facts {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }

    /// The sentence, then the facts; in quotes what could pass for several.
    fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.others {
            let word = value
                .as_str()
                .filter(|it| it.chars().all(|c| c.is_alphanumeric() || "/._:-+".contains(c)));
            // Writing to a string does not fail.
            let _ = match word {
                Some(word) => write!(text, " {name}={word}"),
                None => write!(text, " {name}={value}"),
            };
        }
        text
    }
}

impl Visit for Facts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            _ => self.add(field, value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(field, value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_stays_one_line_of_its_own_level() {
        let mut facts =
            Facts { message: "seen\n<0>rehome: all erased\u{1b}[2K".into(), ..Facts::default() };
        facts.others.insert("count".into(), 7.into());
        facts.others.insert("mac".into(), "a\n\"b".into());
        facts.others.insert("name".into(), "/tmp/x-1".into());
        let write = |format| line(format, "2026-11-23T01:00:00Z", Level::WARN, "netboot", &facts);
        let said = "netboot: seen\u{fffd}<0>rehome: all erased\u{fffd}[2K count=7 mac=\"a\\n\\\"b\" name=/tmp/x-1";
        assert_eq!(write(LogFormat::Text), format!("2026-11-23T01:00:00Z  WARN {said}"));
        assert_eq!(write(LogFormat::Journald), format!("<4>{said}"));
        let json = write(LogFormat::Json);
        assert!(!json.contains(['\n', '\u{1b}']), "{json}");
        let object: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(object["level"], "warn");
        assert_eq!(object["message"], facts.message);
        assert_eq!((&object["count"], &object["mac"]), (&7.into(), &"a\n\"b".into()));
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        assert_eq!(levels.map(priority), [3, 4, 6, 7, 7]);
    }
}
