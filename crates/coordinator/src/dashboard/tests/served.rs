//! Everything that is served, from the routers' own lists: no secret stands in it, and no body is too long for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::door::{Door, HOST};
use crate::access::{Role, Rule};
use crate::admin::{program_router, program_rules};
use crate::dashboard::{pages, router, stream};
use crate::http::{REQUEST_TIME, agent, boot};
use crate::login::Door as Way;
use crate::scene::hardware::laptop;
use crate::sessions::Session;

/// A router, its rules, and what somebody sends there who may do everything.
struct Doorway {
    router: Router,
    rules: Vec<Rule>,
    headers: Vec<(&'static str, String)>,
}

/// All four doors, with a machine on the bench and somebody logged in.
async fn doorways(door: &Door) -> Vec<Doorway> {
    let (machine, _, agent) = door.boot(laptop(1)).await;
    let coordinator = &door.coordinator;
    let person = door.log_in_as(Role::Supervisor).await;
    let address = std::net::Ipv4Addr::LOCALHOST.into();
    let typed = (super::door::OLA.to_owned(), door.password.clone());
    let token = coordinator.login.log_in(&coordinator.journal, address, typed, Way::Program);
    let token = token.await.unwrap();
    let session = coordinator.sessions.open(Session { machine, agent }).unwrap();
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let form = "application/x-www-form-urlencoded".to_owned();
    vec![
        Doorway {
            router: router(coordinator.clone(), stopping, REQUEST_TIME),
            rules: pages().rules().into_iter().chain(stream().rules()).collect(),
            headers: vec![
                ("cookie", person.cookie),
                ("origin", format!("https://{HOST}")),
                ("content-type", form),
            ],
        },
        Doorway {
            router: program_router(coordinator.clone(), REQUEST_TIME),
            rules: program_rules(),
            headers: vec![("authorization", format!("Bearer {token}"))],
        },
        Doorway {
            router: agent::router(coordinator.clone()),
            rules: agent::rules(),
            headers: vec![("authorization", format!("Bearer {session}"))],
        },
        Doorway {
            router: boot::router(coordinator.clone()),
            rules: boot::rules(),
            headers: Vec::new(),
        },
    ]
}

impl Doorway {
    async fn ask(&self, method: &Method, path: &str, body: Body) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer =
            TowerToHyperService::new(self.router.clone()).call(request.body(body).unwrap());
        answer.await.unwrap()
    }
}

/// Addresses of a route.
fn paths(rule: &Rule) -> Vec<String> {
    let lot = "0".repeat(32);
    let path = rule.path.replace("{number}", "1").replace("{stored}", &"0".repeat(64));
    let path = path.replace("{token}", &lot).replace("{record}", &"0".repeat(64));
    let path = match rule.path {
        "/agent/v1/image/{id}" => path.replace("{id}", &"0".repeat(64)),
        _ => path.replace("{id}", &lot),
    };
    let fill = |names: &[&str], slot: &str| names.iter().map(|it| path.replace(slot, it)).collect();
    match rule.path {
        "/assets/{name}" => fill(&["dashboard.css", "dashboard.js", "icon.svg"], "{name}"),
        "/{*path}" => fill(
            &["site.cpio", "grub/grub.cfg", "vmlinuz", "grub/machine/52:54:00:00:00:01/x"],
            "{*path}",
        ),
        _ => vec![path.replace("{name}", "nobody")],
    }
}

/// What must never leave: as it lies on the disk, and in each form in which somebody might put it into an answer.
fn secrets(door: &Door) -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    let mut secrets = vec![("a PEM key".to_owned(), b"PRIVATE KEY".to_vec())];
    for name in ["site.key", "tls.key", "recovery.key", "metrics.token", "users.json"] {
        let text = std::fs::read_to_string(door.data.path().join(name)).unwrap();
        let lines = text.lines().filter(|line| line.len() >= 32 && !line.starts_with("-----"));
        for line in lines {
            secrets.push((name.to_owned(), line.as_bytes().to_vec()));
            if let Ok(raw) = hex::decode(line.trim()) {
                let base64 = base64::engine::general_purpose::STANDARD.encode(&raw);
                secrets.push((format!("{name} in base64"), base64.into_bytes()));
                secrets.push((format!("{name}, bare"), raw));
            } else if let Ok(raw) = base64::engine::general_purpose::STANDARD.decode(line.trim()) {
                secrets.push((format!("{name}, bare"), raw));
            }
        }
    }
    assert!(secrets.len() > 8, "{secrets:?}");
    secrets
}

#[tokio::test]
async fn nothing_that_is_served_holds_a_private_key() {
    let door = Door::open().await;
    let doorways = doorways(&door).await;
    let (secrets, mut served) = (secrets(&door), 0);
    for doorway in &doorways {
        for rule in doorway.rules.iter().filter(|rule| rule.method == Method::GET) {
            // What stays open is made of what the bench's page is made of.
            for path in paths(rule).iter().filter(|path| *path != "/events") {
                let answer = doorway.ask(&Method::GET, path, Body::empty()).await;
                let (head, body) = answer.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let all = [format!("{:?}", head.headers).as_bytes(), &body].concat();
                for (what, secret) in &secrets {
                    let found = all.windows(secret.len()).any(|window| window == &secret[..]);
                    assert!(!found, "{path} gives away {what}");
                }
                served += usize::from(head.status.is_success());
            }
        }
    }
    assert!(served >= 25, "only {served} answers were good");
}

#[tokio::test]
async fn no_route_takes_more_than_it_may_hold() {
    const FRAME: usize = 64 << 10;
    /// The largest limit of any route, the files of registers, with what a form puts around one.
    const MOST: usize = 36 << 20;
    let door = Door::open().await;
    for doorway in doorways(&door).await {
        for rule in doorway.rules.iter().filter(|rule| rule.method == Method::POST) {
            let taken = Arc::new(AtomicUsize::new(0));
            let (mut sender, body) = Channel::<Bytes>::new(1);
            let counted = taken.clone();
            let sending = tokio::spawn(async move {
                // Without end, and without a length that is announced.
                while sender.send_data(Bytes::from(vec![b'a'; FRAME])).await.is_ok() {
                    counted.fetch_add(FRAME, Ordering::Relaxed);
                    assert!(counted.load(Ordering::Relaxed) < 2 * MOST, "it takes without end");
                }
            });
            let path = &paths(rule)[0];
            // Logging out would end the visit.
            if path.ends_with("/logout") {
                continue;
            }
            let answer = doorway.ask(&rule.method, path, Body::new(body)).await;
            let status = answer.status().as_u16();
            drop(answer);
            sending.await.unwrap();
            let taken = taken.load(Ordering::Relaxed);
            let large = path.ends_with("/wish") || path.ends_with("/register");
            let most = if large { MOST } else { (2 << 20) + 4 * FRAME };
            assert!(taken <= most, "{path} took {taken} bytes");
            // Where no body is wanted, it is not looked at.
            assert!(
                (400..500).contains(&status)
                    || ((200..300).contains(&status) && taken <= 4 * FRAME),
                "{path}: {status}"
            );
        }
    }
}
