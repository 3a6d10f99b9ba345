//! An agent's key and session against what belongs to another machine: refused everywhere, and nothing is recorded.

use evidence::{Envelope, SigningKey};
use hyper::Method;
use protocol::api::{DrivePasswordRequest, ENROLLMENT_TYPE, RecordsAccepted};
use protocol::witness::{LookAnswer, SectorBytes, Seen, WitnessReply};
use protocol::{AgentKey, Directive, Enrollment, Nonce, PlanReply, Step};

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::{disk, laptop};
use crate::laptop::{Laptop, ok, refusal, talk};

/// A held machine, its drive verified, its disk under a password of ours; in its own boot.
async fn owner(bench: &Coordinator) -> Laptop {
    bench.papers("default");
    let arm = "batch arm --by Ola --count 3 --for 4h --kind wipe --witness";
    bench.json(&arm.split(' ').collect::<Vec<_>>());
    let mut inventory = laptop(1);
    inventory.drives = vec![disk("DISK")];
    let mut machine = Laptop::booted(inventory);
    machine.enroll(bench).await;
    bench.pick(1);
    let request = machine.request(&machine.job(bench).await, 1);
    let (ticket, _) = machine.ticket(bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    let _: RecordsAccepted = ok(&machine.send(bench, &machine.records).await);
    assert_eq!(bench.state(1), "held");
    machine
}

fn events(bench: &Coordinator) -> u64 {
    bench.json(&["status"])["events"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_and_changes_its_own_machine_only() {
    let bench = Coordinator::start(&[]);
    let owner = owner(&bench).await;
    let mut other = Laptop::booted(laptop(2));
    other.enroll(&bench).await;
    bench.pick(2);
    let job = other.job(&bench).await;
    let shown = bench.machine(1);

    // A look that a person waits for.
    let mut command = rehome();
    command.arg("--data").arg(bench.path()).args(["--json", "machine", "look", "1"]);
    command.args(["--sector", "7", "--by", "Jan"]);
    let _: WitnessReply = ok(&owner.get(&bench, "/agent/v1/witness").await);
    let person = std::thread::spawn(move || command.output().unwrap());
    let look = loop {
        let reply: WitnessReply = ok(&owner.get(&bench, "/agent/v1/witness").await);
        let WitnessReply::Hold { mut looks } = reply else { panic!("it may go on") };
        if let Some(look) = looks.pop() {
            break look;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let before = events(&bench);
    let bytes = SectorBytes::try_from(vec![0; 512].as_slice()).unwrap();
    let answer = LookAnswer { look: look.look, seen: Seen::Content { bytes } };
    refusal(&other.post(&bench, "/agent/v1/look", &answer).await, 410);
    refusal(&other.get(&bench, "/agent/v1/witness").await, 409);

    let drive = owner.inventory.drives[0].identity.clone().unwrap();
    let asked = DrivePasswordRequest { drive };
    refusal(&other.post(&bench, "/agent/v1/drive-password", &asked).await, 409);
    for envelope in &owner.records {
        let record = envelope.digest().unwrap();
        let path = format!("/agent/v1/verified/{record}");
        refusal(&other.get(&bench, &path).await, 404);
    }
    // Records of another chain, as they are and as what follows.
    for records in [&owner.records[..], &owner.records[..1], &owner.records[2..]] {
        let (status, _) = other.send(&bench, records).await;
        assert!([400, 409].contains(&status.as_u16()), "{status}");
    }
    let image = format!("/agent/v1/image/{}", "0".repeat(64));
    refusal(&talk(&bench, Method::GET, &image, None, Vec::new()).await, 401);
    // Enrolled in another's name, by a key that is not the one inside.
    let enrollment = Enrollment {
        agent: owner.agent(),
        version: "0.1.0".into(),
        inventory: owner.inventory.clone(),
        simulated: false,
    };
    let forged = SigningKey::generate().unwrap();
    let forged = Envelope::sign(ENROLLMENT_TYPE, &enrollment, &forged).unwrap();
    refusal(&other.post(&bench, "/agent/v1/enroll", &forged).await, 400);
    assert_eq!(events(&bench), before, "something was recorded");
    assert_eq!(bench.machine(1), shown, "the owner's machine changed");

    // A plan for another's hardware: no ticket, and a person must look at the one that asked.
    let mut request = other.request(&job, 9);
    request.inventory = owner.inventory.clone();
    let answer = other.post(&bench, "/agent/v1/plan", &request).await;
    let reply: PlanReply = ok(&answer);
    assert!(matches!(reply, PlanReply::Refused { .. }), "{reply:?}");
    assert_eq!(bench.state(2), "attention");
    assert_eq!(bench.machine(1)["attention"], shown["attention"]);

    // Nobody's, a made-up one, and an agent's key in place of its session.
    let key = AgentKey::from_bytes(owner.key.public()).to_string();
    for session in [None, Some("0".repeat(64)), Some(key)] {
        for path in ["heartbeat", "plan", "records", "drive-password", "look"] {
            let path = format!("/agent/v1/{path}");
            let answer = talk(&bench, Method::POST, &path, session.as_deref(), b"{}".to_vec());
            refusal(&answer.await, 401);
        }
    }
    // The owner is still served, and its person still gets the answer.
    let bytes = SectorBytes::try_from(vec![0; 512].as_slice()).unwrap();
    let answer = LookAnswer { look: look.look, seen: Seen::Content { bytes } };
    ok::<()>(&owner.post(&bench, "/agent/v1/look", &answer).await);
    assert!(person.join().unwrap().status.success());
    assert_ne!(look.look, Nonce::from_bytes([0; 32]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_machine_starts_again() {
    let bench = Coordinator::start(&[]);
    let mut first = Laptop::booted(laptop(1));
    first.enroll(&bench).await;
    let _: Directive = first.heartbeat(&bench).await;
    let mut second = Laptop::booted(laptop(1));
    second.enroll(&bench).await;
    let _: Directive = second.heartbeat(&bench).await;
    for path in ["/agent/v1/witness", "/agent/v1/verified/0"] {
        refusal(&first.get(&bench, path).await, 401);
    }
    first.note(Step::AgentDied { how: "signal 9".into() });
    refusal(&first.send(&bench, &first.records).await, 401);
}
