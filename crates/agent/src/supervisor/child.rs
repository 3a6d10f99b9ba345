//! The agent as a child process, and the reaping of every orphan.

use std::fmt;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::FORMER_DEATH;
use crate::init::power::Ending;

/// The agent is this very binary; the second path is for a PID 1 that could not mount /proc.
const OWN_BINARY: [&str; 2] = ["/proc/self/exe", "/init"];
const POLL: Duration = Duration::from_millis(200);
/// How long threads may outlive their process before the next agent is started beside them.
const STUCK: Duration = Duration::from_secs(10);

/// How an agent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Death {
    /// It exited with this status.
    Exited(i32),
    /// A signal killed it.
    Killed(nix::sys::signal::Signal),
    /// It died, but threads of it hang in the kernel, mostly on a drive that does not answer.
    Stuck,
    /// It could not be started.
    NotStarted(String),
    /// The kernel knows no child any more.
    Lost,
}

impl Death {
    /// What the agent asked for by its exit status.
    pub(super) fn ending(&self) -> Option<Ending> {
        match self {
            Self::Exited(status) => Ending::from_exit_status(*status),
            _ => None,
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Killed(signal) => write!(f, "killed by {signal}"),
            Self::Stuck => f.write_str("ended, with threads that hang in the kernel"),
            Self::NotStarted(why) => write!(f, "was not started: {why}"),
            Self::Lost => f.write_str("vanished"),
        }
    }
}

/// Starts the agent, tells it how the former one died, and waits until it ends.
pub(super) fn run_agent(former_death: Option<&Death>) -> Death {
    match start(former_death) {
        Ok(agent) => wait(agent),
        Err(error) => Death::NotStarted(error.to_string()),
    }
}

fn start(former_death: Option<&Death>) -> io::Result<Pid> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for binary in OWN_BINARY {
        let mut command = Command::new(binary);
        command.arg("agent").stdin(Stdio::null());
        if let Some(death) = former_death {
            command.env(FORMER_DEATH, death.to_string());
        }
        match command.spawn() {
            Ok(child) => return Ok(Pid::from_raw(child.id().cast_signed())),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// Reaps whatever ends until the agent does.
fn wait(agent: Pid) -> Death {
    let mut leader_gone: Option<Instant> = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == agent => return Death::Exited(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == agent => {
                return Death::Killed(signal);
            }
            Ok(WaitStatus::StillAlive) => {
                if !is_zombie(agent) {
                    leader_gone = None;
                } else if leader_gone.get_or_insert_with(Instant::now).elapsed() > STUCK {
                    return Death::Stuck;
                }
                thread::sleep(POLL);
            }
            // An orphan, which is now reaped.
            Ok(_) => {}
            Err(Errno::ECHILD) => return Death::Lost,
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// Dead, but not to be waited for while a thread of it still runs (`wait_task_zombie` in the kernel).
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which stands in parentheses and may hold any character.
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_in_words_and_what_they_ask_for() {
        for (death, words, ending) in [
            (Death::Exited(0), "exit status 0", None),
            (Death::Exited(64), "exit status 64", Some(Ending::Reboot)),
            (Death::Exited(65), "exit status 65", Some(Ending::PowerOff)),
            (Death::Killed(nix::sys::signal::Signal::SIGKILL), "killed by SIGKILL", None),
            (Death::NotStarted("no such file".into()), "was not started: no such file", None),
        ] {
            assert_eq!(death.to_string(), words);
            assert_eq!(death.ending(), ending, "{death}");
        }
    }

    #[test]
    fn the_living_are_no_zombies() {
        assert!(!is_zombie(Pid::this()));
    }
}
