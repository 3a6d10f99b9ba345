//! The new system as a tar: Debian packages by mmdebstrap, overlays, hooks, seal.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::apt::{Archive, KEYRING, proxy_options};
use super::ext4::BLOCK_LEN;
use super::grub::CORE_MODULES;
use super::identity::ImageIdentity;
use super::overlay;
use super::recipe::Recipe;
use super::tool::{Tool, Tools};

const MMDEBSTRAP: Tool = Tool { name: "mmdebstrap", package: "mmdebstrap" };
/// What this step runs on the host.
pub(super) const TOOLS: &[Tool] = &[MMDEBSTRAP, Tool { name: "apt-get", package: "apt" }];

/// The builder's own last script inside the new system.
pub(super) const SEAL_SCRIPT: &str = include_str!("seal.sh");

/// What every image has whatever its recipe says: kernel, boot loaders, locale and time zone data.
const BASE_PACKAGES: &[&str] = &[
    "debian-archive-keyring",
    "grub-common",
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "grub2-common",
    "initramfs-tools",
    "linux-image-amd64",
    "locales",
    "shim-signed",
    "tzdata",
    "zstd",
];

/// Never installed, to keep images small; copyright files stay, as licences ask.
const LEFT_OUT: &[&str] = &[
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
];

/// What later steps need to know of the tree.
#[derive(Debug)]
pub(super) struct Census {
    /// 4 KiB blocks that contents and directories take.
    pub(super) n_blocks: u64,
    /// Files, directories and links.
    pub(super) n_inodes: u64,
    /// Boot loaders as packaged by Debian.
    pub(super) boot: BootFiles,
}

/// Boot loaders taken out of the new system.
#[derive(Debug, Default)]
pub(super) struct BootFiles {
    pub(super) shim: Vec<u8>,
    pub(super) mok_manager: Vec<u8>,
    pub(super) grub_efi: Vec<u8>,
    pub(super) boot_img: Vec<u8>,
    pub(super) core_img: Vec<u8>,
}

/// Installs packages, overlays and hooks; returns the tar of the whole system.
pub(super) fn install(
    tools: &Tools<'_>,
    recipe: &Recipe,
    identity: &ImageIdentity,
    archive: &Archive,
    work_dir: &Path,
) -> Result<PathBuf> {
    ensure!(
        Path::new(KEYRING).is_file(),
        "{KEYRING} is missing; run: apt install debian-archive-keyring"
    );
    let (early, late) = (work_dir.join("before.tar"), work_dir.join("after.tar"));
    let epoch = recipe.source_date_epoch();
    overlay::write_tar(&early, &overlay::before_packages(recipe, identity), None, epoch)?;
    overlay::write_tar(&late, &overlay::after_packages(recipe, identity), Some(recipe), epoch)?;
    let seal = work_dir.join("seal.sh");
    fs::write(&seal, SEAL_SCRIPT).context("failed to write the seal script")?;

    let tree = work_dir.join("rootfs.tar");
    let mut command = tools.command(MMDEBSTRAP);
    command.args(["--variant=apt", "--format=tar", "--architectures=amd64"]);
    if tools.privileged() {
        // Debian 13's /tmp is in memory; the cache's file system has room.
        command.arg("--mode=root").env("TMPDIR", work_dir);
    } else {
        command.arg("--mode=unshare");
    }
    command.arg(format!("--keyring={KEYRING}"));
    command.arg(format!("--components={}", recipe.components().join(",")));
    command.arg(format!("--include={}", packages(recipe).join(",")));
    command.arg("--aptopt=APT::Install-Recommends \"false\"");
    for option in proxy_options()? {
        command.arg(format!("--aptopt={option}"));
    }
    for option in dpkg_options(recipe) {
        command.arg(format!("--dpkgopt={option}"));
    }
    command.arg(format!("--essential-hook=tar-in {} /", quoted(&early)?));
    command.arg(format!("--customize-hook=tar-in {} /", quoted(&late)?));
    for hook in recipe.hooks() {
        command.arg(in_new_system("", hook)?);
    }
    let locales: Vec<_> = recipe.locales().collect();
    let settings = format!(
        "SOURCE_DATE_EPOCH={epoch} REHOME_TIMEZONE='{}' REHOME_LOCALES='{}' \
         REHOME_CORE_MODULES='{CORE_MODULES}'",
        recipe.timezone(),
        locales.join(" ")
    );
    command.arg(in_new_system(&settings, &seal)?);
    command.arg(recipe.suite()).arg(&tree).args(archive.source_lines(recipe.components()));

    let updates = if archive.has_security() { "with" } else { "WITHOUT" };
    let step = format!(
        "installing Debian {} {updates} its security updates (about two minutes)",
        recipe.suite()
    );
    tools.run(&step, MMDEBSTRAP, &mut command)?;
    Ok(tree)
}

