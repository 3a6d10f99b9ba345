//! The recipe: a TOML file, the trees and the scripts it names. Parsed and checked before any work.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Raised whenever the builder makes another image of an unchanged recipe.
const BUILDER_VERSION: &[u8] = b"rehome image builder 2";

/// A checked recipe with everything it refers to.
#[derive(Debug)]
pub(super) struct Recipe {
    text: RecipeText,
    hooks: Vec<PathBuf>,
    overlay: BTreeMap<PathBuf, OverlayEntry>,
    digest: blake3::Hash,
}

/// A file or link of an overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OverlayEntry {
    /// A regular file: where it is read, and whether it is a program.
    File { source: PathBuf, executable: bool },
    /// A symbolic link and its target, as text.
    Link { target: PathBuf },
}

/// The keys of `recipe.toml`; they are described in `image/os/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeText {
    name: String,
    title: String,
    suite: String,
    components: Vec<String>,
    source_date_epoch: u64,
    locale: String,
    extra_locales: Vec<String>,
    keyboard: String,
    timezone: String,
    kernel_parameters: String,
    packages: Vec<String>,
    #[serde(default)]
    overlays: Vec<PathBuf>,
    #[serde(default)]
    hooks: Vec<PathBuf>,
}

impl Recipe {
    pub(super) fn load(path: &Path) -> Result<Self> {
        let toml = fs::read_to_string(path)
            .with_context(|| format!("failed to read the recipe {}", path.display()))?;
        let text = RecipeText::parse(&toml)
            .with_context(|| format!("the recipe {} is not usable", path.display()))?;
        let path = path.canonicalize().context("failed to resolve the recipe's path")?;
        let dir = path.parent().context("the recipe has no directory")?;

        let mut overlay = BTreeMap::new();
        for tree in &text.overlays {
            collect(&dir.join(tree), Path::new(""), &mut overlay)?;
        }
        let hooks: Vec<_> = text.hooks.iter().map(|hook| dir.join(hook)).collect();
        let digest = digest(&toml, &overlay, &hooks)?;
        Ok(Self { text, hooks, overlay, digest })
    }

    pub(super) fn name(&self) -> &str {
        &self.text.name
    }

    pub(super) fn title(&self) -> &str {
        &self.text.title
    }

    pub(super) fn suite(&self) -> &str {
        &self.text.suite
    }

    pub(super) fn components(&self) -> &[String] {
        &self.text.components
    }

    /// Seconds since 1970 that no time stamp in the image exceeds.
    pub(super) fn source_date_epoch(&self) -> u64 {
        self.text.source_date_epoch
    }

    pub(super) fn locale(&self) -> &str {
        &self.text.locale
    }

    /// The system's locale, then the others.
    pub(super) fn locales(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.text.locale).chain(&self.text.extra_locales).map(String::as_str)
    }

    pub(super) fn keyboard(&self) -> &str {
        &self.text.keyboard
    }

    pub(super) fn timezone(&self) -> &str {
        &self.text.timezone
    }

    pub(super) fn kernel_parameters(&self) -> &str {
        &self.text.kernel_parameters
    }

    pub(super) fn packages(&self) -> &[String] {
        &self.text.packages
    }

    /// Scripts to run inside the new system, in order.
    pub(super) fn hooks(&self) -> &[PathBuf] {
        &self.hooks
    }

    /// Path in the image (relative to `/`) to what belongs there; a later overlay wins.
    pub(super) fn overlay(&self) -> &BTreeMap<PathBuf, OverlayEntry> {
        &self.overlay
    }

    /// Over the builder, the recipe's text and every byte it refers to.
    pub(super) fn digest(&self) -> blake3::Hash {
        self.digest
    }
}

impl RecipeText {
    fn parse(toml: &str) -> Result<Self> {
        let recipe: Self = toml::from_str(toml)?;
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        check("name", &recipe.name, |c| lower(c) || c == '-')?;
        ensure!(recipe.name.len() <= 32, "name is longer than 32 characters");
        // It stands between quotes in GRUB's menu and in shell syntax.
        check("title", &recipe.title, |c| !c.is_control() && !"'\"\\$`".contains(c))?;
        check("suite", &recipe.suite, lower)?;
        ensure!(!recipe.components.is_empty(), "components is empty; \"main\" is the least");
        for component in &recipe.components {
            check("components", component, |c| lower(c) || c == '-')?;
        }
        for package in &recipe.packages {
            check("packages", package, |c| lower(c) || "+.-:".contains(c))?;
        }
        for locale in std::iter::once(&recipe.locale).chain(&recipe.extra_locales) {
            check("locale", locale, |c| c.is_ascii_alphanumeric() || "_.-@".contains(c))?;
            ensure!(locale.ends_with(".UTF-8"), "locale {locale:?} is not a UTF-8 one");
        }
        check("keyboard", &recipe.keyboard, lower)?;
        check("timezone", &recipe.timezone, |c| c.is_ascii_alphanumeric() || "/_+-".contains(c))?;
        let parameters = &recipe.kernel_parameters;
        ensure!(
            parameters.chars().all(|c| c.is_ascii_graphic() && !"'\"\\$`;".contains(c) || c == ' '),
            "kernel_parameters {parameters:?} has characters that GRUB would interpret"
        );
        Ok(recipe)
    }
}

fn check(key: &str, value: &str, allowed: impl Fn(char) -> bool) -> Result<()> {
    ensure!(!value.is_empty(), "{key} has an empty value");
    ensure!(!value.starts_with('-'), "{key} {value:?} starts with a dash");
    match value.chars().find(|&c| !allowed(c)) {
        Some(c) => bail!("{key} {value:?} has a character that is not allowed there: {c:?}"),
        None => Ok(()),
    }
}

