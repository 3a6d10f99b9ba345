//! From a backup to a data directory, which is there whole or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::archive::{MemberName, copy_and_measure};
use super::{BackupError, FORMAT, KIND, Manifest, file_error, folder_of};
use crate::data_dir::DataDir;
use crate::images::ImageStore;
use crate::journal::{self, Journal};
use crate::recovery::RecoverySecret;
use crate::site::Site;
use crate::users::Users;

/// Restores a backup as the new data directory `data`.
///
/// # Errors
/// When the directory is not new, the file is not a whole backup, or its parts do not belong together; nothing is
/// restored then.
pub(crate) fn restore(file: &Path, data: &Path) -> Result<Manifest, BackupError> {
    is_new(data)?;
    let parent = folder_of(data);
    let written = |source| file_error("restoring into", data, source);
    fs::create_dir_all(parent).map_err(written)?;
    let room = tempfile::Builder::new()
        .prefix(".rehome-restore-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(written)?;
    // Marked as ours while it is empty, and nobody else's as long as we are at it.
    let ours = DataDir::open(room.path())?;
    let opened = File::open(file).map_err(|source| BackupError::File {
        operation: "reading",
        path: file.to_owned(),
        remedy: "name the backup's file",
        source,
    })?;
    let refuse = |why: String| BackupError::Refused { path: file.to_owned(), why };
    let manifest = unpack(BufReader::new(opened), room.path()).map_err(|error| match error {
        Unpack::Archive(why) => refuse(why),
        Unpack::Write(source) => written(source),
    })?;
    belong_together(&manifest, room.path()).map_err(|error| match error {
        BackupError::Unsound { why } => refuse(why),
        error => error,
    })?;
    sync(room.path()).map_err(written)?;
    // Over an empty directory or to a new name; anything else makes it fail.
    fs::rename(room.path(), data).map_err(written)?;
    // It is no longer where it would be removed from.
    let _ = room.keep();
    drop(ours);
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(written)?;
    Ok(manifest)
}

/// Why unpacking ended.
pub(super) enum Unpack {
    /// What is wrong with the archive.
    Archive(String),
    /// What is wrong here.
    Write(io::Error),
}

fn is_new(data: &Path) -> Result<(), BackupError> {
    let read = |source| file_error("looking at", data, source);
    match fs::symlink_metadata(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(read(source)),
        Ok(there) if !there.is_dir() => Err(BackupError::NotEmpty { path: data.to_owned() }),
        Ok(_) => match fs::read_dir(data).map_err(read)?.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::NotEmpty { path: data.to_owned() }),
        },
    }
}

/// Takes regular files of known names only, each once, and all that the list in front names, as it names them.
pub(super) fn unpack(file: impl Read, into: &Path) -> Result<Manifest, Unpack> {
    let bad = |why: String| Unpack::Archive(why);
    let mut archive = tar::Archive::new(file);
    // Raw: without what archives use to say long names, which could be as long as they like.
    let entries = archive.entries().map_err(|error| bad(error.to_string()))?.raw(true);
    let mut manifest: Option<Manifest> = None;
    let mut listed = Vec::new().into_iter();
    let mut seen = BTreeSet::new();
    for entry in entries {
        let mut entry = entry.map_err(|error| bad(error.to_string()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("its member {name:?} is not a plain file")));
        }
        let name = MemberName::try_from(name).map_err(|error| bad(error.to_string()))?;
        if !seen.insert(name.clone()) {
            return Err(bad(format!("its member {:?} is in it twice", name.as_str())));
        }
        if manifest.is_none() {
            let read = read_manifest(&name, &mut entry).map_err(bad)?;
            listed = read.members.clone().into_iter();
            manifest = Some(read);
            continue;
        }
        let wanted = listed.next().filter(|it| it.name == name).ok_or_else(|| {
            bad(format!("its member {:?} is not what its list says", name.as_str()))
        })?;
        let path = into.join(name.as_str());
        let mut out = create(&path).map_err(Unpack::Write)?;
        let measured = copy_and_measure(&mut entry, &mut out, name.max_len().min(wanted.len));
        let (len, sha256) = measured.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unpack::Write(error),
            _ => bad(format!("its member {:?}: {error}", name.as_str())),
        })?;
        if (len, sha256) != (wanted.len, wanted.sha256) {
            let name = name.as_str();
            return Err(bad(format!("its member {name:?} is damaged or cut short: {len} bytes")));
        }
        out.sync_all().map_err(Unpack::Write)?;
    }
    if let Some(missing) = listed.next() {
        return Err(bad(format!("it was cut short: {:?} is missing", missing.name.as_str())));
    }
    let manifest = manifest.ok_or_else(|| bad("there is nothing in it".to_owned()))?;
    let needed = MemberName::SMALL.iter().filter(|(_, needed)| *needed).map(|(name, _)| *name);
    for name in needed.chain([MemberName::JOURNAL]) {
        if !manifest.members.iter().any(|it| it.name.is(name)) {
            return Err(bad(format!("{name:?} is not in it")));
        }
    }
    Ok(manifest)
}

fn read_manifest(name: &MemberName, entry: &mut impl Read) -> Result<Manifest, String> {
    if !name.is(MemberName::MANIFEST) {
        return Err(format!("it does not begin with {:?}", MemberName::MANIFEST));
    }
    let mut json = Vec::new();
    copy_and_measure(entry, &mut json, name.max_len()).map_err(|error| error.to_string())?;
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|error| format!("its list: {error}"))?;
    match (manifest.kind.as_str(), manifest.format) {
        (KIND, FORMAT) => Ok(manifest),
        (kind, format) => Err(format!("it is {kind:?} {format}, not {KIND:?} {FORMAT}")),
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Whether journal, keys, secret and images are one site's, and a coordinator can go on from them.
pub(super) fn belong_together(manifest: &Manifest, data: &Path) -> Result<(), BackupError> {
    let unsound = |why: &str| BackupError::Unsound { why: why.to_owned() };
    // All keys, that of TLS too.
    let site = Site::open(data)?.public();
    Users::of(data).check_file()?;
    let path = data.join(MemberName::JOURNAL);
    let findings = journal::verify(&path, Some(&site.into()))?;
    if let Some(bad) = findings.checks.iter().find(|it| !it.holds) {
        return Err(unsound(&bad.says));
    }
    if (site, findings.events, findings.root) != (manifest.site, manifest.events, manifest.root) {
        return Err(unsound("its journal is not the one that its list names"));
    }
    let locks = Journal::locks_at(&path)?;
    if !locks.secrets().is_empty() || RecoverySecret::is_in(data)? {
        RecoverySecret::open(data, &locks)?;
    }
    let store = ImageStore::open(data, site).map_err(BackupError::Images)?;
    match store.list().map_err(BackupError::Images)?.damaged.into_iter().next() {
        Some(damaged) => Err(BackupError::Images(damaged.error)),
        None => Ok(()),
    }
}

/// Brings every name to the medium; the files were when they were written.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
