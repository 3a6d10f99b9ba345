//! Passwords of drives: who gets one, what is left of that, and how the secret behind them is kept.

use std::io::Write as _;
use std::process::{Output, Stdio};

use protocol::api::{DrivePasswordReply, DrivePasswordRequest, RecordsAccepted};
use protocol::plan::RefusalCode;
use protocol::{Directive, DriveIdentity, PlanReply, Step};

use crate::coordinator::{Coordinator, rehome};
use crate::full_disk::{fill, on_a_small_disk};
use crate::hardware::{disk, laptop, locked};
use crate::laptop::{Answer, Laptop, ok, refusal};

/// A laptop with a disk that takes a password, admitted and with its ticket used.
async fn at_work(bench: &Coordinator) -> (Laptop, DriveIdentity) {
    let mut inventory = laptop(1);
    inventory.drives = vec![disk("DISK")];
    let drive = inventory.drives[0].identity.clone().unwrap();
    let mut machine = Laptop::booted(inventory);
    machine.enroll(bench).await;
    bench.arm_wipe(2);
    bench.pick(1);
    let request = machine.request(&machine.job(bench).await, 1);
    refusal(&ask(bench, &machine, &drive).await, 409);
    let (ticket, _) = machine.ticket(bench, &request).await.unwrap();
    let why = refusal(&ask(bench, &machine, &drive).await, 409);
    assert!(why.contains("has used no ticket"), "{why}");
    machine.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let _: RecordsAccepted = ok(&machine.send(bench, &machine.records).await);
    (machine, drive)
}

async fn ask(bench: &Coordinator, machine: &Laptop, drive: &DriveIdentity) -> Answer {
    let request = DrivePasswordRequest { drive: drive.clone() };
    machine.post(bench, "/agent/v1/drive-password", &request).await
}

fn password(answer: &Answer) -> String {
    ok::<DrivePasswordReply>(answer).password.into()
}

