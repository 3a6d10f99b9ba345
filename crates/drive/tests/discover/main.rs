//! Listing drives of machines whose sysfs is laid out as the kernel does.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod machine;

use drive::{DiscoverError, discover};
use machine::{Disk, Machine, disk_at};
use protocol::{Bus, ByteLen, DriveUnit, Hold};

const AHCI: &str = "pci0000:00/0000:00:1f.2";
const NVME: &str = "pci0000:00/0000:00:1d.0/0000:3d:00.0";

/// A retired laptop: SATA disk with LVM and swap, DVD drive, an empty card reader, somebody's USB stick.
fn thinkpad_x230() -> Machine {
    let machine = Machine::new();
    let disk = disk_at("sda", "8:0", format!("{AHCI}/ata1/host0/target0:0:0/0:0:0:0"));
    machine.disk(&Disk { rotational: true, physical: 4096, ..disk });
    machine.partition("sda", "sda1", "8:1", &[]);
    machine.partition("sda", "sda2", "8:2", &["dm-0", "dm-1"]);
    machine.partition("sda", "sda3", "8:3", &[]);
    let dvd = disk_at("sr0", "11:0", format!("{AHCI}/ata2/host1/target1:0:0/1:0:0:0"));
    machine.disk(&Disk { removable: true, sectors: 1_400_000, logical: 2048, ..dvd });
    let reader =
        disk_at("sdc", "8:32", "pci0000:00/0000:00:1a.0/usb1/1-1/host7/target7:0:0/7:0:0:0");
    machine.disk(&Disk { sectors: 0, removable: true, ..reader });
    let stick =
        disk_at("sdb", "8:16", "pci0000:00/0000:00:1a.0/usb1/1-2/host6/target6:0:0/6:0:0:0");
    machine.disk(&stick);
    machine.disk(&disk_at("dm-0", "253:0", "virtual"));
    machine.disk(&disk_at("dm-1", "253:1", "virtual"));
    machine.disk(&disk_at("loop0", "7:0", "virtual"));
    machine.disk(&disk_at("zram0", "252:0", "virtual"));
    machine.mountinfo("29 1 253:0 / / rw shared:1 - ext4 /dev/mapper/vg-root rw\n30 29 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n");
    machine.swaps("Filename Type Size Used Priority\n/dev/sda3 partition 1048572 0 -2\n");
    machine
}

fn list(machine: &Machine) -> Vec<DriveUnit> {
    discover(&machine.roots(), machine).unwrap()
}

fn names(units: &[DriveUnit]) -> Vec<&str> {
    units.iter().map(|unit| unit.kernel_name.as_str()).collect()
}

#[test]
fn a_laptop_is_listed_whole_and_nothing_twice() {
    let units = list(&thinkpad_x230());
    // Those with an identity first; layers on top, empty slots and memory not at all.
    assert_eq!(names(&units), ["sda", "sdb", "sr0"]);
    let [disk, stick, dvd] = &units[..] else { panic!("{units:#?}") };

    assert_eq!(disk.identity.as_ref().map(|identity| identity.serial.as_str()), Ok("SERIAL-sda"));
    assert_eq!((disk.bus, disk.size), (Bus::Ata, ByteLen(500_107_862_016)));
    assert_eq!((disk.sector_size.bytes(), disk.physical_sector_size), (512, 4096));
    assert!(disk.rotational && !disk.removable && !disk.read_only);
    let held = Hold::Held("dm-0, dm-1".to_owned());
    assert_eq!(disk.holds, [Hold::BootMedium, Hold::Mounted, held, Hold::Swap]);

    assert_eq!((dvd.bus, dvd.removable), (Bus::Ata, true));
    assert_eq!(
        dvd.identity,
        Err("gives no identity: takes neither ATA nor NVMe commands".to_owned())
    );
    assert_eq!((stick.bus, stick.holds.len()), (Bus::Usb, 0));
    assert!(stick.identity.as_ref().is_err_and(|text| text.starts_with("not asked")));
}

#[test]
fn an_internal_drive_without_capacity_is_listed_and_an_empty_slot_is_not() {
    let machine = thinkpad_x230();
    let dead = disk_at("sdd", "8:48", format!("{AHCI}/ata3/host2/target2:0:0/2:0:0:0"));
    machine.disk(&Disk { sectors: 0, ..dead });
    let unusable = disk_at("nvme0n1", "259:0", format!("{NVME}/nvme/nvme0"));
    machine.disk(&Disk { sectors: 0, ..unusable });
    machine.disk(&Disk { sectors: 0, ..disk_at("nbd0", "43:0", "virtual") });
    let units = list(&machine);
    assert_eq!(names(&units), ["sda", "nvme0n1", "sdb", "sdd", "sr0"]);
    for unit in units.iter().filter(|unit| unit.size == ByteLen(0)) {
        let text = unit.identity.as_ref().unwrap_err();
        assert!(text.contains("no capacity"), "{text}");
    }
}

#[test]
fn bridges_and_virtual_disks_are_never_sent_a_command() {
    let machine = thinkpad_x230();
    machine.disk(&disk_at("vda", "254:0", "pci0000:00/0000:00:05.0/virtio2"));
    machine.disk(&disk_at("nbd0", "43:0", "virtual"));
    list(&machine);
    assert_eq!(machine.asked(), ["sda", "sr0"]);
}

/// An NVMe laptop; `head` is where the kernel puts the namespaces.
fn latitude_7490(head: &str) -> Machine {
    let machine = Machine::new();
    machine.disk(&Disk { nested: false, ..disk_at("nvme0n1", "259:0", head) });
    machine
}

