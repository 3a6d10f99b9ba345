//! Every drive unit that the kernel shows, wanted or not.

mod attributes;
mod bus;
mod holds;

use std::io;
use std::path::{Path, PathBuf};

use protocol::units::BadSectorSize;
use protocol::{Bus, ByteLen, DriveIdentity, DriveUnit, EraseFeatures, Hold, SectorSize};

use crate::Roots;
use crate::identity::{Identified, IdentityReader, with_causes};

use attributes::{canonicalize, read_number, read_optional, read_text, sorted_names};
pub(crate) use holds::describe_hold;
use holds::{Tables, holds};

/// Why drives cannot be listed. A drive that vanishes while it is looked at ends up here too: look again.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A table or attribute of the kernel cannot be read.
    #[error("reading {} to list drives", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An attribute holds something else than a number.
    #[error("{} holds {text:?}, expected a number", path.display())]
    Number {
        /// Which.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
    /// Sectors of a size that no drive has.
    #[error("drive {kernel_name} has unusable sectors")]
    SectorSize {
        /// Kernel name of the drive.
        kernel_name: String,
        /// The size.
        #[source]
        source: BadSectorSize,
    },
}

/// The unit of `size` in sysfs, whatever the drive's sectors are.
const SYSFS_SECTOR_LEN: u64 = 512;
const NO_CAPACITY: &str = "the kernel sees no capacity; what it holds cannot be reached";

/// Lists the drive units in order of identity, those without one last. The namespaces of an NVMe controller are one unit.
///
/// Left out are what holds no data of its own (loop, RAM disk, device mapper, MD: they only show as holds of the
/// drives below), slots with nothing in them (size 0, and removable, USB or network) and the hidden paths of multipath
/// NVMe (`nvme0c0n1`). All else is listed, so that what is left alone is left alone by decision. Only drives on ATA and NVMe are sent a command.
pub fn discover(
    roots: &Roots,
    reader: &dyn IdentityReader,
) -> Result<Vec<DriveUnit>, DiscoverError> {
    let tables = Tables::read(roots)?;
    let mut names = sorted_names(&roots.sys.join("block"))?;
    names.retain(|name| !is_layered(name) && !is_hidden_path(name));
    let mut units = Vec::new();
    for nodes in by_unit(roots, names)? {
        units.extend(look_at(roots, reader, &tables, &nodes)?);
    }
    units.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    Ok(units)
}

/// Who uses one block device, by its kernel name.
pub(crate) fn holds_of(roots: &Roots, kernel_name: &str) -> Result<Vec<Hold>, DiscoverError> {
    let directory = canonicalize(&roots.sys.join("block").join(kernel_name))?;
    holds(&Tables::read(roots)?, kernel_name, &directory)
}

fn sort_key(unit: &DriveUnit) -> (bool, Option<&DriveIdentity>, &str) {
    let identity = unit.identity.as_ref().ok();
    (identity.is_none(), identity, &unit.kernel_name)
}

/// Drivers whose devices lie on other devices, or in memory.
fn is_layered(name: &str) -> bool {
    let layered = ["loop", "ram", "zram", "dm-", "md"];
    layered.iter().any(|prefix| has_number_after(name, prefix))
        // Named arrays (md_home) have no number.
        || name.starts_with("md_")
}

