//! `rehome machine ...`

use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::{BatchId, MachineNumber};
use serde::Deserialize;

use super::look::{self, Sectors};
use super::{Asker, whoami};
use crate::admin::client::{get, post, tell};
use crate::admin::{PickRequest, PickedMachine, SettleRequest};
use crate::console::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All machines with their state
    List,
    /// All that is known of one
    Show { number: Number },
    /// Admit machines by numbers and keys on their screens, as 7:1f1f-2e2e; 7 alone does not tell who answers to it
    Pick {
        #[arg(required = true)]
        machines: Vec<Picked>,
        /// Into this batch [default: the only one armed]
        #[arg(long)]
        batch: Option<BatchId>,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Have a machine wait once its drives are verified, before anything new is written to them
    Hold {
        number: Number,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Show sectors of a drive of a machine that is held; read-only, and recorded
    Look {
        number: Number,
        #[command(flatten)]
        sectors: Sectors,
        /// Who looks [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Let a machine go on that is held
    Release {
        number: Number,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Say that a machine whose identity is not clear was compared with others and may be worked on
    Settle {
        number: Number,
        /// The machine that it was compared with (repeat for more)
        #[arg(long, required = true, value_name = "NUMBER")]
        with: Vec<Number>,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// Waiting for a person's look.
async fn held(asker: &Asker, number: MachineNumber, what: &str, by: Option<String>) -> Result<()> {
    let path = format!("/machines/{}/{what}", number.0);
    let answer = tell(&asker.data, &path, &by.unwrap_or_else(whoami)).await?;
    let sentence = match what {
        "hold" => "it waits once its drives are verified, until it is released",
        _ => "it goes on",
    };
    asker.said(&answer, &format!("machine {number}: {sentence}"))
}

/// A machine's number, as typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub(super) MachineNumber);

impl std::str::FromStr for Number {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().map_err(|_| format!("{text:?} is not a machine's number"))?;
        Ok(Self(MachineNumber(number)))
    }
}

/// A number with or without the key's fingerprint.
#[derive(Debug, Clone)]
pub(super) struct Picked(Number, Option<String>);

impl std::str::FromStr for Picked {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None => Ok(Self(text.parse()?, None)),
            Some((number, key)) => Ok(Self(number.parse()?, Some(key.to_ascii_lowercase()))),
        }
    }
}

/// What a row of the table needs.
#[derive(Debug, Deserialize)]
struct Row {
    number: MachineNumber,
    state: String,
    sentence: String,
    doing: Option<String>,
    model: String,
    fingerprint: Option<String>,
    heard: bool,
    data_still_there: Vec<String>,
    drives: Vec<String>,
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let data = &asker.data;
    match command {
        Command::List => list(asker, &get(data, "/machines").await?),
        Command::Show { number: Number(number) } => {
            asker.show(&get(data, &format!("/machines/{}", number.0)).await?)
        }
        Command::Pick { machines, batch, by } => {
            let by = by.unwrap_or_else(whoami);
            let machines = machines
                .into_iter()
                .map(|Picked(Number(number), fingerprint)| PickedMachine { number, fingerprint })
                .collect();
            let answer = post(data, "/picks", &by, &PickRequest { machines, batch }).await?;
            let picked: Vec<MachineNumber> = serde_json::from_slice(&answer)?;
            let picked: Vec<_> = picked.iter().map(ToString::to_string).collect();
            asker.said(&answer, &format!("admitted: {}", picked.join(", ")))
        }
        Command::Hold { number: Number(number), by } => held(asker, number, "hold", by).await,
        Command::Release { number: Number(number), by } => held(asker, number, "release", by).await,
        Command::Look { number: Number(number), sectors, by } => {
            look::run(asker, number, sectors, by.unwrap_or_else(whoami)).await
        }
        Command::Settle { number: Number(number), with, by } => {
            let by = by.unwrap_or_else(whoami);
            let with = with.into_iter().map(|Number(other)| other).collect();
            let path = format!("/machines/{}/settle", number.0);
            let answer = post(data, &path, &by, &SettleRequest { with }).await?;
            asker.said(&answer, &format!("machine {number}: its identity is settled"))
        }
    }
}

/// What the table says of the former content.
fn data(row: &Row) -> &'static str {
    match (&row.data_still_there[..], &row.drives[..]) {
        ([], []) => "unknown",
        ([], _) => "gone",
        _ => "there",
    }
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let rows: Vec<Row> = serde_json::from_slice(answer).context("reading the answer")?;
    let cells = rows.into_iter().map(|row| {
        let data = data(&row);
        let doing = row.doing.unwrap_or(row.sentence);
        let doing = if row.heard { doing } else { format!("(silent) {doing}") };
        [
            row.number.to_string(),
            row.state,
            data.to_owned(),
            row.fingerprint.unwrap_or_default(),
            row.model,
            doing,
        ]
    });
    let cells: Vec<_> = cells.collect();
    if cells.is_empty() {
        return Ok(say("no machine has been seen yet")?);
    }
    Ok(table(["NR", "STATE", "DATA", "KEY", "MODEL", "DOING"], &cells)?)
}

impl Asker {
    /// Prints the answer as JSON, or else a sentence.
    pub(super) fn said(&self, answer: &[u8], sentence: &str) -> Result<()> {
        if self.json { self.show(answer) } else { Ok(say(sentence)?) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_gone_only_where_drives_are_known() {
        for (there, drives, word) in
            [(0, 0, "unknown"), (0, 1, "gone"), (1, 1, "there"), (1, 0, "there")]
        {
            let row = serde_json::json!({
                "number": 1, "state": "seen", "sentence": "", "doing": null, "model": "",
                "fingerprint": null, "heard": false,
                "data_still_there": vec!["drive"; there], "drives": vec!["drive"; drives],
            });
            assert_eq!(data(&serde_json::from_value(row).unwrap()), word);
        }
    }
}
