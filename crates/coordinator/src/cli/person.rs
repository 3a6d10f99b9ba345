//! `rehome person ...`

use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::PersonId;

use super::{Asker, whoami};
use crate::admin::client::{get, post};
use crate::admin::{ForgetRequest, PersonView};
use crate::console::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Everybody whose name was ever recorded, by random id
    List,
    /// Delete a name for good. What the person did stays in the journal, by the id
    Forget {
        /// The id, as `rehome person list` shows it
        id: PersonId,
        /// Why, without the name
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    match command {
        Command::List => list(asker, &get(&asker.data, "/people").await?),
        Command::Forget { id, because, by } => {
            let by = by.unwrap_or_else(whoami);
            let path = format!("/people/{id}/forget");
            let answer = post(&asker.data, &path, &by, &ForgetRequest { because }).await?;
            let sentence = format!(
                "the name of {id} is deleted from the journal's files; it may still stand in backups and in exports \
                 with names"
            );
            asker.said(&answer, &sentence)
        }
    }
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let people: Vec<PersonView> = serde_json::from_slice(answer).context("reading the answer")?;
    if people.is_empty() {
        return Ok(say("nobody's name was ever recorded")?);
    }
    let cells = people.into_iter().map(|PersonView { id, name, forgotten }| {
        let shown = match (name, forgotten) {
            (Some(name), _) => name,
            (None, true) => "(forgotten)".to_owned(),
            (None, false) => "(not in this journal)".to_owned(),
        };
        [id.to_string(), shown]
    });
    Ok(table(["ID", "NAME"], &cells.collect::<Vec<_>>())?)
}
