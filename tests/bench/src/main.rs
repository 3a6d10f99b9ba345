//! Measures overwriting and verifying beside dd(1) and nwipe, on loop devices over files in memory that were made for it,
//! and a coordinator under simulated agents.

mod cage;
mod comparison;
mod coordinator_bench;
mod loop_drive;
mod measure;
mod nwipe;
mod ours;
mod report;
mod rival;
mod sanitize_bench;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cage::Caged;
use crate::loop_drive::OwnLoop;
use crate::ours::Content;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The benchmark. DESTROYS what is on the loop devices, each given as NODE=FILE with the file behind it.
    Sanitize(Sanitize),
    /// A coordinator under simulated agents.
    Coordinator(coordinator_bench::Coordinator),
    /// One run of ours over these devices at once, with its measurements as JSON.
    Ours {
        /// What is written.
        content: Content,
        /// The devices, NODE=FILE each.
        #[arg(required = true, value_parser = OwnLoop::parse)]
        loops: Vec<OwnLoop>,
    },
    /// One run of nwipe, which sees this device and no other. Refuses to start it where it might see more.
    Caged(Caged),
}

/// What the benchmark runs on.
#[derive(clap::Args)]
struct Sanitize {
    /// The device for one drive alone.
    #[arg(long, value_parser = OwnLoop::parse)]
    one: OwnLoop,
    /// A device of the drives at once; several times.
    #[arg(long, value_parser = OwnLoop::parse, required = true)]
    many: Vec<OwnLoop>,
    /// The directory with nwipe and its libraries; left out without.
    #[arg(long)]
    nwipe: Option<PathBuf>,
    /// Which nwipe that is, or why it is left out.
    #[arg(long)]
    about_nwipe: String,
    /// How many pairs of runs.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// When, for the report.
    #[arg(long)]
    date: String,
    /// Where the report goes.
    #[arg(long)]
    output: PathBuf,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Sanitize(sanitize) => sanitize_bench::run(&sanitize),
        Command::Coordinator(coordinator) => coordinator_bench::run(&coordinator),
        Command::Caged(caged) => caged.run().map(|never| match never {}),
        Command::Ours { content, loops } => {
            println!("{}", serde_json::to_string(&ours::run(content, &loops)?)?);
            Ok(())
        }
    }
}
