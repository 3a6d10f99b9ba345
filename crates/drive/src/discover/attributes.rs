//! Reading sysfs and procfs, each failure with the path in it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::DiscoverError;

pub(super) fn read_text(path: &Path) -> Result<String, DiscoverError> {
    fs::read_to_string(path)
        .map(|text| text.trim_end().to_owned())
        .map_err(|source| failed(path, source))
}

/// None where there is no such file, or where its directory is a file itself.
pub(super) fn read_optional(path: &Path) -> Result<Option<String>, DiscoverError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(DiscoverError::Read { source, .. })
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn read_number(path: &Path) -> Result<u64, DiscoverError> {
    let text = read_text(path)?;
    text.parse().map_err(|_| DiscoverError::Number { path: path.to_owned(), text })
}

pub(super) fn canonicalize(path: &Path) -> Result<PathBuf, DiscoverError> {
    fs::canonicalize(path).map_err(|source| failed(path, source))
}

/// Names in a directory, sorted; none where there is no such directory.
pub(super) fn sorted_names(directory: &Path) -> Result<Vec<String>, DiscoverError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(directory, source)),
    };
    let names: io::Result<Vec<String>> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let mut names = names.map_err(|source| failed(directory, source))?;
    names.sort();
    Ok(names)
}

fn failed(path: &Path, source: io::Error) -> DiscoverError {
    DiscoverError::Read { path: path.to_owned(), source }
}
