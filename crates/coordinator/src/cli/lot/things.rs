//! Lots and their things, as people name them.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use protocol::{ItemId, LotId, MachineNumber};
use serde::Deserialize;

use crate::admin::client::get;
use crate::cli::Asker;
use crate::cli::machine::Number;
use crate::lots::actions::Named;

/// The number of a machine, or the beginning of the id of a laptop that was taken in.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Thing {
    Machine(MachineNumber),
    Item(String),
}

impl FromStr for Thing {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("item-") {
            Some(id) if id.len() >= 4 => Ok(Self::Item(id.to_ascii_lowercase())),
            Some(_) => Err(format!("{text:?} is too short; `rehome lot show` has it in full")),
            None => text.parse::<Number>().map(|Number(number)| Self::Machine(number)),
        }
    }
}

/// What lots there are.
#[derive(Debug)]
pub(super) struct Lots(Vec<Row>);

#[derive(Debug, Deserialize)]
struct Row {
    id: LotId,
    received: Vec<Received>,
    closed: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Received {
    thing: Named,
}

impl Lots {
    pub(super) async fn ask(asker: &Asker) -> Result<Self> {
        let answer = get(&asker.data, "/lots").await?;
        serde_json::from_slice(&answer).map(Self).context("reading the answer")
    }

    /// The only open one.
    pub(super) fn only(&self) -> Result<LotId> {
        let open: Vec<_> = self.0.iter().filter(|lot| lot.closed.is_none()).collect();
        match (&open[..], &self.0[..]) {
            ([lot], _) => Ok(lot.id),
            ([], []) => bail!("no lot was ever opened; open one with `rehome lot open`"),
            ([], _) => bail!("no lot is open; `rehome lot list` shows the closed ones"),
            _ => bail!("{} lots are open; say which one", open.len()),
        }
    }

    /// The thing that a person means.
    pub(super) fn named(&self, thing: &Thing) -> Result<Named> {
        let begin = match thing {
            Thing::Machine(number) => return Ok(Named::Machine(*number)),
            Thing::Item(begin) => begin,
        };
        let items = self.0.iter().flat_map(|lot| &lot.received).filter_map(|it| match it.thing {
            Named::Item(item) if item.to_string().starts_with(begin) => Some(item),
            _ => None,
        });
        let found: Vec<ItemId> = items.collect();
        match found[..] {
            [item] => Ok(Named::Item(item)),
            [] => bail!("no laptop item-{begin} was taken in; `rehome lot show` lists them"),
            _ => bail!("item-{begin} may be any of {}; type more of it", found.len()),
        }
    }
}
