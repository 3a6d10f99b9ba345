//! The command line.

mod backup;
mod batch;
mod certificate;
mod clock;
mod dashboard;
mod forecast;
mod image;
mod journal;
mod look;
mod lot;
mod machine;
mod metrics;
mod model;
mod panic;
mod person;
mod policy;
mod protect;
mod recovery;
mod register;
mod rehearse;
mod site;
mod user;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::admin::client::{ClientError, get};
use crate::backup::BackupError;
use crate::config::{Config, Settings};
use crate::console::{say, say_json, tell};
use crate::images::ImageError;
use crate::key_rotation::KeyRotationError;
use crate::logs::{self, LogFormat};
use crate::policies::PolicyError;
use crate::recovery::RecoveryError;
use crate::serve;
use crate::users::UsersError;

/// Turns stacks of retired laptops into clean ones: each boots from the network, is wiped with proof and gets a
/// clean operating system. Nothing is touched before a batch is armed and a machine is admitted to it.
#[derive(Debug, Parser)]
#[command(name = "rehome", version, max_term_width = 110)]
struct Cli {
    /// Configuration file [default: DATA/rehome.toml if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the journal, keys and images [default: /var/lib/rehome]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the bench until stopped
    Serve {
        #[command(flatten)]
        settings: Box<Settings>,
        /// Print the resolved configuration as TOML and do nothing
        #[arg(long)]
        print_config: bool,
        /// The clock is right although the journal is ahead of it; say why with --because
        #[arg(long, requires = "because")]
        accept_clock: bool,
        /// Why the clock is right
        #[arg(long, value_name = "TEXT", requires = "accept_clock")]
        because: Option<String>,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME", requires = "accept_clock")]
        by: Option<String>,
    },
    /// What is being served: addresses, keys
    Status,
    /// Counts and sizes for a monitor, in Prometheus' text format
    Metrics,
    /// Stop everything: every machine, before its next command that writes or erases
    Panic(panic::Options),
    /// Machines: list, show, pick, hold, look, release
    #[command(subcommand)]
    Machine(machine::Command),
    /// Batches: arm, list, disarm
    #[command(subcommand)]
    Batch(batch::Command),
    /// Models of which the first machine goes first: list, ok, no
    #[command(subcommand)]
    Model(model::Command),
    /// What is never touched: add, list, remove
    #[command(subcommand)]
    Protect(protect::Command),
    /// Lots: what an owner handed over, from the register to the last paper
    #[command(subcommand)]
    Lot(lot::Command),
    /// The clock: accept one that was set
    #[command(subcommand)]
    Clock(clock::Command),
    /// OS images: build, add, list, show, remove, check
    #[command(subcommand)]
    Image(image::Command),
    /// Certificates of sanitization: show, export
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// What is demanded of sanitizing: list, show, check
    #[command(subcommand)]
    Policy(policy::Command),
    /// The secret from which the passwords of drives follow: show, restore, password, adopt, list
    #[command(subcommand)]
    Recovery(recovery::Command),
    /// Users: add, list, role, password, remove
    #[command(subcommand)]
    User(user::Command),
    /// Who did what and when, the last action first
    Log(user::Wanted),
    /// The first user's password: make a new one
    #[command(subcommand)]
    Dashboard(dashboard::Command),
    /// Open a bench with simulated laptops, to learn on; gone when it is stopped
    Rehearse(rehearse::Options),
    /// The site's key: rotate
    #[command(subcommand)]
    Site(site::Command),
    /// The owner's asset register: check
    #[command(subcommand)]
    Register(register::Command),
    /// The journal: verify, export, rebuild
    #[command(subcommand)]
    Journal(journal::Command),
    /// People by random id: list, forget
    #[command(subcommand)]
    Person(person::Command),
    /// Put all that a coordinator needs into one file, also while `rehome serve` runs. Contents of images are not in it
    Backup {
        /// A new file; it is as secret as the keys in it
        file: PathBuf,
    },
    /// Make a data directory of a backup
    Restore {
        /// What `rehome backup` wrote
        file: PathBuf,
    },
    /// Check certificates offline; exits with 0 if all hold, with 1 and each failed check if not
    Verify {
        /// The site's public keys [default: DATA/site.pub]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Certificates, or folders of them (*.json, *.cert)
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

/// How a command ended when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Done: exit code 0.
    Done,
    /// Looked at and refused: exit code 1.
    Refused,
}

/// What every client command needs to know.
#[derive(Debug)]
struct Asker {
    data: PathBuf,
    json: bool,
}

/// The life of the process: flags, one command, one exit code (0 done, 1 refused, 2 failed).
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = start(cli);
    match done {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Refused) => ExitCode::from(1),
        Err(error) => {
            // What ends a service shall stand out in the journal.
            let priority = if logs::is_journal(std::io::stderr()) { "<3>" } else { "" };
            tell(&format!("{priority}rehome: {error:#}"));
            ExitCode::from(if is_refusal(&error) { 1 } else { 2 })
        }
    }
}

