//! Loads modules by finit_module(2), each at most once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use super::index::{Index, IndexText, ModuleName};

/// `MODULE_INIT_COMPRESSED_FILE` of `<linux/module.h>`: the kernel unpacks the file itself.
const COMPRESSED_FILE: ModuleInitFlags = ModuleInitFlags::from_bits_retain(4);

/// The modules of the running kernel.
#[derive(Debug)]
pub(super) struct Loader {
    directory: PathBuf,
    index: Index,
    tried: BTreeSet<ModuleName>,
    requested: BTreeSet<String>,
}

impl Loader {
    /// Reads the index in `directory`, as in `/lib/modules/6.12.0-amd64`.
    ///
    /// # Errors
    /// When `modules.dep` or `modules.alias` cannot be read. The other two files may be missing.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        let read = |name| {
            let path = directory.join(name);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let optional = |name| match fs::read_to_string(directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other.with_context(|| format!("reading {name} in {}", directory.display())),
        };
        let text = IndexText {
            dep: read("modules.dep")?,
            alias: read("modules.alias")?,
            softdep: optional("modules.softdep")?,
            builtin: optional("modules.builtin")?,
        };
        Ok(Self::new(directory, Index::parse(&text)))
    }

    /// A loader that knows no module, for a kernel that comes without.
    pub(super) fn empty(directory: &Path) -> Self {
        Self::new(directory, Index::default())
    }

    fn new(directory: &Path, index: Index) -> Self {
        let directory = directory.to_owned();
        Self { directory, index, tried: BTreeSet::new(), requested: BTreeSet::new() }
    }

    /// How many modules there are to choose from.
    pub(super) fn available(&self) -> usize {
        self.index.len()
    }

    /// Loads what `request`, a name or a modalias, asks for and is not there yet.
    ///
    /// Returns how many were loaded, and a sentence for each that was not.
    pub(super) fn load(&mut self, request: &str) -> (usize, Vec<String>) {
        let (mut loaded, mut problems) = (0, Vec::new());
        if !self.requested.insert(request.to_owned()) {
            return (loaded, problems);
        }
        for name in self.index.load_order(request) {
            if !self.tried.insert(name.clone()) {
                continue;
            }
            let Some(file) = self.index.path(&name) else { continue };
            let name = name.as_str();
            match load_file(&self.directory.join(file)) {
                Ok(Loaded::Now) => {
                    tracing::debug!(target: "init", module = name, "loaded");
                    loaded += 1;
                }
                Ok(Loaded::NotNeeded) => {
                    tracing::debug!(target: "init", module = name, "not needed")
                }
                Err(error) => {
                    problems.push(format!("module {name} was not loaded: {error:#}"));
                }
            }
        }
        (loaded, problems)
    }
}

/// What became of a module.
enum Loaded {
    /// It is in the kernel.
    Now,
    /// It found nothing that it is for, such as an instruction of a newer processor.
    NotNeeded,
}

fn load_file(path: &Path) -> anyhow::Result<Loaded> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    // Debian's signature stands behind the packed bytes of a raw .ko and inside a packed one; the kernel
    // refuses a packed file without the flag as unsigned.
    let raw = path.extension().is_some_and(|extension| extension == "ko");
    let flags = if raw { ModuleInitFlags::empty() } else { COMPRESSED_FILE };
    match finit_module(&file, c"", flags) {
        Ok(()) | Err(Errno::EEXIST) => Ok(Loaded::Now),
        Err(Errno::ENODEV) => Ok(Loaded::NotNeeded),
        Err(error) => Err(error).context("finit_module"),
    }
}
