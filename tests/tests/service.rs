//! The service as its unit file runs it: another user, and of root's powers only the two that it names.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Gid, Uid, chown};
use workshop::coordinator::rehome_binary;
use workshop::curl::curl;
use workshop::process::run;
use workshop::site::appliance;
use workshop::{Bench, LogTail, Workshop};

/// `nobody`, as on every Debian.
const NOBODY: u32 = 65_534;
const UNIT: &str = include_str!("../../packaging/rehome.service");

/// The value of a setting that stands in the unit once.
fn setting(name: &str) -> &'static str {
    let mut values = UNIT.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().unwrap();
    assert_eq!(values.next(), None, "{name} stands there twice");
    value
}

/// The capabilities of a setting as `setpriv` wants them: all others are dropped.
fn only(name: &str) -> String {
    let kept =
        setting(name).split(' ').map(|it| format!(",+{}", &it.to_lowercase()["cap_".len()..]));
    format!("-all{}", kept.collect::<String>())
}

/// Copies what nobody could not reach in the home of whoever runs this.
fn copy_for_everybody(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--recursive").arg("--dereference").arg(from).arg(to)).unwrap();
    run(Command::new("chmod").args(["--recursive", "a+rX"]).arg(to)).unwrap();
}

#[test]
fn the_units_user_and_capabilities_suffice_for_all_that_is_served() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (binary, boot, data) =
        (dir.path().join("rehome"), dir.path().join("appliance"), dir.path().join("data"));
    copy_for_everybody(&rehome_binary().unwrap(), &binary);
    copy_for_everybody(&appliance().unwrap(), &boot);
    fs::create_dir(&data).unwrap();
    let mode = u32::from_str_radix(setting("StateDirectoryMode"), 8).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
    chown(&data, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
    assert_eq!(setting("NoNewPrivileges"), "yes");
    assert!(setting("ExecStart").contains("rehome serve"));

    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    let mut command = workshop.command("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}")]);
    command.args(["--clear-groups", "--no-new-privs"]);
    let ambient = only("AmbientCapabilities");
    command.arg(format!("--bounding-set={}", only("CapabilityBoundingSet")));
    command.args([format!("--inh-caps={ambient}"), format!("--ambient-caps={ambient}")]);
    command.arg(&binary).args(["serve", "--interface", "br0", "--dhcp", "full", "--isolated"]);
    command.arg("--data").arg(&data).arg("--appliance").arg(&boot);
    let mut process = workshop.start("service", &mut command).unwrap();
    let mut log = LogTail::new(process.log());
    log.wait_any(&["nothing is touched before"], Duration::from_secs(60), || {
        Ok(process.ended()?.map(|status| status.to_string()))
    })
    .unwrap();
    let station = workshop.add_station("pc", Some("10.76.0.9/24")).unwrap();
    for url in ["http://10.76.0.1/site.cpio", "https://10.76.0.1/"] {
        assert_eq!(curl(&station, &[url]).unwrap().status, 200, "{url}");
    }
    // Stopped as systemd does; what it kept is for its own eyes.
    run(Command::new("kill").arg(process.pid().to_string())).unwrap();
    log.wait_any(&["stopped"], Duration::from_secs(30), || Ok(None)).unwrap();
    for secret in ["site.key", "tls.key"] {
        let mode = fs::metadata(data.join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret} is open to others");
    }
}
