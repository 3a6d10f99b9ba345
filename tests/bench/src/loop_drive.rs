//! A loop device in the place of a drive. The production code would refuse it: it has no identity of its own.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use drive::{
    AdminCommand, AdminError, AtaError, Drive, IdentityError, Registers, Taskfile, Transfer,
};
use nix::libc::O_DIRECT;
use protocol::{ByteLen, DriveIdentity, SectorSize};

/// A loop device whose backing file is the one that was made for the benchmark.
#[derive(Debug, Clone)]
pub(crate) struct OwnLoop {
    node: PathBuf,
    backing: PathBuf,
}

impl OwnLoop {
    /// From `NODE=FILE`, as `/dev/loop0=/dev/shm/x/0`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (node, backing) = text.split_once('=').context("expected NODE=FILE")?;
        let own = Self { node: node.into(), backing: backing.into() };
        own.check()?;
        Ok(own)
    }

    /// Whether it still is: asked before everything that writes to it.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { node, backing } = self;
        ensure!(backing.is_absolute(), "the backing file {backing:?} is no absolute path");
        let name = node.strip_prefix("/dev").ok().and_then(Path::to_str).unwrap_or_default();
        let is_loop = name.strip_prefix("loop").is_some_and(|number| number.parse::<u32>().is_ok());
        ensure!(is_loop, "{node:?} is no loop device");
        let said = Path::new("/sys/block").join(name).join("loop/backing_file");
        let found = std::fs::read_to_string(&said)
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

    pub(crate) fn size(&self) -> Result<u64> {
        let file = File::open(&self.node).with_context(|| format!("opening {:?}", self.node))?;
        sys::block::size(&file).with_context(|| format!("asking {:?} for its size", self.node))
    }

    /// Opens it for direct reading and writing.
    pub(crate) fn open(&self) -> Result<LoopDrive> {
        self.check()?;
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(O_DIRECT).open(&self.node);
        let file = opened.with_context(|| format!("opening {:?}", self.node))?;
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

    fn namespace(&self) -> Option<u32> {
        None
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

    fn nvme(
        &self,
        name: &'static str,
        _command: &AdminCommand,
        _transfer: Transfer<'_>,
        _timeout: Duration,
    ) -> Result<u32, AdminError> {
        Err(AdminError::NotNvme { command: name })
    }
}
