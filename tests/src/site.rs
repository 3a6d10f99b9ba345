//! Coordinator data directories that start with the demo image: importing it for each test would take longer than
//! the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::run;

/// Where finished things are kept between runs: `REHOME_CACHE`, or `~/.cache/rehome`.
///
/// # Errors
/// When there is no home directory either.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(cache) = std::env::var_os("REHOME_CACHE") {
        return Ok(cache.into());
    }
    let home = std::env::var_os("HOME").context("neither REHOME_CACHE nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache/rehome"))
}

/// The appliance that `scripts/prepare` built.
///
/// # Errors
/// When it was not built yet.
pub fn appliance() -> Result<PathBuf> {
    prepared("appliance")
}

/// Makes `data` a fresh site of its own: the template's key and images, an empty journal. Chunks are shared with
/// the template by hard links where the file system allows it; nobody ever writes to one.
///
/// # Errors
/// When the template was not built yet or cannot be copied.
pub fn new_site(data: &Path) -> Result<()> {
    let template = prepared("site")?;
    ensure!(!data.exists(), "{} exists already", data.display());
    let linked = Command::new("cp").arg("-al").arg(&template).arg(data).output()?;
    if !linked.status.success() {
        let _ = std::fs::remove_dir_all(data);
        run(Command::new("cp").arg("-a").arg(&template).arg(data))?;
    }
    // A hard-linked journal would be everybody's; the template has none that says anything yet.
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("journal") {
            std::fs::remove_file(&path)?;
        } else if path.is_file() {
            let bytes = std::fs::read(&path)?;
            let mode = std::fs::metadata(&path)?.permissions();
            std::fs::remove_file(&path)?;
            std::fs::write(&path, bytes)?;
            std::fs::set_permissions(&path, mode)?;
        }
    }
    Ok(())
}

fn prepared(name: &str) -> Result<PathBuf> {
    let path = cache_dir()?.join(name);
    ensure!(path.is_dir(), "{} is not there; run scripts/prepare", path.display());
    Ok(path)
}
