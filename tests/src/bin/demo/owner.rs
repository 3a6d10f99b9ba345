//! Whose the demo's results are: a person's who called it through sudo, not root's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use workshop::process::run;

/// What the demo leaves in its directory.
const RESULTS: [&str; 5] = ["uefi", "bios", "dashboard.png", "site.pub", "summary.json"];

/// Directories on the way to `out` that are not there yet.
pub(crate) fn missing(out: &Path) -> Vec<PathBuf> {
    out.ancestors().take_while(|dir| !dir.exists()).map(Path::to_owned).collect()
}

/// Gives the results in `out`, and the directories `made` for them, to the user and group in `REHOME_OWNER`, where
/// `scripts/demo` names them.
pub(crate) fn give_back(out: &Path, made: &[PathBuf]) -> Result<()> {
    let Ok(owner) = std::env::var("REHOME_OWNER") else { return Ok(()) };
    let chown = |flags: &[&str], paths: Vec<PathBuf>| match paths.as_slice() {
        [] => Ok(()),
        paths => run(Command::new("chown").args(flags).arg(&owner).arg("--").args(paths))
            .map(drop)
            .context("the demo's results stay with root"),
    };
    let left = RESULTS.map(|name| out.join(name)).into_iter().filter(|path| path.exists());
    chown(&["--no-dereference", "--recursive"], left.collect())?;
    chown(&["--no-dereference"], made.to_vec())
}
