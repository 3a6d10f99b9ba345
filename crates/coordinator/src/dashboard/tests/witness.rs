//! A person has a machine wait, looks at its drive and lets it go, in both languages.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use evidence::chain::ChainWriter;
use evidence::{Envelope, SigningKey};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use protocol::api::{ENROLLMENT_TYPE, RecordsAccepted};
use protocol::witness::{LookAnswer, SectorBytes, Seen, WitnessReply};
use protocol::{
    AgentKey, Directive, Enrolled, Enrollment, Heartbeat, Nonce, PlanReply, PlanRequest, Stage,
    Step, Ticket, UnixMillis,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::door::{Door, Person};
use super::forms::{arming, batch_of};
use crate::bench::MachineState;
use crate::http::agent;
use crate::scene::hardware::laptop;
use crate::scene::observed::evidence;

/// An agent behind the API's door, without TLS.
struct Laptop {
    router: Router,
    key: SigningKey,
    session: String,
}

impl Laptop {
    async fn boot(door: &Door) -> Self {
        let key = SigningKey::generate().unwrap();
        let agent = AgentKey::from_bytes(key.public());
        let enrollment =
            Enrollment { agent, version: "0.1.0".into(), inventory: laptop(1), simulated: false };
        let envelope = Envelope::sign(ENROLLMENT_TYPE, &enrollment, &key).unwrap();
        let router = agent::router(door.coordinator.clone());
        let mut laptop = Self { router, key, session: String::new() };
        let enrolled: Enrolled = laptop.post("enroll", &envelope).await.unwrap();
        laptop.session = enrolled.session;
        laptop
    }

    async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, StatusCode> {
        let request = Request::post(format!("/agent/v1/{path}"));
        self.send(request, Body::from(serde_json::to_vec(body).unwrap())).await
    }

    async fn witness(&self) -> WitnessReply {
        self.send(Request::get("/agent/v1/witness"), Body::empty()).await.unwrap()
    }

    async fn send<A: DeserializeOwned>(
        &self,
        request: axum::http::request::Builder,
        body: Body,
    ) -> Result<A, StatusCode> {
        let session = format!("Bearer {}", self.session);
        let request = request.header("authorization", session).body(body).unwrap();
        let answer = TowerToHyperService::new(self.router.clone()).call(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if head.status == 200 {
            Ok(serde_json::from_slice(&body).unwrap())
        } else {
            Err(head.status)
        }
    }

    /// Does what it was admitted to, up to where it may be held.
    async fn wipe(&self, door: &Door) {
        let heartbeat = Heartbeat {
            stage: Stage::Plan,
            sentence: String::new(),
            progress: None,
            erasing_themselves: Vec::new(),
        };
        let told = self.post("heartbeat", &heartbeat).await.unwrap();
        let Directive::Work { job, .. } = told else { panic!("no work: {told:?}") };
        let published = || door.coordinator.journal.published();
        let machine = published().bench.machines().next().unwrap().id;
        let plan = plan::plan(machine, &laptop(1), &job, &[].into());
        let request = PlanRequest {
            nonce: Nonce::from_bytes([1; 32]),
            inventory: laptop(1),
            plan: plan.clone(),
        };
        let reply = self.post("plan", &request).await.unwrap();
        let PlanReply::Ticket { envelope, .. } = reply else { panic!("no ticket: {reply:?}") };
        let ticket: Ticket = Envelope::from_json(envelope.as_bytes()).unwrap().peek().unwrap();
        let drive = plan.unwrap().drives.remove(0);
        let accepted = Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan };
        let verified = Step::Verified(evidence(&drive, UnixMillis(1_700_000_000_000)));
        let agent = AgentKey::from_bytes(self.key.public());
        let mut chain = ChainWriter::start(machine, agent);
        let records: Vec<_> = [accepted, verified]
            .into_iter()
            .map(|step| chain.append(step, UnixMillis(1_700_000_000_000), 1, &self.key).unwrap())
            .collect();
        let _: RecordsAccepted = self.post("records", &records).await.unwrap();
    }

    /// Answers the first look that it is asked for.
    async fn answer(&self, seen: Seen) {
        for _ in 0..500 {
            let WitnessReply::Hold { mut looks } = self.witness().await else { panic!("let go") };
            if let Some(request) = looks.pop() {
                let answer = LookAnswer { look: request.look, seen };
                return self.post("look", &answer).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("nobody asks for a look");
    }
}

fn state(door: &Door) -> MachineState {
    let published = door.coordinator.journal.published();
    published.bench.machines().next().unwrap().state(true)
}

async fn act(
    door: &Door,
    ola: &Person,
    action: &str,
    fields: &[(&str, &str)],
) -> super::door::Answer {
    let fields = [&[("token", ola.token.as_str())], fields].concat();
    door.post(&format!("/machines/1/{action}"), &ola.cookie, &fields).await
}

/// Arms as the form does and picks the laptop.
async fn admit(door: &Door, ola: &Person, laptop: &Laptop, witness: bool) {
    let mut fields = arming(ola, "1", "1").to_vec();
    fields.extend(witness.then_some(("witness", "yes")));
    assert_eq!(door.post("/arm", &ola.cookie, &fields).await.status, 303);
    let batch = batch_of(door);
    let key = AgentKey::from_bytes(laptop.key.public()).fingerprint();
    let pick = format!("1:{key}");
    let fields = [("token", ola.token.as_str()), ("batch", &batch), ("machine", &pick)];
    assert_eq!(door.post("/pick", &ola.cookie, &fields).await.status, 303);
}

#[tokio::test]
async fn a_person_looks_at_a_held_machine_and_releases_it() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    let page = door.get("/arm", &ola.cookie).await.body;
    assert!(page.contains("type=\"checkbox\" name=\"witness\" value=\"yes\""), "{page}");
    let laptop = Laptop::boot(&door).await;
    admit(&door, &ola, &laptop, true).await;
    let page = door.get("/arm", &ola.cookie).await.body;
    assert!(page.contains("<dt>Hold</dt>"), "{page}");
    laptop.wipe(&door).await;
    assert_eq!(state(&door), MachineState::Held);
    assert!(matches!(laptop.witness().await, WitnessReply::Hold { .. }));

    for (lang, words) in [
        (
            "en",
            ["It waits for a person to look", "First sector", "go on", "as its batch was armed"],
        ),
        ("pl", ["Czeka, aż ktoś obejrzy", "Pierwszy sektor", "pracuj dalej", "bo tak uzbrojono"]),
    ] {
        let page = door.get(&format!("/machines/1?lang={lang}"), &ola.cookie).await.body;
        let form = [
            "action=\"/machines/1/look\"",
            "<label for=\"look-sector\">",
            "data-mood=\"needs-person\"",
        ];
        for word in words.into_iter().chain(form) {
            assert!(page.contains(word), "{word:?} is not in {page}");
        }
        assert!(!page.contains("data-live"), "what a person types would be lost: {page}");
        let page = door.get(&format!("/bench?lang={lang}"), &ola.cookie).await.body;
        assert!(page.contains(words[0]), "{page}");
    }

    let sectors = [("drive", "DRIVE001"), ("sector", "3"), ("count", "1")];
    let mut evil = [0; 512];
    evil[..26].copy_from_slice(b"<script>alert(1)</script>\x07");
    for (bytes, words) in [
        ([0; 512], ["Sector 3: All zero", "000000000600", "the same again"]),
        ([0xff; 512], ["One byte repeated: ff", "000000000600", "the same again"]),
        (evil, ["Mixed: a pattern, or data", "3c 73 63 72 69 70 74", "&lt;script&gt;alert"]),
    ] {
        let seen = Seen::Content { bytes: SectorBytes::try_from(&bytes[..]).unwrap() };
        let (answer, ()) = tokio::join!(act(&door, &ola, "look", &sectors), laptop.answer(seen));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.contains("<script>a") && !answer.body.contains("data-live"));
        for word in words {
            assert!(answer.body.contains(word), "{word:?} is not in {}", answer.body);
        }
    }
    let seen = Seen::Unreadable { sentence: "medium error".into() };
    let (answer, ()) = tokio::join!(act(&door, &ola, "look", &sectors), laptop.answer(seen));
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("medium error"), "{}", answer.body);
    for (name, value, status) in [
        ("sector", "", 400),
        ("sector", "-1", 400),
        ("count", "9", 409),
        ("drive", "X", 409),
        ("sector", "99999999999", 409),
    ] {
        let mut wrong = sectors;
        wrong.iter_mut().filter(|it| it.0 == name).for_each(|it| it.1 = value);
        assert_eq!(act(&door, &ola, "look", &wrong).await.status, status, "{name} {value}");
    }

    assert_eq!(act(&door, &ola, "release", &[]).await.location, "/machines/1");
    assert_eq!(laptop.witness().await, WitnessReply::GoOn {});
    assert_eq!(act(&door, &ola, "look", &sectors).await.status, 409);
    assert_eq!(act(&door, &ola, "release", &[]).await.status, 409);
    let page = door.get("/machines/1", &ola.cookie).await.body;
    for word in [
        "A person looked: all zero",
        "not all zero",
        "it could not be read",
        "Released by a person",
    ] {
        assert!(page.contains(word), "{word:?} is not in {page}");
    }
    assert!(page.contains("Ola Żądło · ") && !page.contains("/machines/1/look"), "{page}");
}

