//! The command line: what the supervisor calls, and the stages by hand.

mod interrupt;
mod judge;
mod output;
mod password;
mod plan;
mod progress;
mod refused;
mod sanitize;
mod serial;
mod verify;
mod write_image;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use drive::LinuxIdentityReader;
use protocol::Inventory;

use crate::cmdline::Cmdline;
use crate::roots::{Roots, captured};
use crate::{init, inventory};
use refused::Refused;

/// Exit status: the command could not be carried out.
pub(crate) const FAILED: u8 = 2;
/// Exit status: the command was refused, or what it looked for is not so.
const REFUSED: u8 = 1;

const EXIT_CODES: &str = "\
Exit status: 0 done, 1 refused (nothing was written) or, of `verify`, not all zero, 2 failed. Ctrl-C stops
before the next request to the drive and says how far it was: 2.

Drives that hold this system, are in use, removable, attached by USB or over a network, or do not say who they are
are refused, as they are when the appliance plans. There is no option against that.";

/// Rehome's agent: sanitizes and reinstalls retired laptops. Its stages can be run by hand on any Linux, as root.
#[derive(Debug, Parser)]
#[command(name = "rehome-agent", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One of the policies that this agent knows by name.
#[derive(Debug, Clone)]
struct PolicyName(protocol::Policy);

impl std::str::FromStr for PolicyName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = ::plan::policy::builtin();
        let names: Vec<_> = known.iter().map(|policy| policy.name.clone()).collect();
        let found = known.into_iter().find(|policy| policy.name == name);
        found.map(Self).ok_or_else(|| format!("known are {}", names.join(", ")))
    }
}

/// Each stage that can be run by hand.
#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the stages in order, as the child of PID 1. Not for people.
    Agent,
    /// Prints what this machine is, as JSON.
    Inventory {
        /// Directory with a capture (`sys`, `proc`, `dev`) to read instead of this machine.
        #[arg(long, value_name = "DIR")]
        roots: Option<PathBuf>,
    },
    /// Prints what a job that only wipes would do to this machine. Touches nothing.
    Plan {
        /// Directory with a capture (`sys`, `proc`, `dev`) to read instead of this machine.
        #[arg(long, value_name = "DIR")]
        roots: Option<PathBuf>,
        /// What is demanded: default, overwrite-only or firmware+overwrite.
        #[arg(long, default_value = "default", value_name = "NAME")]
        policy: PolicyName,
        /// Prints the plan, or the refusals, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// DESTROYS everything on one drive by what the policy demands, then reads it back.
    Sanitize(sanitize::Options),
    /// Reads a whole drive and says whether every byte is zero. Writes nothing.
    Verify(verify::Options),
    /// Simulates laptops for a coordinator that was started with --simulated. Touches no drive.
    #[cfg(any(test, feature = "simulate"))]
    Simulate(crate::simulate::Options),
    /// Writes an OS image to a drive that holds nothing but zeros, and makes it bootable.
    WriteImage(write_image::Options),
}

/// Does what the command line asks.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    match perform(Cli::parse().command) {
        Err(error) if error.is::<Refused>() => {
            eprintln!("rehome-agent: refused: {error:#}");
            Ok(ExitCode::from(REFUSED))
        }
        outcome => outcome,
    }
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Agent => init::run(),
        Command::Inventory { roots } => {
            output::print_json(&take_stock(&of(roots))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Plan { roots, policy, json } => {
            let roots = of(roots);
            plan::show(&roots, &take_stock(&roots)?, policy.0, json)
        }
        Command::Sanitize(options) => sanitize::run(&options),
        Command::Verify(options) => verify::run(&options),
        #[cfg(any(test, feature = "simulate"))]
        Command::Simulate(options) => crate::simulate::run(&options, &*interrupt::flag()?),
        Command::WriteImage(options) => write_image::run(&options),
    }
}

fn of(directory: Option<PathBuf>) -> Roots {
    directory.map_or_else(Roots::default, |directory| captured(&directory))
}

fn take_stock(roots: &Roots) -> anyhow::Result<Inventory> {
    inventory::take(roots, &Cmdline::read(roots)?, &LinuxIdentityReader)
}

/// Random bytes of the system.
fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
