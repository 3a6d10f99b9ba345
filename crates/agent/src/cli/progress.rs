//! How far a pass is: a line that is written over on a terminal, a line for every tenth elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use protocol::ByteLen;
use sanitize::{Doing, Progress};

/// Shows one pass after another, on standard error.
#[derive(Debug)]
pub(super) struct Meter {
    on_terminal: bool,
    pass: Mutex<Option<Pass>>,
}

#[derive(Debug)]
struct Pass {
    name: String,
    /// When the pass first said how far it is, and how far that was.
    started: Instant,
    first: ByteLen,
    last: ByteLen,
    tenths: u64,
    is_line_open: bool,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { on_terminal: io::stderr().is_terminal(), pass: Mutex::new(None) }
    }

    /// So much of the pass of that name is done.
    pub(super) fn advanced(&self, name: &str, done: ByteLen, total: ByteLen) {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        // Less than before is another pass of that name.
        if pass.as_ref().is_none_or(|pass| pass.name != name || done < pass.last) {
            let name = name.to_owned();
            *pass = Some(Pass {
                name,
                started: Instant::now(),
                first: done,
                last: done,
                tenths: 0,
                is_line_open: false,
            });
        }
        let Some(pass) = pass.as_mut() else { return };
        let line = line(pass, done, total);
        let tenths = done.0.saturating_mul(10).checked_div(total.0).unwrap_or(10);
        // Whoever looked on may be gone (a lost session): that stops no work, and a panic would.
        let mut stderr = io::stderr().lock();
        let _ = match (self.on_terminal, done == total) {
            (true, true) => writeln!(stderr, "\r{line}"),
            (true, false) => write!(stderr, "\r{line}"),
            (false, _) if tenths > pass.tenths => writeln!(stderr, "{line}"),
            (false, _) => Ok(()),
        };
        (pass.tenths, pass.last) = (tenths, done);
        pass.is_line_open = self.on_terminal && done != total;
    }

    /// Ends the line of a pass that did not come to its end.
    pub(super) fn end(&self) {
        let pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner).take();
        if pass.is_some_and(|pass| pass.is_line_open) {
            let _ = writeln!(io::stderr());
        }
    }
}

impl Progress for Meter {
    fn advanced(&self, doing: Doing, done: ByteLen, total: ByteLen) {
        self.advanced(doing.name(), done, total);
    }

    fn stalled(&self, sentence: &str) {
        self.end();
        let _ = writeln!(io::stderr(), "{sentence}");
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end();
    }
}

fn line(pass: &Pass, done: ByteLen, total: ByteLen) -> String {
    let percent = u128::from(done.0) * 100 / u128::from(total.0.max(1));
    let millis = u64::try_from(pass.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let done_since = done.0.saturating_sub(pass.first.0);
    let rate = match done_since.saturating_mul(1000).checked_div(millis) {
        Some(rate) if rate > 0 => format!(", {}/s", ByteLen(rate)),
        _ => String::new(),
    };
    // The blanks cover what a longer line before left.
    format!("{:<9} {percent:>3} %  {done} of {total}{rate:<14}", pass.name)
}
