//! What depmod wrote: `modules.dep`, `modules.alias`, `modules.softdep`, `modules.builtin`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::glob;

/// The module index of one kernel.
#[derive(Debug, Default)]
pub(crate) struct Index {
    modules: BTreeMap<ModuleName, Module>,
    aliases: Vec<(String, ModuleName)>,
    softdeps: BTreeMap<ModuleName, Softdep>,
    builtin: BTreeSet<ModuleName>,
}

/// A module's name as the kernel has it: with `_` throughout, whatever its file is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModuleName(String);

/// One line of `modules.dep`.
#[derive(Debug, Default)]
struct Module {
    path: PathBuf,
    dependencies: Vec<ModuleName>,
}

/// One line of `modules.softdep`: names or aliases that should be there before and after.
#[derive(Debug, Default)]
struct Softdep {
    before: Vec<String>,
    after: Vec<String>,
}

/// The four files as text.
#[derive(Debug, Default)]
pub(crate) struct IndexText {
    /// `modules.dep`.
    pub(crate) dep: String,
    /// `modules.alias`.
    pub(crate) alias: String,
    /// `modules.softdep`.
    pub(crate) softdep: String,
    /// `modules.builtin`.
    pub(crate) builtin: String,
}

impl ModuleName {
    /// The name of the module called `text`.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.replace('-', "_"))
    }

    fn of_path(path: &str) -> Self {
        let file = path.rsplit('/').next().unwrap_or(path);
        Self::new(file.split(".ko").next().unwrap_or(file))
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Index {
    /// Reads the four texts. A line that says nothing (comment, no colon) is left out.
    pub(crate) fn parse(text: &IndexText) -> Self {
        let mut index = Self::default();
        for (path, dependencies) in text.dep.lines().filter_map(|line| line.split_once(':')) {
            let module = Module {
                path: PathBuf::from(path.trim()),
                dependencies: dependencies
                    .split_ascii_whitespace()
                    .map(ModuleName::of_path)
                    .collect(),
            };
            index.modules.insert(ModuleName::of_path(path.trim()), module);
        }
        for line in text.alias.lines() {
            if let ["alias", pattern, name] = *words(line) {
                index.aliases.push((normalized(pattern), ModuleName::new(name)));
            }
        }
        for line in text.softdep.lines() {
            if let ["softdep", name, ref rest @ ..] = *words(line) {
                index.softdeps.entry(ModuleName::new(name)).or_default().extend(rest);
            }
        }
        index.builtin = text.builtin.lines().map(|line| ModuleName::of_path(line.trim())).collect();
        index
    }

    /// How many modules there are.
    pub(crate) fn len(&self) -> usize {
        self.modules.len()
    }

    /// The file of a module, below `/lib/modules/RELEASE`.
    pub(crate) fn path(&self, name: &ModuleName) -> Option<&Path> {
        self.modules.get(name).map(|module| module.path.as_path())
    }

    /// The modules to load for `request`, a name or a device's modalias, each after what it needs.
    ///
    /// What is built in, or was left out of the appliance, does not appear.
    pub(crate) fn load_order(&self, request: &str) -> Vec<ModuleName> {
        let mut order = Order { index: self, done: Vec::new(), seen: BTreeSet::new() };
        order.request(request);
        order.done
    }

    fn resolve(&self, request: &str) -> Vec<ModuleName> {
        let name = ModuleName::new(request);
        if self.modules.contains_key(&name) || self.builtin.contains(&name) {
            return vec![name];
        }
        let request = normalized(request);
        let matching = self.aliases.iter().filter(|(pattern, _)| glob::matches(pattern, &request));
        matching.map(|(_, name)| name.clone()).collect()
    }
}

impl Softdep {
    fn extend(&mut self, words: &[&str]) {
        let mut list = None;
        for word in words {
            match *word {
                "pre:" => list = Some(&mut self.before),
                "post:" => list = Some(&mut self.after),
                name => {
                    if let Some(list) = &mut list {
                        list.push(name.to_owned());
                    }
                }
            }
        }
    }
}

/// A walk over dependencies. `seen` also ends the cycles that soft dependencies may form.
struct Order<'a> {
    index: &'a Index,
    done: Vec<ModuleName>,
    seen: BTreeSet<ModuleName>,
}

