//! The coordinator's disk fills up in the middle of a batch.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use protocol::Step;
use protocol::api::{RecordsAccepted, SiteConfig};

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok, refusal};

/// A `rehome serve` whose data directory is a small file system of its own, in a mount namespace, of so many KiB.
pub(crate) fn on_a_small_disk(kib: u32, flags: &[&str]) -> Coordinator {
    let data = tempfile::tempdir().unwrap();
    let script =
        format!(r#"mount -t tmpfs -o size={kib}k,mode=0700 rehome "$1" && shift && exec "$@""#);
    let path = data.path().to_str().unwrap();
    let serve = ["serve", "--address", "127.0.0.1", "--dhcp", "off", "--http-port", "0"];
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh", path])
        .arg(env!("CARGO_BIN_EXE_rehome"))
        .args(["--data", path])
        .args(serve)
        .args(["--api-port", "0"])
        .args(flags)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Coordinator::of(data, child, |data, child| {
        let inside = format!("/proc/{}/root{}", child.id(), data.display());
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let asked = rehome().args(["--json", "--data", &inside, "status"]).output().unwrap();
            if asked.status.success() {
                let status: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
                let site: SiteConfig = serde_json::from_value(status["site"].clone()).unwrap();
                return (inside.into(), site);
            }
            let said = String::from_utf8_lossy(&asked.stderr).into_owned();
            assert!(Instant::now() < deadline, "not serving after 30 s: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

pub(crate) fn fill(path: &Path) {
    // Writing ends with "no space left", as it shall.
    drop(std::fs::write(path, vec![0; 4 << 20]));
    assert!(std::fs::metadata(path).unwrap().len() > 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_that_is_not_on_the_disk() {
    let bench = on_a_small_disk(1500, &[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    let filler = bench.path().join("filler");
    fill(&filler);
    let mut acknowledged = 0;
    let refused = loop {
        machine.note(Step::AgentDied { how: "x".repeat(500) });
        let answer = machine.send(&bench, &machine.records).await;
        if !answer.0.is_success() {
            break answer;
        }
        acknowledged = ok::<RecordsAccepted>(&answer).next;
        assert!(acknowledged < 5_000, "the disk never fills");
    };
    let sentence = refusal(&refused, 503);
    assert!(sentence.contains("is full") && sentence.contains("make room"), "{sentence}");
    assert_eq!(bench.machine(1)["boots"][0]["records"], acknowledged);

    std::fs::remove_file(&filler).unwrap();
    let rest: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    assert_eq!(rest.next, acknowledged + 1, "once there is room it goes on where it was");
}

#[test]
fn a_full_disk_is_found_before_anything_is_served() {
    let data = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=100k,mode=0700 rehome "$1" || exit 9
        : >"$1/lock"; head -c 1000000 /dev/zero >"$1/images" 2>/dev/null
        data=$1; shift; exec "$@" --data "$data" serve --address 127.0.0.1 --dhcp off"#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(data.path())
        .arg(env!("CARGO_BIN_EXE_rehome"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot write to the data directory") && said.contains("full"), "{said}");
}
