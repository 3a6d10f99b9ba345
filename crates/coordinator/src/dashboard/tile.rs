//! A machine as a tile of the bench: to be read from three meters away, by the color-blind too.

use maud::{Markup, html};
use protocol::api::Progress;
use protocol::{JobKind, Stage, UnixMillis};

use super::concern::{Concern, concerns};
use super::icon::{Icon, icon};
use super::lang::Lang;
use crate::bench::{Bench, Machine, MachineState};
use crate::live::Live;
use crate::view::{self, MachineView};

/// What a person has to make of a machine, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// It waits for a person's help.
    NeedsPerson,
    /// It is at work and its agent was not heard for a while.
    Silent,
    /// It is at work.
    Working,
    /// It may be unplugged.
    Done,
    /// It waits for being picked.
    Waiting,
    /// Its stock was taken, no more.
    Seen,
}

impl Mood {
    /// All, the most urgent first.
    pub(super) const ALL: [Self; 6] =
        [Self::NeedsPerson, Self::Silent, Self::Working, Self::Done, Self::Waiting, Self::Seen];

    /// Name of its style.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::NeedsPerson => "needs-person",
            Self::Silent => "silent",
            Self::Working => "working",
            Self::Done => "done",
            Self::Waiting => "waiting",
            Self::Seen => "seen",
        }
    }

    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::NeedsPerson => Icon::Alert,
            Self::Silent => Icon::Silent,
            Self::Working => Icon::Work,
            Self::Done => Icon::Done,
            Self::Waiting => Icon::Hand,
            Self::Seen => Icon::List,
        }
    }

    fn of(state: &MachineState, heard: bool) -> Self {
        match state {
            MachineState::Attention { .. } | MachineState::Held | MachineState::AwaitsVerdict => {
                Self::NeedsPerson
            }
            // Nobody can say for it whether that was to be expected.
            MachineState::FoundData => Self::NeedsPerson,
            MachineState::Finished
            | MachineState::Inventoried
            | MachineState::FoundBlank
            | MachineState::Booted => Self::Done,
            MachineState::Waiting => Self::Waiting,
            MachineState::Seen => Self::Seen,
            _ if heard => Self::Working,
            _ => Self::Silent,
        }
    }
}

/// A tile.
#[derive(Debug, Clone)]
pub(super) struct Tile {
    pub(super) row: MachineView,
    pub(super) state: MachineState,
    pub(super) mood: Mood,
    /// The stages of its work and how far it is; empty before it is admitted.
    stages: Vec<(Stage, Standing)>,
    silent_seconds: Option<u64>,
    concerns: Vec<Concern>,
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    Now,
    ToCome,
}

/// All tiles in the order in which a person should look at them.
pub(super) fn tiles(bench: &Bench, live: &Live, now: UnixMillis) -> Vec<Tile> {
    let mut tiles: Vec<_> = bench.machines().map(|it| tile(bench, live, now, it)).collect();
    tiles.sort_by_key(|tile| {
        let remaining = tile.row.remaining_seconds.filter(|_| tile.mood == Mood::Working);
        // A minute's difference must not make tiles dance.
        (tile.mood, remaining.map_or(u64::MAX, |seconds| seconds / 600), tile.row.number)
    });
    tiles
}

/// The tile of one machine.
pub(super) fn tile(bench: &Bench, live: &Live, now: UnixMillis, machine: &Machine) -> Tile {
    let row = view::machine(bench, live, now, machine);
    let state = machine.state(!bench.armed(now).is_empty());
    let mood = Mood::of(&state, row.heard);
    let since = row.last_heard.map(|at| now.0.saturating_sub(at.0) / 1000);
    // Counted in steps, or the page would change twice a second for nothing.
    let silent_seconds = since.filter(|_| mood == Mood::Silent).map(|it| it / 15 * 15);
    let stages = stages(machine, &state, row.stage.filter(|_| mood == Mood::Working));
    let concerns = concerns(bench, machine);
    Tile { row, state, mood, stages, silent_seconds, concerns }
}

fn stages(machine: &Machine, state: &MachineState, live: Option<Stage>) -> Vec<(Stage, Standing)> {
    let Some(admission) = &machine.admission else { return Vec::new() };
    let way: &[Stage] = match admission.job.kind {
        JobKind::Wipe {} => &[Stage::Plan, Stage::Sanitize, Stage::Verify, Stage::Report],
        JobKind::ImageOnly { .. } => {
            &[Stage::Plan, Stage::Verify, Stage::Image, Stage::Personalize, Stage::Report]
        }
        JobKind::VerifyOnly {} => &[Stage::Inventory, Stage::Verify, Stage::Report],
        JobKind::InventoryOnly {} => &[Stage::Inventory, Stage::Report],
        JobKind::Refurbish { .. } => &[
            Stage::Plan,
            Stage::Sanitize,
            Stage::Verify,
            Stage::Image,
            Stage::Personalize,
            Stage::Report,
        ],
    };
    let by_journal = match admission.state() {
        MachineState::Admitted if way.contains(&Stage::Inventory) => Stage::Inventory,
        MachineState::Admitted | MachineState::Planned => Stage::Plan,
        MachineState::Sanitizing => Stage::Sanitize,
        MachineState::Held | MachineState::Looking | MachineState::AwaitsVerdict => Stage::Verify,
        MachineState::Verified if way.contains(&Stage::Image) => Stage::Image,
        MachineState::Imaged => Stage::Personalize,
        MachineState::Verified | MachineState::Personalized | MachineState::Bootable => {
            Stage::Report
        }
        _ => Stage::Boot,
    };
    let at = live.filter(|stage| way.contains(stage)).unwrap_or(by_journal);
    // What stands still is still at it.
    let stopped = matches!(state, MachineState::Attention { .. }) && !machine.only_stands_still();
    let standing = |stage: &Stage| match stage.cmp(&at) {
        std::cmp::Ordering::Less => Standing::Done,
        std::cmp::Ordering::Equal if !stopped => Standing::Now,
        _ => Standing::ToCome,
    };
    way.iter().map(|stage| (*stage, standing(stage))).collect()
}

