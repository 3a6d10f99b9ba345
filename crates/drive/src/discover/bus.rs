//! How a drive is attached, by the way the kernel's device tree takes to it.

use std::path::{Component, Path};

use protocol::Bus;

use super::DiscoverError;
use super::attributes::{canonicalize, read_optional, sorted_names};

/// Devices, with or without a number, whose drives live on a network or in memory: iSCSI sessions, Fibre Channel
/// ports, Ceph, what has no hardware at all (`virtual`), and the kernel's simulated SCSI hosts.
const OF_NETWORK_OR_MEMORY: [&str; 6] =
    ["virtual", "rbd", "session", "rport-", "pseudo_", "tcm_loop_"];

/// Where a block device stands in the device tree.
#[derive(Debug)]
pub(super) struct Place {
    /// Names of the devices from the root of the tree to the block device.
    way: Vec<String>,
    /// For a namespace, how each of its controllers is reached (`pcie`, `tcp`, `rdma`, `fc`, `loop`).
    transports: Vec<String>,
}

impl Place {
    /// Follows the device tree to the block device's own directory (a canonical path).
    pub(super) fn of(sys: &Path, directory: &Path) -> Result<Self, DiscoverError> {
        let sys = canonicalize(sys)?;
        let inside = directory.strip_prefix(&sys).unwrap_or(directory);
        let way = inside.components().filter_map(name_of).collect();
        let mut place = Self { way, transports: Vec::new() };
        if place.name().starts_with("nvme")
            && let Some(parent) = directory.parent()
        {
            place.look_at_controllers(parent)?;
        }
        Ok(place)
    }

    /// The parent of a namespace is its controller or, with multipath, a subsystem that links to several.
    fn look_at_controllers(&mut self, parent: &Path) -> Result<(), DiscoverError> {
        let names = sorted_names(parent)?;
        self.transports.extend(read_optional(&parent.join("transport"))?);
        for controller in names.iter().filter(|name| is_numbered(name, "nvme")) {
            self.transports.extend(read_optional(&parent.join(controller).join("transport"))?);
        }
        Ok(())
    }

    pub(super) fn bus(&self) -> Bus {
        let has = |prefix: &str| self.way.iter().any(|name| is_numbered(name, prefix));
        let is = |whole: &str| self.way.iter().any(|name| name == whole);
        // The order matters: a way leads through several buses and the outermost trait decides. What is
        // behind USB is behind USB; what lives on a network does so whatever host adapter stands before it.
        if self.name().starts_with("nvme") {
            self.nvme_bus()
        } else if has("usb") {
            Bus::Usb
        } else if OF_NETWORK_OR_MEMORY.iter().any(|name| is(name) || has(name)) {
            Bus::Network
        } else if has("fw") {
            Bus::Other
        } else if has("ata") {
            Bus::Ata
        } else if has("host") {
            Bus::Scsi
        } else if is("mmc_host") {
            Bus::Mmc
        } else if has("virtio") {
            Bus::Virtio
        } else {
            Bus::Other
        }
    }

    /// Every controller must be on PCI Express. One that cannot be told is no reason to trust it.
    fn nvme_bus(&self) -> Bus {
        let on_network = ["tcp", "rdma", "fc", "loop"];
        if self.transports.iter().any(|transport| on_network.contains(&transport.as_str())) {
            Bus::Network
        } else if !self.transports.is_empty() && self.transports.iter().all(|t| t == "pcie") {
            Bus::Nvme
        } else {
            Bus::Other
        }
    }

    fn name(&self) -> &str {
        self.way.last().map_or("", String::as_str)
    }
}

fn name_of(component: Component<'_>) -> Option<String> {
    match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    }
}

/// Whether the name is the prefix and a number, perhaps with further numbers (`rport-0:0-1`).
fn is_numbered(name: &str, prefix: &str) -> bool {
    let is_number = |rest: &str| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '-' | '.'))
    };
    name.strip_prefix(prefix).is_some_and(is_number)
}

/// `nvme0n1`, but neither a path (`nvme0c0n1`) nor a partition (`nvme0n1p1`).
pub(super) fn is_namespace(name: &str) -> bool {
    let parts = name.strip_prefix("nvme").and_then(|rest| rest.split_once('n'));
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    parts.is_some_and(|(controller, namespace)| is_number(controller) && is_number(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(way: &str, transports: &[&str], bus: Bus) {
        let way = way.split('/').map(str::to_owned).collect();
        let transports = transports.iter().map(|&transport| transport.to_owned()).collect();
        let place = Place { way, transports };
        assert_eq!(place.bus(), bus, "{place:?}");
    }

    #[test]
    fn the_way_through_the_device_tree_gives_the_bus() {
        let pci = "devices/pci0000:00/0000:00:1f.2";
        for (way, bus) in [
            (format!("{pci}/ata1/host0/target0:0:0/0:0:0:0/block/sda"), Bus::Ata),
            (
                format!("{pci}/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0/block/sda"),
                Bus::Scsi,
            ),
            (format!("{pci}/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb"), Bus::Usb),
            (format!("{pci}/host7/rport-7:0-1/target7:0:0/7:0:0:0/block/sdc"), Bus::Network),
            ("devices/platform/host8/session1/target8:0:0/8:0:0:1/block/sdd".into(), Bus::Network),
            ("devices/virtual/block/nbd0".into(), Bus::Network),
            ("devices/pseudo_0/adapter0/host9/target9:0:0/9:0:0:0/block/sde".into(), Bus::Network),
            (
                "devices/tcm_loop_0/tcm_loop_adapter_0/host2/target2:0:1/2:0:1:0/block/sdf".into(),
                Bus::Network,
            ),
            (format!("{pci}/virtio2/block/vda"), Bus::Virtio),
            (format!("{pci}/virtio3/host4/target4:0:0/4:0:0:0/block/sda"), Bus::Scsi),
            (format!("{pci}/mmc_host/mmc0/mmc0:0001/block/mmcblk0"), Bus::Mmc),
            (format!("{pci}/fw1/fw1.0/host5/target5:0:0/5:0:0:0/block/sda"), Bus::Other),
            ("devices/platform/floppy.0/block/fd0".into(), Bus::Other),
        ] {
            check(&way, &[], bus);
        }
    }

    #[test]
    fn a_namespace_is_local_only_if_all_its_controllers_are() {
        let way = "devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1";
        check(way, &["pcie"], Bus::Nvme);
        check(way, &["tcp"], Bus::Network);
        check(way, &[], Bus::Other);
        check(way, &["unheard-of"], Bus::Other);
        let head = "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
        check(head, &["pcie", "pcie"], Bus::Nvme);
        check(head, &["pcie", "rdma"], Bus::Network);
    }

    #[test]
    fn paths_and_partitions_are_no_namespaces() {
        for (name, expected) in [
            ("nvme0n1", true),
            ("nvme10n12", true),
            ("nvme0c0n1", false),
            ("nvme0n1p1", false),
            ("nvme0", false),
            ("ng0n1", false),
        ] {
            assert_eq!(is_namespace(name), expected, "{name}");
        }
    }
}
