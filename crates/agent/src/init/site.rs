//! The site that the boot loader brought: whom to trust, and where it is.

use std::fs;

use anyhow::Context as _;
use protocol::api::SiteConfig;

/// In the second initrd, which the coordinator makes.
const SITE: &str = "/rehome/site.json";

/// Reads the site.
///
/// # Errors
/// When there is none: the appliance was then started by something else than a coordinator.
pub(super) fn read() -> anyhow::Result<SiteConfig> {
    let text = fs::read(SITE).with_context(|| {
        format!(
            "reading {SITE}: start this machine from a coordinator, which brings that file along"
        )
    })?;
    serde_json::from_slice(&text).with_context(|| format!("reading {SITE}"))
}
