//! The root file system: as small as its contents allow, and made to grow on the laptop's disk.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::identity::ImageIdentity;
use super::rootfs::Census;
use super::tool::{Tool, Tools};

const TAR: Tool = Tool { name: "tar", package: "tar" };
const MKE2FS: Tool = Tool { name: "mke2fs", package: "e2fsprogs" };
const E2FSCK: Tool = Tool { name: "e2fsck", package: "e2fsprogs" };
const RM: Tool = Tool { name: "rm", package: "coreutils" };
/// What this step runs on the host.
pub(super) const TOOLS: &[Tool] = &[TAR, MKE2FS, E2FSCK];

/// Block length in bytes; the page size of every laptop the image runs on.
pub(super) const BLOCK_LEN: u64 = 4096;
/// Where an ext4 superblock stands in its file system.
pub(super) const SUPERBLOCK_OFFSET: u64 = 1024;
/// Length of an ext4 superblock.
pub(super) const SUPERBLOCK_LEN: usize = 1024;

/// Named one by one instead of the host's defaults: Debian 13's add `orphan_file` and
/// `metadata_csum_seed`, which e2fsprogs 1.46 cannot check and older GRUBs cannot read.
const FEATURES: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,\
    flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum";
const BLOCKS_PER_GROUP: u64 = 32_768;
const INODE_LEN: u64 = 256;
const BYTES_PER_INODE: u64 = 16_384;
const JOURNAL_MIB: u64 = 32;
/// Descriptor blocks are reserved for growth up to this; the kernel grows online within it.
const GROWS_TO_BLOCKS: u64 = 2 * 1024 * 1024 * 1024 * 1024 / BLOCK_LEN;
const DESCRIPTORS_PER_BLOCK: u64 = BLOCK_LEN / 64;
const ALIGN_BLOCKS: u64 = 1024 * 1024 / BLOCK_LEN;

/// Makes the file system from the new system's tar, checks it, and removes tar and tree.
pub(super) fn make(
    tools: &Tools<'_>,
    tar: &Path,
    census: &Census,
    identity: &ImageIdentity,
    work_dir: &Path,
) -> Result<PathBuf> {
    let (tree, image) = (work_dir.join("tree"), work_dir.join("root.ext4"));
    fs::create_dir(&tree).context("failed to make a directory for the new system")?;
    let filled = fill(tools, tar, &tree, &image, census, identity);
    // Its files may belong to ids of a user namespace, which the caller cannot remove.
    let cleared = tools.run(
        "removing the unpacked system",
        RM,
        tools.command_as_owner(RM).args(["-rf", "--"]).arg(&tree),
    );
    filled?;
    cleared?;
    fs::remove_file(tar).context("failed to remove the new system's tar")?;

    let mut check = tools.command(E2FSCK);
    tools.run("checking the root file system", E2FSCK, check.args(["-f", "-n"]).arg(&image))?;
    let mut superblock = [0; SUPERBLOCK_LEN];
    File::open(&image)
        .and_then(|file| file.read_exact_at(&mut superblock, SUPERBLOCK_OFFSET))
        .context("failed to read the new file system")?;
    let usage = Usage::parse(&superblock)?;
    ensure!(
        usage.n_free * 20 >= usage.n_blocks,
        "the root file system has only {} of {} blocks free",
        usage.n_free,
        usage.n_blocks
    );
    Ok(image)
}

fn fill(
    tools: &Tools<'_>,
    tar: &Path,
    tree: &Path,
    image: &Path,
    census: &Census,
    identity: &ImageIdentity,
) -> Result<()> {
    // mke2fs reads tars only since 1.47.1; Debian 12 has 1.47.0.
    let mut unpack = tools.command_as_owner(TAR);
    unpack.args(["--extract", "--numeric-owner", "--same-owner", "--preserve-permissions"]);
    unpack.args(["--xattrs", "--xattrs-include=*", "--exclude=./dev/*", "--file"]).arg(tar);
    unpack.arg("--directory").arg(tree);
    tools.run("unpacking the new system (seconds)", TAR, &mut unpack)?;

    let n_blocks = size_in_blocks(census)?;
    let mut mke2fs = tools.command_as_owner(MKE2FS);
    mke2fs.args(["-q", "-F", "-t", "ext4", "-m", "1", "-L", "root", "-O", FEATURES]);
    mke2fs.args(["-b", &BLOCK_LEN.to_string(), "-I", &INODE_LEN.to_string()]);
    mke2fs.args(["-i", &BYTES_PER_INODE.to_string(), "-J", &format!("size={JOURNAL_MIB}")]);
    mke2fs.args(["-U", &identity.root_uuid.to_string()]);
    // Nothing lazy: what the manifest calls zero must be zero, and first boot has no chores.
    mke2fs.arg("-E").arg(format!(
        "hash_seed={},resize={GROWS_TO_BLOCKS},root_owner=0:0,nodiscard,\
         lazy_itable_init=0,lazy_journal_init=0",
        identity.dir_hash_seed
    ));
    mke2fs.arg("-d").arg(tree).arg(image).arg(n_blocks.to_string());
    let step = format!(
        "making a root file system of {} MiB with {} files (seconds)",
        n_blocks * BLOCK_LEN / (1024 * 1024),
        census.n_inodes
    );
    tools.run(&step, MKE2FS, &mut mke2fs)
}

