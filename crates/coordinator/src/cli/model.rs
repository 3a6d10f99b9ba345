//! `rehome model ...`

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use protocol::BatchId;

use super::{Asker, whoami};
use crate::admin::client::{get, post};
use crate::admin::{JudgeRequest, ModelView};
use crate::console::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The models of batches armed with --first-of-model: who goes first, who waits, what was said
    List,
    /// This model works: the machines of it that wait go on
    Ok(Word),
    /// This model does not work: the machines of it stay erased and wait
    No(Word),
}

/// A person's word.
#[derive(Debug, Args)]
pub(super) struct Word {
    /// The model's name, as the list shows it
    model: String,
    /// In this batch [default: the only one that has it]
    #[arg(long)]
    batch: Option<BatchId>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    because: String,
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    match command {
        Command::List => list(asker, &get(&asker.data, "/models").await?),
        Command::Ok(word) => judge(asker, word, true).await,
        Command::No(word) => judge(asker, word, false).await,
    }
}

async fn judge(asker: &Asker, word: Word, works: bool) -> Result<()> {
    let Word { model, batch, because, by } = word;
    let by = by.unwrap_or_else(whoami);
    let said = if works { "works: its machines go on" } else { "does not work: its machines wait" };
    let sentence = format!("{model} {said}");
    let request = JudgeRequest { model, works, because, batch };
    asker.said(&post(&asker.data, "/models", &by, &request).await?, &sentence)
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let rows: Vec<ModelView> = serde_json::from_slice(answer).context("reading the answer")?;
    if rows.is_empty() {
        return Ok(say("no batch was armed with --first-of-model, or it took no machine yet")?);
    }
    let cells = rows.into_iter().map(|row| {
        let first = row.first.map(|it| it.to_string()).unwrap_or_default();
        let waiting: Vec<_> = row.waiting.iter().map(ToString::to_string).collect();
        let said = match row.works {
            None => "nothing yet",
            Some(true) => "works",
            Some(false) => "does not work",
        };
        let state = row.first_state.unwrap_or_else(|| "none goes first yet".to_owned());
        [row.model, first, state, waiting.join(" "), said.to_owned(), row.batch.to_string()]
    });
    let cells: Vec<_> = cells.collect();
    Ok(table(["MODEL", "FIRST", "ITS STATE", "WAITING", "SAID", "BATCH"], &cells)?)
}
