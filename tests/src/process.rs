//! Running foreign programs: once with their output, or in the background with a log file.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs `command` to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or does not exit with 0; the message holds its standard error.
pub fn run(command: &mut Command) -> Result<String> {
    let line = command_line(command);
    let output =
        in_english(command).stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed with {}: {}", output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Has a program speak English, whatever the host speaks: its words are waited for and taken apart.
pub(crate) fn in_english(command: &mut Command) -> &mut Command {
    command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE")
}

/// A program in the background. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    line: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both output streams appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let open = || -> Result<File> {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            options.open(log).with_context(|| format!("failed to open log {}", log.display()))
        };
        command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
        let child = command.spawn().with_context(|| cannot_start(command))?;
        Ok(Self { child, line: command_line(command), log: log.to_owned() })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file that holds what the program wrote.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How the program ended, or `None` while it runs.
    ///
    /// # Errors
    /// When the kernel cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("failed to wait for `{}`", self.line))
    }

    /// Waits until the program ends by itself.
    ///
    /// # Errors
    /// When it still runs after `timeout`.
    pub fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("`{}` still runs after {timeout:?}", self.line);
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// SIGKILL, then waits for the end, so that files and sockets are free again.
    ///
    /// # Errors
    /// When the signal or the wait fails.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().with_context(|| format!("failed to kill `{}`", self.line))?;
        }
        self.child.wait().with_context(|| format!("failed to wait for `{}`", self.line))?;
        Ok(())
    }

    /// The end of the log, for error messages.
    pub fn log_excerpt(&self) -> String {
        crate::log_tail::excerpt(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("workshop: {error:#}");
        }
    }
}

fn command_line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

fn cannot_start(command: &Command) -> String {
    format!(
        "failed to start `{}`; scripts/setup installs what is missing",
        command.get_program().to_string_lossy()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_shows_its_line_and_its_own_words() {
        let error = run(Command::new("sh").args(["-c", "echo no bench >&2; exit 3"])).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("sh -c") && message.contains("no bench"), "{message}");
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let process =
            Process::start(Command::new("sleep").arg("60"), &dir.path().join("log")).unwrap();
        let proc_entry = PathBuf::from(format!("/proc/{}", process.pid()));
        assert!(proc_entry.exists());
        drop(process);
        assert!(!proc_entry.exists());
    }
}
