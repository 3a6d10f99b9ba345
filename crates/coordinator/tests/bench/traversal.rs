//! Paths that lead out of where they should, on every door, by everybody who may ask there.

use serde_json::{Value, json};

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok, talk};
use crate::wire::{Port, Wire};

/// What is worth stealing: of the data directory, and of the computer.
const TARGETS: [&str; 5] = ["site.key", "users.json", "journal.db", "metrics.token", "etc/passwd"];
/// One step up, as it is written by those who hope that somebody decodes it once too often, or not at all.
const UP: [&str; 11] = [
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..\\",
    "..%5c",
    "%c0%ae%c0%ae/",
    "..%00/",
    "....//",
    "..;/",
];

/// Where paths, or parts of them, are taken.
const CLEAR: [&str; 5] = ["/", "/chunk/", "/booted/", "/grub/machine/", "/grub/machine/x/"];
const TLS: [&str; 10] = [
    "/assets/",
    "/machines/",
    "/lots/",
    "/verify/",
    "/api/v1/machines/",
    "/api/v1/lots/",
    "/api/v1/",
    "/agent/v1/image/",
    "/agent/v1/verified/",
    "/agent/v1/",
];

/// Everything that is tried behind a prefix.
fn paths(prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for target in TARGETS {
        for up in UP {
            for depth in [1, 3, 8] {
                paths.push(format!("{prefix}{}{target}", up.repeat(depth)));
            }
        }
        for absolute in ["/", "%2f", "//", "file:///", "\\", "C:\\", "%00/", "./", ".%2f"] {
            paths.push(format!("{prefix}{absolute}{target}"));
        }
        paths.push(format!("{prefix}{target}%00.efi"));
        paths.push(format!("{prefix}{target}\0"));
    }
    paths
}

fn secrets(bench: &Coordinator) -> Vec<Vec<u8>> {
    let line = |name: &str| {
        let text = std::fs::read_to_string(bench.path().join(name)).unwrap();
        text.lines().find(|line| line.len() > 20).unwrap().as_bytes().to_vec()
    };
    let known = [b"PRIVATE KEY".to_vec(), b"root:x:".to_vec(), b"SQLite format 3".to_vec()];
    let ours = ["metrics.token", "site.key", "users.json"].map(line);
    known.into_iter().chain(ours).collect()
}

/// Asks for each path, and finds nothing.
async fn try_all(bench: &Coordinator, port: Port, prefixes: &[&str], header: &str) -> usize {
    let secrets = secrets(bench);
    let (mut wire, mut asked) = (Wire::open(bench, port).await, 0);
    for path in prefixes.iter().flat_map(|prefix| paths(prefix)) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: rehome\r\n{header}\r\n");
        // The last answer may have closed the connection.
        if wire.send(request.as_bytes()).await.is_err() {
            wire = Wire::open(bench, port).await;
            wire.send(request.as_bytes()).await.unwrap();
        }
        let mut reply = wire.reply().await;
        if reply.is_none() {
            wire = Wire::open(bench, port).await;
            wire.send(request.as_bytes()).await.unwrap();
            reply = wire.reply().await;
        }
        let reply = reply.unwrap_or_else(|| panic!("{path:?} is not answered"));
        let menu = path.starts_with("/grub/machine/") && reply.status == 200;
        let login = reply.status == 303 && reply.head.contains("\r\nlocation: /\r\n");
        assert!(menu || login || (400..500).contains(&reply.status), "{path:?}: {reply:?}");
        for secret in &secrets {
            let found = reply.body.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{path:?} gives away {}", String::from_utf8_lossy(secret));
        }
        if menu {
            let menu = String::from_utf8(reply.body).unwrap();
            assert!(!menu.contains("..") && !menu.contains("passwd"), "{path:?}: {menu}");
        }
        asked += 1;
        if reply.head.contains("\r\nconnection: close\r\n") {
            wire = Wire::open(bench, port).await;
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_what_is_served() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    let added = bench.json(&["user", "add", "Ewa", "--role", "supervisor"]);
    let typed = json!({ "name": "Ewa", "password": added["password"] }).to_string();
    let login = talk(&bench, hyper::Method::POST, "/api/v1/login", None, typed.into_bytes()).await;
    let session: Value = ok(&login);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let user = bearer(session["token"].as_str().unwrap());
    let agent = bearer(&machine.enrolled.as_ref().unwrap().session);

    assert!(try_all(&bench, Port::Clear, &CLEAR, "").await > 900);
    for header in [user.as_str(), agent.as_str(), ""] {
        assert!(try_all(&bench, Port::Tls, &TLS, header).await > 1_800);
    }
    // Without a slash in front, and as one asks a proxy.
    for target in ["../../etc/passwd", "http://rehome/../site.key", "*", "file:///etc/passwd"] {
        for port in [Port::Clear, Port::Tls] {
            let mut wire = Wire::open(&bench, port).await;
            wire.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let status = wire.reply().await.map(|reply| reply.status);
            assert!(
                status.is_none_or(|status| (400..500).contains(&status)),
                "{target}: {status:?}"
            );
        }
    }
}
