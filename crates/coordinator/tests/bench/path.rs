//! The whole way of a machine: enroll, pick, plan, ticket, records, certificate, first boot.

use protocol::api::RecordsAccepted;
use protocol::{Directive, Step};

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_wiped_with_proof() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    assert_eq!(machine.number(), 1);
    assert!(matches!(machine.heartbeat(&bench).await, Directive::LocalDisk { .. }));
    assert_eq!(bench.state(1), "seen");

    bench.arm_wipe(1);
    assert!(matches!(machine.heartbeat(&bench).await, Directive::Wait { .. }));
    assert_eq!(bench.state(1), "waiting");
    let pick = format!("1:{}", machine.agent().fingerprint());
    bench.json(&["machine", "pick", "--by", "Ola", &pick]);

    let request = machine.request(&machine.job(&bench).await, 7);
    let (ticket, token) = machine.ticket(&bench, &request).await.unwrap();
    // The answer was lost; the same request gets the same ticket.
    assert_eq!(machine.ticket(&bench, &request).await.unwrap(), (ticket.clone(), token.clone()));
    assert_eq!(bench.state(1), "planned");
    let plan = request.plan.unwrap();
    machine.wipe(&ticket, &plan);
    let before_the_end = machine.records.len();
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    assert_eq!(bench.state(1), "verified");
    let why = bench.refused(&["certificate", "export", "1"]);
    assert!(why.contains("not finished"), "{why}");

    machine.note(Step::Finished {});
    let accepted: RecordsAccepted =
        ok(&machine.send(&bench, &machine.records[before_the_end..]).await);
    assert_eq!(accepted.next, machine.records.len() as u64);
    assert_eq!(bench.state(1), "finished");
    assert!(bench.machine(1)["data_still_there"].as_array().unwrap().is_empty());
    assert!(matches!(machine.heartbeat(&bench).await, Directive::LocalDisk { .. }));

    certificate_holds_and_no_changed_byte_does(&bench);
    first_boot_reports_once(&bench, &token).await;
    let why = bench.refused(&["machine", "pick", "1"]);
    assert!(why.contains("never wiped twice"), "{why}");
}

fn certificate_holds_and_no_changed_byte_does(bench: &Coordinator) {
    let path = bench.data.path().join("certificate.json");
    let path = path.to_str().unwrap();
    assert!(bench.run(&["certificate", "export", "1", "--out", path]).status.success());
    let key = bench.data.path().join("site.pub");
    let verify =
        |path: &str| rehome().arg("verify").arg("--key").arg(&key).arg(path).output().unwrap();
    let good = verify(path);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));
    let bytes = std::fs::read(path).unwrap();
    for at in [0, 20, bytes.len() / 2, bytes.len() - 30] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(path, &changed).unwrap();
        let bad = verify(path);
        let text = String::from_utf8_lossy(&bad.stdout).into_owned();
        assert_eq!(bad.status.code(), Some(1), "byte {at}: {text}");
        assert!(text.starts_with("refused: malformed") || text.starts_with("refused: signature"));
    }
    assert_eq!(verify("/nonexistent").status.code(), Some(2));
    assert!(bench.run(&["certificate", "show", "1"]).status.success());
}

async fn first_boot_reports_once(bench: &Coordinator, token: &str) {
    let post = async |token: &str| {
        crate::boot_files::request(bench, "POST", &format!("/booted/{token}"), "").await.0
    };
    assert_eq!(post(&"0".repeat(64)).await, 404);
    assert_eq!(bench.state(1), "finished");
    assert_eq!(post(token).await, 200);
    assert_eq!(bench.state(1), "booted");
    let events = bench.json(&["status"])["events"].clone();
    assert_eq!(post(token).await, 200);
    assert_eq!(bench.json(&["status"])["events"], events, "told twice, recorded once");
}
