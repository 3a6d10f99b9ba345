//! What a person sees on the laptop, and the same as lines on its serial port.
//!
//! The screen shows the latest state at four frames a second at most. A line on the serial port is written
//! for each change of stage, sentence or problem and never for mere progress, so that the log tells the story.

mod draw;
mod font;
mod frame;
mod log;
mod numerals;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use protocol::api::Progress;
use protocol::{MachineNumber, Stage};

use crate::roots::Roots;

pub(crate) use log::Log;
pub(crate) use words::{Lang, Sentence};

/// At most four frames a second.
const FRAME: Duration = Duration::from_millis(250);

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The machine's number, once the coordinator has given one.
    pub(crate) number: Option<MachineNumber>,
    /// The agent's key in short ([`protocol::AgentKey::fingerprint`]).
    pub(crate) fingerprint: Option<String>,
    /// Where the machine is on its way.
    pub(crate) stage: Stage,
    /// What it does now.
    pub(crate) sentence: Sentence,
    /// How far that is, where it can be counted.
    pub(crate) progress: Option<Progress>,
    /// What is wrong and what to do next, in words.
    pub(crate) problem: Option<String>,
}

impl Default for State {
    /// An agent that has just begun.
    fn default() -> Self {
        Self {
            number: None,
            fingerprint: None,
            stage: Stage::Init,
            sentence: Sentence::Starting,
            progress: None,
            problem: None,
        }
    }
}

/// The running screen. Clones show on the same one.
#[derive(Debug, Clone)]
pub(crate) struct ScreenHandle {
    shown: Arc<Mutex<Shown>>,
    log: Log,
}

/// What the drawing thread reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    state: State,
    site: String,
    lang: Lang,
}

/// Starts screens.
#[derive(Debug)]
pub(crate) struct Screen;

impl Screen {
    /// Takes the laptop's terminal, where it has one, and starts to draw. Lines go to `log`.
    ///
    /// # Errors
    /// When the thread cannot be started. A machine without a screen is no error.
    pub(crate) fn spawn(roots: &Roots, lang: Lang, log: Log) -> std::io::Result<ScreenHandle> {
        let shown = Shown { lang, ..Shown::default() };
        let handle = ScreenHandle { shown: Arc::new(Mutex::new(shown)), log };
        let (drawn, roots) = (handle.clone(), roots.clone());
        thread::Builder::new().name("screen".into()).spawn(move || drawn.draw(&roots))?;
        Ok(handle)
    }

    /// A screen that nobody sees. Lines go to `log`.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn dark(lang: Lang, log: Log) -> ScreenHandle {
        ScreenHandle { shown: Arc::new(Mutex::new(Shown { lang, ..Shown::default() })), log }
    }
}

impl ScreenHandle {
    /// Changes the state that is shown.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        let mut shown = self.lock();
        let before = shown.state.clone();
        change(&mut shown.state);
        for line in story(&before, &shown.state) {
            self.log.line(&line);
        }
    }

    /// What is shown now.
    pub(crate) fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// Names the site in the title.
    pub(crate) fn set_site(&self, name: &str) {
        name.clone_into(&mut self.lock().site);
    }

    fn draw(&self, roots: &Roots) {
        let mut terminal = match draw::Terminal::open(roots) {
            Ok(terminal) => terminal,
            Err(error) => {
                tracing::info!(target: "init", error = %format!("{error:#}"), "there is no screen to draw on");
                return;
            }
        };
        loop {
            let shown = self.lock().clone();
            terminal.show(&shown);
            thread::sleep(FRAME);
        }
    }

    /// A poisoned lock holds a whole state all the same; it is only for people.
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines that a change is worth, always in English: they are for tests and for those who wrote this.
fn story(before: &State, after: &State) -> Vec<String> {
    let machine = after.number.map(|number| format!(" machine={number}")).unwrap_or_default();
    let mut lines = Vec::new();
    let numbered = before.number != after.number;
    if numbered || before.stage != after.stage || before.sentence != after.sentence {
        let sentence = after.sentence.text(Lang::En);
        lines.push(format!("stage={}{machine} {sentence}", after.stage));
    }
    if before.fingerprint != after.fingerprint
        && let Some(fingerprint) = &after.fingerprint
    {
        lines.push(format!("stage={}{machine} agent={fingerprint}", after.stage));
    }
    if before.problem != after.problem {
        let problem = after.problem.as_deref().unwrap_or("none any more");
        lines.push(format!("stage={}{machine} problem: {problem}", after.stage));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use protocol::ByteLen;

    use super::*;

    #[test]
    fn the_story_has_a_line_for_each_change_but_progress() {
        let before = State::default();
        let check = |change: fn(&mut State), expected: &[&str]| {
            let mut after = before.clone();
            change(&mut after);
            assert_eq!(story(&before, &after), expected);
        };
        check(|_| {}, &[]);
        check(
            |state| {
                let (done, total, rate) = (ByteLen(1), ByteLen(2), ByteLen(1));
                state.progress = Some(Progress { done, total, rate });
            },
            &[],
        );
        check(|state| state.stage = Stage::Inventory, &["stage=inventory Starting."]);
        check(
            |state| state.number = NonZeroU32::new(7).map(MachineNumber),
            &["stage=init machine=07 Starting."],
        );
        check(
            |state| {
                state.sentence = Sentence::LoadingDrivers;
                state.problem = Some("no cable".into());
                state.fingerprint = Some("1f1f-1f1f".into());
            },
            &[
                "stage=init Loading drivers for the hardware of this machine.",
                "stage=init agent=1f1f-1f1f",
                "stage=init problem: no cable",
            ],
        );
    }
}
