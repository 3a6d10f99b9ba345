//! The API through the programs' door, and its description.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};

use super::door::{Door, HOST, OLA, root};
use crate::access::{Need, Role};
use crate::admin::{description, program_router, program_rules};
use crate::http::{REQUEST_TIME, agent, boot};
use crate::policies::Shipped;
use crate::scene::hardware::laptop;

/// A program.
struct Program {
    router: Router,
    token: String,
}

impl Program {
    fn of(door: &Door) -> Self {
        let router = program_router(door.coordinator.clone(), REQUEST_TIME);
        Self { router, token: String::new() }
    }

    async fn log_in(door: &Door, name: &str, password: &str) -> Self {
        let mut program = Self::of(door);
        let typed = json!({ "name": name, "password": password });
        let (status, answer) = program.ask(Method::POST, "/api/v1/login", Some(&typed)).await;
        assert_eq!(status, 200, "{answer}");
        program.token = answer["token"].as_str().unwrap().to_owned();
        program
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("host", HOST);
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let answer = TowerToHyperService::new(self.router.clone()).call(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.headers["cache-control"], "no-store");
        let status = head.status.as_u16();
        if status >= 400 {
            let error: protocol::api::ApiError = serde_json::from_slice(&body).unwrap();
            assert!(!error.error.is_empty());
        }
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

#[tokio::test]
async fn every_request_keeps_strangers_out_and_knows_who_may() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let rules = program_rules();
    let path = |path: &str| {
        path.replace("{number}", "1").replace("{name}", "nobody").replace("{id}", &"0".repeat(32))
    };
    let stranger = Program::of(&door);
    let cookie = door.log_in().await.cookie;
    let stolen = cookie.split_once('=').unwrap().1;
    for rule in &rules {
        let (status, _) = stranger.ask(rule.method.clone(), &path(rule.path), None).await;
        let open = rule.need == Need::Nothing;
        let healthy = rule.path.starts_with("/health/");
        assert_eq!(open, healthy || rule.path == "/api/v1/login", "{rule:?}");
        let expected = match (open, healthy) {
            (true, true) => 200,
            (true, false) => 400,
            (false, _) => 401,
        };
        assert_eq!(status, expected, "{rule:?}");
        let with_cookie = Request::builder()
            .method(rule.method.clone())
            .uri(path(rule.path))
            .header("cookie", &cookie)
            .header("authorization", format!("Bearer {stolen}"));
        let (status, _) = stranger.send(with_cookie.body(Body::empty()).unwrap()).await;
        assert_eq!(status, expected, "a cookie opens {rule:?}");
    }
    for role in [Role::Auditor, Role::Technician, Role::Supervisor] {
        let (login, journal) = (&door.coordinator.login, &door.coordinator.journal);
        let password = login.users.add(journal, &root(), role.name(), role).await;
        // The first user has that name.
        let Ok(password) = password else { continue };
        let program = Program::log_in(&door, role.name(), &password).await;
        let (last, rest): (Vec<_>, Vec<_>) =
            rules.iter().partition(|rule| rule.path == "/api/v1/logout");
        for rule in rest.into_iter().chain(last) {
            let Need::May(action) = rule.need else { continue };
            let (status, answer) = program.ask(rule.method.clone(), &path(rule.path), None).await;
            assert_eq!(status == 403, !role.may(action), "{role:?} {rule:?}: {status} {answer}");
            assert_ne!(status, 401, "{role:?} {rule:?}");
            assert!(status < 500, "{role:?} {rule:?}: {status} {answer}");
        }
        assert_eq!(program.ask(Method::GET, "/api/v1/status", None).await.0, 401, "logged out");
    }
}

#[tokio::test]
async fn a_program_arms_in_its_users_name_and_nobody_elses() {
    let door = Door::open().await;
    // Opens a lot as well.
    door.log_in().await;
    let program = Program::log_in(&door, OLA, &door.password).await;
    let policy = Shipped::named("overwrite-only").unwrap().policy().unwrap();
    let mut wish = json!({
        "count": 1, "seconds": 3600, "kind": "wipe", "image": null, "locale": "", "policy": policy
    });
    let (status, answer) = program.ask(Method::POST, "/api/v1/batches", Some(&wish)).await;
    assert_eq!(status, 200, "{answer}");
    wish["by"] = "somebody else".into();
    assert_eq!(program.ask(Method::POST, "/api/v1/batches", Some(&wish)).await.0, 400);
    let (_, batches) = program.ask(Method::GET, "/api/v1/batches", None).await;
    assert_eq!(batches[0]["by"], OLA);
    let (_, log) = program.ask(Method::GET, "/api/v1/log?most=1", None).await;
    assert_eq!((&log["actions"][0]["name"], &log["more"]), (&OLA.into(), &true.into()));
    assert_eq!(log["actions"][0]["sentence"], "Armed a batch");
    for (path, status) in [
        ("/api/v1/log?most=0", 400),
        ("/api/v1/log?person=x", 400),
        ("/api/v1/log?odd=1", 400),
        ("/api/v1/log?machine=9", 404),
        ("/api/v1/machines/0", 400),
        ("/api/v1/machines/9", 404),
        ("/api/v1/../status", 404),
        ("/api/v1/nothing", 404),
    ] {
        assert_eq!(program.ask(Method::GET, path, None).await.0, status, "{path}");
    }
    assert_eq!(program.ask(Method::DELETE, "/api/v1/machines", None).await.0, 405);
    let long = json!({ "because": "x".repeat(70_000) });
    assert_eq!(program.ask(Method::POST, "/api/v1/clock/accept", Some(&long)).await.0, 413);
}

/// What machines ask stands under rules too: taken from the routers' own lists.
#[test]
fn machines_have_no_route_without_a_stated_rule() {
    let of = |rules: Vec<crate::access::Rule>, need: Need| {
        let rules = rules.into_iter().filter(move |rule| rule.need == need);
        rules.map(|rule| format!("{} {}", rule.method, rule.path)).collect::<Vec<_>>()
    };
    let open = ["GET /agent/v1/time", "POST /agent/v1/enroll"];
    assert_eq!(of(agent::rules(), Need::Nothing), open);
    assert_eq!(of(agent::rules(), Need::Agent).len(), agent::rules().len() - open.len());
    let clear = ["GET /chunk/{stored}", "POST /booted/{token}", "GET /{*path}"];
    assert_eq!(of(boot::rules(), Need::Nothing), clear);
    assert_eq!(boot::rules().len(), clear.len());
    let described: Value = serde_json::from_str(&description().unwrap()).unwrap();
    for rule in agent::rules() {
        let method = rule.method.as_str().to_lowercase();
        assert!(described["paths"][rule.path][&method].is_object(), "{rule:?} is not described");
    }
}

/// Time and enrollment are for everybody; every other request that is described needs an agent's session.
#[tokio::test]
async fn without_a_session_an_agent_learns_the_time_and_may_enroll() {
    let door = Door::open().await;
    let described: Value = serde_json::from_str(&description().unwrap()).unwrap();
    let user = Program::log_in(&door, OLA, &door.password).await.token;
    let router = TowerToHyperService::new(agent::router(door.coordinator.clone()));
    let mut open = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| path.starts_with("/agent/")) {
            for token in ["", "Bearer ", &format!("Bearer {user}")] {
                let request = Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(path.replace("{id}", &"0".repeat(64)))
                    .header("authorization", token);
                let request = request.body(Body::empty()).unwrap();
                let status = router.call(request).await.unwrap().status().as_u16();
                if status != 401 && token.is_empty() {
                    open.push((path.as_str(), status));
                }
                assert!(status == 401 || open.iter().any(|it| it.0 == path), "{path}: {status}");
            }
        }
    }
    assert_eq!(open, [("/agent/v1/enroll", 400), ("/agent/v1/time", 200)]);
}

/// `REHOME_WRITE=1 cargo test the_description` writes the copy anew.
#[test]
fn the_description_is_whole_and_its_copy_is_current() {
    let text = description().unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let mut known: Vec<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let agents = ["GET /agent/v1/", "POST /agent/v1/"];
    known.retain(|it| !agents.iter().any(|agents| it.starts_with(agents)));
    let mut rules: Vec<_> =
        program_rules().iter().map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    known.sort();
    rules.sort();
    assert_eq!(known, rules, "what is routed and what is described differ");
    for (name, schema) in described["components"]["schemas"].as_object().unwrap() {
        if name.ends_with("Request") {
            assert!(schema["properties"].get("by").is_none(), "{name}: who asks, the door knows");
        }
    }
    let copy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("REHOME_WRITE").is_some() {
        std::fs::write(&copy, &text).unwrap();
    }
    let copy = std::fs::read_to_string(copy).unwrap_or_default();
    assert!(copy == text, "docs/openapi.json is old: REHOME_WRITE=1 cargo test the_description");
}
