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
    assert_eq!(summary["laptops"]["uefi"]["secure_boot"], true, "{text}");
    assert_eq!(summary["laptops"]["uefi"]["lockdown"], true, "{text}");
    for file in ["site.pub", "dashboard.png"] {
        assert!(fs::metadata(out.join(file)).is_ok_and(|it| it.len() > 0), "{file} is missing");
    }
}
