//! What pages show and never show, and when they are told of a change.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_DISPOSITION;
use http_body_util::BodyExt;
use protocol::api::{Heartbeat, Progress};
use protocol::{ByteLen, Stage};

use super::door::{Door, HOST};
use crate::clock::Clock;
use crate::dashboard::events::PERIOD;
use crate::http::REQUEST_TIME;
use crate::scene::hardware::laptop;

#[tokio::test]
async fn what_a_machine_says_of_itself_is_text() {
    let door = Door::open().await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=y>";
    let mut inventory = laptop(1);
    inventory.identity.system_serial = Some(evil.into());
    inventory.product.name = Some(evil.into());
    inventory.cpu.model = evil.into();
    inventory.boot.lockdown = evil.into();
    inventory.controllers[0].unexplained = Some(evil.into());
    inventory.drives[0].identity.as_mut().unwrap().serial = evil.into();
    let (id, ..) = door.boot(inventory).await;
    let heartbeat = Heartbeat {
        stage: Stage::Plan,
        sentence: evil.into(),
        progress: None,
        erasing_themselves: Vec::new(),
    };
    door.coordinator.live.heard(id, heartbeat);
    let ola = door.log_in().await;
    let lot = super::lots::lot_of(&door);
    for path in ["/bench", "/machines/1", "/pick", "/arm", "/lots", &format!("/lots/{lot}")] {
        for lang in ["en", "pl"] {
            let answer = door.get(&format!("{path}?lang={lang}"), &ola.cookie).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.body.contains("<script>"), "{path}");
            assert!(!answer.body.contains("<img"), "{path}");
            assert!(!answer.body.contains(" style="), "{path}: the policy forbids inline style");
        }
    }
    assert!(door.get("/machines/1", &ola.cookie).await.body.contains("&lt;script&gt;alert(1)"));
}

#[tokio::test]
async fn every_page_of_a_rehearsal_says_so_in_its_language() {
    for simulated in [false, true] {
        let door = Door::open_as(simulated, Clock::start(), REQUEST_TIME).await;
        door.boot(laptop(1)).await;
        let ola = door.log_in().await;
        // What leaves the page leaves the notice on the page, and takes one of its own along.
        door.open_lot().await;
        let lot = super::lots::lot_of(&door);
        for (file, kind) in [("table", "csv"), ("certificates", "zip")] {
            let answer = door.get(&format!("/lots/{lot}/{file}"), &ola.cookie).await;
            let name = answer.headers[CONTENT_DISPOSITION].to_str().unwrap();
            let marked = name.contains(&format!("\"SIMULATED-lot-{lot}.{kind}\""));
            assert_eq!(marked, simulated, "{name}");
            if kind == "csv" {
                let notice = answer.body.starts_with("\u{feff}SIMULATED: ");
                assert_eq!(notice, simulated, "{}", answer.body);
            }
        }
        for (lang, words) in [
            ("en", "Simulated: these machines do not exist"),
            ("pl", "Symulacja: te komputery nie istnieją"),
        ] {
            for path in ["/bench", "/machines/1", "/machines/7", "/pick", "/arm"] {
                let answer = door.get(&format!("{path}?lang={lang}"), &ola.cookie).await;
                assert_eq!(answer.body.contains(words), simulated, "{path}");
            }
            let outside = door.get(&format!("/?lang={lang}"), "").await;
            assert_eq!(outside.body.contains(words), simulated, "logging in");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    for path in ["/", "/bench", "/machines/7", "/assets/dashboard.css", "/assets/nothing"] {
        let answer = door.get(path, &ola.cookie).await;
        let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
    }
}

#[tokio::test]
async fn an_unknown_machine_has_a_page_that_says_so() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    for path in ["/machines/7", "/machines/0", "/machines/x", "/machines/99999999999999999999"] {
        let answer = door.get(path, &ola.cookie).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("Nobody has seen this machine"), "{path}");
    }
    door.boot(laptop(1)).await;
    assert_eq!(door.get("/machines/1/certificate", &ola.cookie).await.status, 409);
}

#[tokio::test]
async fn a_page_is_told_of_changes_and_of_nothing_else() {
    let door = Door::open().await;
    let (id, ..) = door.boot(laptop(1)).await;
    door.boot(laptop(2)).await;
    let ola = door.log_in().await;
    let request = Request::get("/events").header("host", HOST).header("cookie", &ola.cookie);
    let response = door.raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut frame = async || {
        let frame = body.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    };
    let mut event = async |time: Duration| {
        let end = tokio::time::Instant::now() + time;
        loop {
            let text = tokio::time::timeout_at(end, frame()).await.ok()??;
            // On a busy machine a comment that keeps the connection alive comes in between.
            if !text.starts_with(':') {
                let json = text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
                return Some(serde_json::from_str::<serde_json::Value>(json).unwrap());
            }
        }
    };
    let (long, quiet) = (Duration::from_secs(20), PERIOD * 4);
    let first = event(long).await.unwrap();
    assert_eq!(first["order"], serde_json::json!(["m1", "m2"]));
    assert!(first["tiles"]["m1"].as_str().unwrap().starts_with("<li id=\"m1\""));
    assert!(event(quiet).await.is_none(), "nothing happened");

    let said = |done| Heartbeat {
        stage: Stage::Sanitize,
        sentence: "erasing".into(),
        progress: Some(Progress { done: ByteLen(done), total: ByteLen(100), rate: ByteLen(1) }),
        erasing_themselves: Vec::new(),
    };
    // It is not at work, so what its agent says does not show.
    door.coordinator.live.heard(id, said(10));
    assert!(event(quiet).await.is_none());

    door.boot(laptop(3)).await;
    let second = event(long).await.unwrap();
    assert_eq!(second["order"], serde_json::json!(["m1", "m2", "m3"]));
    assert_eq!(second["tiles"].as_object().unwrap().keys().collect::<Vec<_>>(), ["m3"]);
    assert!(second.get("banner").is_none());

    door.post("/logout", &ola.cookie, &[("token", &ola.token)]).await;
    assert!(event(long).await.is_none(), "the stream ends with the visit");
}

#[tokio::test]
async fn drives_out_of_sight_are_not_shown_as_empty() {
    for (unexplained, words) in
        [(None, "No drive seen"), (Some("RAID".to_owned()), "Data still there")]
    {
        let door = Door::open().await;
        let ola = door.log_in().await;
        let mut inventory = laptop(1);
        inventory.drives.clear();
        inventory.controllers[0].unexplained = unexplained;
        door.boot(inventory).await;
        let page = door.get("/bench?lang=en", &ola.cookie).await.body;
        assert!(page.contains(words) && !page.contains("Data gone, proven"), "{words}: {page}");
    }
}
