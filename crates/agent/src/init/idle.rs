//! Stock is taken and shown, and nothing else happens.

use std::convert::Infallible;
use std::thread;

use anyhow::Context as _;
use protocol::Stage;

use super::Context;
use crate::inventory;
use crate::screen::Sentence;

/// Puts the inventory into the log and waits for a person, whom the screen tells what is wrong.
pub(super) fn run(context: &Context) -> anyhow::Result<Infallible> {
    context.screen.update(|state| {
        state.stage = Stage::Inventory;
        state.sentence = Sentence::TakingStock;
    });
    let inventory = inventory::take(&context.roots, &context.cmdline, context.drives.as_ref())?;
    let json = serde_json::to_string(&inventory).context("writing the inventory as JSON")?;
    tracing::info!(target: "inventory", modules = context.modules.loaded(), problems = ?context.modules.problems());
    tracing::info!(target: "inventory", %json);
    context.screen.update(|state| state.sentence = Sentence::NeedsAttention);
    loop {
        thread::park();
    }
}
