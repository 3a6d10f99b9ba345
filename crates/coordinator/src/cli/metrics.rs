//! `rehome metrics`: what a monitor reads, for those that read files.

use anyhow::Result;

use super::Asker;
use crate::admin::client::get;
use crate::console::say;

/// Prints the metrics of the serving coordinator.
pub(super) async fn run(asker: &Asker) -> Result<()> {
    let page = get(&asker.data, "/metrics").await?;
    Ok(std::str::from_utf8(&page)?.lines().try_for_each(say)?)
}
