//! The console as standard streams.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use nix::fcntl::OFlag;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};

/// Puts /dev/console on descriptors 0 to 2, whatever was there.
///
/// The kernel does that itself where the initramfs has the node; where it has not, Rust's runtime has put
/// /dev/null there before `main`, and nobody would see a word.
///
/// # Errors
/// When /dev/console cannot be opened. The process then goes on in silence.
pub(super) fn open_console() -> io::Result<()> {
    let console = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open("/dev/console")?;
    dup2_stdin(&console)?;
    dup2_stdout(&console)?;
    dup2_stderr(&console)?;
    Ok(())
}
