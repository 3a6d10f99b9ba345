//! What strangers send.

use evidence::{Envelope, SigningKey};
use hyper::Method;
use protocol::api::{ENROLLMENT_TYPE, RecordsAccepted};
use protocol::{Enrollment, Step};

use crate::boot_files::raw;
use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok, refusal, talk};

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_oversized_requests_are_refused_in_json() {
    let bench = Coordinator::start(&[]);
    let post = async |path: &str, session: Option<&str>, body: Vec<u8>| {
        talk(&bench, Method::POST, path, session, body).await
    };
    for body in
        [b"".to_vec(), b"{".to_vec(), b"[]".to_vec(), vec![0xff; 300], b"{\"payload\":1}".to_vec()]
    {
        refusal(&post("/agent/v1/enroll", None, body).await, 400);
    }
    refusal(&post("/agent/v1/enroll", None, vec![b' '; (2 << 20) + 1]).await, 413);
    for path in ["heartbeat", "plan", "records"] {
        let path = format!("/agent/v1/{path}");
        refusal(&post(&path, None, b"{}".to_vec()).await, 401);
        refusal(&post(&path, Some("00"), b"{}".to_vec()).await, 401);
    }
    refusal(&post("/agent/v2/enroll", None, Vec::new()).await, 404);

    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    let session = machine.enrolled.as_ref().unwrap().session.clone();
    refusal(&post("/agent/v1/plan", Some(&session), b"{\"nonce\":\"00\"}".to_vec()).await, 400);
    let unknown = br#"{"stage":"plan","sentence":"","progress":null,"more":1}"#.to_vec();
    assert!(
        refusal(&post("/agent/v1/heartbeat", Some(&session), unknown).await, 400).contains("more")
    );
    assert_eq!(bench.json(&["machine", "list"]).as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_http_gets_an_error_and_the_next_client_is_served() {
    let bench = Coordinator::start(&[]);
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    for bytes in [b"\0\x01\x02\r\n\r\n".as_slice(), b"GET / HTTP/9.9\r\n\r\n", long.as_bytes()] {
        let (status, ..) = raw(&bench, bytes).await;
        assert!((400..500).contains(&status), "{status}");
    }
    let (status, ..) = crate::boot_files::request(&bench, "GET", "/grub/grub.cfg", "").await;
    assert_eq!(status, 200);
    let (status, ..) = crate::boot_files::request(&bench, "GET", "/chunk/../site.key", "").await;
    assert_eq!(status, 404);
    let (status, ..) = crate::boot_files::request(&bench, "GET", "/chunk/zz", "").await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_signed_by_another_key_is_refused() {
    let bench = Coordinator::start(&[]);
    let machine = Laptop::booted(laptop(1));
    let enrollment = Enrollment {
        agent: machine.agent(),
        version: "0.1.0".into(),
        inventory: laptop(1),
        simulated: false,
    };
    let stranger = SigningKey::generate().unwrap();
    let forged = Envelope::sign(ENROLLMENT_TYPE, &enrollment, &stranger).unwrap();
    let answer = machine.post(&bench, "/agent/v1/enroll", &forged).await;
    assert!(refusal(&answer, 400).contains("signature"));
    assert!(bench.json(&["machine", "list"]).as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_forgeries_and_repeats_in_a_chain() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    for number in 0..4 {
        machine.note(Step::AgentDied { how: format!("signal {number}") });
    }
    let records = machine.records.clone();
    let gap = machine.send(&bench, &[records[0].clone(), records[2].clone()]).await;
    assert!(refusal(&gap, 409).contains("send all from 1 on"));
    let again: RecordsAccepted = ok(&machine.send(&bench, &records[..2]).await);
    assert_eq!(again.next, 2, "record 0 came twice and counts once");

    let mut stranger = Laptop::booted(laptop(1));
    stranger.chain = Some(evidence::chain::ChainWriter::start(
        machine.enrolled.as_ref().unwrap().machine,
        stranger.agent(),
    ));
    stranger.note(Step::Finished {});
    let forged = machine.send(&bench, &stranger.records).await;
    assert!(refusal(&forged, 400).contains("signature"));
    let rest: RecordsAccepted = ok(&machine.send(&bench, &records).await);
    assert_eq!(rest.next, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_claims_more_than_it_was_allowed_is_shown_to_a_person() {
    let bench = Coordinator::start(&[]);
    bench.arm_wipe(1);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.json(&["machine", "pick", "1"]);
    let request = machine.request(&machine.job(&bench).await, 1);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    assert_eq!(bench.state(1), "attention");
    assert_eq!(bench.machine(1)["data_still_there"].as_array().unwrap().len(), 1);
    assert!(bench.refused(&["certificate", "show", "1"]).contains("not finished"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_cannot_steer_the_technicians_terminal() {
    let bench = Coordinator::start(&[]);
    let evil = "X\u{1b}[2K\r\n02  finished  gone\u{9b}1m\u{202e}";
    let mut inventory = laptop(1);
    inventory.product.name = Some(evil.into());
    inventory.identity.system_serial = Some(evil.into());
    inventory.drives[0].identity.as_mut().unwrap().serial = evil.into();
    let mut machine = Laptop::booted(inventory);
    machine.enroll(&bench).await;
    machine.note(Step::Failed { stage: protocol::Stage::Boot, sentence: evil.into() });
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for (arguments, n_lines) in [
        (&["machine", "list"][..], Some(2)),
        (&["--json", "machine", "list"], Some(1)),
        (&["machine", "show", "1"], None),
    ] {
        let text = String::from_utf8(bench.run(arguments).stdout).unwrap();
        assert!(!text.contains(hidden), "{arguments:?}: {text:?}");
        assert!(n_lines.is_none_or(|n| text.lines().count() == n), "{text}");
    }
    assert_eq!(bench.machine(1)["identity"]["system_serial"], evil, "nothing is lost in JSON");
}
