//! `rehome-agent simulate`: laptops that are not there, to learn on and to measure with.
//!
//! What runs is the agent itself: it takes stock of a tree like the kernel's, enrolls, plans, sanitizes and reports; only
//! the drives are memory, and small. What it says is marked as simulated, and a coordinator of real machines refuses it.
//! The appliance is built without this module.

mod bay;
mod dice;
mod fate;
mod hardware;
mod laptop;
mod load;
mod tree;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use protocol::api::SiteConfig;

use fate::Profile;

/// How long a coordinator that was just started may take until it says how it is reached.
const COORDINATOR_STARTS: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// Laptops to simulate.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Data directory of a coordinator on this machine that was started with --simulated
    #[arg(long, value_name = "DIR", required_unless_present = "site")]
    data: Option<PathBuf>,
    /// What a laptop would be given with its appliance: a copy of DATA/site.json
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    site: Option<PathBuf>,
    /// Where the coordinator is, if elsewhere than the file says; its key stays the file's
    #[arg(long, value_name = "ADDRESS")]
    coordinator: Option<Ipv4Addr>,
    /// How many laptops
    #[arg(long, default_value_t = 34, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=1000))]
    count: u64,
    /// Which laptops
    #[arg(long, value_enum, default_value_t = Profile::Mixed)]
    profile: Profile,
    /// The same seed gives the same laptops, drives and troubles
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// So many times faster than believable: 1 makes a stack of 34 worth about ten minutes
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = speed)]
    speed: f64,
    /// Ends after so many seconds of load
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Where the profile `load` writes what it measured, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (0.01..=1000.0).contains(&speed) { Ok(speed) } else { Err("0.01 to 1000".to_owned()) }
}

/// Simulates until all laptops have ended, or until `stop`.
pub(crate) fn run(options: &Options, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    let mut site = site(options, stop)?;
    site.address = options.coordinator.unwrap_or(site.address);
    let site = Arc::new(site);
    // The trees of all laptops, gone with this value.
    let trees = tempfile::Builder::new().prefix("rehome-laptops-").tempdir();
    let trees = trees.context("making a directory for what the laptops' kernels show")?;
    say(&format!(
        "{} simulated laptops (profile {:?}, seed {}) for {} at {}:{}",
        options.count, options.profile, options.seed, site.name, site.address, site.api_port
    ));
    if options.profile == Profile::Load {
        return load::run(options, &site, trees.path(), stop);
    }
    let count = usize::try_from(options.count)?;
    let fates = options.profile.fates(options.seed, count);
    let mut running = Vec::with_capacity(count);
    for (index, fate) in (0..).zip(fates) {
        let root = trees.path().join(index.to_string());
        let plan = laptop::Plan { seed: options.seed, index, fate, speed: options.speed };
        running.push(laptop::switch_on(plan, root, site.clone())?);
    }
    while !stop.load(Ordering::Relaxed) && !running.iter().all(|it| it.is_finished()) {
        std::thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what happens to the laptops. Whoever listened may have left; they go on.
fn say(line: &str) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// How the coordinator is reached and known. Nothing is ever taken on trust from the network.
fn site(options: &Options, stop: &AtomicBool) -> anyhow::Result<SiteConfig> {
    if let Some(file) = &options.site {
        return read(file);
    }
    let Some(data) = &options.data else { bail!("name --data or --site") };
    let file = data.join("site.json");
    let deadline = Instant::now() + COORDINATOR_STARTS;
    while !file.exists() {
        ensure!(
            Instant::now() < deadline && !stop.load(Ordering::Relaxed),
            "{} does not appear; start `rehome serve --simulated` with this data directory",
            file.display()
        );
        std::thread::sleep(POLL);
    }
    read(&file)
}

fn read(file: &Path) -> anyhow::Result<SiteConfig> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()));
    let parsed = serde_json::from_str(&text?);
    parsed.with_context(|| format!("{} is not a site's file", file.display()))
}

#[cfg(test)]
mod tests;
