//! One network namespace, with everything in it gone when it is dropped.

use std::fs::File;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::process::{in_english, run};

/// A network namespace of our own, made by `ip netns`.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name` with its loopback up.
    ///
    /// # Errors
    /// When not root, or when `ip` fails.
    pub fn create(name: &str) -> Result<Self> {
        if !geteuid().is_root() {
            bail!("network namespaces need root: run the tests as root or with sudo");
        }
        run(Command::new("ip").args(["netns", "add", name]))?;
        let namespace = Self { name: name.to_owned() };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// The name, as `ip netns list` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `program` to be run inside. Its process is the program itself, no wrapper stays.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        in_english(&mut command).args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `ip` inside with `words` split at spaces.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn ip(&self, words: &str) -> Result<String> {
        run(Command::new("ip").args(["-n", &self.name]).args(words.split_ascii_whitespace()))
    }

    /// Runs `act` on a thread of its own inside: a socket that it makes stays in the namespace, wherever it is used.
    ///
    /// # Errors
    /// When the thread cannot enter, or `act` fails.
    pub fn within<R: Send>(&self, act: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        let path = format!("/run/netns/{}", self.name);
        let entered = || {
            let handle = File::open(&path).with_context(|| format!("failed to open {path}"))?;
            setns(handle, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("failed to enter {path}"))?;
            act()
        };
        match std::thread::scope(|scope| scope.spawn(entered).join()) {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("workshop: {error:#}");
        }
    }
}

/// Kills, one by one, what runs in the namespace and deletes it.
///
/// # Errors
/// When a process does not go within 10 s or `ip` fails.
pub fn remove(name: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let pids = run(Command::new("ip").args(["netns", "pids", name]))?;
        if pids.trim().is_empty() {
            break;
        }
        for pid in pids.split_ascii_whitespace() {
            let pid = pid.parse().with_context(|| format!("`ip netns pids` said {pid:?}"))?;
            match kill(Pid::from_raw(pid), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno).context(format!("failed to kill process {pid}")),
            }
        }
        if Instant::now() >= deadline {
            bail!("processes in namespace {name} do not go: {}", pids.trim());
        }
        sleep(Duration::from_millis(50));
    }
    run(Command::new("ip").args(["netns", "delete", name]))?;
    Ok(())
}
