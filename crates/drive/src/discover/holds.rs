//! Who uses a drive, by the kernel's own tables.

use std::path::Path;

use protocol::Hold;

use super::DiscoverError;
use super::attributes::{read_optional, read_text, sorted_names};
use crate::Roots;

/// Mount points that only what the system was started from has.
const BOOT_MOUNT_POINTS: [&str; 4] = ["/", "/boot", "/boot/efi", "/run/live/medium"];

/// What is mounted and swapped to.
#[derive(Debug)]
pub(super) struct Tables {
    mounts: Vec<Mount>,
    /// Device names without `/dev/`.
    swaps: Vec<String>,
}

/// A line of mountinfo (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// `major:minor`; of no use where the file system makes up its own (btrfs).
    device: String,
    point: String,
    source: String,
}

impl Tables {
    pub(super) fn read(roots: &Roots) -> Result<Self, DiscoverError> {
        let mountinfo = read_text(&roots.proc.join("self/mountinfo"))?;
        // A kernel without swap has no such file.
        let swaps = read_optional(&roots.proc.join("swaps"))?.unwrap_or_default();
        Ok(Self {
            mounts: mountinfo.lines().filter_map(parse_mount).collect(),
            swaps: swaps.lines().skip(1).filter_map(parse_swap).collect(),
        })
    }
}

/// Fields: id, parent, major:minor, root, mount point, options, optional fields, `-`, type, source, options.
fn parse_mount(line: &str) -> Option<Mount> {
    let (own, of_file_system) = line.split_once(" - ")?;
    let mut own = own.split(' ').skip(2);
    let device = own.next()?.to_owned();
    let point = own.nth(1)?.to_owned();
    let source = of_file_system.split(' ').nth(1)?.to_owned();
    Some(Mount { device, point, source })
}

fn parse_swap(line: &str) -> Option<String> {
    let file = line.split_ascii_whitespace().next()?;
    file.strip_prefix("/dev/").map(str::to_owned)
}

/// Who uses the block device or one of its partitions, each kind once.
pub(super) fn holds(
    tables: &Tables,
    kernel_name: &str,
    directory: &Path,
) -> Result<Vec<Hold>, DiscoverError> {
    let mut nodes = vec![Node::read(kernel_name, directory)?];
    for entry in sorted_names(directory)? {
        let partition = directory.join(&entry);
        if read_optional(&partition.join("partition"))?.is_some() {
            nodes.push(Node::read(&entry, &partition)?);
        }
    }
    let mounted: Vec<&Mount> =
        tables.mounts.iter().filter(|mount| nodes.iter().any(|node| node.is_in(mount))).collect();
    let holders: Vec<&str> =
        nodes.iter().flat_map(|node| &node.holders).map(String::as_str).collect();
    let swapped = nodes.iter().any(|node| tables.swaps.contains(&node.path));

    let mut holds = Vec::new();
    if mounted.iter().any(|mount| BOOT_MOUNT_POINTS.contains(&mount.point.as_str())) {
        holds.push(Hold::BootMedium);
    }
    if !mounted.is_empty() {
        holds.push(Hold::Mounted);
    }
    if !holders.is_empty() {
        holds.push(Hold::Held(holders.join(", ")));
    }
    if swapped {
        holds.push(Hold::Swap);
    }
    Ok(holds)
}

/// A hold for a message.
pub(crate) fn describe_hold(hold: &Hold) -> String {
    match hold {
        Hold::BootMedium => "the system was started from it".to_owned(),
        Hold::Mounted => "mounted".to_owned(),
        Hold::Held(holders) => format!("held by {holders}"),
        Hold::Swap => "swapped to".to_owned(),
    }
}

/// A drive or partition as the tables name it.
#[derive(Debug)]
struct Node {
    /// Below `/dev`.
    path: String,
    /// `major:minor`.
    device: String,
    holders: Vec<String>,
}

impl Node {
    fn read(kernel_name: &str, directory: &Path) -> Result<Self, DiscoverError> {
        Ok(Self {
            path: kernel_name.replace('!', "/"),
            device: read_text(&directory.join("dev"))?,
            holders: sorted_names(&directory.join("holders"))?,
        })
    }

    fn is_in(&self, mount: &Mount) -> bool {
        mount.device == self.device
            || mount.source.strip_prefix("/dev/").is_some_and(|path| path == self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernels_tables_are_read() {
        let mount = |device: &str, point: &str, source: &str| {
            Some(Mount { device: device.into(), point: point.into(), source: source.into() })
        };
        for (line, expected) in [
            (
                "29 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro",
                mount("259:2", "/", "/dev/nvme0n1p2"),
            ),
            (
                "31 29 0:35 /@home /home rw - btrfs /dev/sda2 rw",
                mount("0:35", "/home", "/dev/sda2"),
            ),
            ("22 28 0:21 / /proc rw - proc proc rw", mount("0:21", "/proc", "proc")),
            ("", None),
            ("29 1 259:2 / / rw,relatime shared:1", None),
        ] {
            assert_eq!(parse_mount(line), expected, "{line}");
        }
        assert_eq!(parse_swap("/dev/sda3  partition 1048572 0 -2"), Some("sda3".to_owned()));
        assert_eq!(parse_swap("/swapfile file 1048572 0 -2"), None);
    }
}
