//! Frames onto a virtual terminal, by the escapes of console_codes(4). Only lines that changed are written.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::fcntl::OFlag;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use sys::terminal::TerminalSize;

use super::Shown;
use super::font;
use super::frame::{Line, Style, frame};
use crate::roots::Roots;

/// The terminal that is in front.
const TERMINAL: &str = "tty0";
/// UTF-8, cursor hidden, never blank the screen, clear it.
const PREPARE: &str = "\x1b%G\x1b[?25l\x1b[9;0]\x1b[14;0]\x1b[0m\x1b[2J";
/// Only `KERN_CRIT` and worse may appear between our lines.
const PRINTK_LEVEL: &str = "3";
/// All lines are written anew this often, over whatever else got there.
const REPAINT: Duration = Duration::from_secs(5);

/// The laptop's own screen.
#[derive(Debug)]
pub(super) struct Terminal {
    file: File,
    size: Option<TerminalSize>,
    drawn: Vec<String>,
    painted: Instant,
}

impl Terminal {
    /// Takes the terminal: font, no cursor, and the kernel told to be quiet.
    ///
    /// # Errors
    /// When there is no virtual terminal.
    pub(super) fn open(roots: &Roots) -> anyhow::Result<Self> {
        let path = roots.dev.join(TERMINAL);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        sys::terminal::size(&file).with_context(|| format!("measuring {}", path.display()))?;
        if let Err(error) = hide_keys(&file) {
            tracing::warn!(target: "init", %error, "pressed keys will show on the screen");
        }
        // Without the font Polish letters are wrong, yet all can be read.
        let font_set = font::load(roots)
            .and_then(|font| sys::console::set_font(&file, &font).context("setting the font"));
        if let Err(error) = font_set {
            tracing::warn!(target: "init", error = %format!("{error:#}"), "the screen keeps the kernel's font");
        }
        if let Err(error) = fs::write(roots.proc.join("sys/kernel/printk"), PRINTK_LEVEL) {
            tracing::warn!(target: "init", %error, "kernel messages may overwrite the screen");
        }
        Ok(Self { file, size: None, drawn: Vec::new(), painted: Instant::now() })
    }

    /// Draws what changed. A terminal that fails is tried again with the next frame.
    pub(super) fn show(&mut self, shown: &Shown) {
        let Ok(size) = sys::terminal::size(&self.file) else { return };
        let mut output = String::new();
        if self.size != Some(size) {
            output.push_str(PREPARE);
        }
        if self.size != Some(size) || self.painted.elapsed() >= REPAINT {
            self.drawn.clear();
            self.painted = Instant::now();
        }
        self.size = Some(size);
        let lines: Vec<String> =
            frame(shown, size).iter().map(|line| escaped(line, size)).collect();
        for (index, line) in lines.iter().enumerate() {
            if self.drawn.get(index) != Some(line) {
                // Writing to a String does not fail. The rest of the line is cleared after, not before: no flicker.
                let _ = write!(output, "\x1b[{};1H{line}", index + 1);
            }
        }
        if output.is_empty() {
            return;
        }
        match self.file.write_all(output.as_bytes()) {
            Ok(()) => self.drawn = lines,
            Err(_) => self.size = None,
        }
    }
}

/// Keys that somebody presses must not appear between our lines.
fn hide_keys(terminal: &File) -> nix::Result<()> {
    let mut settings = tcgetattr(terminal)?;
    settings.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
    tcsetattr(terminal, SetArg::TCSANOW, &settings)
}

fn escaped(line: &Line, size: TerminalSize) -> String {
    let mut text = String::new();
    let mut len = 0;
    for (style, piece) in line {
        text.push_str(escape(*style));
        text.push_str(piece);
        len += piece.chars().count();
    }
    text.push_str("\x1b[0m");
    // Behind a full line the cursor still stands on the last character, which would be cleared.
    if len < usize::from(size.columns) {
        text.push_str("\x1b[K");
    }
    text
}

/// Eight backgrounds is what every text console has; with 512 glyphs the VGA one has no bright letters either.
const fn escape(style: Style) -> &'static str {
    match style {
        Style::Plain => "\x1b[0m",
        Style::Bold => "\x1b[0;1m",
        Style::Dim => "\x1b[0;37m",
        Style::Title => "\x1b[0;30;47m",
        Style::Lit => "\x1b[0;47m",
        Style::Done => "\x1b[0;42m",
        Style::Rest => "\x1b[0;44m",
        Style::Problem => "\x1b[0;1;37;41m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_line_is_cleared_and_a_full_line_kept() {
        let size = TerminalSize { rows: 25, columns: 4 };
        let title = |text: &str| vec![(Style::Title, text.to_owned())];
        assert_eq!(escaped(&title("abc"), size), "\x1b[0;30;47mabc\x1b[0m\x1b[K");
        assert_eq!(escaped(&title("abcł"), size), "\x1b[0;30;47mabcł\x1b[0m");
        assert_eq!(escaped(&Line::new(), size), "\x1b[0m\x1b[K");
    }
}
