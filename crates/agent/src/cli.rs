//! The command line: what the supervisor calls, and the stages by hand.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use drive::LinuxIdentityReader;

use crate::cmdline::Cmdline;
use crate::roots::{Roots, captured};
use crate::{init, inventory};

/// Exit status: the command could not be carried out.
pub(crate) const FAILED: u8 = 2;

/// Rehome's agent: sanitizes and reinstalls retired laptops.
#[derive(Debug, Parser)]
#[command(name = "rehome-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each stage that can be run by hand.
#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the stages in order, as the child of PID 1.
    Agent,
    /// Prints what this machine is, as JSON.
    Inventory {
        /// Directory with a capture (`sys`, `proc`, `dev`) to read instead of this machine.
        #[arg(long, value_name = "DIR")]
        roots: Option<PathBuf>,
    },
}

/// Does what the command line asks.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Agent => init::run(),
        Command::Inventory { roots } => print_inventory(roots),
    }
}

fn print_inventory(directory: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let roots = directory.map_or_else(Roots::default, |directory| captured(&directory));
    let inventory = inventory::take(&roots, &Cmdline::read(&roots)?, &LinuxIdentityReader)?;
    let mut json =
        serde_json::to_vec_pretty(&inventory).context("writing the inventory as JSON")?;
    json.push(b'\n');
    io::stdout().write_all(&json).context("printing the inventory")?;
    Ok(ExitCode::SUCCESS)
}