impl Tile {
    /// Its id in the page.
    pub(super) fn html_id(&self) -> String {
        format!("m{}", self.row.number.0)
    }

    /// One or two words.
    pub(super) fn word(&self, lang: Lang) -> &'static str {
        match (self.mood, self.row.stage) {
            (Mood::Silent, _) => lang.silent(),
            (Mood::Working, Some(stage)) => lang.stage(stage),
            _ => lang.state(&self.state),
        }
    }

    /// The tile as an item of the grid.
    pub(super) fn markup(&self, lang: Lang) -> Markup {
        let (words, row) = (lang.words(), &self.row);
        let word = self.word(lang);
        let number = row.number.to_string();
        html! {
            li id=(self.html_id()) class={ "tile " (self.mood.class()) }
                data-mood=(self.mood.class()) {
                a href={ "/machines/" (row.number.0) } {
                    div .head {
                        span .number { span .hidden { (words.machine) " " } (number) }
                        span .state { (icon(self.mood.icon())) span { (word) } }
                    }
                    div .body {
                        p .model { @if row.model.is_empty() { (words.unknown_model) } @else { (row.model) } }
                        (self.stages(lang))
                        (self.progress(lang))
                        (self.concerns(lang))
                        @for drive in row.unstoppable.iter().filter(|_| self.is_halted()) {
                            p .reason { (lang.unstoppable(drive)) }
                        }
                        (self.data(lang))
                        @if let Some(fingerprint) = &row.fingerprint {
                            p .key { (words.key) " " code { (fingerprint) } }
                        }
                    }
                }
            }
        }
    }

    fn is_halted(&self) -> bool {
        self.concerns.iter().any(|it| matches!(it, Concern::Halted))
    }

    fn stages(&self, lang: Lang) -> Markup {
        let words = lang.words();
        let running = matches!(self.mood, Mood::Working | Mood::Silent | Mood::NeedsPerson);
        html! {
            @if running && !self.stages.is_empty() {
                ol .stages aria-label=(words.stages) {
                    @for (stage, standing) in &self.stages {
                        @let (class, said) = match standing {
                            Standing::Done => ("past", words.stage_done),
                            Standing::Now => ("now", words.stage_now),
                            Standing::ToCome => ("later", words.stage_todo),
                        };
                        li class=(class) { span .hidden { (lang.stage(*stage)) ": " (said) } }
                    }
                }
            }
        }
    }

    fn progress(&self, lang: Lang) -> Markup {
        let words = lang.words();
        let Some(Progress { done, total, rate }) =
            self.row.progress.filter(|it| self.mood == Mood::Working && it.total.0 > 0)
        else {
            return match self.silent_seconds {
                Some(seconds) => html! {
                    p .figures { span { (words.last_heard) ": " (lang.ago(seconds)) } }
                },
                None => html! {},
            };
        };
        // Half a percent is as fine as anybody can see.
        let per_mille = u128::from(done.0.min(total.0)) * 1000 / u128::from(total.0);
        html! {
            progress max="1000" value=(per_mille / 5 * 5) aria-label=(words.progress) {}
            p .figures {
                b { (per_mille / 10) " %" }
                @if rate.0 > 0 { span { (lang.rate(rate)) } }
                @if let Some(seconds) = self.row.remaining_seconds { span { (lang.left(seconds)) } }
            }
        }
    }

    fn concerns(&self, lang: Lang) -> Markup {
        html! {
            @for concern in self.concerns.iter().take(2) {
                p .reason {
                    (concern.title(lang))
                    // What stopped the work stands nowhere else.
                    @if let Concern::Stopped(sentence) | Concern::StandsStill(sentence) = concern {
                        span .detail lang="en" { (sentence) }
                    }
                }
            }
        }
    }

    fn data(&self, lang: Lang) -> Markup {
        let (words, row) = (lang.words(), &self.row);
        let (there, all) = (row.data_still_there.len(), row.drives.len());
        html! {
            @if (there, all) == (0, 0) {
                p .data { (icon(Icon::Drive)) (words.no_drives) }
            } @else if there == 0 {
                p .data .gone { (icon(Icon::DriveEmpty)) (words.data_gone) }
            } @else if there >= all {
                p .data .there { (icon(Icon::Drive)) (words.data_there) }
            } @else {
                p .data .there { (icon(Icon::Drive)) (lang.some_data_there(there, all)) }
            }
        }
    }
}
