//! Coordinator data directories that start with the demo image: importing it for each test would take longer than
//! the test.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// Where finished things are kept between runs: `REHOME_CACHE`, else `XDG_CACHE_HOME/rehome`, else `~/.cache/rehome`,
/// as in `scripts/environment`.
///
/// # Errors
/// When there is no home directory either.
pub fn cache_dir() -> Result<PathBuf> {
    let given = |name| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    Ok(match (given("REHOME_CACHE"), given("XDG_CACHE_HOME"), given("HOME")) {
        (Some(cache), ..) => cache,
        (None, Some(base), _) => base.join("rehome"),
        (None, None, Some(home)) => home.join(".cache/rehome"),
        (None, None, None) => bail!("neither REHOME_CACHE, XDG_CACHE_HOME nor HOME is set"),
    })
}

/// The appliance that `scripts/prepare` built.
///
/// # Errors
/// When it was not built yet.
pub fn appliance() -> Result<PathBuf> {
    prepared("appliance")
}

/// Makes `data` a fresh site of its own: the template's key and images, no journal. Chunks are shared with the template
/// by hard links where the file system allows it; nobody ever writes to one. All else is copied and belongs to whoever
/// runs this, locks above all: a shared one would be held by every test's coordinator at once.
///
/// # Errors
/// When the template was not built yet or cannot be copied.
pub fn new_site(data: &Path) -> Result<()> {
    let cache = cache_dir()?;
    // scripts/prepare holds this alone while it puts a new template in the old one's place.
    let lock = File::open(&cache).with_context(|| format!("failed to open {}", cache.display()))?;
    lock.lock_shared().with_context(|| format!("failed to lock {}", cache.display()))?;
    let template = prepared("site")?;
    ensure!(!data.exists(), "{} exists already", data.display());
    copy_tree(&template, data, false)
}

fn copy_tree(from: &Path, to: &Path, linked: bool) -> Result<()> {
    let failed = || format!("failed to copy {} to {}", from.display(), to.display());
    DirBuilder::new().mode(0o700).create(to).with_context(failed)?;
    for entry in fs::read_dir(from).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().with_context(failed)?.is_dir() {
            copy_tree(&source, &target, linked || entry.file_name() == "chunks")?;
        } else if !linked || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)
                .with_context(|| format!("failed to copy {}", source.display()))?;
        }
    }
    Ok(())
}

fn prepared(name: &str) -> Result<PathBuf> {
    let path = cache_dir()?.join(name);
    ensure!(path.is_dir(), "{} is not there; run scripts/prepare", path.display());
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_copied_site_shares_chunks_and_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("template"), dir.path().join("site"));
        fs::create_dir_all(from.join("images/chunks/1f")).unwrap();
        let files = [("lock", 1), ("site.key", 1), ("images/lock", 1), ("images/chunks/1f/a", 2)];
        for (name, _) in files {
            fs::write(from.join(name), name).unwrap();
        }
        copy_tree(&from, &to, false).unwrap();
        for (name, n_links) in files {
            assert_eq!(fs::read_to_string(to.join(name)).unwrap(), name);
            assert_eq!(fs::metadata(to.join(name)).unwrap().nlink(), n_links, "{name}");
        }
    }
}
