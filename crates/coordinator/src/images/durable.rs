//! Files that are there whole or not at all, whenever the power goes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{ImageError, at};

/// Tells temporary files of one process apart. The store's lock keeps other processes out.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Writes `bytes` to a temporary file, brings it to the medium and gives it its name. The folder must still be synced.
pub(super) fn write_file(
    temporary_folder: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), ImageError> {
    let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
    let temporary = temporary_folder.join(format!("{}-{number}", std::process::id()));
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        // The first error is the one to tell; what stays is swept by the next command.
        let _ = std::fs::remove_file(&temporary);
        at("writing", path, source)
    })
}

/// Brings names in these folders to the medium.
pub(super) fn sync_folders(folders: &BTreeSet<PathBuf>) -> Result<(), ImageError> {
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Brings names in a folder to the medium.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ImageError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| at("syncing the folder", folder, source))
}

/// Brings the name of a file just written to the medium, or removes the file again: what it needs is going to be removed.
pub(super) fn sync_or_undo(folder: &Path, file: &Path) -> Result<(), ImageError> {
    sync_folder(folder).inspect_err(|_| {
        // The first error is the one to tell; a file that stays names what is missing in its own words.
        let _ = std::fs::remove_file(file);
    })
}

/// Removes what an interrupted command left.
pub(super) fn sweep(temporary_folder: &Path) -> Result<(), ImageError> {
    let entries = std::fs::read_dir(temporary_folder)
        .map_err(|source| at("listing", temporary_folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| at("listing", temporary_folder, source))?;
        let path = entry.path();
        std::fs::remove_file(&path).map_err(|source| at("removing", &path, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_name_may_not_last_is_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manifest.json");
        for (synced, stays) in [(folder.path().to_owned(), true), (folder.path().join("x"), false)]
        {
            write_file(folder.path(), &file, b"{}").unwrap();
            assert_eq!(sync_or_undo(&synced, &file).is_ok(), stays);
            assert_eq!(file.exists(), stays);
        }
    }
}