fn has_number_after(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// `nvme0c1n1`: one path of a namespace that `nvme0n1` stands for.
fn is_hidden_path(name: &str) -> bool {
    name.strip_prefix("nvme").is_some_and(|rest| rest.contains('c'))
}

/// What the kernel says of one block device.
struct Node {
    name: String,
    directory: PathBuf,
    size: ByteLen,
}

impl Node {
    fn of(roots: &Roots, name: String) -> Result<Self, DiscoverError> {
        let directory = canonicalize(&roots.sys.join("block").join(&name))?;
        let size = ByteLen(read_number(&directory.join("size"))? * SYSFS_SECTOR_LEN);
        Ok(Self { name, directory, size })
    }
}

/// Namespaces of one controller together, in the order that people count in; everything else by itself.
fn by_unit(roots: &Roots, names: Vec<String>) -> Result<Vec<Vec<Node>>, DiscoverError> {
    let mut units: Vec<Vec<Node>> = Vec::new();
    for name in names {
        let node = Node::of(roots, name)?;
        let is_sister = |unit: &&mut Vec<Node>| {
            bus::is_namespace(&node.name)
                && unit.iter().any(|other| {
                    bus::is_namespace(&other.name)
                        && other.directory.parent() == node.directory.parent()
                })
        };
        match units.iter_mut().find(is_sister) {
            Some(unit) => unit.push(node),
            None => units.push(vec![node]),
        }
    }
    for unit in &mut units {
        unit.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    }
    Ok(units)
}

/// What of a unit's nodes is one for all of them.
fn look_at(
    roots: &Roots,
    reader: &dyn IdentityReader,
    tables: &Tables,
    nodes: &[Node],
) -> Result<Option<DriveUnit>, DiscoverError> {
    let [Node { name: kernel_name, directory, .. }, more @ ..] = nodes else { return Ok(None) };
    let size = ByteLen(nodes.iter().map(|node| node.size.0).fold(0, u64::saturating_add));
    let bus = bus::Place::of(&roots.sys, directory)?.bus();
    let removable = any(nodes, |node| is_removable(&roots.sys, &node.directory))?;
    if size == ByteLen(0) && is_slot(bus, removable) {
        return Ok(None);
    }
    let (identity, features, other_namespaces) = match ask(roots, reader, bus, nodes) {
        Ok(Identified { identity, features, other_namespaces }) => {
            (Ok(identity), features, other_namespaces)
        }
        Err(text) => (Err(text), EraseFeatures::None {}, 0),
    };
    // An internal drive of no capacity (failed firmware, a format that the kernel cannot use) is full of data all the
    // same: listed without an identity it stops the plan.
    let is_out_of_reach = nodes.iter().any(|node| node.size == ByteLen(0));
    let sector_size = u32_attribute(directory, "queue/logical_block_size")?;
    let mut unit_holds = Vec::new();
    for node in nodes {
        for hold in holds(tables, &node.name, &node.directory)? {
            if !unit_holds.contains(&hold) {
                unit_holds.push(hold);
            }
        }
    }
    let is_set = |name| any(nodes, |node| Ok(read_number(&node.directory.join(name))? != 0));
    Ok(Some(DriveUnit {
        kernel_name: kernel_name.clone(),
        more_namespaces: more.iter().map(|node| node.name.clone()).collect(),
        identity: if is_out_of_reach { Err(NO_CAPACITY.to_owned()) } else { identity },
        size,
        sector_size: SectorSize::try_from(sector_size).map_err(|source| {
            DiscoverError::SectorSize { kernel_name: kernel_name.clone(), source }
        })?,
        physical_sector_size: u32_attribute(directory, "queue/physical_block_size")?,
        bus,
        rotational: is_set("queue/rotational")?,
        removable,
        read_only: is_set("ro")?,
        holds: unit_holds,
        features,
        other_namespaces,
    }))
}

fn any(
    nodes: &[Node],
    is_so: impl Fn(&Node) -> Result<bool, DiscoverError>,
) -> Result<bool, DiscoverError> {
    for node in nodes {
        if is_so(node)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What has no size because nothing is in it, or because nothing is behind it yet (an NBD device).
fn is_slot(bus: Bus, removable: bool) -> bool {
    removable || matches!(bus, Bus::Usb | Bus::Network)
}

/// Bridges and virtual disks are not sent commands that they were not made for: some hang on them.
fn ask(
    roots: &Roots,
    reader: &dyn IdentityReader,
    bus: Bus,
    nodes: &[Node],
) -> Result<Identified, String> {
    match bus {
        Bus::Ata | Bus::Nvme => {
            let nodes: Vec<_> = nodes.iter().map(|node| roots.device(&node.name)).collect();
            reader.read(&nodes).map_err(|error| with_causes(&error))
        }
        Bus::Scsi | Bus::Usb | Bus::Mmc | Bus::Virtio | Bus::Network | Bus::Other => {
            Err("not asked: this kind of drive gives no identity that a plan could name".to_owned())
        }
    }
}

/// The medium by the block layer, or any device above it by its bus (a Thunderbolt enclosure is `removable`).
fn is_removable(sys: &Path, directory: &Path) -> Result<bool, DiscoverError> {
    if read_number(&directory.join("removable"))? != 0 {
        return Ok(true);
    }
    let sys = canonicalize(sys)?;
    let above = directory.ancestors().skip(1).take_while(|ancestor| *ancestor != sys);
    for ancestor in above {
        if read_optional(&ancestor.join("removable"))?.as_deref() == Some("removable") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn u32_attribute(directory: &Path, name: &str) -> Result<u32, DiscoverError> {
    let path = directory.join(name);
    let text = read_text(&path)?;
    text.parse().map_err(|_| DiscoverError::Number { path, text })
}
