//! Finished images by recipe digest. One builder at a time; a file appears complete or not at all.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::recipe::Recipe;

/// Where the image of one recipe is, or will be.
#[derive(Debug)]
pub(super) struct Slot {
    dir: PathBuf,
    stem: String,
}

/// What a slot held when it was opened.
#[derive(Debug)]
pub(super) enum CachedImage {
    /// The finished image.
    Present(PathBuf),
    /// Nothing yet; the right to build it.
    Absent(Vacancy),
}

/// The right to fill a slot: holds its lock, and a work directory that vanishes with it.
#[derive(Debug)]
pub(super) struct Vacancy {
    finished: PathBuf,
    work_dir: tempfile::TempDir,
    _lock: File,
}

impl Slot {
    pub(super) fn of(recipe: &Recipe) -> Result<Self> {
        Ok(Self::in_dir(cache_dir()?, recipe.name(), recipe.digest()))
    }

    fn in_dir(cache: PathBuf, name: &str, digest: blake3::Hash) -> Self {
        Self { dir: cache.join("images"), stem: format!("{name}-{}", &digest.to_hex()[..16]) }
    }

    /// Waits while another process builds the same image.
    pub(super) fn open(&self, progress: &dyn Fn(&str)) -> Result<CachedImage> {
        let dir = &self.dir;
        fs::create_dir_all(dir)
            .with_context(|| format!("failed to make the image cache {}", dir.display()))?;
        let lock_path = dir.join(format!("{}.lock", self.stem));
        let lock = File::create(&lock_path)
            .with_context(|| format!("failed to open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress("waiting: another process builds the same image (minutes)");
                lock.lock().with_context(|| format!("failed to lock {}", lock_path.display()))?;
            }
            Err(TryLockError::Error(source)) => {
                return Err(source).context(format!("failed to lock {}", lock_path.display()));
            }
        }
        let finished = dir.join(format!("{}.raw", self.stem));
        if finished.exists() {
            return Ok(CachedImage::Present(finished));
        }
        let prefix = format!(".building-{}.", self.stem);
        self.sweep(&prefix)?;
        let work_dir = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(dir)
            .with_context(|| format!("failed to make a work directory in {}", dir.display()))?;
        Ok(CachedImage::Absent(Vacancy { finished, work_dir, _lock: lock }))
    }

    /// Removes what killed builds of this image left, gigabytes each. We hold the lock, so none of them goes on.
    fn sweep(&self, prefix: &str) -> Result<()> {
        let dir = &self.dir;
        let entries =
            fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("failed to list {}", dir.display()))?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                let path = entry.path();
                fs::remove_dir_all(&path)
                    .with_context(|| format!("failed to remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

impl Vacancy {
    /// A directory on the cache's file system, removed when the vacancy goes.
    pub(super) fn work_dir(&self) -> &Path {
        self.work_dir.path()
    }

    /// Moves the finished image into its slot.
    pub(super) fn keep(self, image: &Path) -> Result<PathBuf> {
        fs::rename(image, &self.finished)
            .with_context(|| format!("failed to move the image to {}", self.finished.display()))?;
        Ok(self.finished.clone())
    }
}

/// `REHOME_CACHE`, else `XDG_CACHE_HOME`/rehome, else `HOME`/.cache/rehome.
fn cache_dir() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("REHOME_CACHE") {
        return Ok(dir);
    }
    if let Some(dir) = set("XDG_CACHE_HOME") {
        return Ok(dir.join("rehome"));
    }
    match set("HOME") {
        Some(home) => Ok(home.join(".cache/rehome")),
        None => bail!("no place for the image cache: set REHOME_CACHE to a directory"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_finished_image_and_no_unfinished_one() {
        let cache = tempfile::tempdir().unwrap();
        let slot = Slot::in_dir(cache.path().to_owned(), "demo", blake3::hash(b"recipe"));
        let CachedImage::Absent(dropped) = slot.open(&|_| ()).unwrap() else {
            panic!("the cache is new")
        };
        let work_dir = dropped.work_dir().to_owned();
        fs::write(work_dir.join("half.raw"), "half").unwrap();
        drop(dropped);
        assert!(!work_dir.exists());

        // A build that was killed leaves its directory; the next one of the same image removes it, and no other.
        let other = Slot::in_dir(cache.path().to_owned(), "demo-2", blake3::hash(b"other"));
        let CachedImage::Absent(other) = other.open(&|_| ()).unwrap() else { panic!("it is new") };
        let killed = work_dir.with_file_name(format!(".building-{}.killed", slot.stem));
        fs::create_dir(&killed).unwrap();
        fs::write(killed.join("half.raw"), "half").unwrap();
        drop(slot.open(&|_| ()).unwrap());
        assert!(!killed.exists() && other.work_dir().exists());

        let CachedImage::Absent(vacancy) = slot.open(&|_| ()).unwrap() else {
            panic!("a dropped build must leave the slot empty")
        };
        let image = vacancy.work_dir().join("image.raw");
        fs::write(&image, "whole").unwrap();
        let kept = vacancy.keep(&image).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"whole");
        assert!(matches!(slot.open(&|_| ()).unwrap(), CachedImage::Present(path) if path == kept));
    }
}
