//! Server-sent events: what changed on the bench, at most twice a second and only if something did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::bench_page::Look;
use super::guard::Visitor;
use super::page::refusal_page;
use super::panic;
use super::{Desk, Shared};
use crate::login::Door;

/// Time between two looks.
pub(super) const PERIOD: Duration = Duration::from_millis(500);
/// A comment is sent this often, so that a dead connection is noticed on both sides.
const COMMENT_PERIOD: Duration = Duration::from_secs(10);
/// A browser that takes nothing for so long is given up.
const SEND_TIME: Duration = Duration::from_secs(20);

/// What a page was sent last.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    tiles: BTreeMap<String, String>,
    order: Vec<String>,
    summary: String,
    banner: String,
    panic: String,
}

/// What differs from that.
#[derive(Debug, Default, Serialize)]
pub(super) struct Change {
    /// Ids of all tiles in order, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Vec<String>>,
    /// The tiles that changed, as HTML by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tiles: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    banner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    panic: Option<String>,
}

impl Watcher {
    /// What changed since the last call; none if nothing did.
    pub(super) fn change(&mut self, look: &Look, visitor: &Visitor) -> Option<Change> {
        let lang = visitor.lang;
        let mut change = Change::default();
        let mut tiles = BTreeMap::new();
        for tile in &look.tiles {
            let (id, html) = (tile.html_id(), tile.markup(lang).into_string());
            if self.tiles.get(&id) != Some(&html) {
                change.tiles.insert(id.clone(), html.clone());
            }
            tiles.insert(id, html);
        }
        self.tiles = tiles;
        let order: Vec<_> = look.tiles.iter().map(super::tile::Tile::html_id).collect();
        change.order = replace(&mut self.order, order);
        change.summary = replace(&mut self.summary, look.summary(lang).into_string());
        change.banner = replace(&mut self.banner, look.banner.markup(visitor).into_string());
        let panic = panic::markup(visitor, look.panic.as_ref()).into_string();
        change.panic = replace(&mut self.panic, panic);
        let Change { order, tiles, summary, banner, panic } = &change;
        let frame = [summary, banner, panic].into_iter().any(Option::is_some);
        (frame || order.is_some() || !tiles.is_empty()).then_some(change)
    }
}

fn replace<T: PartialEq + Clone>(old: &mut T, new: T) -> Option<T> {
    (*old != new).then(|| {
        old.clone_from(&new);
        new
    })
}

/// `GET /events`
pub(super) async fn stream(State(desk): Shared, visitor: Visitor) -> Response {
    let Ok(place) = desk.streams.clone().try_acquire_owned() else {
        let busy = visitor.lang.words().busy;
        return refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, busy).into_response();
    };
    let (sender, body) = Channel::new(4);
    tokio::spawn(send_changes(desk, visitor, sender, place));
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Ends with the visit, with the page, or with the coordinator.
async fn send_changes(
    desk: Arc<Desk>,
    visitor: Visitor,
    mut sender: Sender<Bytes>,
    _place: OwnedSemaphorePermit,
) {
    let mut watcher = Watcher::default();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = desk.stopping.clone();
    let mut sent_at = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if !still_there(&desk, &visitor) {
            return;
        }
        let event = match watcher.change(&Look::now(&desk), &visitor) {
            Some(change) => match serde_json::to_string(&change) {
                Ok(json) => format!("data: {json}\n\n"),
                Err(error) => {
                    tracing::error!(target: "dashboard", %error, "a change cannot be written");
                    return;
                }
            },
            None if sent_at.elapsed() > COMMENT_PERIOD => ":\n\n".to_owned(),
            None => continue,
        };
        let sent = tokio::time::timeout(SEND_TIME, sender.send_data(event.into())).await;
        // The page is gone, or takes nothing.
        let Ok(Ok(())) = sent else { return };
        sent_at = Instant::now();
    }
}

fn still_there(desk: &Desk, visitor: &Visitor) -> bool {
    let found = desk.coordinator.login.find(&visitor.secret, Door::Browser, false);
    found.is_ok_and(|visit| visit.is_some())
}
