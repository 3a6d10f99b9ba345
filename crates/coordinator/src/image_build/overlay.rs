//! Files laid over the installed packages, as tars that belong to root whoever builds.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

use super::identity::ImageIdentity;
use super::recipe::{OverlayEntry, Recipe};

/// A file that the builder itself writes: path below `/` and content.
type Generated = (&'static str, String);

/// What packages read while they are being configured: must be there before they are.
pub(super) fn before_packages(recipe: &Recipe, identity: &ImageIdentity) -> Vec<Generated> {
    let locales: String = recipe.locales().map(|locale| format!("{locale} UTF-8\n")).collect();
    // fstab decides which file system checkers go into the initramfs.
    let fstab = format!(
        "UUID={} / ext4 errors=remount-ro 0 1\nUUID={} /boot/efi vfat noauto,umask=0077 0 0\n",
        identity.root_uuid,
        identity.esp_uuid()
    );
    vec![
        ("etc/locale.gen", locales),
        ("etc/timezone", format!("{}\n", recipe.timezone())),
        ("etc/default/keyboard", keyboard(recipe.keyboard())),
        ("etc/default/console-setup", CONSOLE_SETUP.to_owned()),
        ("etc/fstab", fstab),
    ]
}

/// What the packages must not overwrite, and what the agent later replaces for each machine.
pub(super) fn after_packages(recipe: &Recipe, identity: &ImageIdentity) -> Vec<Generated> {
    let locale = format!("LANG={}\n", recipe.locale());
    vec![
        ("etc/hostname", format!("{}\n", recipe.name())),
        ("etc/hosts", format!("127.0.0.1 localhost\n127.0.1.1 {}\n::1 localhost\n", recipe.name())),
        ("etc/machine-id", String::new()),
        ("etc/locale.conf", locale.clone()),
        ("etc/default/locale", locale),
        ("etc/default/grub", super::grub::defaults(recipe.title(), recipe.kernel_parameters())),
        (
            "boot/grub/grub.cfg",
            super::grub::menu(recipe.title(), recipe.kernel_parameters(), identity.root_uuid),
        ),
        ("boot/grub/early.cfg", super::grub::early_config(identity.root_uuid)),
        ("etc/apt/sources.list.d/debian.sources", apt_sources(recipe)),
    ]
}

/// Writes a tar: first the generated files, then the recipe's own, which win.
pub(super) fn write_tar(
    path: &Path,
    generated: &[Generated],
    own: Option<&Recipe>,
    mtime: u64,
) -> Result<()> {
    let file = File::create(path).with_context(|| format!("failed to make {}", path.display()))?;
    let mut tar = tar::Builder::new(file);
    for (name, content) in generated {
        append_file(&mut tar, Path::new(name), content.as_bytes(), false, mtime)?;
    }
    for (name, entry) in own.into_iter().flat_map(Recipe::overlay) {
        match entry {
            OverlayEntry::File { source, executable } => {
                let content = fs::read(source)
                    .with_context(|| format!("failed to read {}", source.display()))?;
                append_file(&mut tar, name, &content, *executable, mtime)?;
            }
            OverlayEntry::Link { target } => {
                let mut header = owned_by_root(mtime, 0o777);
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                tar.append_link(&mut header, name, target)
                    .with_context(|| format!("failed to add the link {}", name.display()))?;
            }
        }
    }
    tar.into_inner().and_then(|file| file.sync_all()).context("failed to finish an overlay tar")
}

// No directory entries: they would reset the modes of directories that packages made.
fn append_file(
    tar: &mut tar::Builder<File>,
    name: &Path,
    content: &[u8],
    executable: bool,
    mtime: u64,
) -> Result<()> {
    let mut header = owned_by_root(mtime, if executable { 0o755 } else { 0o644 });
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(u64::try_from(content.len())?);
    tar.append_data(&mut header, name, content)
        .with_context(|| format!("failed to add {} to an overlay tar", name.display()))
}

fn owned_by_root(mtime: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(mtime);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// 8x16 works on every screen; Lat2 has the letters of Polish and its neighbors.
const CONSOLE_SETUP: &str = "\
ACTIVE_CONSOLES=\"/dev/tty[1-6]\"
CHARMAP=\"UTF-8\"
CODESET=\"Lat2\"
FONTFACE=\"Fixed\"
FONTSIZE=\"8x16\"
VIDEOMODE=
";

fn keyboard(layout: &str) -> String {
    format!(
        "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"{layout}\"\nXKBVARIANT=\"\"\nXKBOPTIONS=\"\"\n\
         BACKSPACE=\"guess\"\n"
    )
}

/// The public mirror, not the workshop's: the laptop leaves the workshop.
fn apt_sources(recipe: &Recipe) -> String {
    let (suite, components) = (recipe.suite(), recipe.components().join(" "));
    let stanza = |uri: &str, suites: &str| {
        format!(
            "Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: {components}\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        )
    };
    format!(
        "{}\n{}",
        stanza("http://deb.debian.org/debian", &format!("{suite} {suite}-updates")),
        stanza("http://deb.debian.org/debian-security", &format!("{suite}-security"))
    )
}
