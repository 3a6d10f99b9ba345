//! The password of a drive that erases itself, in a file that a person keeps.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
use protocol::DrivePassword;

use super::random_bytes;
use super::refused::Refused;

/// `linux/magic.h`.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

/// Letters and digits that are not taken for one another.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// The password in the file; none where there is no file yet.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<DrivePassword>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("reading the password in {}", path.display()));
        }
    };
    let password = DrivePassword::try_from(text.trim_end().to_owned())
        .map_err(|error| Refused(format!("{}: {error}", path.display())))?;
    Ok(Some(password))
}

/// The password that is kept already, or a new one that is on disk when this returns: a drive that is locked with a
/// password that nobody has is lost. One that locks the drive already is somebody's, wherever they read it from.
pub(super) fn kept(
    path: Option<&Path>,
    kept: Option<DrivePassword>,
    is_locked: bool,
) -> anyhow::Result<DrivePassword> {
    let Some(path) = path else {
        let why =
            "this drive needs a password to erase itself; name a file for it: --password-file";
        return Err(Refused(why.to_owned()).into());
    };
    if let Some(password) = kept {
        if !is_locked {
            must_outlive_power(path)?;
            sync(path).with_context(|| format!("keeping the password in {}", path.display()))?;
        }
        return Ok(password);
    }
    let bytes: [u8; DrivePassword::LEN] = random_bytes()?;
    let text: String =
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    must_outlive_power(path)?;
    write(path, &text).with_context(|| format!("keeping the password in {}", path.display()))?;
    eprintln!("the drive's password until it is erased, also in {}: {text}", path.display());
    Ok(DrivePassword::try_from(text)?)
}

/// A live system's files are in memory: after a power cut nobody would know the password of a locked drive.
fn must_outlive_power(path: &Path) -> anyhow::Result<()> {
    let directory = directory(path);
    let kind = statfs(directory)
        .with_context(|| format!("asking what file system {} is on", directory.display()))?
        .filesystem_type();
    if [TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC].contains(&kind) {
        let why = "is in memory and gone with the power, and a drive that is locked meanwhile with it; name a file on \
                   a stick or disk";
        return Err(Refused(format!("{} {why}", directory.display())).into());
    }
    Ok(())
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    sync(path)
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()?;
    // A file whose name is not on disk is gone with the power.
    File::open(directory(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_on_disk_before_it_is_used_and_read_again() {
        // Not in /tmp, which may be in memory.
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = directory.path().join("password");
        assert!(read(&path).unwrap().is_none());
        assert!(kept(None, None, false).unwrap_err().is::<Refused>());
        let made = kept(Some(&path), None, false).unwrap();
        let again = read(&path).unwrap();
        assert_eq!(again, Some(made.clone()));
        assert_eq!(kept(Some(&path), again.clone(), false).unwrap(), made);
        let in_memory = tempfile::tempdir_in("/dev/shm").unwrap();
        let lost = in_memory.path().join("password");
        for known in [None, again.clone()] {
            let refused = kept(Some(&lost), known, false).unwrap_err();
            let sentence = refused.to_string();
            assert!(refused.is::<Refused>() && sentence.contains("in memory"), "{sentence}");
        }
        // What locks the drive already is no less known for it.
        assert_eq!(kept(Some(&lost), again, true).unwrap(), made);
        // Nothing is written over: it may open a drive.
        assert!(kept(Some(&path), None, false).is_err());
        fs::write(&path, "short\n").unwrap();
        assert!(read(&path).unwrap_err().is::<Refused>());
    }
}
