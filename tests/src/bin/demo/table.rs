//! The live table: a line a laptop, drawn again in place on a terminal, printed on change elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdout};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;
use workshop::main_job::Kind;

use super::papers;

/// What is shown. Safe to use from several threads.
#[derive(Debug)]
pub(crate) struct Table {
    started: Instant,
    in_place: bool,
    lines: Mutex<BTreeMap<&'static str, Line>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    what: String,
    progress: String,
}

impl Table {
    /// Draws it for the first time.
    pub(crate) fn start(kinds: &[Kind]) -> Self {
        let in_place = stdout().is_terminal();
        let lines = kinds.iter().map(|kind| (kind.name(), Line::default())).collect();
        let table = Self { started: Instant::now(), in_place, lines: Mutex::new(lines) };
        println!("{:>6}  {:6} what it does", "time", "laptop");
        if in_place {
            kinds.iter().for_each(|_| println!());
        }
        table
    }

    /// Says something of the demo itself.
    pub(crate) fn say(&self, kind: Kind, what: &str) {
        self.show(kind, Line { what: what.to_owned(), progress: String::new() });
    }

    /// Shows a row of `rehome machine list`.
    pub(crate) fn row(&self, kind: Kind, row: &Value) {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let what = text("doing").or_else(|| text("sentence")).unwrap_or_default();
        let number = |key: &str| row["progress"][key].as_u64();
        let progress = match (number("done"), number("total"), number("rate")) {
            (Some(done), Some(total), Some(rate)) if total > 0 => {
                format!("{:3} %  {:4} MB/s", done * 100 / total, rate / 1_000_000)
            }
            _ => String::new(),
        };
        self.show(kind, Line { what, progress });
    }

    fn show(&self, kind: Kind, line: Line) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lines.insert(kind.name(), line.clone());
        let seconds = self.started.elapsed().as_secs();
        let time = format!("{:3}:{:02}", seconds / 60, seconds % 60);
        if self.in_place {
            print!("\x1b[{}A", lines.len());
            for (name, Line { what, progress }) in &*lines {
                let what: String = what.chars().take(90).collect();
                println!("\x1b[2K{time}  {name:6} {what}  {progress}");
            }
        } else if before.is_none_or(|before| before.what != line.what) {
            println!("{time}  {:6} {}", kind.name(), line.what);
        }
        // A closed terminal is no reason to stop.
        let _ = stdout().flush();
    }
}

/// The end, in words.
pub(crate) fn say_result(summary: &Value, out: &Path) {
    println!("\nBoth laptops were sanitized, verified, installed and booted.");
    if let Some(laptops) = summary["laptops"].as_object() {
        for (name, facts) in laptops {
            println!(
                "  {name}: {}; {} markers before, {} after; certificate {}; {} s",
                papers::in_words(&facts["sanitized"]),
                facts["markers_before"],
                facts["markers_after"],
                facts["certificate"].as_str().unwrap_or_default(),
                facts["seconds"]
            );
        }
    }
    println!(
        "What was seen is in {}: pictures, console logs, certificates, summary.json.",
        out.display()
    );
}
