//! The demo: two retired laptops, dirty disks, one working day of theirs in a few minutes.

mod demo {
    pub(crate) mod arguments;
    pub(crate) mod laptop;
    pub(crate) mod owner;
    pub(crate) mod papers;
    pub(crate) mod table;
}

use std::fs;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use workshop::main_job::Kind;

use demo::arguments::Arguments;
use demo::table::Table;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let made = demo::owner::missing(&arguments.out);
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("failed to make {}", arguments.out.display()))?;
    let result = run_both(&arguments);
    let given_back = demo::owner::give_back(&arguments.out, &made);
    result.and(given_back)
}

fn run_both(arguments: &Arguments) -> Result<()> {
    let table = Table::start(&[Kind::Uefi, Kind::Bios]);
    let results = thread::scope(|scope| {
        let runs = [Kind::Uefi, Kind::Bios].map(|kind| {
            let table = &table;
            let run = move || demo::laptop::run(kind, arguments, table);
            let name = format!("demo, laptop {}", kind.name());
            (kind, thread::Builder::new().name(name).spawn_scoped(scope, run))
        });
        runs.map(|(kind, run)| {
            let died = || Err(anyhow::anyhow!("its thread died"));
            let result = match run {
                Ok(run) => run.join().unwrap_or_else(|_| died()),
                Err(error) => Err(error.into()),
            };
            (kind, result.with_context(|| format!("laptop {}", kind.name())))
        })
    });
    drop(table);
    let mut summary = serde_json::Map::new();
    let mut failed = None;
    for (kind, result) in results {
        match result {
            Ok(facts) => drop(summary.insert(kind.name().to_owned(), facts)),
            Err(error) => {
                summary.insert(kind.name().to_owned(), json!({ "error": format!("{error:#}") }));
                failed.get_or_insert(error);
            }
        }
    }
    let summary = json!({ "ok": failed.is_none(), "laptops": Value::Object(summary) });
    let path = arguments.out.join("summary.json");
    fs::write(&path, format!("{summary:#}\n"))
        .with_context(|| format!("failed to write {}", path.display()))?;
    match failed {
        Some(error) => Err(error),
        None => {
            demo::table::say_result(&summary, &arguments.out);
            Ok(())
        }
    }
}
