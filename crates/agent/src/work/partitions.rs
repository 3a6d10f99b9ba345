//! The image's partitions before the disk has a table: told to the kernel by BLKPG, mounted, grown.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use osimage::{Layout, PlacedPartition};
use protocol::ByteLen;
use sys::blkpg::{Extent, add_partition, delete_partition};

const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// The kernel knows the layout's partitions as long as this lives.
#[derive(Debug)]
pub(crate) struct Announced {
    disk: File,
    path: PathBuf,
    numbers: Vec<u16>,
}

impl Announced {
    /// Forgets whatever partitions the kernel read from the old disk, and announces the new ones.
    /// `disk` is a descriptor of the whole drive, whose node is `disk_path`.
    pub(crate) fn new(disk: File, disk_path: &Path, layout: &Layout) -> anyhow::Result<Self> {
        let doing = || format!("announcing partitions of {}", disk_path.display());
        let mut announced = Self { disk, path: disk_path.to_owned(), numbers: Vec::new() };
        for number in known_partitions(disk_path)? {
            delete_partition(&announced.disk, number).with_context(doing)?;
        }
        for partition in layout.partitions() {
            let number = u16::try_from(partition.number).with_context(doing)?;
            let extent = Extent {
                start: i64::try_from(partition.start).with_context(doing)?,
                length: i64::try_from(partition.size.0).with_context(doing)?,
            };
            add_partition(&announced.disk, number, extent).with_context(doing)?;
            announced.numbers.push(number);
        }
        Ok(announced)
    }

    /// The node of a partition, once devtmpfs has made it.
    pub(crate) fn node(&self, partition: &PlacedPartition) -> anyhow::Result<PathBuf> {
        let node = partition_path(&self.path, partition.number);
        let deadline = Instant::now() + NODE_TIMEOUT;
        while !node.exists() {
            if Instant::now() > deadline {
                bail!("{} did not appear within {} s", node.display(), NODE_TIMEOUT.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(node)
    }

    /// Makes the kernel forget them again.
    pub(crate) fn forget(mut self) -> anyhow::Result<()> {
        for number in std::mem::take(&mut self.numbers) {
            delete_partition(&self.disk, number).with_context(|| {
                format!("forgetting partition {number} of {}", self.path.display())
            })?;
        }
        Ok(())
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        for number in &self.numbers {
            if let Err(error) = delete_partition(&self.disk, *number) {
                tracing::warn!(
                    "partition {number} of {} stays announced: {error}",
                    self.path.display()
                );
            }
        }
    }
}

/// A mounted ext4; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
    mounted: bool,
}

impl Mounted {
    pub(crate) fn ext4(node: &Path, at: &Path) -> anyhow::Result<Self> {
        Self::mount(node, at, MsFlags::empty())
    }

    pub(crate) fn ext4_read_only(node: &Path, at: &Path) -> anyhow::Result<Self> {
        Self::mount(node, at, MsFlags::MS_RDONLY)
    }

    fn mount(node: &Path, at: &Path, more: MsFlags) -> anyhow::Result<Self> {
        fs::create_dir_all(at).with_context(|| format!("creating {}", at.display()))?;
        let flags =
            MsFlags::MS_NOATIME | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOSUID;
        mount(Some(node), at, Some("ext4"), flags | more, None::<&str>)
            .with_context(|| format!("mounting {} of the written image", node.display()))?;
        Ok(Self { at: at.to_owned(), mounted: true })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.at
    }

    /// Grows the file system to the whole of its partition and gives its new size.
    pub(crate) fn grow(&self, partition: &PlacedPartition) -> anyhow::Result<ByteLen> {
        let doing = || format!("growing the root file system to {}", partition.size);
        let root = File::open(&self.at).with_context(doing)?;
        let block = block_size(&root).with_context(doing)?;
        sys::ext4::resize(&root, partition.size.0 / block).with_context(doing)?;
        let stat = nix::sys::statvfs::fstatvfs(&root).with_context(doing)?;
        Ok(ByteLen(stat.blocks() * stat.fragment_size()))
    }

    /// Has everything written, and hears of it if that fails. This file system only: never sync(2).
    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        let doing = || format!("writing out {}", self.at.display());
        let root = File::open(&self.at).with_context(doing)?;
        nix::unistd::syncfs(root).with_context(doing)
    }

    pub(crate) fn unmount(mut self) -> anyhow::Result<()> {
        self.mounted = false;
        umount2(&self.at, MntFlags::empty())
            .with_context(|| format!("unmounting {}", self.at.display()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = umount2(&self.at, MntFlags::MNT_DETACH)
        {
            tracing::warn!("{} stays mounted: {error}", self.at.display());
        }
    }
}

fn block_size(root: &impl AsFd) -> anyhow::Result<u64> {
    let size = nix::sys::statvfs::fstatvfs(root)?.fragment_size();
    if size == 0 {
        bail!("the file system says that its blocks have no size")
    }
    Ok(size)
}

/// `/dev/sda` + 3 = `/dev/sda3`, `/dev/nvme0n1` + 3 = `/dev/nvme0n1p3`: the kernel's rule (`disk_name()`).
fn partition_path(disk: &Path, number: u32) -> PathBuf {
    let name = disk.to_string_lossy();
    let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    PathBuf::from(format!("{name}{separator}{number}"))
}

fn known_partitions(disk: &Path) -> anyhow::Result<Vec<u16>> {
    let name = disk.file_name().context("a drive's path has a name")?;
    let directory = Path::new("/sys/class/block").join(name);
    let doing = || format!("listing partitions in {}", directory.display());
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&directory).with_context(doing)? {
        let file = entry.with_context(doing)?.path().join("partition");
        if file.exists() {
            let number = fs::read_to_string(&file).with_context(doing)?;
            numbers.push(number.trim().parse().with_context(doing)?);
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_nodes_are_named_as_the_kernel_does() {
        for (disk, node) in [("/dev/sda", "/dev/sda3"), ("/dev/nvme0n1", "/dev/nvme0n1p3")] {
            assert_eq!(partition_path(Path::new(disk), 3), Path::new(node));
        }
    }
}