fn collect(tree: &Path, below: &Path, overlay: &mut BTreeMap<PathBuf, OverlayEntry>) -> Result<()> {
    let dir = tree.join(below);
    let failed = || format!("failed to read the overlay {}", dir.display());
    for entry in fs::read_dir(&dir).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let (source, in_image) = (entry.path(), below.join(entry.file_name()));
        let meta = entry.metadata().with_context(failed)?;
        if meta.is_dir() {
            collect(tree, &in_image, overlay)?;
        } else if meta.is_symlink() {
            let target = fs::read_link(&source).with_context(failed)?;
            overlay.insert(in_image, OverlayEntry::Link { target });
        } else {
            ensure!(meta.is_file(), "{} is neither file, link nor directory", source.display());
            let executable = meta.permissions().mode() & 0o100 != 0;
            overlay.insert(in_image, OverlayEntry::File { source, executable });
        }
    }
    Ok(())
}

fn digest(
    toml: &str,
    overlay: &BTreeMap<PathBuf, OverlayEntry>,
    hooks: &[PathBuf],
) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    // Each field is preceded by its length: no two recipes can be the same bytes.
    let mut field = |bytes: &[u8]| {
        hasher.update(&bytes.len().to_le_bytes()).update(bytes);
    };
    field(BUILDER_VERSION);
    field(super::rootfs::SEAL_SCRIPT.as_bytes());
    field(toml.as_bytes());
    for (path, entry) in overlay {
        field(path.as_os_str().as_bytes());
        match entry {
            OverlayEntry::File { source, executable } => {
                field(if *executable { b"program" } else { b"file" });
                field(&read(source)?);
            }
            OverlayEntry::Link { target } => {
                field(b"link");
                field(target.as_os_str().as_bytes());
            }
        }
    }
    for hook in hooks {
        field(&read(hook)?);
    }
    Ok(hasher.finalize())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path)
        .with_context(|| format!("failed to read {}, named in the recipe", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        name = "demo"
        title = "Debian 13 (demo)"
        suite = "trixie"
        components = ["main", "non-free-firmware"]
        source_date_epoch = 1767225600
        locale = "pl_PL.UTF-8"
        extra_locales = ["en_US.UTF-8"]
        keyboard = "pl"
        timezone = "Europe/Warsaw"
        kernel_parameters = "console=ttyS0,115200 console=tty0"
        packages = ["systemd-sysv", "libstdc++6"]
    "#;

    #[test]
    fn accepts_the_recipe_that_is_shipped() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/os/demo/recipe.toml");
        let recipe = Recipe::load(&demo).unwrap();
        assert_eq!(recipe.name(), "demo");
        assert_eq!(
            recipe
                .overlay()
                .get(Path::new("usr/local/lib/rehome/first-boot"))
                .map(|entry| { matches!(entry, OverlayEntry::File { executable: true, .. }) }),
            Some(true)
        );
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        assert!(RecipeText::parse(GOOD).is_ok());
        let cases = [
            ("name = \"demo\"", "name = \"demo\"\nimage_size = 3", "image_size"),
            ("name = \"demo\"\n", "", "missing field `name`"),
            ("name = \"demo\"", "name = \"../demo\"", "name \"../demo\""),
            ("name = \"demo\"", "name = \"-x\"", "starts with a dash"),
            ("Debian 13 (demo)", "it's", "title"),
            ("\"trixie\"", "\"trixie main\"", "suite"),
            ("\"main\", \"non-free-firmware\"", "", "components is empty"),
            ("libstdc++6", "a,b", "packages"),
            ("libstdc++6", "", "empty value"),
            ("pl_PL.UTF-8", "pl_PL", "not a UTF-8"),
            ("Europe/Warsaw", "Europe/Warsaw;id", "timezone"),
            ("console=tty0", "console=tty0; reboot", "kernel_parameters"),
            ("1767225600", "-1", "source_date_epoch"),
            ("1767225600", "\"today\"", "source_date_epoch"),
        ];
        for (from, to, complaint) in cases {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD, "{from} is not in the good recipe");
            let error = format!("{:#}", RecipeText::parse(&changed).unwrap_err());
            assert!(error.contains(complaint), "{to}: {error}");
        }
    }

    #[test]
    fn digest_covers_everything_the_recipe_names() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, hook) = (dir.path().join("overlay/etc"), dir.path().join("hook.sh"));
        let path = dir.path().join("recipe.toml");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("issue"), "one").unwrap();
        fs::write(&hook, "true").unwrap();
        fs::write(&path, format!("{GOOD}\noverlays = [\"overlay\"]\nhooks = [\"hook.sh\"]"))
            .unwrap();
        let mut seen = vec![Recipe::load(&path).unwrap().digest()];
        let mut changed = |what: &str| {
            let digest = Recipe::load(&path).unwrap().digest();
            assert!(!seen.contains(&digest), "{what} is not covered");
            seen.push(digest);
        };
        fs::write(tree.join("issue"), "two").unwrap();
        changed("a file's content");
        fs::set_permissions(tree.join("issue"), fs::Permissions::from_mode(0o755)).unwrap();
        changed("a file's mode");
        std::os::unix::fs::symlink("issue", tree.join("issue.net")).unwrap();
        changed("a link");
        fs::write(&hook, "false").unwrap();
        changed("a hook");
        fs::remove_file(&hook).unwrap();
        assert!(format!("{:#}", Recipe::load(&path).unwrap_err()).contains("hook.sh"));
    }
}
