//! `rehome image build RECIPE`: a bootable raw OS image out of Debian packages.
//!
//! recipe -> rootfs tar (mmdebstrap) -> ext4 + ESP + GRUB core image -> one GPT disk image that
//! boots on BIOS and on UEFI with Secure Boot. Nothing is mounted and no loop device is used. The
//! image is kept in a cache under a digest of the recipe and everything it refers to, so the same
//! recipe is built once.

mod apt;
mod cache;
mod disk;
mod esp;
mod ext4;
mod grub;
mod identity;
mod overlay;
mod recipe;
mod rootfs;
mod tool;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use cache::{CachedImage, Slot};
use identity::ImageIdentity;
use recipe::Recipe;
use tool::Tools;

/// An OS image that stands on the coordinator's disk as a raw file of 512-byte sectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuiltImage {
    /// Short name from the recipe, fit for file names and the command line.
    pub(crate) name: String,
    /// What a person reads in the boot menu and on the dashboard.
    pub(crate) title: String,
    /// The raw image.
    pub(crate) raw: PathBuf,
}

/// Builds the image of `recipe_path` (or takes it from the cache) and writes it to `out_raw`,
/// which appears complete or not at all.
///
/// `progress` gets a sentence at the start of each step and, while a step lasts, every few seconds.
///
/// # Errors
/// Names the recipe key, or the tool with its exit code, last words and Debian package.
pub(crate) fn build(
    recipe_path: &Path,
    out_raw: &Path,
    progress: &dyn Fn(&str),
) -> Result<BuiltImage> {
    let image = build_cached(recipe_path, progress)?;
    progress(&format!("writing the image to {}", out_raw.display()));
    disk::copy_sparse(&image.raw, out_raw)?;
    Ok(BuiltImage { raw: out_raw.to_owned(), ..image })
}

/// As [`build`], but leaves the image in the cache only. The file there must not be changed.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_cached(recipe_path: &Path, progress: &dyn Fn(&str)) -> Result<BuiltImage> {
    let recipe = Recipe::load(recipe_path)?;
    let slot = Slot::of(&recipe)?;
    let raw = match slot.open(progress)? {
        CachedImage::Present(raw) => {
            progress(&format!("image {} is in the cache: {}", recipe.name(), raw.display()));
            raw
        }
        CachedImage::Absent(vacancy) => {
            let identity = ImageIdentity::from_digest(recipe.digest());
            let unfinished = vacancy.work_dir().join("image.raw");
            make(&recipe, &identity, vacancy.work_dir(), &unfinished, progress)
                .with_context(|| format!("building image {} failed", recipe.name()))?;
            vacancy.keep(&unfinished)?
        }
    };
    let (name, title) = (recipe.name().to_owned(), recipe.title().to_owned());
    Ok(BuiltImage { name, title, raw })
}

fn make(
    recipe: &Recipe,
    identity: &ImageIdentity,
    work_dir: &Path,
    out: &Path,
    progress: &dyn Fn(&str),
) -> Result<()> {
    let tools = Tools::new(recipe.source_date_epoch(), progress);
    tools.require(&[rootfs::TOOLS, ext4::TOOLS, esp::TOOLS].concat())?;
    progress("looking up the Debian mirror that this host's apt uses");
    let archive = apt::Archive::of_host(recipe.suite())?;

    let tree = rootfs::install(&tools, recipe, identity, &archive, work_dir)?;
    progress("reading the new system's boot loaders and sizes");
    let census = rootfs::survey(&tree)?;
    let root = ext4::make(&tools, &tree, &census, identity, work_dir)?;
    let esp = esp::make(&tools, &census.boot, identity, work_dir)?;
    progress("putting boot code, partitions and file systems together");
    disk::assemble(&disk::Parts { boot: &census.boot, esp: &esp, root: &root, identity }, out)
}
