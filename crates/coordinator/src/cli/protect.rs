//! `rehome protect ...`

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{Asker, whoami};
use crate::admin::client::{get, post};
use crate::admin::protection::{ProtectRequest, ProtectedView};
use crate::calendar::utc;
use crate::console::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Never touch the machine that says this of itself, or the machine that holds a drive that does
    Add {
        /// A serial number, UUID, network address or World Wide Name
        mark: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// What is protected, by whom, and which machines that are
    List,
    /// Take it off the list
    Remove {
        /// As it stands in the list
        mark: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let data = &asker.data;
    match command {
        Command::List => list(asker, &get(data, "/protected").await?),
        Command::Add { mark, because, by } => {
            let by = by.unwrap_or_else(whoami);
            let request = ProtectRequest { mark, because };
            let answer = post(data, "/protected", &by, &request).await?;
            asker.said(&answer, added(&answer, &request.mark)?)
        }
        Command::Remove { mark, because, by } => {
            let by = by.unwrap_or_else(whoami);
            let request = ProtectRequest { mark, because };
            let answer = post(data, "/protected/remove", &by, &request).await?;
            asker.said(&answer, "protected no more")
        }
    }
}

/// What to tell of a mark that was added. One that nobody bears may be mistyped.
fn added(answer: &[u8], mark: &str) -> Result<&'static str> {
    let rows: Vec<ProtectedView> = serde_json::from_slice(answer).context("reading the answer")?;
    let mut rows = rows.iter().filter(|row| row.mark.eq_ignore_ascii_case(mark.trim()));
    Ok(match rows.any(|row| !row.machines.is_empty()) {
        true => {
            "protected: it gets no ticket, and one that it has is void. A drive that is being wiped now is wiped to the \
             end: switch that machine off"
        }
        false => {
            "protected, but no machine that is known bears this mark. If it was here already, look at the mark again; if \
             it is still to come, it will be known by it"
        }
    })
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let rows: Vec<ProtectedView> = serde_json::from_slice(answer).context("reading the answer")?;
    if rows.is_empty() {
        return Ok(say("nothing is protected")?);
    }
    let cells = rows.into_iter().map(|row| {
        let machines: Vec<_> = row.machines.iter().map(ToString::to_string).collect();
        let machines =
            if machines.is_empty() { "none seen".to_owned() } else { machines.join(", ") };
        [row.mark, machines, row.by, utc(row.at), row.because]
    });
    Ok(table(["MARK", "MACHINES", "BY", "SINCE", "WHY"], &cells.collect::<Vec<_>>())?)
}
