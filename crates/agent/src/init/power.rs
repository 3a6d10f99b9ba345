//! The end of this boot: restart or power off, whatever hangs.

use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use nix::sys::reboot::{RebootMode, reboot};

/// How long reboot(2) may take. It waits for drivers, and so for ever on a drive that died.
const PATIENCE: Duration = Duration::from_secs(10);

/// How this boot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Start again.
    Reboot,
    /// Switch off.
    PowerOff,
}

impl Ending {
    /// The exit status by which the agent asks the supervisor for this.
    pub(crate) const fn exit_status(self) -> u8 {
        match self {
            Self::Reboot => 64,
            Self::PowerOff => 65,
        }
    }

    /// What an exit status of the agent asks for.
    pub(crate) fn from_exit_status(status: i32) -> Option<Self> {
        [Self::Reboot, Self::PowerOff]
            .into_iter()
            .find(|ending| i32::from(ending.exit_status()) == status)
    }

    /// The letter for `/proc/sysrq-trigger` that does it without asking a driver.
    const fn sysrq(self) -> &'static str {
        match self {
            Self::Reboot => "b",
            Self::PowerOff => "o",
        }
    }
}

/// Ends this boot now: by reboot(2), and by sysrq where that does not come back within ten seconds.
///
/// The agent calls it in its own process rather than exit: a thread that is stuck on a dying drive keeps
/// a process from ever ending, and the supervisor would wait for it. There is no sync(2), which would
/// hang on the same drive; whoever wrote something has flushed it.
pub(crate) fn end(ending: Ending) -> ! {
    let by_kernel = thread::Builder::new().name("reboot".into()).spawn(move || {
        let mode = match ending {
            Ending::Reboot => RebootMode::RB_AUTOBOOT,
            Ending::PowerOff => RebootMode::RB_POWER_OFF,
        };
        match reboot(mode) {
            Ok(never) => match never {},
            Err(error) => complain(&format!("reboot(2): {error}")),
        }
    });
    match by_kernel {
        Ok(_detached) => thread::sleep(PATIENCE),
        Err(error) => complain(&format!("starting a thread for reboot(2): {error}")),
    }
    loop {
        complain("the kernel did not end this boot; asking sysrq; if it stays on, switch it off");
        if let Err(error) = sysrq(ending.sysrq()) {
            complain(&format!("sysrq {}: {error}; switch the machine off", ending.sysrq()));
        }
        // Who switches off does not start again instead: that the power was off is what counts. A person does it then.
        thread::sleep(PATIENCE);
    }
}

fn sysrq(letter: &str) -> io::Result<()> {
    // Debian's default mask allows the trigger file all the same, but a command line may not.
    fs::write("/proc/sys/kernel/sysrq", "1")?;
    fs::write("/proc/sysrq-trigger", letter)
}

/// A line on the console. Nobody can be told that the console itself is gone.
fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "rehome: {sentence}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_exit_statuses_end_the_boot() {
        for (status, expected) in [
            (0, None),
            (1, None),
            (101, None),
            (64, Some(Ending::Reboot)),
            (65, Some(Ending::PowerOff)),
        ] {
            assert_eq!(Ending::from_exit_status(status), expected, "{status}");
        }
    }
}