/// Whether somebody looked and said no, in contrast to something that did not work.
fn is_refusal(error: &anyhow::Error) -> bool {
    let by_serve = matches!(error.downcast_ref(), Some(ClientError::Refused(_)));
    let by_store = matches!(
        error.downcast_ref(),
        Some(
            ImageError::InUse { .. }
                | ImageError::Refused { .. }
                | ImageError::RefusedPartition { .. }
                | ImageError::NotGood { .. }
        )
    );
    let by_policy = matches!(
        error.downcast_ref(),
        Some(PolicyError::Refused { .. } | PolicyError::NoSuch { .. })
    );
    let by_recovery =
        matches!(error.downcast_ref(), Some(RecoveryError::Paper(_) | RecoveryError::WrongSheet));
    let by_backup = matches!(
        error.downcast_ref(),
        Some(
            BackupError::Refused { .. } | BackupError::Unsound { .. } | BackupError::Useless { .. }
        )
    );
    let by_rotation = matches!(error.downcast_ref(), Some(KeyRotationError::AtWork(_)));
    let by_users = error.downcast_ref().is_some_and(UsersError::is_refusal);
    let by_tool = by_backup || by_rotation || by_users;
    by_serve || by_store || by_policy || by_recovery || by_tool
}

fn start(cli: Cli) -> Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let flags = Settings { data: cli.data, ..Settings::default() };
    let (config, json) = (cli.config.as_deref(), cli.json);
    match cli.command {
        Command::Serve { settings, print_config, accept_clock, because, by } => {
            let typed = Settings { data: flags.data, ..*settings };
            let config = resolve(typed, config)?;
            logs::init(config.log);
            if print_config {
                let text = toml::to_string(&config).context("writing the configuration")?;
                text.lines().try_for_each(say)?;
                return Ok(Verdict::Done);
            }
            let acceptance = accept_clock.then(|| clock::acceptance(by, because)).transpose()?;
            runtime.block_on(serve::serve(config, acceptance)).map(|()| Verdict::Done)
        }
        Command::Verify { key: Some(key), paths } => verify::run(&key, &paths, json),
        Command::Verify { key: None, paths } => {
            let key = with_file(flags, config)?.data().join(crate::site::PUBLIC);
            verify::run(&key, &paths, json)
        }
        Command::Policy(command) => policy::run(&command, json),
        Command::Register(command) => register::run(&command, json),
        Command::Restore { file } => {
            // Nothing in the directory says anything yet.
            let asker = Asker { data: flags.data(), json };
            backup::restore(&asker, &file).map(|()| Verdict::Done)
        }
        Command::Journal(command) => {
            let asker = Asker { data: with_file(flags, config)?.data(), json };
            journal::run(&asker, &command)
        }
        Command::Backup { file } => {
            let asker = Asker { data: with_file(flags, config)?.data(), json };
            backup::make(&asker, config, &file).map(|()| Verdict::Done)
        }
        Command::Rehearse(options) => {
            logs::init(LogFormat::fitting());
            runtime.block_on(rehearse::run(options)).map(|()| Verdict::Done)
        }
        command => {
            let data = with_file(flags, config)?.data();
            let asker = Asker { data, json };
            runtime.block_on(ask(&asker, command)).map(|()| Verdict::Done)
        }
    }
}

async fn ask(asker: &Asker, command: Command) -> Result<()> {
    match command {
        Command::Status => asker.show(&get(&asker.data, "/status").await?),
        Command::Metrics => metrics::run(asker).await,
        Command::Panic(options) => panic::run(asker, options).await,
        Command::Machine(command) => machine::run(asker, command).await,
        Command::Batch(command) => batch::run(asker, command).await,
        Command::Model(command) => model::run(asker, command).await,
        Command::Protect(command) => protect::run(asker, command).await,
        Command::Lot(command) => lot::run(asker, command).await,
        Command::Clock(command) => clock::run(asker, command).await,
        Command::Image(command) => image::run(asker, command).await,
        Command::Certificate(command) => certificate::run(asker, command).await,
        Command::Dashboard(command) => dashboard::run(asker, &command).await,
        Command::User(command) => user::run(asker, command).await,
        Command::Log(wanted) => user::log(asker, &wanted).await,
        Command::Recovery(command) => recovery::run(asker, command).await,
        Command::Person(command) => person::run(asker, command).await,
        Command::Site(command) => site::run(asker, command).await,
        // Handled before; they need no coordinator.
        Command::Serve { .. }
        | Command::Verify { .. }
        | Command::Policy(_)
        | Command::Journal(_)
        | Command::Backup { .. }
        | Command::Restore { .. }
        | Command::Register(_)
        | Command::Rehearse(_) => Ok(()),
    }
}

impl Asker {
    /// Prints an answer as it came, indented for people.
    fn show(&self, answer: &[u8]) -> Result<()> {
        if self.json {
            return Ok(say_json(std::str::from_utf8(answer)?)?);
        }
        let value: serde_json::Value = serde_json::from_slice(answer)?;
        Ok(say_json(&serde_json::to_string_pretty(&value)?)?)
    }
}

/// Flags over file.
fn with_file(flags: Settings, config: Option<&Path>) -> Result<Settings> {
    let default = flags.data().join("rehome.toml");
    let file = match config {
        Some(path) => Some(path),
        None => default.exists().then_some(default.as_path()),
    };
    Ok(match file {
        Some(path) => flags.or(Settings::read(path)?),
        None => flags,
    })
}

fn resolve(flags: Settings, config: Option<&Path>) -> Result<Config> {
    Ok(with_file(flags, config)?.resolve(serve::find_address)?)
}

/// The name of who types this, for the journal's side table.
pub(crate) fn whoami() -> String {
    let login = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    let uid = nix::unistd::getuid();
    let by_id = || nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    login.or_else(by_id).unwrap_or_else(|| format!("user {uid}"))
}
