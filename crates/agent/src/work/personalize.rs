//! The installed system becomes this machine's own: name, identity, locale, and the one call of its first boot.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use nix::fcntl::OFlag;

/// What is set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) host_name: String,
    /// 32 hexadecimal digits (machine-id(5)).
    pub(crate) machine_id: String,
    pub(crate) locale: String,
    pub(crate) first_boot_url: String,
    pub(crate) first_boot_token: String,
}

/// Holds a one-time secret: nobody but root reads it.
const FIRST_BOOT: &str = "etc/rehome/first-boot.conf";

/// Writes the settings below `root`, the mounted root file system of the image. Host keys and random seeds that
/// an image may carry are removed: shared ones would be worse than none, and the first boot makes new ones.
pub(crate) fn apply(root: &Path, settings: &Settings) -> anyhow::Result<()> {
    check_host_name(&settings.host_name)?;
    check_locale(&settings.locale)?;
    for (path, content) in files(settings) {
        write(root, path, &content)?;
    }
    remove_matching(root, "etc/ssh", "ssh_host_")?;
    remove_matching(root, "var/lib/systemd", "random-seed")
}

/// Whether the settings are there, byte for byte.
pub(crate) fn check(root: &Path, settings: &Settings) -> anyhow::Result<()> {
    for (path, content) in files(settings) {
        let doing = || format!("reading back /{path} of the installed system");
        let found = fs::read(inside(root, path)?).with_context(doing)?;
        if found != content.as_bytes() {
            bail!(
                "/{path} of the installed system is not as it was written: the drive may be failing"
            );
        }
    }
    Ok(())
}

fn files(settings: &Settings) -> [(&'static str, String); 6] {
    let Settings { host_name, machine_id, locale, first_boot_url, first_boot_token } = settings;
    let hosts = format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{host_name}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    );
    [
        ("etc/hostname", format!("{host_name}\n")),
        ("etc/hosts", hosts),
        ("etc/machine-id", format!("{machine_id}\n")),
        ("etc/default/locale", format!("LANG={locale}\n")),
        ("etc/locale.conf", format!("LANG={locale}\n")),
        (FIRST_BOOT, format!("url={first_boot_url}\ntoken={first_boot_token}\n")),
    ]
}

/// RFC 1123 labels.
fn check_host_name(name: &str) -> anyhow::Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 63 || name.starts_with('-') || !name.chars().all(fits) {
        bail!("{name:?} is no host name");
    }
    Ok(())
}

fn check_locale(locale: &str) -> anyhow::Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-@".contains(c);
    if locale.is_empty() || locale.len() > 40 || !locale.chars().all(fits) {
        bail!("{locale:?} is no locale");
    }
    Ok(())
}

/// Replaces a file as a whole. The directory is walked without following links, so that no link in an image can
/// lead the write out of it.
fn write(root: &Path, path: &str, content: &str) -> anyhow::Result<()> {
    let doing = || format!("writing /{path} of the installed system");
    let target = inside(root, path).with_context(doing)?;
    let temporary = target.with_extension("rehome-new");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if path == FIRST_BOOT { 0o600 } else { 0o644 })
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&temporary)
        .with_context(doing)?;
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).with_context(doing)?;
    fs::rename(&temporary, &target).with_context(doing)
}

/// `root/path` with its directories made, refusing links on the way.
fn inside(root: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let mut at = root.to_owned();
    let mut parts = Path::new(path).components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { bail!("{path} is not a plain path") };
        at.push(name);
        if parts.peek().is_none() {
            break;
        }
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => bail!("{} is not a directory", at.display()),
            Err(_) => fs::create_dir(&at)?,
        }
    }
    Ok(at)
}

fn remove_matching(root: &Path, directory: &str, prefix: &str) -> anyhow::Result<()> {
    let doing = || format!("removing /{directory}/{prefix}* of the installed system");
    let directory = inside(root, &format!("{directory}/x")).with_context(doing)?;
    let Some(directory) = directory.parent() else { return Ok(()) };
    for entry in fs::read_dir(directory).with_context(doing)? {
        let entry = entry.with_context(doing)?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_file(entry.path()).with_context(doing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            host_name: "rehome-07".into(),
            machine_id: "0".repeat(32),
            locale: "pl_PL.UTF-8".into(),
            first_boot_url: "http://10.0.0.1:80/booted".into(),
            first_boot_token: "ab".repeat(32),
        }
    }

    #[test]
    fn the_system_becomes_the_machines_own_and_keeps_no_shared_key() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/ssh")).unwrap();
        fs::write(root.path().join("etc/ssh/ssh_host_rsa_key"), "shared").unwrap();
        fs::write(root.path().join("etc/hostname"), "image\n").unwrap();
        apply(root.path(), &settings()).unwrap();
        check(root.path(), &settings()).unwrap();
        let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!(read("etc/hostname"), "rehome-07\n");
        assert_eq!(read("etc/default/locale"), "LANG=pl_PL.UTF-8\n");
        assert!(read("etc/rehome/first-boot.conf").contains("token=abab"));
        assert!(!root.path().join("etc/ssh/ssh_host_rsa_key").exists());
        fs::write(root.path().join("etc/machine-id"), "another\n").unwrap();
        assert!(check(root.path(), &settings()).unwrap_err().to_string().contains("machine-id"));
    }

    #[test]
    fn a_link_in_the_image_leads_nowhere() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), root.path().join("etc")).unwrap();
        assert!(apply(root.path(), &settings()).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for bad in ["", "-a", "a b", "ä", "a\nb", &"a".repeat(64)] {
            assert!(check_host_name(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "x\ny", "$(x)"] {
            assert!(check_locale(bad).is_err(), "{bad:?}");
        }
    }
}
