//! The size of a terminal: `TIOCGWINSZ` of `asm-generic/termios.h`.
#![expect(unsafe_code, reason = "ioctl with a pointer as its argument")]

use std::os::fd::AsFd;

use nix::libc::{self, winsize};

use crate::IoctlError;
use crate::ioctl::Request;

const TIOCGWINSZ: Request = Request { name: "TIOCGWINSZ", code: libc::TIOCGWINSZ };

const _: () = assert!(size_of::<winsize>() == 8);

/// Rows and columns of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines on the screen.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The size of the terminal. `ENOTTY` where it is none.
pub fn size(terminal: &impl AsFd) -> Result<TerminalSize, IoctlError> {
    let mut answer = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one winsize through the pointer, which is exclusive for the call.
    unsafe { TIOCGWINSZ.send(terminal, &raw mut answer) }?;
    Ok(TerminalSize { rows: answer.ws_row, columns: answer.ws_col })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_no_size_in_characters() {
        let file = tempfile::tempfile().unwrap();
        assert!(size(&file).unwrap_err().is_unknown_request());
    }
}
