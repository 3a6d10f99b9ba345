//! Users, by command line and API, beside a serving coordinator and without one.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::coordinator::Coordinator;
use crate::hardware;
use crate::laptop::{Answer, Laptop, ok, refusal, talk};

async fn log_in(bench: &Coordinator, name: &str, password: &Value) -> Answer {
    let typed = json!({ "name": name, "password": password }).to_string();
    talk(bench, Method::POST, "/api/v1/login", None, typed.into_bytes()).await
}

#[tokio::test]
async fn users_are_made_offline_and_while_serving_and_removed_at_once() {
    let mut bench = Coordinator::start(&[]);
    let added = bench.json(&["user", "add", "Ewa", "--role", "technician", "--by", "Ola"]);
    let session: Value = ok(&log_in(&bench, "Ewa", &added["password"]).await);
    let token = session["token"].as_str().unwrap();
    let status = async |bench: &Coordinator, path: &str| {
        talk(bench, Method::GET, path, Some(token), Vec::new()).await.0
    };
    assert_eq!(status(&bench, "/api/v1/machines").await, StatusCode::OK);
    assert_eq!(status(&bench, "/api/openapi.json").await, StatusCode::OK);
    assert_eq!(status(&bench, "/api/v1/users").await, StatusCode::FORBIDDEN);
    bench.json(&["user", "role", "Ewa", "auditor"]);
    assert_eq!(status(&bench, "/api/v1/machines").await, StatusCode::UNAUTHORIZED);

    assert!(bench.terminate().success());
    let renewed = bench.json(&["user", "password", "Ewa"]);
    let jan = bench.json(&["user", "add", "Jan", "--role", "supervisor"]);
    assert!(bench.refused(&["user", "add", "jan", "--role", "auditor"]).contains("already"));
    bench.restart(&[]);
    refusal(&log_in(&bench, "Ewa", &added["password"]).await, 401);
    let _: Value = ok(&log_in(&bench, "Ewa", &renewed["password"]).await);
    let _: Value = ok(&log_in(&bench, "Jan", &jan["password"]).await);
    bench.json(&["user", "remove", "Ewa"]);
    refusal(&log_in(&bench, "Ewa", &renewed["password"]).await, 401);
    assert!(bench.refused(&["user", "remove", "Ewa"]).contains("rehome user list"));
    let users = bench.json(&["user", "list"]);
    let names: Vec<_> = users.as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["Jan", "supervisor"]);

    let log = bench.json(&["log", "--most", "1000"]);
    let rows = log["actions"].as_array().unwrap();
    let said = |name: &str, sentence: &str| {
        rows.iter().any(|row| row["name"] == name && row["sentence"] == sentence)
    };
    assert!(said("Ola", "Added a user") && said("Ewa", "Logged in"), "{log}");
    assert!(rows.iter().any(|row| row["sentence"] == "Logins were refused"), "{log}");
    let again = bench.json(&["dashboard", "password", "--new"]);
    assert_eq!(again["name"], "supervisor");
    let _: Value = ok(&log_in(&bench, "supervisor", &again["password"]).await);
}

/// The keys of agents open nothing of people, and those of people nothing of agents.
#[tokio::test]
async fn an_agents_session_is_no_users_and_the_other_way_round() {
    let bench = Coordinator::start(&[]);
    let mut laptop = Laptop::booted(hardware::laptop(1));
    laptop.enroll(&bench).await;
    for path in ["/api/v1/machines", "/api/v1/status", "/api/openapi.json", "/api/v1/log"] {
        refusal(&laptop.get(&bench, path).await, 401);
    }
    let added = bench.json(&["user", "add", "Ewa", "--role", "supervisor"]);
    let session: Value = ok(&log_in(&bench, "Ewa", &added["password"]).await);
    let token = session["token"].as_str().unwrap();
    refusal(&talk(&bench, Method::GET, "/agent/v1/witness", Some(token), Vec::new()).await, 401);
}
