//! The demo, as a newcomer runs it, on its own two dirty disks.

use std::fs;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_demo_leaves_everything_that_it_promises() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("demo");
    let status = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--out").arg(&out).status().unwrap();
    let text = fs::read_to_string(out.join("summary.json")).unwrap_or_default();
    assert!(status.success(), "the demo ended with {status}: {text}");
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["ok"], true, "{text}");
    for laptop in ["uefi", "bios"] {
        let facts = &summary["laptops"][laptop];
        assert_eq!(facts["markers_before"], 2000, "{text}");
        assert_eq!(facts["markers_after"], 0, "{text}");
        for file in [
            "markers.txt",
            "disk.raw",
            "serial.log",
            "appliance.png",
            "booted.png",
            "certificate.json",
        ] {
            let path = out.join(laptop).join(file);
            assert!(fs::metadata(&path).is_ok_and(|it| it.len() > 0), "{}", path.display());
        }
    }
    // An NVMe drive erases itself and is purged; a disk without erase commands is overwritten and cleared.
    let sanitized = |laptop: &str| summary["laptops"][laptop]["sanitized"].clone();
    let (nvme, sata) = (sanitized("uefi"), sanitized("bios"));
    assert_eq!(nvme["techniques"], serde_json::json!(["nvme-format-user-data"]), "{text}");
    assert_eq!((&nvme["claim"], &nvme["policy"]), (&"purge".into(), &"default".into()), "{text}");
    assert_eq!(nvme["canaries_placed"], 10_000, "{text}");
    assert_eq!(nvme["canaries_found"], 0, "{text}");
    assert_eq!(sata["techniques"], serde_json::json!(["overwrite-zeros"]), "{text}");
    assert_eq!(sata["claim"], "clear", "{text}");
    assert_eq!(summary["laptops"]["uefi"]["secure_boot"], true, "{text}");
    assert_eq!(summary["laptops"]["uefi"]["lockdown"], true, "{text}");
    for file in ["site.pub", "dashboard.png"] {
        assert!(fs::metadata(out.join(file)).is_ok_and(|it| it.len() > 0), "{file} is missing");
    }
}
