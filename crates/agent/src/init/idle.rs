//! Stock is taken and shown, and nothing else happens.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use drive::LinuxIdentityReader;
use protocol::Stage;

use super::Context;
use super::power::Ending;
use crate::inventory;
use crate::screen::Sentence;

const TICK: Duration = Duration::from_secs(1);

/// Prints the inventory into the log, then says how the network is, for ever.
pub(super) fn run(context: &Context) -> anyhow::Result<Ending> {
    context.screen.update(|state| {
        state.stage = Stage::Inventory;
        state.sentence = Sentence::TakingStock;
    });
    let inventory = inventory::take(&context.roots, &context.cmdline, &LinuxIdentityReader)?;
    let json = serde_json::to_string(&inventory).context("writing the inventory as JSON")?;
    tracing::info!(target: "inventory", modules = context.modules.loaded(), problems = ?context.modules.problems());
    tracing::info!(target: "inventory", %json);
    loop {
        let sentence = match context.net.wait_link(TICK).first() {
            Some(link) => Sentence::Connecting(link.server.to_string()),
            None => context.net.obstacle(),
        };
        context.screen.update(|state| state.sentence = sentence);
        thread::sleep(TICK);
    }
}
