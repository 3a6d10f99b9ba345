//! The bench: all machines as a grid.

use axum::extract::State;
use maud::{Markup, html};

use super::guard::Visitor;
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::models;
use super::page::{Head, Page, Place, page, token};
use super::tile::{Mood, Tile, tiles};
use super::{Desk, Shared};
use crate::access::Action;
use crate::bench::Bench;
use crate::disk_space::DiskSpaceError;
use crate::first_of_model::ModelRow;
use crate::panic::Panic;
use crate::waves::{Wave, wave};

/// What the bench looks like at one moment.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) tiles: Vec<Tile>,
    /// What is armed, and what stands in the way of all that is new, as a banner.
    pub(super) banner: Banner,
    /// Who stopped everything, if somebody has.
    pub(super) panic: Option<Panic>,
}

/// The batches that take machines or work on some, and a disk that is too full for more.
#[derive(Debug)]
pub(super) struct Banner {
    armed: Vec<Armed>,
    low_disk: Option<DiskSpaceError>,
    /// Models of which machines wait for a word.
    models: Vec<ModelRow>,
    /// Ports that the next laptops can have.
    next: Option<Wave>,
}

#[derive(Debug)]
struct Armed {
    job: protocol::JobKind,
    taken: usize,
    count: u32,
    seconds_left: u64,
    id: protocol::BatchId,
}

impl Look {
    /// A look at the bench now.
    pub(super) fn now(desk: &Desk) -> Self {
        let (published, now) =
            (desk.coordinator.journal.published(), desk.coordinator.journal.now());
        let bench = &published.bench;
        let tiles = tiles(bench, &desk.coordinator.live, now);
        let low_disk = desk.coordinator.disk.check().err();
        let ports = desk.coordinator.config.ports;
        let next = ports.and_then(|ports| wave(bench, &desk.coordinator.live, now, ports));
        let (armed, models) = (armed(bench, now), models::waiting(bench));
        let banner = Banner { armed, low_disk, models, next };
        Self { tiles, banner, panic: bench.panic().cloned() }
    }

    /// How many machines are in which mood, the most urgent first.
    pub(super) fn summary(&self, lang: Lang) -> Markup {
        let count = |mood| self.tiles.iter().filter(|tile| tile.mood == mood).count();
        let counts = Mood::ALL.map(|mood| (mood, count(mood)));
        let all = u64::try_from(self.tiles.len()).unwrap_or(u64::MAX);
        html! {
            span .all { (lang.machines(all)) }
            @for (mood, n) in counts.into_iter().filter(|(_, n)| *n > 0) {
                " "
                span class={ "count " (mood.class()) } {
                    (icon(mood.icon())) b { (n) } " " (lang.mood(mood))
                }
            }
        }
    }
}

impl Banner {
    /// The banner, with a button for disarming that needs the visitor's token.
    pub(super) fn markup(&self, visitor: &Visitor) -> Markup {
        let (lang, words) = (visitor.lang, visitor.lang.words());
        html! {
            @if let Some(low) = &self.low_disk {
                p .notice .bad role="alert" { (icon(Icon::Alert)) span { (lang.low_disk(low)) } }
            }
            @if self.armed.is_empty() { p .banner { (icon(Icon::List)) span { (words.not_armed) } } }
            @if let Some(wave) = &self.next {
                p .banner .armed { (icon(Icon::Hand)) span { (lang.plug_the_next(wave.free, wave.to_come)) } }
            }
            @for row in &self.models { (models::markup(visitor, row)) }
            @for batch in &self.armed {
                form .banner .armed method="post" action="/disarm" {
                    (token(visitor))
                    input type="hidden" name="batch" value=(batch.id);
                    (icon(Icon::Alert))
                    span {
                        b { (words.armed) ": " } (lang.job(&batch.job)) " · "
                        (lang.places(batch.taken, batch.count)) " · "
                        (lang.left(batch.seconds_left))
                    }
                    @if visitor.may(Action::Disarm) { button { (words.disarm) } }
                }
            }
        }
    }
}

fn armed(bench: &Bench, now: protocol::UnixMillis) -> Vec<Armed> {
    let mut armed: Vec<_> = bench
        .batches()
        .filter(|batch| batch.gives_tickets(now))
        .map(|batch| Armed {
            job: batch.job.kind.clone(),
            taken: batch.admitted.len(),
            count: batch.count,
            // In whole minutes, or the banner would change every second.
            seconds_left: (batch.until.0.saturating_sub(now.0) / 60_000 + 1) * 60,
            id: batch.id,
        })
        .collect();
    armed.sort_by_key(|batch| (batch.seconds_left, batch.id));
    armed
}

/// `GET /bench`
pub(super) async fn show(State(desk): Shared, visitor: Visitor) -> Page {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let look = Look::now(&desk);
    let content = html! {
        h1 .hidden { (words.bench) }
        p #summary .summary role="status" aria-live="polite" { (look.summary(lang)) }
        div #banner { (look.banner.markup(&visitor)) }
        div #empty .empty hidden[!look.tiles.is_empty()] {
            h2 { (words.bench_empty) }
            p { (words.bench_empty_hint) }
        }
        ul #grid .grid aria-label=(words.machines) {
            @for tile in &look.tiles { (tile.markup(lang)) }
        }
    };
    let head = Head { title: words.bench, place: Place::Bench, path: "/bench", live: true };
    page(&visitor, head, content)
}
