//! How far a pass is: a line that is written over on a terminal, a line for every tenth elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use protocol::ByteLen;

/// Shows one pass after another, on standard error.
#[derive(Debug)]
pub(super) struct Meter {
    on_terminal: bool,
    pass: Mutex<Option<Pass>>,
}

#[derive(Debug)]
struct Pass {
    name: String,
    started: Instant,
    tenths: u64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { on_terminal: io::stderr().is_terminal(), pass: Mutex::new(None) }
    }

    /// So much of the pass of that name is done.
    pub(super) fn advanced(&self, name: &str, done: ByteLen, total: ByteLen) {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if pass.as_ref().is_none_or(|pass| pass.name != name) {
            *pass = Some(Pass { name: name.to_owned(), started: Instant::now(), tenths: 0 });
        }
        let Some(pass) = pass.as_mut() else { return };
        let line = line(pass, done, total);
        let tenths = done.0.saturating_mul(10).checked_div(total.0).unwrap_or(10);
        match (self.on_terminal, done == total) {
            (true, true) => eprintln!("\r{line}"),
            (true, false) => eprint!("\r{line}"),
            (false, _) if tenths > pass.tenths => eprintln!("{line}"),
            (false, _) => {}
        }
        pass.tenths = tenths;
    }
}

fn line(pass: &Pass, done: ByteLen, total: ByteLen) -> String {
    let percent = u128::from(done.0) * 100 / u128::from(total.0.max(1));
    let millis = u64::try_from(pass.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let rate = ByteLen(done.0.saturating_mul(1000).checked_div(millis).unwrap_or(done.0));
    // The blanks cover what a longer line before left.
    format!("{:<9} {percent:>3} %  {done} of {total}, {rate}/s        ", pass.name)
}
