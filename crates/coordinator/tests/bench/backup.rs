//! A backup of a coordinator at work, and a coordinator that goes on from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use hyper::Method;
use protocol::Step;
use protocol::api::RecordsAccepted;

use crate::coordinator::{Coordinator, on, run, text};
use crate::full_disk::{fill, on_a_small_disk};
use crate::hardware::laptop;
use crate::images::disk;
use crate::laptop::{Laptop, ok, talk};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_a_stream_of_records_goes_on_elsewhere() {
    let bench = Coordinator::start(&[]);
    let place = tempfile::tempdir().unwrap();
    let raw = disk(place.path(), "plain", Some(&["-t", "ext4"]));
    bench.json(&["image", "add", &raw, "--name", "plain"]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.json(&["machine", "pick", "1"]);
    let request = machine.request(&machine.job(&bench).await, 1);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);

    let ewa = bench.json(&["user", "add", "Ewa", "--role", "auditor"]);
    let mut talker = Laptop::booted(laptop(2));
    talker.enroll(&bench).await;
    let file = place.path().join("site.tar");
    let mut child = on(bench.path(), &["backup", file.to_str().unwrap()]);
    let before = talker.records.len();
    let mut running = tokio::task::spawn_blocking(move || child.output().unwrap());
    let output = loop {
        talker.note(Step::AgentDied { how: "x".repeat(500) });
        let sent = talker.records.len() - 1;
        let accepted: RecordsAccepted = ok(&talker.send(&bench, &talker.records[sent..]).await);
        assert_eq!(accepted.next, sent as u64 + 1);
        tokio::select! {
            biased;
            done = &mut running => break done.unwrap(),
            () = std::future::ready(()) => {}
        }
    };
    let during = talker.records.len() - before;
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for word in ["private keys", "plain (", "appliance"] {
        assert!(said.contains(word), "{said}");
    }
    assert!(during > 3, "only {during} records while it was made");
    assert!(run(bench.path(), &["journal", "verify"], 0).contains("the journal holds"));
    let key = std::fs::read(bench.path().join("site.pub")).unwrap();
    drop(bench);

    let new = tempfile::tempdir().unwrap();
    let restored = new.path().join("restored");
    let said = run(&restored, &["restore", file.to_str().unwrap()], 0);
    for word in ["plain (", "image add", "appliance"] {
        assert!(said.contains(word), "{said}");
    }
    run(&restored, &["journal", "verify"], 0);
    let bench = Coordinator::start_at(new, "restored");
    assert!(std::fs::read(bench.path().join("site.pub")).unwrap() == key);
    let typed = serde_json::json!({ "name": "Ewa", "password": ewa["password"] }).to_string();
    let login = talk(&bench, Method::POST, "/api/v1/login", None, typed.into_bytes()).await;
    let _: serde_json::Value = ok(&login);
    let certificate = place.path().join("certificate.json");
    bench.json(&["certificate", "show", "1"]);
    let out = certificate.to_str().unwrap();
    run(bench.path(), &["certificate", "export", "1", "--out", out], 0);
    let public = place.path().join("site.pub");
    std::fs::write(&public, key).unwrap();
    run(bench.path(), &["verify", "--key", public.to_str().unwrap(), out], 0);
    talker.enroll(&bench).await;
    let held: RecordsAccepted = ok(&talker.send(&bench, &[]).await);
    assert!(held.next >= before as u64, "{} of {before} acknowledged before", held.next);
    let refused = run(bench.path(), &["restore", file.to_str().unwrap()], 2);
    assert!(refused.contains("not empty"), "{refused}");
}

/// As [`run`], in the mount namespace of a coordinator on a small disk: SQLite does not follow the way there through /proc.
fn run_inside(bench: &Coordinator, arguments: &[&str], code: i32) -> String {
    // It is /proc/PROCESS/root/DATA here.
    let process = bench.path().iter().nth(2).unwrap().to_str().unwrap();
    let data = Path::new("/").join(bench.path().iter().skip(4).collect::<PathBuf>());
    let output = Command::new("nsenter")
        .args(["--target", process, "--user", "--mount", "--preserve-credentials"])
        .arg(env!("CARGO_BIN_EXE_rehome"))
        .arg("--data")
        .arg(&data)
        .args(arguments)
        .current_dir("/")
        .output()
        .unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

#[test]
fn a_full_disk_leaves_no_half_of_anything() {
    let mut bench = on_a_small_disk(1500, &["--min-free-mb", "0"]);
    bench.arm_wipe(1);
    let filler = bench.path().join("filler");
    fill(&filler);
    let events = bench.json(&["status"])["events"].clone();
    let backup = bench.path().join("site.tar");
    let inside = Path::new("/").join(backup.iter().skip(4).collect::<PathBuf>());
    let inside = inside.to_str().unwrap();
    let said = run_inside(&bench, &["backup", inside], 2);
    assert!(said.contains("full"), "{said}");
    assert!(!backup.exists());
    let left = std::fs::read_dir(bench.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".rehome")
    });
    assert_eq!(left.count(), 0, "its room is given back");
    // Until the journal has used up what the write-ahead log had left.
    let why = (0..200).find_map(|n| {
        let by = format!("Somebody {n}");
        let arm = ["batch", "arm", "--by", &by, "--count", "1", "--for", "4h", "--kind", "wipe"];
        let output = on(bench.path(), &arm).output().unwrap();
        (!output.status.success()).then(|| text(&output))
    });
    let why = why.expect("the disk never fills");
    assert!(why.contains("is full") && why.contains("make room"), "{why}");
    assert!(bench.json(&["status"])["events"].as_u64() >= events.as_u64());
    run_inside(&bench, &["journal", "verify"], 0);
    std::fs::remove_file(&filler).unwrap();
    bench.arm_wipe(1);
    run_inside(&bench, &["backup", inside], 0);
    assert!(backup.exists());
    assert!(bench.terminate().success());
}