impl Order<'_> {
    fn request(&mut self, request: &str) {
        for name in self.index.resolve(request) {
            self.module(&name);
        }
    }

    fn module(&mut self, name: &ModuleName) {
        if self.index.builtin.contains(name) || !self.seen.insert(name.clone()) {
            return;
        }
        let Some(module) = self.index.modules.get(name) else { return };
        let softdep = self.index.softdeps.get(name);
        for request in softdep.iter().flat_map(|softdep| &softdep.before) {
            self.request(request);
        }
        // depmod lists what is needed first at the end.
        for dependency in module.dependencies.iter().rev() {
            self.module(dependency);
        }
        self.done.push(name.clone());
        for request in softdep.iter().flat_map(|softdep| &softdep.after) {
            self.request(request);
        }
    }
}

fn words(line: &str) -> Box<[&str]> {
    line.split_ascii_whitespace().collect()
}

/// As kmod compares aliases: `-` and `_` are one, except inside a set, where `-` makes a range.
fn normalized(alias: &str) -> String {
    let mut in_set = false;
    let each = |character| match character {
        '[' => {
            in_set = true;
            '['
        }
        ']' => {
            in_set = false;
            ']'
        }
        '-' if !in_set => '_',
        other => other,
    };
    alias.chars().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        Index::parse(&IndexText {
            dep: "kernel/drivers/ata/ahci.ko: kernel/drivers/ata/libahci.ko kernel/drivers/ata/libata.ko kernel/drivers/scsi/scsi_mod.ko\n\
                  kernel/drivers/ata/libahci.ko: kernel/drivers/ata/libata.ko kernel/drivers/scsi/scsi_mod.ko\n\
                  kernel/drivers/ata/libata.ko: kernel/drivers/scsi/scsi_mod.ko\n\
                  kernel/drivers/scsi/scsi_mod.ko:\n\
                  kernel/drivers/scsi/sd_mod.ko: kernel/drivers/scsi/scsi_mod.ko\n\
                  kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko\n\
                  kernel/fs/jbd2/jbd2.ko:\n\
                  kernel/arch/x86/crypto/crc32c-intel.ko:\n\
                  kernel/crypto/crc32c_generic.ko:\n\
                  kernel/drivers/net/r8169.ko: kernel/drivers/net/libphy.ko\n\
                  kernel/drivers/net/libphy.ko:\n\
                  kernel/drivers/net/realtek.ko: kernel/drivers/net/libphy.ko\n"
                .into(),
            alias: "# Aliases extracted from modules themselves.\n\
                    alias pci:v*d*sv*sd*bc01sc06i01* ahci\n\
                    alias crc32c crc32c-intel\n\
                    alias crc32c crc32c_generic\n\
                    alias scsi:t-0x00* sd_mod\n\
                    alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169\n"
                .into(),
            softdep: "softdep ext4 pre: crc32c\n\
                      softdep r8169 pre: realtek post: r8169\n\
                      softdep ahci post: sd_mod left-out\n"
                .into(),
            builtin: "kernel/drivers/acpi/button.ko\n".into(),
        })
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        let index = index();
        for (request, expected) in [
            (
                "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01",
                "scsi_mod libata libahci ahci sd_mod",
            ),
            ("scsi:t_0x00", "scsi_mod sd_mod"),
            ("ext4", "crc32c_intel crc32c_generic jbd2 ext4"),
            ("crc32c_intel", "crc32c_intel"),
            ("pci:v000010ECd00008168sv0sd0bc02sc00i00", "libphy realtek r8169"),
            ("button", ""),
            ("pci:v0000FFFFd0sv0sd0bc09sc00i00", ""),
            ("no-such-module", ""),
        ] {
            let order = index.load_order(request);
            let names: Vec<_> = order.iter().map(ModuleName::as_str).collect();
            assert_eq!(names.join(" "), expected, "{request}");
        }
        assert_eq!(index.len(), 12);
        let ext4 = index.path(&ModuleName::new("ext4"));
        assert_eq!(ext4, Some(Path::new("kernel/fs/ext4/ext4.ko.xz")));
    }
}