#[tokio::test]
async fn a_person_has_one_machine_wait_and_only_by_a_form_of_ours() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    let laptop = Laptop::boot(&door).await;
    assert_eq!(act(&door, &ola, "hold", &[]).await.status, 409, "no work yet");
    admit(&door, &ola, &laptop, false).await;
    for action in ["hold", "release", "look"] {
        let path = format!("/machines/1/{action}");
        let foreign = door.post(&path, &ola.cookie, &[("token", "0")]).await;
        assert_eq!(foreign.status, 403, "{action}");
        let path = format!("/machines/7/{action}");
        let nobody = door.post(&path, &ola.cookie, &[("token", &ola.token)]).await;
        assert_eq!(nobody.status, 404, "{action}");
    }
    let offered = |page: &str| page.contains("action=\"/machines/1/hold\"");
    assert!(offered(&door.get("/machines/1", &ola.cookie).await.body));
    assert_eq!(act(&door, &ola, "hold", &[]).await.location, "/machines/1");
    let page = door.get("/machines/1", &ola.cookie).await.body;
    assert!(!offered(&page) && page.contains("action=\"/machines/1/release\""), "{page}");
    assert!(page.contains("To wait once its drives are verified"), "{page}");
    laptop.wipe(&door).await;
    assert_eq!(state(&door), MachineState::Held);
    act(&door, &ola, "release", &[]).await;
    let page = door.get("/machines/1", &ola.cookie).await.body;
    assert!(!offered(&page), "it goes on already: {page}");
}
