//! The log: lines on every serial console, or in the kernel's own log where there is none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;
use tracing_subscriber::fmt::MakeWriter;

use crate::roots::Roots;

/// Where lines go. Clones write to the same places.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    terminals: Arc<Mutex<Vec<File>>>,
}

impl Log {
    /// Opens every console of the kernel that is no virtual terminal, and `further` (as in `ttyS1`).
    ///
    /// Virtual terminals are left to the screen. Without any serial console lines go to `/dev/kmsg`. A
    /// console that cannot be opened is left out: there is no better place to complain.
    pub(crate) fn open(roots: &Roots, further: Option<&str>) -> Self {
        let active = fs::read_to_string(roots.sys.join("class/tty/console/active"));
        let active = active.unwrap_or_default();
        let names = console_names(&active, further);
        let mut terminals: Vec<File> =
            names.iter().filter_map(|name| open_terminal(&roots.dev.join(name)).ok()).collect();
        if terminals.is_empty() {
            terminals.extend(open_terminal(&roots.dev.join("kmsg")).ok());
        }
        Self { terminals: Arc::new(Mutex::new(terminals)) }
    }

    /// Writes a line, marked as ours.
    pub(crate) fn line(&self, line: &str) {
        self.write_everywhere(format!("rehome: {line}\n").as_bytes());
    }

    /// A serial port that fails is no reason to stop erasing drives, and cannot be told to anybody.
    fn write_everywhere(&self, text: &[u8]) {
        let mut terminals = self.terminals.lock().unwrap_or_else(PoisonError::into_inner);
        for terminal in &mut *terminals {
            let _ = terminal.write_all(text);
        }
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.write_everywhere(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn open_terminal(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(path)
}

/// The terminals to log to, each once: `active` is the kernel's list as in `tty0 ttyS0`.
fn console_names<'a>(active: &'a str, further: Option<&'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in active.split_ascii_whitespace().chain(further) {
        if !is_virtual_terminal(name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_virtual_terminal(name: &str) -> bool {
    let number = name.strip_prefix("tty");
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_consoles_get_the_log_and_the_screen_does_not() {
        for (active, further, expected) in [
            ("tty0\n", None, &[][..]),
            ("tty0 ttyS0\n", None, &["ttyS0"]),
            ("ttyS0", Some("ttyS1"), &["ttyS0", "ttyS1"]),
            ("ttyS0", Some("ttyS0"), &["ttyS0"]),
            ("tty1 hvc0 tty", None, &["hvc0"]),
            ("", None, &[]),
        ] {
            assert_eq!(console_names(active, further), expected, "{active:?} {further:?}");
        }
    }

    #[test]
    fn lines_reach_the_kernel_log_where_there_is_no_serial_console() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots {
            sys: root.path().join("sys"),
            proc: root.path().join("proc"),
            dev: root.path().join("dev"),
        };
        fs::create_dir(&roots.dev).unwrap();
        fs::write(roots.dev.join("kmsg"), "").unwrap();
        Log::open(&roots, None).line("stage=init Starting.");
        let text = fs::read_to_string(roots.dev.join("kmsg")).unwrap();
        assert_eq!(text, "rehome: stage=init Starting.\n");
    }
}