/// The smallest size in whole MiB that leaves a tenth free.
fn size_in_blocks(census: &Census) -> Result<u64> {
    let mut size = ALIGN_BLOCKS;
    while (census.n_blocks + metadata_blocks(size)) * 10 > size * 9 {
        size += ALIGN_BLOCKS;
    }
    let n_inodes = size * BLOCK_LEN / BYTES_PER_INODE;
    ensure!(
        census.n_inodes * 10 <= n_inodes * 9,
        "{} files are too many for {n_inodes} inodes: this recipe's files are unusually small",
        census.n_inodes
    );
    Ok(size)
}

fn metadata_blocks(n_blocks: u64) -> u64 {
    let n_groups = n_blocks.div_ceil(BLOCKS_PER_GROUP);
    let inode_tables = (n_blocks * BLOCK_LEN / BYTES_PER_INODE * INODE_LEN).div_ceil(BLOCK_LEN);
    let bitmaps = 2 * n_groups;
    let descriptors =
        GROWS_TO_BLOCKS.div_ceil(BLOCKS_PER_GROUP).div_ceil(DESCRIPTORS_PER_BLOCK) + 1;
    let copies = (0..n_groups).filter(|&group| has_superblock(group)).count() as u64;
    inode_tables + bitmaps + copies * (1 + descriptors) + JOURNAL_MIB * 256
}

/// sparse_super: copies in groups 0 and 1 and in the powers of 3, 5 and 7.
fn has_superblock(group: u64) -> bool {
    let is_power_of = |base: u64| {
        let mut rest = group;
        while rest.is_multiple_of(base) {
            rest /= base;
        }
        rest == 1
    };
    group <= 1 || [3, 5, 7].into_iter().any(is_power_of)
}

/// How full an ext4 file system is, from its superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    n_blocks: u64,
    n_free: u64,
}

impl Usage {
    pub(super) fn parse(superblock: &[u8; SUPERBLOCK_LEN]) -> Result<Self> {
        let u32_at = |at: usize| {
            let bytes = [at, at + 1, at + 2, at + 3].map(|i| superblock[i]);
            u64::from(u32::from_le_bytes(bytes))
        };
        ensure!(superblock[0x38..0x3a] == [0x53, 0xef], "there is no ext4 superblock");
        let n_blocks = u32_at(0x150) << 32 | u32_at(0x4);
        let n_free = u32_at(0x158) << 32 | u32_at(0xc);
        ensure!(n_free <= n_blocks, "the ext4 superblock has {n_free} of {n_blocks} blocks free");
        Ok(Self { n_blocks, n_free })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_build::rootfs::BootFiles;

    #[test]
    fn sizes_leave_a_tenth_free() {
        for n_blocks in [1_000, 100_000, 1_000_000] {
            let census = Census { n_blocks, n_inodes: 1_000, boot: BootFiles::default() };
            let size = size_in_blocks(&census).unwrap();
            let used = n_blocks + metadata_blocks(size);
            assert!(used * 10 <= size * 9, "{n_blocks}: {used} of {size}");
            assert!(used * 100 >= size * 88, "{n_blocks}: {used} of {size} is wasteful");
        }
        let crowd = Census { n_blocks: 1_000, n_inodes: 100_000, boot: BootFiles::default() };
        assert!(size_in_blocks(&crowd).unwrap_err().to_string().contains("inodes"));
    }

    #[test]
    fn knows_where_superblock_copies_are() {
        let copies: Vec<_> = (0..100).filter(|&group| has_superblock(group)).collect();
        assert_eq!(copies, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81]);
    }

    #[test]
    fn reads_usage_and_refuses_what_is_no_superblock() {
        let mut superblock = [0; SUPERBLOCK_LEN];
        assert!(Usage::parse(&superblock).is_err());
        superblock[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
        superblock[0x4..0x8].copy_from_slice(&1000_u32.to_le_bytes());
        superblock[0xc..0x10].copy_from_slice(&100_u32.to_le_bytes());
        let usage = Usage::parse(&superblock).unwrap();
        assert_eq!(usage, Usage { n_blocks: 1000, n_free: 100 });
        superblock[0xf] = 1;
        assert!(Usage::parse(&superblock).is_err());
    }
}
