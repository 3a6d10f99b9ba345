//! `rehome backup` and `rehome restore`

use std::path::Path;

use anyhow::Result;

use super::Asker;
use crate::backup::{self, Made, Manifest};
use crate::calendar::utc;
use crate::console::{say, say_json, tell};

pub(super) fn make(asker: &Asker, config: Option<&Path>, to: &Path) -> Result<()> {
    let made = backup::backup(&asker.data, config, to)?;
    for path in &made.left_out {
        tell(&format!("{path} is damaged and not in the backup; `rehome image check` says more"));
    }
    if asker.json {
        return Ok(say_json(&serde_json::to_string(&made)?)?);
    }
    let Made { manifest, .. } = made;
    say(&format!("{}: {}", to.display(), content(&manifest)))?;
    say(
        "it holds the site's private keys, the recovery secret and people's names: whoever has this file can sign in",
    )?;
    say(
        "this site's name and unlock its drives. Keep it locked away, and never on the bench's network",
    )?;
    say(
        "not in it are the appliance's boot files: build or copy them again (scripts/build-appliance)",
    )?;
    missing_images(
        &manifest,
        "not in it are the contents of these images, which must be added again",
    )
}

pub(super) fn restore(asker: &Asker, file: &Path) -> Result<()> {
    let manifest = backup::restore(file, &asker.data)?;
    if asker.json {
        return Ok(say_json(&serde_json::to_string(&manifest)?)?);
    }
    say(&format!("{}: {}; it holds", asker.data.display(), content(&manifest)))?;
    say(
        "what happened after that event is not in it: let nobody serve from the former directory any more",
    )?;
    say(
        "no machine boots from here before the appliance is there again (scripts/build-appliance)",
    )?;
    missing_images(
        &manifest,
        "add these images again before they are installed (`rehome image add`)",
    )
}

fn content(manifest: &Manifest) -> String {
    let Manifest { events, site, last_event, .. } = manifest;
    format!("site {site}, {events} events, the last of {}", utc(*last_event))
}

fn missing_images(manifest: &Manifest, sentence: &str) -> Result<()> {
    if manifest.images.is_empty() {
        return Ok(());
    }
    say(&format!("{sentence}:"))?;
    Ok(manifest.images.iter().try_for_each(|it| say(&format!("  {} ({})", it.name, it.id)))?)
}
