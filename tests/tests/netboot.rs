//! The whole boot path under Secure Boot: firmware, shim, GRUB, kernel, PID 1, enrolled inventory; and a machine
//! that nobody admits keeps every bit of its disk.

use std::time::Duration;

use workshop::dirty::{DirtyDisk, digest};
use workshop::laptop::Laptop;
use workshop::main_job::{Kind, Setting, state};

#[test]
fn an_unadmitted_machine_is_inventoried_under_secure_boot_and_keeps_its_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk.raw");
    let small = DirtyDisk { size: 512 << 20, ..DirtyDisk::default() };
    small.make(&disk, &dir.path().join("markers.txt")).unwrap();
    let before = digest(&disk).unwrap();

    let setting = Setting::open(Kind::Uefi, &dir.path().join("bench")).unwrap();
    let serving = setting.start().unwrap();
    serving.arm_wipe().unwrap();
    let spec = Kind::Uefi.laptop(&dir.path().join("laptop"), &disk);
    let mut laptop = Laptop::power_on(&setting.workshop, spec).unwrap();
    laptop.wait_serial("Secure boot enabled", Duration::from_secs(240)).unwrap();
    laptop.wait_serial("enrolled", Duration::from_secs(120)).unwrap();
    let row = serving.machine().unwrap().unwrap();
    assert_eq!(state(&row), "waiting", "{row}");
    assert_eq!(row["data_still_there"].as_array().map(Vec::len), Some(1), "{row}");
    let number = row["number"].to_string();
    let detail = serving.coordinator.cli_json(&["machine", "show", &number]).unwrap();
    assert_eq!(detail["inventory"]["boot"]["secure_boot"], true, "{detail}");
    assert_eq!(detail["inventory"]["boot"]["lockdown"], "integrity", "{detail}");
    assert_eq!(detail["inventory"]["boot"]["firmware"], "uefi", "{detail}");
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(state(&serving.machine().unwrap().unwrap()), "waiting");
    laptop.power_off().unwrap();
    assert_eq!(
        digest(&disk).unwrap(),
        before,
        "somebody wrote to the disk of an unadmitted machine"
    );
}