fn packages(recipe: &Recipe) -> Vec<&str> {
    let own = recipe.packages().iter().map(String::as_str);
    BASE_PACKAGES.iter().copied().chain(own).collect::<BTreeSet<_>>().into_iter().collect()
}

fn dpkg_options(recipe: &Recipe) -> Vec<String> {
    let languages: BTreeSet<_> =
        recipe.locales().filter_map(|locale| locale.split(['_', '.']).next()).collect();
    let kept = languages
        .iter()
        .flat_map(|language| ["", "_*", "@*"].map(|variant| format!("{language}{variant}")))
        .map(|name| format!("path-include=/usr/share/locale/{name}/*"));
    LEFT_OUT.iter().map(ToString::to_string).chain(kept).collect()
}

/// A hook that feeds `script` to a shell inside the new system.
fn in_new_system(settings: &str, script: &Path) -> Result<String> {
    let script = quoted(script)?;
    Ok(format!("--customize-hook=chroot \"$1\" env {settings} sh -eu < {script}"))
}

/// `path` for the shell that runs hooks.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    ensure!(!text.contains('\''), "{text} has a quote in it; use another directory");
    Ok(format!("'{text}'"))
}

/// Reads the tar once: sizes, and the boot loaders.
pub(super) fn survey(tree: &Path) -> Result<Census> {
    let file = File::open(tree).context("failed to open the new system's tar")?;
    let mut census = Census { n_blocks: 0, n_inodes: 0, boot: BootFiles::default() };
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek().context("failed to read the new system's tar")? {
        let mut entry = entry.context("failed to read the new system's tar")?;
        let kind = entry.header().entry_type();
        if kind.is_hard_link() {
            continue;
        }
        census.n_inodes += 1;
        // A directory or a link too long for its inode takes one block.
        census.n_blocks +=
            if kind.is_dir() || kind.is_symlink() { 1 } else { entry.size().div_ceil(BLOCK_LEN) };
        let path = entry.path().context("a file name in the new system is damaged")?.into_owned();
        if let Some(slot) = census.boot.slot(&path) {
            entry
                .read_to_end(slot)
                .with_context(|| format!("failed to read {}", path.display()))?;
        }
    }
    census.boot.check()?;
    Ok(census)
}

impl BootFiles {
    fn slot(&mut self, path: &Path) -> Option<&mut Vec<u8>> {
        Some(match path.strip_prefix("./").unwrap_or(path).to_str()? {
            "usr/lib/shim/shimx64.efi.signed" => &mut self.shim,
            "usr/lib/shim/mmx64.efi.signed" => &mut self.mok_manager,
            "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" => &mut self.grub_efi,
            "boot/grub/i386-pc/boot.img" => &mut self.boot_img,
            "boot/grub/i386-pc/core.img" => &mut self.core_img,
            _ => return None,
        })
    }

    fn check(&self) -> Result<()> {
        for (content, what) in [
            (&self.shim, "signed shim"),
            (&self.mok_manager, "signed MokManager"),
            (&self.grub_efi, "signed GRUB"),
            (&self.boot_img, "GRUB boot sector"),
            (&self.core_img, "GRUB core image"),
        ] {
            ensure!(!content.is_empty(), "the new system has no {what}; did a hook remove it?");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_with(files: &[(&str, usize)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = tar::Builder::new(file.reopen().unwrap());
        for &(name, len) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(len as u64);
            tar.append_data(&mut header, name, vec![7; len].as_slice()).unwrap();
        }
        tar.into_inner().unwrap();
        file
    }

    #[test]
    fn counts_blocks_and_takes_the_boot_loaders_out() {
        let boot = [
            ("usr/lib/shim/shimx64.efi.signed", 4097),
            ("usr/lib/shim/mmx64.efi.signed", 1),
            ("usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", 4096),
            ("boot/grub/i386-pc/boot.img", 512),
            ("boot/grub/i386-pc/core.img", 513),
        ];
        let census = survey(tar_with(&boot).path()).unwrap();
        assert_eq!((census.n_blocks, census.n_inodes), (6, 5));
        assert_eq!(census.boot.shim, vec![7; 4097]);
        let error = survey(tar_with(&boot[1..]).path()).unwrap_err();
        assert!(error.to_string().contains("no signed shim"));
    }
}
