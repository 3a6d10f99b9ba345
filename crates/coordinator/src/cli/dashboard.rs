//! `rehome dashboard ...`, from before there were users.

use anyhow::{Result, bail};
use clap::Subcommand;

use super::{Asker, user};
use crate::users::FIRST_NAME;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// As `rehome user password supervisor`
    Password {
        /// Really make a new one: the old one cannot be shown, only its hash is kept
        #[arg(long)]
        new: bool,
    },
}

pub(super) async fn run(asker: &Asker, command: &Command) -> Result<()> {
    let Command::Password { new } = command;
    if !new {
        bail!(
            "only the password's hash is kept; `rehome user password {FIRST_NAME}` makes another"
        );
    }
    user::run(asker, user::Command::password_of(FIRST_NAME)).await
}
