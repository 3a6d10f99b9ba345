//! PID 1: never dies, and restarts the agent whenever that does.
//!
//! Early boot as a flat list, then one loop. Whatever fails is said on the console and survived: when
//! PID 1 ends, the kernel panics and half-done work stands still.

mod child;
mod stdio;

use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use crate::init::{mounts, power};
use child::Death;

/// The environment variable that tells an agent how the one before it died.
pub(crate) const FORMER_DEATH: &str = "REHOME_FORMER_DEATH";

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// An agent that lived this long has not failed at once; the next pause is the first again.
const LIVED: Duration = Duration::from_secs(60);

/// The life of PID 1.
pub(crate) fn run() -> ! {
    // The kernel's views of itself, and /dev.
    for mount in mounts::EARLY {
        if let Err(error) = mount.mount() {
            say(&error.to_string());
        }
    }
    // An initramfs without /dev/console starts us without standard streams.
    if let Err(error) = stdio::open_console() {
        say(&format!("opening /dev/console: {error}"));
    }
    // From here on nothing but the agent, over and over.
    let mut former_death: Option<Death> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let death = child::run_agent(former_death.as_ref());
        if let Some(ending) = death.ending() {
            power::end(ending);
        }
        say(&format!("the agent died: {death}; starting it again in {} s", pause.as_secs()));
        thread::sleep(pause);
        let failed_at_once = started.elapsed() < LIVED;
        pause = if failed_at_once { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
        former_death = Some(death);
    }
}

/// A line on the console; `eprintln!` would panic where that is gone, and PID 1 must not.
fn say(sentence: &str) {
    let _ = writeln!(io::stderr(), "rehome: stage=init {sentence}");
}
