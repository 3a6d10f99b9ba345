//! `rehome rehearse`: a bench of its own, on loopback, with laptops that do not exist.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::config::{DhcpSetting, Language, Settings};
use crate::console::{say, tell};
use crate::serve;

/// Of each laptop, restarts included.
const MACHINES_PER_ADDRESS: u32 = 1000;

/// It lives where temporary files do, often in memory, and not for long.
const MIN_FREE_MB: u32 = 50;

/// Without an owner's papers nothing is armed, as in life.
const PAPERS: &str = "--owner 'Town hall' --accepted-by 'The mayor' --stated-by 'The mayor'";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many laptops
    #[arg(long, value_name = "N", default_value_t = 34,
        value_parser = clap::value_parser!(u32).range(1..=300))]
    count: u32,
    /// The same seed gives the same laptops, drives and troubles
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// So many times faster than believable
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: String,
    /// TCP port of the dashboard [default: any that is free]
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Language of the laptops' screens: en or pl
    #[arg(long)]
    language: Option<Language>,
    /// The agent, built with its simulator [default: rehome-agent beside this program]
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Do not remove the directory with everything that was recorded
    #[arg(long)]
    keep: bool,
}

/// Serves until Ctrl-C, then removes everything unless told otherwise.
pub(super) async fn run(options: Options) -> Result<()> {
    let agent = agent(options.agent)?;
    let folder = tempfile::Builder::new().prefix("rehome-rehearsal-").tempdir();
    let folder = folder.context("failed to make a directory for the rehearsal")?;
    let data = folder.path().join("data");
    let settings = Settings {
        data: Some(data.clone()),
        address: Some(Ipv4Addr::LOCALHOST),
        dhcp: Some(DhcpSetting::Off),
        http_port: Some(0),
        api_port: Some(options.port),
        simulated: Some(true),
        machines_per_address: Some(MACHINES_PER_ADDRESS),
        min_free_mb: Some(MIN_FREE_MB),
        site_name: Some("rehearsal".to_owned()),
        language: options.language,
        ..Settings::default()
    };
    let config = settings.resolve(serve::find_address)?;
    let mut laptops = Command::new(&agent)
        .arg("simulate")
        .arg("--data")
        .arg(&data)
        .args(["--count", &options.count.to_string(), "--seed", &options.seed.to_string()])
        .args(["--speed", &options.speed])
        // Its trees go with ours, however it ends.
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to start {}", agent.display()))?;
    say(&format!("everything is in {}", folder.path().display()))?;
    say(&format!("first: rehome --data {} lot open {PAPERS}", data.display()))?;
    let served = tokio::select! {
        served = serve::serve(config, None) => served,
        failed = ended_early(&mut laptops) => failed,
    };
    stop(&mut laptops).await;
    if options.keep {
        let kept = folder.keep();
        say(&format!("kept: {}; `rehome serve --simulated` opens it again", kept.display()))?;
    } else {
        let path = folder.path().to_owned();
        folder.close().with_context(|| format!("failed to remove {}", path.display()))?;
    }
    served
}

/// Resolves when the laptops could not be simulated. That all have ended is no reason to close the bench.
async fn ended_early(laptops: &mut Child) -> Result<()> {
    let status = laptops.wait().await.context("failed to wait for the simulated laptops")?;
    if status.success() {
        return std::future::pending().await;
    }
    bail!(
        "the simulated laptops ended ({status}); is the agent built with `--features simulate`? \
         `cargo build --release -p rehome-agent --features simulate`"
    )
}

async fn stop(laptops: &mut Child) {
    let id = laptops.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id
        && let Err(error) = kill(Pid::from_raw(id), Signal::SIGTERM)
    {
        tell(&format!("rehome: the simulated laptops were not told to end: {error}"));
    }
    if let Err(error) = laptops.wait().await {
        tell(&format!("rehome: the simulated laptops may still run: {error}"));
    }
}

fn agent(named: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path);
    }
    let own = std::env::current_exe().context("failed to find this program's own file")?;
    let path = own.with_file_name("rehome-agent");
    if !path.is_file() {
        bail!("there is no {}; say with --agent where the agent is", path.display());
    }
    Ok(path)
}
