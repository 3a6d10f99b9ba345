//! Everything a coordinator needs to go on elsewhere, in one file: a tar archive of its data directory without the
//! images' chunks. Whoever has it is the site, so it is as secret as the keys in it.

mod archive;
mod restore;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use protocol::{ImageId, Sha256Digest, SiteKey, UnixMillis};
use serde::{Deserialize, Serialize};

pub(crate) use restore::restore;
use restore::{Unpack, belong_together, unpack};

use crate::images::{ImageError, ImageStore};
use crate::journal::{self, JournalError};
use crate::recovery::RecoveryError;
use crate::site::{self, SiteError};
use crate::users::UsersError;
use archive::{Member, MemberName};

/// What the manifest says it is.
const KIND: &str = "rehome-backup";
/// Version of this format.
const FORMAT: u32 = 1;

/// Why there is no backup, or it is not restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{path} is there already, and a backup never replaces anything; name another file")]
    Exists { path: PathBuf },
    #[error("{operation} {}; {remedy}", .path.display())]
    File {
        operation: &'static str,
        path: PathBuf,
        remedy: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{} is missing; there is nothing to back up before the first `rehome serve`", .path.display())]
    Missing { path: PathBuf },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error("looking for images")]
    Images(#[source] ImageError),
    #[error(
        "the journal does not hold, so no backup was made of it: {why}; `rehome journal verify` says all"
    )]
    Unsound { why: String },
    #[error(
        "what was packed cannot be restored, so no backup was made: {why}; nothing is wrong with the journal, look at the \
         file that is named"
    )]
    Useless { why: String },
    #[error("{} is no backup of rehome that this version can restore: {why}; nothing was restored", .path.display())]
    Refused { path: PathBuf, why: String },
    #[error("{} is there and not empty; name a new directory with --data", .path.display())]
    NotEmpty { path: PathBuf },
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    DataDir(#[from] crate::data_dir::DataDirError),
}

/// The first member of the archive: what is in the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    kind: String,
    format: u32,
    /// The version of rehome that made it.
    rehome: String,
    /// Whose it is.
    pub(crate) site: SiteKey,
    /// How many events the journal has.
    pub(crate) events: u64,
    /// Root over them.
    pub(crate) root: Sha256Digest,
    /// When the last of them happened. By the journal's word, as a clock that is set meanwhile changes nothing.
    pub(crate) last_event: UnixMillis,
    /// Images whose chunks are not in it.
    pub(crate) images: Vec<NamedImage>,
    members: Vec<Listed>,
}

/// An image that must be added again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedImage {
    /// Its id.
    pub(crate) id: ImageId,
    /// Its name.
    pub(crate) name: String,
}

/// A further member, in the archive's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: MemberName,
    len: u64,
    sha256: Sha256Digest,
}

/// What a backup was made of.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    /// What is in it.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    /// Manifests of images that are damaged and were left out.
    pub(crate) left_out: Vec<String>,
}

/// Makes a backup of a data directory as `to`, also while a coordinator serves from it. `config` is its configuration
/// file, if it has one.
///
/// # Errors
/// When something cannot be read or written, or the journal does not hold; there is no file `to` then.
pub(crate) fn backup(data: &Path, config: Option<&Path>, to: &Path) -> Result<Made, BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let folder = folder_of(to);
    let written = |source| file_error("writing the backup beside", to, source);
    let room = tempfile::Builder::new()
        .prefix(".rehome-backup-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(folder)
        .map_err(written)?;
    let site = site::read_public(data)?.ok_or_else(|| missing(data, "site.key"))?;
    // The checkpoint before the journal: what it speaks of is in the copy then.
    let mut members = small_members(data, config)?;
    let copy = room.path().join(MemberName::JOURNAL);
    if let Some(kept) = members.iter().find(|it| it.name.is(MemberName::CHECKPOINT)) {
        let beside = room.path().join(MemberName::CHECKPOINT);
        fs::write(&beside, kept.small().unwrap_or_default()).map_err(written)?;
    }
    journal::copy_to(&data.join(MemberName::JOURNAL), &copy)?;
    let findings = journal::verify(&copy, Some(&site.into()))?;
    if let Some(bad) = findings.checks.iter().find(|it| !it.holds) {
        return Err(BackupError::Unsound { why: bad.says.clone() });
    }
    if findings.site != Some(site) {
        let why =
            "a rotation of the site's key is not finished; the next `rehome serve` finishes it"
                .to_owned();
        return Err(BackupError::Unsound { why });
    }
    members.insert(0, Member::large(MemberName::JOURNAL, &copy).map_err(written)?);
    let (images, left_out) = image_members(data, site, &mut members)?;
    let mut listed = Vec::with_capacity(members.len());
    for member in &mut members {
        let (len, sha256) = member.measure().map_err(written)?;
        listed.push(Listed { name: member.name.clone(), len, sha256 });
    }
    let manifest = Manifest {
        kind: KIND.to_owned(),
        format: FORMAT,
        rehome: env!("CARGO_PKG_VERSION").to_owned(),
        site,
        events: findings.events,
        root: findings.root,
        last_event: findings.last_event,
        images,
        members: listed,
    };
    let packed = pack(&manifest, members, room.path()).map_err(written)?;
    // Its room is for the one that is unpacked.
    fs::remove_file(&copy).map_err(written)?;
    try_out(&packed, &manifest, &room.path().join("restored"), to)?;
    name(packed, to)?;
    Ok(Made { manifest, left_out })
}

