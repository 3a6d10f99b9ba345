//! Running the host's tools: found before work starts, watched while they run, quoted when they fail.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running tool is looked at.
const POLL_EVERY: Duration = Duration::from_millis(50);
/// How often a person hears that a tool still runs.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// How much of a failed tool's output is quoted.
const QUOTED_LINES: usize = 12;
/// Tools live in sbin directories that an unprivileged PATH lacks on Debian.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// A host tool and the Debian package that has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
}

/// The way to run tools during one build.
pub(super) struct Tools<'a> {
    path: String,
    source_date_epoch: u64,
    privileged: bool,
    progress: &'a dyn Fn(&str),
}

impl<'a> Tools<'a> {
    pub(super) fn new(source_date_epoch: u64, progress: &'a dyn Fn(&str)) -> Self {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
        let privileged = fs::metadata("/proc/self")
            .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
        Self { path: format!("{path}:{SBIN}"), source_date_epoch, privileged, progress }
    }

    /// Seconds since 1970 that stand for "now" in the image.
    pub(super) fn source_date_epoch(&self) -> u64 {
        self.source_date_epoch
    }

    /// Whether this process is root; otherwise file owners need a user namespace.
    pub(super) fn privileged(&self) -> bool {
        self.privileged
    }

    /// Refuses before any work when a tool is missing.
    pub(super) fn require(&self, tools: &[Tool]) -> Result<()> {
        let mut missing: Vec<_> =
            tools.iter().filter(|tool| self.find(tool.name).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_by_key(|tool| tool.package);
        let names: Vec<_> = missing.iter().map(|tool| tool.name).collect();
        let mut packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
        packages.dedup();
        bail!("{} missing on this host; run: apt install {}", names.join(", "), packages.join(" "))
    }

    /// A command with the build's environment: C locale, UTC, the recipe's clock.
    pub(super) fn command(&self, tool: Tool) -> Command {
        let mut command = Command::new(tool.name);
        self.set_environment(&mut command);
        command
    }

    /// As [`Tools::command`], as root or as root of a user namespace, so that files can belong to
    /// whom the image says.
    pub(super) fn command_as_owner(&self, tool: Tool) -> Command {
        if self.privileged {
            return self.command(tool);
        }
        let mut command = Command::new("unshare");
        self.set_environment(&mut command);
        command.args(["--map-root-user", "--map-auto", "--", tool.name]);
        command
    }

    /// Tells `step`, runs `command` to its end and tells now and then that it still runs.
    pub(super) fn run(&self, step: &str, tool: Tool, command: &mut Command) -> Result<()> {
        (self.progress)(step);
        let mut log = tempfile::NamedTempFile::new().context("failed to make a log file")?;
        command.stdin(Stdio::null()).stdout(log.reopen()?).stderr(log.reopen()?);
        let started = Instant::now();
        let mut child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{} is not installed; run: apt install {}",
                command.get_program().display(),
                tool.package
            ),
            spawned => spawned.with_context(|| format!("failed to start {}", tool.name))?,
        };
        let mut next_report = REPORT_EVERY;
        let status = loop {
            if let Some(status) = child.try_wait().context("failed to wait for a tool")? {
                break status;
            }
            if started.elapsed() >= next_report {
                (self.progress)(&format!("{step}: {} s so far", started.elapsed().as_secs()));
                next_report += REPORT_EVERY;
            }
            std::thread::sleep(POLL_EVERY);
        };
        if status.success() {
            return Ok(());
        }
        bail!("{} {}{}", tool.name, ending(status), last_words(log.as_file_mut())?)
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        self.path.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
    }

    fn set_environment(&self, command: &mut Command) {
        let epoch = self.source_date_epoch.to_string();
        command.env("PATH", &self.path).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command.env("SOURCE_DATE_EPOCH", &epoch).env("E2FSPROGS_FAKE_TIME", &epoch);
        command.env("MTOOLS_SKIP_CHECK", "1");
    }
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was stopped: {status}"),
    }
}

fn last_words(log: &mut File) -> Result<String> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    log.rewind()
        .and_then(|()| log.read_to_end(&mut bytes))
        .context("failed to read a tool's log")?;
    let text = String::from_utf8_lossy(&bytes);
    // Progress bars redraw a line with carriage returns; only what stayed on screen is quoted.
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end().rsplit('\r').next().unwrap_or_default())
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return Ok(", silently".to_owned());
    }
    let tail = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
    Ok(format!("; its last lines:\n  {}", tail.join("\n  ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SH: Tool = Tool { name: "sh", package: "dash" };

    fn failure_of(script: &str) -> String {
        let tools = Tools::new(0, &|_| ());
        let mut command = tools.command(SH);
        command.args(["-c", script]);
        tools.run("testing", SH, &mut command).unwrap_err().to_string()
    }

    #[test]
    fn failures_name_tool_code_and_last_words() {
        assert_eq!(
            failure_of("printf '10%%\\r20%%\\rno space left\\n' >&2; exit 3"),
            "sh ended with exit code 3; its last lines:\n  no space left"
        );
        assert_eq!(failure_of("exit 25"), "sh ended with exit code 25, silently");
        assert!(failure_of("kill -9 $$").starts_with("sh was stopped: signal: 9"));
    }

    #[test]
    fn missing_tools_are_named_with_their_packages() {
        let absent = |name, package| Tool { name, package };
        let error = Tools::new(0, &|_| ())
            .require(&[SH, absent("no-such-b", "pkg"), absent("no-such-a", "pkg")])
            .unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "no-such-b, no-such-a missing on this host; run: apt install pkg");
    }
}
