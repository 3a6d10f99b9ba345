//! The real coordinator, run as a technician would, in the workshop's namespace.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::{BRIDGE, Workshop};
use crate::log_tail::LogTail;
use crate::process::{Process, run};

/// The command that opens a lot whose owner accepted and stated what is needed before arming.
pub const PAPERS: [&str; 8] =
    ["lot", "open", "--owner", "Demo town hall", "--accepted-by", "Mayor", "--stated-by", "Mayor"];

/// What to serve.
#[derive(Debug, Clone)]
pub struct CoordinatorSpec {
    /// Its data directory.
    pub data: PathBuf,
    /// The appliance that laptops boot.
    pub appliance: PathBuf,
    /// More arguments of `rehome serve`, such as `--dhcp proxy`.
    pub args: Vec<String>,
}

/// A running `rehome serve`. Dropping it kills it.
#[derive(Debug)]
pub struct Coordinator<'a> {
    workshop: &'a Workshop,
    spec: CoordinatorSpec,
    /// A short way to the data directory: the path of the control socket in it holds 107 bytes.
    data: PathBuf,
    binary: PathBuf,
    process: Option<Process>,
    log: LogTail,
}

impl<'a> Coordinator<'a> {
    /// Starts it. Its log is `coordinator.log` in the data directory's parent.
    ///
    /// # Errors
    /// When the binary is missing or does not start.
    pub fn start(workshop: &'a Workshop, spec: CoordinatorSpec) -> Result<Self> {
        let log = spec.data.with_file_name("coordinator.log");
        let (binary, log) = (rehome_binary()?, LogTail::new(&log));
        let data = workshop.run_dir().join(workshop.add_label("site"));
        symlink(std::path::absolute(&spec.data)?, &data)
            .with_context(|| format!("failed to link {}", data.display()))?;
        let mut coordinator = Self { workshop, spec, data, binary, process: None, log };
        coordinator.restart()?;
        Ok(coordinator)
    }

    /// SIGKILL: nothing is flushed, nobody is told. No matter if it is already gone.
    ///
    /// # Errors
    /// When it does not go.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Starts it on the same data, after killing it if it runs. The log goes on; what is in it
    /// already is not waited for any more.
    ///
    /// # Errors
    /// When it does not go or does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.log.skip_to_end()?;
        let mut command = self.workshop.command(&self.binary);
        command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .arg("--appliance")
            .arg(&self.spec.appliance)
            .args(["--interface", BRIDGE])
            .args(&self.spec.args);
        self.process = Some(Process::start(&mut command, self.log.path())?);
        Ok(())
    }

    /// Waits until `needle` appears in its log, behind what was found last.
    ///
    /// # Errors
    /// After `timeout`, or when it ended; both show the end of the log.
    pub fn wait_log(&mut self, needle: &str, timeout: Duration) -> Result<()> {
        let process = self.process.as_mut().context("the coordinator does not run")?;
        self.log.wait_any(&[needle], timeout, || {
            Ok(process.ended()?.map(|status| format!("the coordinator ended with {status}")))
        })?;
        Ok(())
    }

    /// Waits until its doors are open; looking for other DHCP servers takes 5 s of it.
    ///
    /// # Errors
    /// When it ended or is not there after a minute; both show the end of the log.
    pub fn wait_serving(&mut self) -> Result<()> {
        self.wait_log("nothing is touched before", Duration::from_secs(60))
    }

    /// Its log.
    pub fn log(&self) -> &Path {
        self.log.path()
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When the kernel cannot say.
    pub fn is_running(&mut self) -> Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?.is_none()),
            None => Ok(false),
        }
    }

    /// `rehome --data DATA ARGS`, to be run beside the server.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--data").arg(&self.data).args(args);
        command
    }

    /// Runs a command of the technician and returns what it printed.
    ///
    /// # Errors
    /// When it does not exit with 0; the message holds its own.
    pub fn cli(&self, args: &[&str]) -> Result<String> {
        run(&mut self.command(args))
    }

    /// Opens a lot whose owner accepted and stated what is needed before arming, unless there is one.
    ///
    /// # Errors
    /// When the coordinator refuses.
    pub fn papers(&self) -> Result<()> {
        if self.cli_json(&["lot", "list", "--json"])?.as_array().is_some_and(Vec::is_empty) {
            self.cli(&PAPERS)?;
        }
        Ok(())
    }

    /// As [`Coordinator::cli`], for commands that print JSON.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub fn cli_json(&self, args: &[&str]) -> Result<Value> {
        let text = self.cli(args)?;
        serde_json::from_str(&text).with_context(|| format!("{args:?} printed no JSON: {text}"))
    }

    /// Runs a command that has to fail, and returns its exit code and standard error.
    ///
    /// # Errors
    /// When it succeeds, or was killed by a signal.
    pub fn cli_refused(&self, args: &[&str]) -> Result<(i32, String)> {
        let Output { status, stderr, .. } = self.command(args).stdin(Stdio::null()).output()?;
        ensure!(!status.success(), "{args:?} was not refused");
        let Some(code) = status.code() else { bail!("{args:?} ended with {status}") };
        Ok((code, String::from_utf8_lossy(&stderr).into_owned()))
    }
}

/// The coordinator's binary: `REHOME_BIN`, or `rehome` in the directory where cargo put the
/// running program (or, for a test, one above).
///
/// # Errors
/// When there is none; says how to build it.
pub fn rehome_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("REHOME_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe().context("failed to find this program's own path")?;
    let candidates = own.ancestors().skip(1).take(2).map(|dir| dir.join("rehome"));
    candidates.into_iter().find(|path| path.is_file()).with_context(|| {
        format!(
            "no `rehome` beside {}: run `cargo build -p rehome-coordinator` or set REHOME_BIN",
            own.display()
        )
    })
}
