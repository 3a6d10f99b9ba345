//! Where nwipe is let run. It wipes every disk of the machine where it is told none, so it gets a world in which a single
//! loop device of ours is all that it could open, whatever it makes of its arguments.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result, ensure};
use nix::libc::dev_t;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, pivot_root};

use crate::loop_drive::{LOOP_MAJOR, OwnLoop, is_of_the_benchmark};

/// Numbers of memory devices: Documentation/admin-guide/devices.txt.
const HARMLESS: [(&str, u64, u64); 4] =
    [("null", 1, 3), ("zero", 1, 5), ("random", 1, 8), ("urandom", 1, 9)];
/// Who nwipe runs as: nobody, who can neither make a node nor mount anything.
const NOBODY: u32 = 65534;

/// One run of nwipe in the cage.
#[derive(Debug, clap::Args)]
pub(crate) struct Caged {
    /// A process outside, which shares no namespace with nwipe.
    #[arg(long)]
    outside: u32,
    /// What nwipe writes.
    method: Method,
    /// The only block device that there is in the cage, NODE=FILE.
    #[arg(value_parser = OwnLoop::parse)]
    own: OwnLoop,
    /// The directory with nwipe and its libraries, of scripts/bench: it becomes the root.
    root: PathBuf,
}

/// What nwipe writes, in one round.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Method {
    /// Zeros.
    Zero,
    /// The stream of its generator, ISAAC-64.
    Random,
}

impl Caged {
    /// Becomes nwipe, in the namespaces that unshare(1) has made. Comes back only with the reason why not.
    pub(crate) fn run(&self) -> Result<Infallible> {
        in_own_namespaces(self.outside)?;
        ensure!(
            is_of_the_benchmark(&self.root),
            "{:?} is not of scripts/bench; nwipe was not started",
            self.root
        );
        self.own.check()?;
        let node = self.own.only_name()?;
        let number = makedev(LOOP_MAJOR.into(), self.own.number()?.into());
        inherits_no_other(number)?;
        furnish(&self.root, &node, number)?;
        move_in(&self.root)?;
        let mut blocks = BTreeMap::new();
        block_nodes(Path::new("/"), &mut blocks)?;
        is_alone(&blocks, &node, number)?;
        let mut nwipe = Command::new("/usr/sbin/nwipe");
        nwipe.args(arguments(self.method)).arg(&node).env_clear().env("TERM", "dumb");
        Err(nwipe.uid(NOBODY).gid(NOBODY).exec()).context("starting nwipe")
    }
}

/// All but the device.
fn arguments(method: Method) -> Vec<&'static str> {
    let mut arguments = match method {
        Method::Zero => vec!["--method=zero"],
        Method::Random => vec!["--method=random", "--prng=isaac64"],
    };
    arguments.extend(["--verify=off", "--rounds=1", "--noblank", "--autonuke", "--nogui"]);
    // One thread less, so that the one that wipes is the only one beside the first.
    arguments.push("--nosignals");
    arguments
}

/// What is mounted from here on must not be seen outside, and what runs must not see others.
fn in_own_namespaces(outside: u32) -> Result<()> {
    ensure!(process::id() == 1, "not the first process of a namespace; nwipe was not started");
    for kind in ["mnt", "pid", "net"] {
        // This /proc is still that of outside.
        let namespace = |of: &str| {
            let path = format!("/proc/{of}/ns/{kind}");
            fs::read_link(&path).with_context(|| format!("reading {path}"))
        };
        let (ours, outer) = (namespace("self")?, namespace(&outside.to_string())?);
        ensure!(ours != outer, "in no {kind} namespace of its own; nwipe was not started");
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).context("keeping mounts private")
}

/// What was open before would stay open in the cage.
fn inherits_no_other(number: dev_t) -> Result<()> {
    for entry in fs::read_dir("/proc/self/fd").context("reading /proc/self/fd")? {
        let path = entry.context("reading /proc/self/fd")?.path();
        // A pipe or the handle of this very reading leads nowhere by its name.
        let Ok(opened) = fs::metadata(&path) else { continue };
        ensure!(
            !opened.file_type().is_block_device() || opened.rdev() == number,
            "block device {} is open already; nwipe was not started",
            opened.rdev()
        );
    }
    Ok(())
}