/// Writes the archive under a temporary name and brings it to the medium.
fn pack(
    manifest: &Manifest,
    mut members: Vec<Member>,
    room: &Path,
) -> io::Result<tempfile::NamedTempFile> {
    let json = serde_json::to_vec(manifest)?;
    // In its own folder, so that nothing is left if we are told to end; readable for nobody else.
    let file = tempfile::NamedTempFile::new_in(room)?;
    let mut archive = tar::Builder::new(io::BufWriter::new(file.as_file()));
    let mut first = Member::text(MemberName::MANIFEST, json);
    std::iter::once(&mut first)
        .chain(&mut members)
        .try_for_each(|member| member.append(&mut archive))?;
    archive.into_inner()?.flush()?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Restores it beside, as [`restore`] would: who finds out later has nothing else left.
fn try_out(
    packed: &tempfile::NamedTempFile,
    manifest: &Manifest,
    room: &Path,
    to: &Path,
) -> Result<(), BackupError> {
    let written = |source| file_error("trying out the backup beside", to, source);
    fs::create_dir(room).map_err(written)?;
    let archive = packed.reopen().map_err(written)?;
    let unpacked = unpack(io::BufReader::new(archive), room);
    let unpacked = unpacked.map_err(|error| match error {
        Unpack::Archive(why) => BackupError::Useless { why },
        Unpack::Write(source) => written(source),
    })?;
    if unpacked != *manifest {
        let why = "its list reads otherwise than it was written".to_owned();
        return Err(BackupError::Useless { why });
    }
    let outcome = belong_together(manifest, room);
    outcome.map_err(|error| BackupError::Useless { why: in_words(error, room) })?;
    fs::remove_dir_all(room).map_err(written)
}

/// The error and its causes in one sentence, which names a file by its name in the data directory.
fn in_words(error: BackupError, room: &Path) -> String {
    let sentence = format!("{:#}", anyhow::Error::new(error));
    sentence.replace(&format!("{}/", room.display()), "")
}

/// Gives it its name.
fn name(packed: tempfile::NamedTempFile, to: &Path) -> Result<(), BackupError> {
    let written = |source| file_error("writing the backup", to, source);
    packed.persist_noclobber(to).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => written(error.error),
    })?;
    File::open(folder_of(to)).and_then(|folder| folder.sync_all()).map_err(written)
}

/// Keys, secret and settings, as far as they are there. Keys must be.
fn small_members(data: &Path, config: Option<&Path>) -> Result<Vec<Member>, BackupError> {
    let mut members = Vec::new();
    for (name, needed) in MemberName::SMALL {
        let path = match config {
            Some(config) if name == MemberName::CONFIG => config.to_owned(),
            _ => data.join(name),
        };
        match fs::read(&path) {
            Ok(content) => members.push(Member::text(name, content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Missing { path });
            }
            Err(source) => {
                let remedy = "run as the user who runs `rehome serve`";
                return Err(BackupError::File { operation: "reading", path, remedy, source });
            }
        }
    }
    Ok(members)
}

/// The images' manifests, and what to say of them.
fn image_members(
    data: &Path,
    site: SiteKey,
    members: &mut Vec<Member>,
) -> Result<(Vec<NamedImage>, Vec<String>), BackupError> {
    let store = ImageStore::open(data, site).map_err(BackupError::Images)?;
    let catalog = store.list().map_err(BackupError::Images)?;
    let mut images = Vec::new();
    for entry in &catalog.images {
        let envelope = store.manifest_envelope(entry.id()).map_err(BackupError::Images)?;
        members.push(Member::image(entry.id(), envelope.into_bytes()));
        images.push(NamedImage { id: entry.id(), name: entry.name().to_owned() });
    }
    let left_out = catalog.damaged.iter().map(|it| it.path.display().to_string()).collect();
    Ok((images, left_out))
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn missing(data: &Path, name: &str) -> BackupError {
    BackupError::Missing { path: data.join(name) }
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> BackupError {
    let remedy = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: make room or name a place on another one"
        }
        _ => "name another place if it cannot be written there",
    };
    BackupError::File { operation, path: path.to_owned(), remedy, source }
}

#[cfg(test)]
mod tests;
