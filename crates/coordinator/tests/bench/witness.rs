//! A person looks at the drives of a machine that was told to wait.

use std::process::Output;
use std::time::Duration;

use protocol::api::RecordsAccepted;
use protocol::witness::{LookAnswer, LookRequest, SectorBytes, Seen, WitnessReply};
use protocol::{Nonce, Step};
use serde_json::Value;

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok, refusal, talk};

/// A laptop whose drive is verified, of a batch that was armed with a hold.
async fn verified(bench: &Coordinator) -> Laptop {
    bench.papers("default");
    let arm = "batch arm --by Ola --count 2 --for 4h --kind wipe --witness";
    bench.json(&arm.split(' ').collect::<Vec<_>>());
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(bench).await;
    bench.pick(1);
    let request = machine.request(&machine.job(bench).await, 1);
    let answer = machine.get(bench, "/agent/v1/witness").await;
    assert!(refusal(&answer, 409).contains("no work"));
    let (ticket, _) = machine.ticket(bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    let _: RecordsAccepted = ok(&machine.send(bench, &machine.records).await);
    machine
}

/// Somebody types a look and waits for it.
fn look(bench: &Coordinator, arguments: &str) -> std::thread::JoinHandle<Output> {
    let mut command = rehome();
    command.arg("--data").arg(bench.path()).args(["--json", "machine", "look", "1"]);
    command.args(arguments.split(' '));
    std::thread::spawn(move || command.output().unwrap())
}

/// The look that the agent is asked for, once the coordinator has it.
async fn asked(bench: &Coordinator, machine: &Laptop) -> LookRequest {
    for _ in 0..300 {
        let reply: WitnessReply = ok(&machine.get(bench, "/agent/v1/witness").await);
        let WitnessReply::Hold { mut looks } = reply else { panic!("it may go on") };
        if let Some(request) = looks.pop() {
            return request;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody asks for a look");
}

async fn answer(
    bench: &Coordinator,
    machine: &Laptop,
    look: Nonce,
    bytes: &[u8],
) -> crate::laptop::Answer {
    let seen = Seen::Content { bytes: SectorBytes::try_from(bytes).unwrap() };
    machine.post(bench, "/agent/v1/look", &LookAnswer { look, seen }).await
}

fn events(bench: &Coordinator) -> u64 {
    bench.json(&["status"])["events"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_looks_at_is_shown_and_journaled_without_its_bytes() {
    let mut bench = Coordinator::start(&[]);
    let mut machine = verified(&bench).await;
    assert_eq!(bench.state(1), "held");
    let why = bench.refused(&["machine", "look", "1", "--sector", "0"]);
    assert!(why.contains("has not been heard"), "{why}");
    let reply: WitnessReply = ok(&machine.get(&bench, "/agent/v1/witness").await);
    assert_eq!(reply, WitnessReply::Hold { looks: Vec::new() });

    // Another machine's agent, one without a session, and one that answers what nobody asked.
    let person = look(&bench, "--sector 7 --count 2 --by Jan");
    let request = asked(&bench, &machine).await;
    assert_eq!((request.sector, request.count), (7, 2));
    assert_eq!(request.drive.serial, "DRIVE001");
    let before = events(&bench);
    let mut stranger = Laptop::booted(laptop(2));
    stranger.enroll(&bench).await;
    let content = b"an owner's secret diary, page 12".repeat(32);
    let why = refusal(&answer(&bench, &stranger, request.look, &content).await, 410);
    assert!(why.contains("nobody waits"), "{why}");
    let anything = Nonce::from_bytes([7; 32]);
    refusal(&answer(&bench, &machine, anything, &content).await, 410);
    let path = "/agent/v1/look";
    refusal(&talk(&bench, hyper::Method::POST, path, None, b"{}".to_vec()).await, 401);
    assert_eq!(events(&bench), before + 2, "a machine seen and enrolled, nothing else");

    let _: () = ok(&answer(&bench, &machine, request.look, &content).await);
    let output = person.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["bytes"], hex::encode(&content));
    assert_eq!(events(&bench), before + 3);
    refusal(&answer(&bench, &machine, request.look, &content).await, 410);

    // What the agent cannot have read is not shown.
    let person = look(&bench, "--sector 0");
    let request = asked(&bench, &machine).await;
    let why = refusal(&answer(&bench, &machine, request.look, &[0; 511]).await, 400);
    assert!(why.contains("511 bytes"), "{why}");
    let output = person.join().unwrap();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && why.contains("511 bytes"), "{why}");
    let person = look(&bench, "--sector 0");
    let request = asked(&bench, &machine).await;
    let seen = Seen::Unreadable { sentence: "medium error at sector 0".into() };
    let unreadable = LookAnswer { look: request.look, seen };
    let _: () = ok(&machine.post(&bench, path, &unreadable).await);
    let output = person.join().unwrap();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && why.contains("medium error"), "{why}");

    // The hold outlives the coordinator; the bytes were never on its disk.
    bench.kill_and_restart();
    machine.enroll(&bench).await;
    assert_eq!(bench.state(1), "held");
    let reply: WitnessReply = ok(&machine.get(&bench, "/agent/v1/witness").await);
    assert!(matches!(reply, WitnessReply::Hold { .. }));
    let journal: Vec<u8> = ["journal.db", "journal.db-wal"]
        .into_iter()
        .flat_map(|name| std::fs::read(bench.path().join(name)).unwrap_or_default())
        .collect();
    let holds = |needle: &[u8]| journal.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"\"looked\"") && holds(evidence::sha256(&content).to_string().as_bytes()));
    assert!(!holds(b"secret diary") && !holds(hex::encode(b"secret diary").as_bytes()));

    bench.json(&["machine", "release", "1", "--by", "Ola"]);
    let reply: WitnessReply = ok(&machine.get(&bench, "/agent/v1/witness").await);
    assert_eq!(reply, WitnessReply::GoOn {});
    let why = bench.refused(&["machine", "look", "1", "--sector", "0"]);
    assert!(why.contains("was released"), "{why}");
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records[4..]).await);
    assert_eq!(bench.state(1), "finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_is_held_and_let_go_by_its_number() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    assert!(bench.refused(&["machine", "hold", "1"]).contains("admitted to no work"));
    bench.arm_wipe(1);
    bench.pick(1);
    assert_eq!(bench.machine(1)["held"], false);
    bench.json(&["machine", "hold", "1"]);
    assert_eq!(bench.machine(1)["held"], true);
    assert_eq!(bench.state(1), "admitted", "it works until it is verified");
    let why = bench.refused(&["machine", "look", "1", "--sector", "0"]);
    assert!(why.contains("does not hold yet"), "{why}");
    let many = bench.run(&["machine", "look", "1", "--sector", "0", "--count", "9"]);
    assert_eq!(many.status.code(), Some(2));
    bench.json(&["machine", "release", "1"]);
    assert_eq!(bench.machine(1)["held"], false);
    assert!(bench.refused(&["machine", "release", "1"]).contains("nobody holds it"));
}