/// Makes a file system of `root`, with a /dev that has the harmless nodes and the one.
fn furnish(root: &Path, node: &Path, number: dev_t) -> Result<()> {
    mount(Some(root), root, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("making a mount of {root:?}"))?;
    let dev = root.join("dev");
    fs::create_dir_all(&dev).with_context(|| format!("making {dev:?}"))?;
    mount(Some("cage"), &dev, Some("tmpfs"), MsFlags::MS_NOEXEC, Some("mode=0755,size=64k"))
        .with_context(|| format!("mounting {dev:?}"))?;
    for (name, major, minor) in HARMLESS {
        let path = dev.join(name);
        mknod(&path, SFlag::S_IFCHR, Mode::empty(), makedev(major, minor))
            .with_context(|| format!("making {path:?}"))?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))
            .with_context(|| format!("opening {path:?} to all"))?;
    }
    let inside = root.join(node.strip_prefix("/")?);
    mknod(&inside, SFlag::S_IFBLK, Mode::S_IRUSR | Mode::S_IWUSR, number)
        .with_context(|| format!("making {inside:?}"))?;
    chown(&inside, Some(NOBODY), Some(NOBODY)).with_context(|| format!("giving {inside:?} away"))
}

/// pivot_root(2) and not chroot(2): of the machine's file systems none is left in this namespace.
fn move_in(root: &Path) -> Result<()> {
    chdir(root).with_context(|| format!("going to {root:?}"))?;
    pivot_root(".", ".").with_context(|| format!("making {root:?} the root"))?;
    umount2(".", MntFlags::MNT_DETACH).context("unmounting the former root")?;
    chdir("/").context("going to the new root")?;
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    let closed = read_only | MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    mount(None::<&str>, "/", None::<&str>, closed, None::<&str>).context("closing the root")?;
    mount(None::<&str>, "/dev", None::<&str>, read_only, None::<&str>).context("closing /dev")
}

/// Every block node under `directory`, with its number.
fn block_nodes(directory: &Path, found: &mut BTreeMap<PathBuf, dev_t>) -> Result<()> {
    let read = || format!("reading {directory:?}");
    for entry in fs::read_dir(directory).with_context(read)? {
        let entry = entry.with_context(read)?;
        let metadata = entry.metadata().with_context(|| format!("looking at {entry:?}"))?;
        if metadata.is_dir() {
            block_nodes(&entry.path(), found)?;
        } else if metadata.file_type().is_block_device() {
            found.insert(entry.path(), metadata.rdev());
        }
    }
    Ok(())
}

fn is_alone(blocks: &BTreeMap<PathBuf, dev_t>, node: &Path, number: dev_t) -> Result<()> {
    ensure!(
        blocks.len() == 1 && blocks.get(node) == Some(&number),
        "the cage has the block nodes {blocks:?} and not {node:?} alone; nwipe was not started"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_in_no_cage() {
        let refused = in_own_namespaces(process::id()).unwrap_err();
        assert!(refused.to_string().contains("nwipe was not started"), "{refused:#}");
    }

    #[test]
    fn exactly_the_one_block_node_may_be_there() {
        let (node, number) = (Path::new("/dev/loop3"), makedev(7, 3));
        let disk = ("/dev/vda", makedev(254, 0));
        for (nodes, right) in [
            (vec![("/dev/loop3", number)], true),
            (vec![], false),
            (vec![disk], false),
            (vec![("/dev/loop3", number), disk], false),
            (vec![("/dev/loop3", makedev(254, 0))], false),
            (vec![("/dev/loop4", number)], false),
            (vec![("/dev/loop3", number), ("/tmp/again", number)], false),
        ] {
            let blocks = nodes.iter().map(|(path, number)| (PathBuf::from(path), *number));
            assert_eq!(is_alone(&blocks.collect(), node, number).is_ok(), right, "{nodes:?}");
        }
    }
}