#[test]
fn the_namespaces_of_a_controller_are_one_unit() {
    let head = format!("{NVME}/nvme/nvme0");
    let machine = latitude_7490(&head);
    machine.attribute(&format!("{head}/transport"), "pcie");
    let [ssd] = &list(&machine)[..] else { panic!() };
    assert_eq!((ssd.bus, ssd.other_namespaces), (Bus::Nvme, 0));

    // The controller lists more than the kernel has set up.
    machine.lists_other_namespaces(2);
    assert_eq!(list(&machine)[0].other_namespaces, 2);

    machine.lists_other_namespaces(0);
    for (name, device) in [("nvme0n10", "259:1"), ("nvme0n2", "259:2")] {
        machine.disk(&Disk { nested: false, ..disk_at(name, device, head.as_str()) });
    }
    let other = "0000:02:00.0/nvme/nvme1";
    machine.disk(&Disk { nested: false, ..disk_at("nvme1n1", "259:9", other) });
    machine.attribute(&format!("{other}/transport"), "pcie");
    machine.mountinfo("29 1 259:1 / /data rw - ext4 /dev/nvme0n10 rw\n");
    let units = list(&machine);
    assert_eq!(names(&units), ["nvme0n1", "nvme1n1"]);
    assert_eq!(units[0].more_namespaces, ["nvme0n2", "nvme0n10"]);
    assert_eq!(units[0].size.0, 3 * 976_773_168 * 512);
    assert_eq!(units[0].holds, [Hold::Mounted]);
    assert_eq!(machine.asked().last().map(String::as_str), Some("nvme1n1"));
    assert!(machine.asked().contains(&"nvme0n1+nvme0n2+nvme0n10".to_owned()));
    assert!(units[1].more_namespaces.is_empty() && units[1].holds.is_empty());

    // One that the kernel shows without capacity is full of data all the same.
    let empty = Disk { nested: false, sectors: 0, ..disk_at("nvme0n3", "259:3", head.as_str()) };
    machine.disk(&empty);
    let unit = list(&machine).into_iter().find(|unit| unit.kernel_name == "nvme0n1").unwrap();
    assert!(unit.identity.is_err());
}

#[test]
fn multipath_heads_are_listed_and_their_paths_are_not() {
    let head = "virtual/nvme-subsystem/nvme-subsys0";
    let machine = latitude_7490(head);
    let controller = format!("{NVME}/nvme/nvme0");
    machine.disk(&Disk { nested: false, ..disk_at("nvme0c0n1", "259:9", controller.as_str()) });
    machine.attribute(&format!("{controller}/transport"), "pcie");
    machine.link(&format!("{head}/nvme0"), &format!("../../../{controller}"));
    let units = list(&machine);
    assert_eq!(names(&units), ["nvme0n1"]);
    assert_eq!((units[0].bus, units[0].other_namespaces), (Bus::Nvme, 0));

    // One path over the network makes it a network drive.
    machine.attribute("virtual/nvme-fabrics/ctl/nvme1/transport", "tcp");
    machine.link(&format!("{head}/nvme1"), "../../nvme-fabrics/ctl/nvme1");
    let [unit] = &list(&machine)[..] else { panic!() };
    assert_eq!(unit.bus, Bus::Network);
    assert!(unit.identity.is_err());
}

#[test]
fn an_enclosure_on_thunderbolt_is_removable() {
    let head = format!("{NVME}/nvme/nvme0");
    let machine = latitude_7490(&head);
    machine.attribute(&format!("{head}/transport"), "pcie");
    machine.attribute(&format!("{NVME}/removable"), "fixed");
    assert!(!list(&machine)[0].removable);
    machine.attribute(&format!("{NVME}/removable"), "removable");
    assert!(list(&machine)[0].removable);
}

#[test]
fn file_systems_with_device_numbers_of_their_own_hold_by_name() {
    let machine = thinkpad_x230();
    machine.mountinfo("31 29 0:35 /@home /home rw - btrfs /dev/sda3 rw\n");
    machine.swaps("");
    let held = Hold::Held("dm-0, dm-1".to_owned());
    assert_eq!(list(&machine)[0].holds, [Hold::Mounted, held]);
}

#[test]
fn order_is_that_of_identity_whatever_the_kernel_called_them() {
    let machine = Machine::new();
    for (name, device, serial) in [("sda", "8:0", "Z"), ("sdb", "8:16", "A"), ("sdc", "8:32", "M")]
    {
        machine.disk(&disk_at(name, device, format!("{AHCI}/ata1/host0/target0:0:0/{name}")));
        machine.serial(name, serial);
    }
    assert_eq!(names(&list(&machine)), ["sdb", "sdc", "sda"]);
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_shorter_list() {
    let machine = thinkpad_x230();
    machine.remove(&format!("{AHCI}/ata1/host0/target0:0:0/0:0:0:0/block/sda/queue/rotational"));
    let error = discover(&machine.roots(), &machine).unwrap_err();
    assert!(
        matches!(&error, DiscoverError::Read { path, .. } if path.ends_with("queue/rotational"))
    );

    let machine = thinkpad_x230();
    machine.attribute(&format!("{AHCI}/ata1/host0/target0:0:0/0:0:0:0/block/sda/size"), "big");
    let error = discover(&machine.roots(), &machine).unwrap_err();
    assert!(matches!(&error, DiscoverError::Number { text, .. } if text == "big"));

    let machine = thinkpad_x230();
    std::fs::remove_file(machine.roots().proc.join("self/mountinfo")).unwrap();
    assert!(discover(&machine.roots(), &machine).is_err());
}
