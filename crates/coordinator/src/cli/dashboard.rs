//! `rehome dashboard ...`

use anyhow::{Result, bail};
use clap::Subcommand;

use super::Asker;
use crate::dashboard::PasswordFile;
use crate::data_dir;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a new password and print it once; all who are logged in are logged out
    Password {
        /// Really make a new one: the old one cannot be shown, only its hash is kept
        #[arg(long)]
        new: bool,
    },
}

/// Works beside a serving coordinator and before the first `rehome serve` alike.
pub(super) fn run(asker: &Asker, command: &Command) -> Result<()> {
    let Command::Password { new } = command;
    if !new {
        bail!("only the password's hash is kept; `rehome dashboard password --new` makes another");
    }
    data_dir::prepare(&asker.data)?;
    let password = PasswordFile::of(&asker.data).renew()?;
    let answer = serde_json::json!({ "password": &password }).to_string();
    asker.said(answer.as_bytes(), &format!("dashboard password (shown only now): {password}"))
}
