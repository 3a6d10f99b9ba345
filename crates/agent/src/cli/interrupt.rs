//! Ctrl-C: stops before the next request to the drive, instead of in the middle of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};

/// From now on Ctrl-C, a closed terminal and a wish to terminate set the flag and do no more.
///
/// To be called before any other thread is started: threads inherit which signals they leave to this one.
pub(super) fn flag() -> anyhow::Result<Arc<AtomicBool>> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().context("taking over Ctrl-C")?;
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            while let Ok(signal) = signals.wait() {
                raised.store(true, Ordering::Relaxed);
                eprintln!("\n{signal}: stopping after the request that is under way");
            }
        })
        .context("starting the thread that waits for Ctrl-C")?;
    Ok(flag)
}
