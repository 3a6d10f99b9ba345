//! A clock that was set: nothing is granted at any door.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use protocol::{Nonce, PlanRequest, UnixMillis};

use super::door::Door;
use super::forms::{arming, batch_of};
use crate::clock::Dial;
use crate::http::REQUEST_TIME;
use crate::http::agent;
use crate::scene::hardware::laptop;
use crate::sessions::Session;

const RIGHT: UnixMillis = UnixMillis(1_800_000_000_000);
/// In the year 2036.
const FAR: UnixMillis = UnixMillis(2_100_000_000_000);

#[tokio::test]
async fn while_the_clock_is_in_doubt_nothing_is_armed_or_picked_and_the_page_says_why() {
    let dial = Dial::new(RIGHT);
    let door = Door::open_by(dial.clock(), REQUEST_TIME).await;
    let (_, _, agent) = door.boot(laptop(1)).await;
    let ola = door.log_in().await;
    let armed = door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
    assert_eq!(armed.status, 303);
    dial.set(FAR);
    let events = *door.coordinator.journal.length().borrow();
    let (batch, pick) = (batch_of(&door), format!("1:{}", agent.fingerprint()));
    let picking = [("token", ola.token.as_str()), ("batch", &batch), ("machine", &pick)];
    for (path, fields) in [("/arm", arming(&ola, "1", "1").as_slice()), ("/pick", &picking)] {
        let answer = door.post(path, &ola.cookie, fields).await;
        assert_eq!(answer.status, 409, "{path}");
        let said = ["clock was set", "2036-07-18 13:20:00 UTC", "rehome clock accept"];
        assert!(said.iter().all(|words| answer.body.contains(words)), "{}", answer.body);
    }
    assert_eq!(*door.coordinator.journal.length().borrow(), events);
    dial.set(RIGHT);
    assert_eq!(door.post("/pick", &ola.cookie, &picking).await.status, 303);
}

#[tokio::test]
async fn while_the_clock_is_in_doubt_no_ticket_is_given_and_the_agent_may_ask_again() {
    let dial = Dial::new(RIGHT);
    let door = Door::open_by(dial.clock(), REQUEST_TIME).await;
    let (machine, _, agent) = door.boot(laptop(1)).await;
    let ola = door.log_in().await;
    door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
    let (batch, pick) = (batch_of(&door), format!("1:{}", agent.fingerprint()));
    let picking = [("token", ola.token.as_str()), ("batch", &batch), ("machine", &pick)];
    assert_eq!(door.post("/pick", &ola.cookie, &picking).await.status, 303);
    let job = {
        let published = door.coordinator.journal.published();
        published.bench.machine(&machine).unwrap().admission.as_ref().unwrap().job.clone()
    };
    let request = PlanRequest {
        nonce: Nonce::from_bytes([1; 32]),
        inventory: laptop(1),
        plan: plan::plan(machine, &laptop(1), &job, &BTreeSet::new()),
    };
    let session = door.coordinator.sessions.open(Session { machine, agent }).unwrap();
    let router = TowerToHyperService::new(agent::router(door.coordinator.clone()));
    let ask = async || {
        let asked = Request::post("/agent/v1/plan")
            .header("authorization", format!("Bearer {session}"))
            .body(Body::from(serde_json::to_vec(&request).unwrap()));
        router.call(asked.unwrap()).await.unwrap().status()
    };
    for (now, status) in [(FAR, 503), (UnixMillis(0), 503), (RIGHT, 200)] {
        dial.set(now);
        assert_eq!(ask().await, status, "{now:?}");
    }
    let published = door.coordinator.journal.published();
    let admission = published.bench.machine(&machine).unwrap().admission.as_ref().unwrap();
    assert_eq!(admission.consents.len(), 1);
    assert_eq!(admission.consents[0].ticket.expires_at, UnixMillis(RIGHT.0 + 60_000));
}
