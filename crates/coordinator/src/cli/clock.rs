//! `rehome clock ...`

use anyhow::{Result, bail};
use clap::Subcommand;

use super::{Asker, whoami};
use crate::admin::AcceptClockRequest;
use crate::admin::client::post;
use crate::journal::ClockAcceptance;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say that the clock, which was set while `rehome serve` runs, is right now; if it was set back, all batches end
    Accept {
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let Command::Accept { because, by } = command;
    let ClockAcceptance { by, because } = acceptance(by, Some(because))?;
    let request = AcceptClockRequest { because };
    let answer = post(&asker.data, "/clock/accept", &by, &request).await?;
    asker.said(&answer, "the clock is accepted; `rehome batch list` shows what is still armed")
}

/// A person's word, which needs a reason.
pub(super) fn acceptance(by: Option<String>, because: Option<String>) -> Result<ClockAcceptance> {
    match because.filter(|why| !why.trim().is_empty()) {
        Some(because) => Ok(ClockAcceptance { by: by.unwrap_or_else(whoami), because }),
        None => bail!("say with --because why the clock is right"),
    }
}