fn restore(data: &std::path::Path, sheet: &str) -> Output {
    let mut child = rehome()
        .arg("--data")
        .arg(data)
        .args(["recovery", "restore"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(sheet.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn sheet(data: &std::path::Path) -> String {
    let output = rehome().arg("--data").arg(data).args(["--json", "recovery", "show"]).output();
    let shown: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    shown["secret"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_given_where_the_plan_needs_it_and_is_on_disk_before_it_is_given() {
    let mut bench = Coordinator::start(&[]);
    let (machine, drive) = at_work(&bench).await;
    let events = |bench: &Coordinator| bench.json(&["status"])["events"].as_u64().unwrap();
    let before = events(&bench);
    let given = password(&ask(&bench, &machine, &drive).await);
    assert_eq!(events(&bench), before + 1);
    assert_eq!(password(&ask(&bench, &machine, &drive).await), given, "the same one");
    assert_eq!(events(&bench), before + 1, "recorded once");
    let at_a_dock =
        bench.json(&["recovery", "password", "--model", "Example NVMe", "--serial", "DISK"]);
    assert_eq!(at_a_dock["password"], given.as_str());

    let mut other = drive.clone();
    other.serial = "OTHER".into();
    assert!(refusal(&ask(&bench, &machine, &other).await, 409).contains("OTHER"));
    let mut stranger = Laptop::booted(laptop(2));
    refusal(&ask(&bench, &stranger, &drive).await, 401);
    stranger.enroll(&bench).await;
    refusal(&ask(&bench, &stranger, &drive).await, 409);
    assert_eq!(events(&bench), before + 3, "a machine seen and enrolled, no password");

    // Nothing but the event itself is anywhere in the data directory.
    let mut is_recorded = false;
    for entry in std::fs::read_dir(bench.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_file() {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(&given), "the password is in {}", entry.path().display());
        is_recorded |= holds("drive-password-given");
    }
    assert!(is_recorded, "what was read is not where the journal is");
    // The plug is pulled on both sides; the disk turns up locked in another laptop.
    bench.kill_and_restart();
    let mut elsewhere = laptop(2);
    elsewhere.drives = vec![locked(disk("DISK"))];
    let mut second = Laptop::booted(elsewhere);
    second.enroll(&bench).await;
    bench.pick(2);
    let Directive::Work { job, our_locks, .. } = second.heartbeat(&bench).await else {
        panic!("no work");
    };
    assert_eq!(our_locks, std::slice::from_ref(&drive));
    let request = second.request_with(&job, &our_locks, 2);
    let (ticket, _) = second.ticket(&bench, &request).await.unwrap();
    second.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let _: RecordsAccepted = ok(&second.send(&bench, &second.records).await);
    assert_eq!(password(&ask(&bench, &second, &drive).await), given);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_given_that_the_journal_cannot_record() {
    let bench = on_a_small_disk(1500, &["--min-free-mb", "0"]);
    let (mut machine, drive) = at_work(&bench).await;
    let filler = bench.path().join("filler");
    fill(&filler);
    // The journal's own file has some room left.
    loop {
        machine.note(Step::AgentDied { how: "x".repeat(500) });
        if !machine.send(&bench, &machine.records).await.0.is_success() {
            break;
        }
        assert!(machine.records.len() < 5_000, "the disk never fills");
    }
    let why = refusal(&ask(&bench, &machine, &drive).await, 503);
    assert!(why.contains("is full"), "{why}");
    std::fs::remove_file(&filler).unwrap();
    password(&ask(&bench, &machine, &drive).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_survives_on_paper() {
    let mut bench = Coordinator::start(&[]);
    let path = bench.path().to_owned();
    let paper = sheet(&path);
    let (machine, drive) = at_work(&bench).await;
    let given = password(&ask(&bench, &machine, &drive).await);
    assert_eq!(restore(&path, &paper).status.code(), Some(2), "not while it serves");
    assert!(bench.terminate().success());

    // Another site: its own secret, and nothing depends on it yet.
    let other = tempfile::tempdir().unwrap();
    assert!(restore(other.path(), &paper).status.success());
    assert_eq!(sheet(other.path()), paper);
    assert!(restore(other.path(), &paper.to_lowercase().replace(' ', "-")).status.success());
    let mut wrong = paper.clone();
    wrong.replace_range(..1, if paper.starts_with('2') { "3" } else { "2" });
    let refused = restore(other.path(), &wrong);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("checksum"));
    let secret = |data: &std::path::Path| std::fs::read(data.join("recovery.key")).unwrap();
    assert_eq!(secret(other.path()), secret(&path));

    // Passwords were given out here: no other secret takes its place, and it does not start without.
    let third = Coordinator::start(&[]);
    let strange = sheet(third.path());
    let refused = restore(&path, &strange);
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("nothing was changed"), "{why}");
    std::fs::remove_file(path.join("recovery.key")).unwrap();
    let stopped = rehome()
        .arg("serve")
        .arg("--data")
        .arg(&path)
        .args(["--address", "127.0.0.1", "--dhcp", "off", "--http-port", "0", "--api-port", "0"])
        .output()
        .unwrap();
    assert_eq!(stopped.status.code(), Some(2));
    let why = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(why.contains("recovery.key") && why.contains("recovery restore"), "{why}");
    assert_eq!(restore(&path, &strange).status.code(), Some(1));
    assert!(restore(&path, &paper).status.success());
    bench.restart(&[]);
    let again =
        bench.json(&["recovery", "password", "--model", "Example NVMe", "--serial", "DISK"]);
    assert_eq!(again["password"], given.as_str());
}

/// `rehome recovery adopt` of a disk with this serial number.
fn adopting(serial: &str) -> [&str; 10] {
    let (model, because) = ("Example NVMe", "the server burned");
    ["recovery", "adopt", "--model", model, "--serial", serial, "--because", because, "--by", "Ola"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drive_that_an_earlier_installation_left_locked_is_adopted_by_a_new_one() {
    let (paper, given) = {
        let earlier = Coordinator::start(&[]);
        let (machine, drive) = at_work(&earlier).await;
        (sheet(earlier.path()), password(&ask(&earlier, &machine, &drive).await))
    };
    // All that is left of it is the sheet.
    let mut bench = Coordinator::start(&[]);
    assert!(bench.terminate().success());
    assert!(restore(bench.path(), &paper).status.success());
    bench.restart(&[]);
    let mut inventory = laptop(2);
    inventory.drives = vec![locked(disk("DISK"))];
    let drive = inventory.drives[0].identity.clone().unwrap();
    let mut machine = Laptop::booted(inventory);
    machine.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.pick(1);
    let directive = machine.heartbeat(&bench).await;
    let Directive::Work { job, our_locks, .. } = directive else { panic!("{directive:?}") };
    assert_eq!(our_locks, []);
    let refused = machine.ticket(&bench, &machine.request(&job, 1)).await.unwrap_err();
    let PlanReply::Refused { refusals } = refused else { panic!("{refused:?}") };
    assert_eq!(refusals[0].code, RefusalCode::LockedByStranger);
    // No agent says whose lock it is.
    let claimed = machine.request_with(&job, std::slice::from_ref(&drive), 2);
    let refused = machine.ticket(&bench, &claimed).await.unwrap_err();
    assert!(matches!(refused, PlanReply::Refused { .. }), "{refused:?}");
    refusal(&ask(&bench, &machine, &drive).await, 409);

    let events = |bench: &Coordinator| bench.json(&["status"])["events"].as_u64().unwrap();
    let before = events(&bench);
    assert!(bench.refused(&adopting(" ")).contains("serial number is empty"));
    assert_eq!(bench.json(&["recovery", "list"]), serde_json::json!([]));
    assert_eq!(events(&bench), before);
    let another = bench.json(&adopting("OTHER"));
    assert_eq!(another["machines"], serde_json::json!([]), "nobody has seen that one");
    let lock = bench.json(&adopting(" DISK "));
    assert_eq!(lock["drive"], serde_json::json!({ "model": "Example NVMe", "serial": "DISK" }));
    assert_eq!((&lock["machines"], &lock["by"]), (&serde_json::json!([1]), &"Ola".into()));
    assert_eq!(events(&bench), before + 2);
    assert!(bench.refused(&adopting("DISK")).contains("adopted before"));
    assert_eq!(bench.json(&["recovery", "list"]), serde_json::json!([another, lock]));
    assert_eq!(events(&bench), before + 2);

    // It holds on disk: the machine, which has waited all the while, asks again.
    bench.kill_and_restart();
    machine.enroll(&bench).await;
    let directive = machine.heartbeat(&bench).await;
    let Directive::Work { job, our_locks, .. } = directive else { panic!("{directive:?}") };
    assert_eq!(our_locks, std::slice::from_ref(&drive));
    let request = machine.request_with(&job, &our_locks, 3);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    refusal(&ask(&bench, &machine, &drive).await, 409);
    machine.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    assert_eq!(password(&ask(&bench, &machine, &drive).await), given);
}
