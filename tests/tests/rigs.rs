//! Drives of ours behind the kernel's own drivers: what the typed commands do on the way through a real kernel. The
//! scenarios themselves are in `tests/rig`; here stands which of them there must be.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use workshop::laptop::DriveSpec;
use workshop::rig_guest::{RigGuest, run_rig};

const TIMEOUT: Duration = Duration::from_secs(900);

fn check(set: &str, guest: RigGuest<'_>, scenarios: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let report = run_rig(dir.path(), set, guest, TIMEOUT).unwrap();
    println!("{}", report.lines.join("\n"));
    report.must_be(scenarios);
}

#[test]
fn nvme_over_tcp() {
    check(
        "nvme",
        RigGuest { modules: &["nvme-tcp"], ..RigGuest::default() },
        &[
            "nvme-identify",
            "nvme-read-write",
            "nvme-discover",
            "nvme-two-namespaces",
            "nvme-refusal",
            "nvme-sanitize-block",
            "nvme-sanitize-crypto",
            "nvme-sanitize-overwrite",
            "nvme-format-user-data",
            "nvme-format-crypto",
            "nvme-io-during-sanitize",
            "nvme-power-cut",
            "nvme-power-cut-format",
            "nvme-timeout-format",
            "nvme-unflushed",
            "nvme-proven-sanitize",
            "nvme-proven-format",
            "nvme-proven-after-power-cut",
            "nvme-proven-after-failure",
            "nvme-proven-when-found-sanitizing",
            "nvme-second-look",
            "nvme-liar-keeps-all",
            "nvme-liar-log",
            "nvme-liar-format",
        ],
    );
}

#[test]
fn ata_over_tcmu() {
    check(
        "ata",
        RigGuest { modules: &["sd_mod", "target_core_user", "tcm_loop"], ..RigGuest::default() },
        &[
            "ata-identify",
            "ata-read-write",
            "ata-bad-sectors",
            "ata-discover",
            "ata-security-erase",
            "ata-security-erase-enhanced",
            "ata-security-slow",
            "ata-security-timeout",
            "ata-frozen",
            "ata-locked",
            "ata-power-cut",
            "ata-sanitize-block",
            "ata-sanitize-crypto",
            "ata-sanitize-overwrite",
            "ata-sanitize-fixed-sense",
            "ata-sanitize-failed",
            "ata-liar",
            "ata-proven-enhanced",
            "ata-proven-sanitize",
            "ata-unproven-fixed-sense",
            "ata-unproven-frozen",
            "ata-unproven-keeps-all",
            "ata-unproven-keeps-some",
        ],
    );
}

/// What a person types, on QEMU's own NVMe drive: the production agent erases it by Format, with canaries.
#[test]
fn the_stages_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("drive.raw");
    std::fs::File::create(&image).unwrap().set_len(128 << 20).unwrap();
    check(
        "hand",
        RigGuest {
            modules: &["nvme"],
            programs: &["rehome-agent"],
            drives: vec![DriveSpec::nvme(&image, "HAND0001")],
        },
        &["hand-plan", "hand-wrong-serial", "hand-other-policy", "hand-sanitize"],
    );
}

/// A unit of two namespaces is one drive: named by one, erased and looked at with both.
#[test]
fn two_namespaces_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.raw", "second.raw"].map(|name| {
        let image = dir.path().join(name);
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        image
    });
    check(
        "namespaces",
        RigGuest {
            modules: &["nvme"],
            programs: &["rehome-agent"],
            drives: vec![DriveSpec::nvme(&first, "HAND0001").namespace(&second)],
        },
        &["hand-namespaces"],
    );
}
