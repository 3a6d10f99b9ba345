//! A loop device in the place of a drive. The production code would refuse it: it has no identity of its own.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use drive::{AtaError, Drive, IdentityError, Registers, Taskfile, Transfer};
use nix::libc::{O_DIRECT, major, minor};
use protocol::{ByteLen, DriveIdentity, SectorSize};

/// Major number of loop devices: Documentation/admin-guide/devices.txt.
pub(crate) const LOOP_MAJOR: u32 = 7;
/// How the directory begins that `scripts/bench` makes for its files.
const DIRECTORY: &str = "rehome-bench.";

/// A loop device whose backing file is one that was made for the benchmark.
///
/// It is held open: for so long the kernel gives the device no other file, whoever detaches it.
#[derive(Debug, Clone)]
pub(crate) struct OwnLoop {
    node: PathBuf,
    backing: PathBuf,
    held: Arc<File>,
}

impl OwnLoop {
    /// From `NODE=FILE`, as `/dev/loop0=/dev/shm/rehome-bench.x/one`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (node, backing) = text.split_once('=').context("expected NODE=FILE")?;
        let (node, backing) = (PathBuf::from(node), PathBuf::from(backing));
        ensure!(
            is_of_the_benchmark(&backing),
            "{backing:?} is in no directory {DIRECTORY}*: only what scripts/bench made is written to"
        );
        loop_number(&node, &fs::metadata(&node).with_context(|| format!("looking at {node:?}"))?)?;
        let held = File::open(&node).with_context(|| format!("opening {node:?}"))?;
        let own = Self { node, backing, held: Arc::new(held) };
        own.check()?;
        Ok(own)
    }

    /// Whether the node still leads to the device that is held, and that to the file: asked before everything that
    /// writes to it.
    pub(crate) fn check(&self) -> Result<()> {
        let found = fs::metadata(&self.node).with_context(|| format!("looking at {self}"))?;
        self.check_found(&found)
    }

    /// The same for what was opened by the node's name.
    fn check_found(&self, found: &Metadata) -> Result<()> {
        let Self { node, backing, held } = self;
        let number = loop_number(node, &held.metadata()?)?;
        ensure!(
            loop_number(node, found)? == number,
            "{node:?} is another device than before; nothing was written"
        );
        let said = format!("/sys/dev/block/{LOOP_MAJOR}:{number}/loop/backing_file");
        let found = fs::read_to_string(&said)
            .with_context(|| format!("{node:?} has no backing file; nothing was written"))?;
        ensure!(
            found.trim_end_matches('\n') == backing.to_string_lossy(),
            "{node:?} is backed by {found:?}, not by {backing:?}; nothing was written"
        );
        Ok(())
    }

    pub(crate) fn node(&self) -> &Path {
        &self.node
    }

    /// Its number among the loop devices.
    pub(crate) fn number(&self) -> Result<u32> {
        loop_number(&self.node, &self.held.metadata()?)
    }

    /// The node, where it has the name that the kernel gives to this device.
    pub(crate) fn only_name(&self) -> Result<PathBuf> {
        let name = PathBuf::from(format!("/dev/loop{}", self.number()?));
        ensure!(self.node == name, "{:?} is another name of {name:?}", self.node);
        Ok(name)
    }

    /// How much has been written to it since it is there, by anybody: the seventh number of
    /// Documentation/block/stat.rst, in sectors of 512 bytes.
    pub(crate) fn bytes_written(&self) -> Result<u64> {
        let path = format!("/sys/dev/block/{LOOP_MAJOR}:{}/stat", self.number()?);
        let said = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let sectors = said.split_whitespace().nth(6).and_then(|it| it.parse::<u64>().ok());
        Ok(sectors.with_context(|| format!("{path} says {said:?}"))? * 512)
    }

    /// Takes it out of the page cache, where what is not written directly stays as long as it is held.
    pub(crate) fn drop_page_cache(&self) -> Result<()> {
        sys::block::drop_page_cache(&self.held).with_context(|| format!("dropping {self}"))
    }

    pub(crate) fn size(&self) -> Result<u64> {
        sys::block::size(&self.held).with_context(|| format!("asking {:?} for its size", self.node))
    }

    /// Opens it for direct reading and writing.
    pub(crate) fn open(&self) -> Result<LoopDrive> {
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(O_DIRECT).open(&self.node);
        let file = opened.with_context(|| format!("opening {:?}", self.node))?;
        self.check_found(&file.metadata()?)?;
        let size = ByteLen(sys::block::size(&file)?);
        let sector_size = SectorSize::try_from(sys::block::logical_sector_size(&file)?)?;
        let identity = DriveIdentity {
            model: "BENCHMARK LOOP DEVICE".to_owned(),
            serial: self.node.to_string_lossy().into_owned(),
            wwn: None,
            size,
        };
        Ok(LoopDrive { file, identity, sector_size })
    }
}

/// Whether that is right inside of a directory that `scripts/bench` makes.
pub(crate) fn is_of_the_benchmark(path: &Path) -> bool {
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default();
    path.is_absolute() && directory.to_string_lossy().starts_with(DIRECTORY)
}

/// The number of a loop device, by what the node stands for and not by its name.
fn loop_number(node: &Path, found: &Metadata) -> Result<u32> {
    let (major, minor) = (major(found.rdev()), minor(found.rdev()));
    let is_loop = found.file_type().is_block_device() && major == LOOP_MAJOR;
    ensure!(is_loop, "{node:?} is no loop device; nothing was written");
    Ok(minor)
}

impl fmt::Display for OwnLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.node.display(), self.backing.display())
    }
}

/// Such a device, open.
pub(crate) struct LoopDrive {
    file: File,
    identity: DriveIdentity,
    sector_size: SectorSize,
}

impl Drive for LoopDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        Ok(self.identity.clone())
    }

    fn size(&self) -> ByteLen {
        self.identity.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn drop_caches(&self) -> io::Result<()> {
        sys::block::drop_page_cache(&self.file).map_err(|error| error.source)
    }

    /// Answers every question with zeros: an ATA drive without any feature.
    fn ata(
        &self,
        _name: &'static str,
        _taskfile: &Taskfile,
        transfer: Transfer<'_>,
        _timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        if let Transfer::In(data) = transfer {
            data.fill(0);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_loop_device_on_a_file_of_the_benchmark_is_taken() {
        for (text, expected) in [
            ("", "expected NODE=FILE"),
            ("/dev/loop0", "expected NODE=FILE"),
            ("=", "in no directory"),
            ("=/dev/shm/rehome-bench.x/one", "looking at \"\""),
            ("/dev=/dev/shm/rehome-bench.x/one", "no loop device"),
            ("/dev/loop0=rehome-bench.x/one", "in no directory"),
            ("/dev/loop0=/home/somebody/disk.img", "in no directory"),
            ("/dev/loop0=/rehome-bench.x", "in no directory"),
            ("/dev/null=/dev/shm/rehome-bench.x/one", "no loop device"),
            ("/proc/self/exe=/dev/shm/rehome-bench.x/one", "no loop device"),
            ("/dev/no-such-node=/dev/shm/rehome-bench.x/one", "looking at"),
        ] {
            let refused = OwnLoop::parse(text).unwrap_err();
            assert!(refused.to_string().contains(expected), "{text}: {refused:#}");
        }
    }
}
