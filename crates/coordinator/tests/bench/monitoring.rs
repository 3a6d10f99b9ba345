//! What monitors see: health in one word without a session, metrics with one.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use protocol::Step;
use protocol::api::RecordsAccepted;
use serde_json::{Value, json};

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::{Answer, Laptop, ok, refusal, talk};

async fn get(bench: &Coordinator, path: &str, token: Option<&str>) -> Answer {
    talk(bench, Method::GET, path, token, Vec::new()).await
}

pub(crate) fn monitors_token(bench: &Coordinator) -> String {
    std::fs::read_to_string(bench.path().join("metrics.token")).unwrap().trim().to_owned()
}

/// The samples by name and labels, of a page that the format's grammar allows.
pub(crate) fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut family, mut kind) = ("", "");
    let mut families = Vec::new();
    assert!(page.ends_with('\n'), "the last line ends");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(is_name(name) && text.ends_with('.'), "{line}");
            assert!(!families.contains(&name), "{name} comes twice");
            families.push(name);
            (family, kind) = (name, "");
        } else if let Some(told) = line.strip_prefix("# TYPE ") {
            let (name, told) = told.split_once(' ').unwrap();
            assert_eq!(name, family, "a type follows its help");
            assert!(["counter", "gauge", "histogram"].contains(&told), "{line}");
            assert_eq!(told == "counter", name.ends_with("_total"), "{line}");
            kind = told;
        } else {
            let (name, labels, value) = sample(line);
            let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
            let fits = match kind {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty() && !kind.is_empty(),
            };
            assert!(fits, "{line} in {family}, a {kind}");
            let before = samples.insert(format!("{name}{labels}"), value);
            assert_eq!(before, None, "{line} comes twice");
        }
    }
    samples
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    begins && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Name, labels and value of a line.
fn sample(line: &str) -> (&str, &str, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}: no number"));
    assert!(value.is_finite() && value >= 0.0, "{line}");
    let Some((name, labels)) = series.split_once('{') else {
        assert!(is_name(series), "{line}");
        return (series, "", value);
    };
    let inside = labels.strip_suffix('}').unwrap();
    let (label, quoted) = inside.split_once('=').unwrap();
    let text = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap();
    assert!(is_name(name) && is_name(label) && !text.contains(['"', '\\', '\n']), "{line}");
    (name, &series[name.len()..], value)
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_one_word_for_everybody() {
    let bench = Coordinator::start(&[]);
    for path in ["/health/live", "/health/ready"] {
        let (status, body) = get(&bench, path, None).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"ok\n"[..]), "{path}");
        let odd = talk(&bench, Method::POST, path, None, Vec::new()).await;
        refusal(&odd, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_too_small_is_not_ready_and_says_why_to_those_who_may_know() {
    let bench = Coordinator::start(&["--min-free-mb", "4000000000"]);
    assert_eq!(get(&bench, "/health/live", None).await.0, StatusCode::OK);
    let not_ready = get(&bench, "/health/ready", None).await;
    assert_eq!(refusal(&not_ready, 503), "not ok", "and nothing else");
    let why = bench.json(&["status"])["obstacles"].clone();
    assert!(why[0].as_str().unwrap().contains("min_free_mb"), "{why}");
    let page = get(&bench, "/metrics", Some(&monitors_token(&bench))).await.1;
    assert_eq!(samples(std::str::from_utf8(&page).unwrap())["rehome_ready"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_monitors_and_users_only() {
    let bench = Coordinator::start(&[]);
    let mut agent = Laptop::booted(laptop(1));
    agent.enroll(&bench).await;
    let token = monitors_token(&bench);
    let added = bench.json(&["user", "add", "Ewa", "--role", "auditor"]);
    let typed = json!({ "name": "Ewa", "password": added["password"] }).to_string();
    let login = talk(&bench, Method::POST, "/api/v1/login", None, typed.into_bytes()).await;
    let session: Value = ok(&login);
    let auditor = session["token"].as_str().unwrap();
    for (who, status) in [
        (None, 401),
        (Some(""), 401),
        (Some(&token[..63]), 401),
        (Some(agent.enrolled.as_ref().unwrap().session.as_str()), 401),
        (Some(auditor), 200),
        (Some(&token), 200),
    ] {
        assert_eq!(get(&bench, "/metrics", who).await.0.as_u16(), status, "{who:?}");
    }
    // Whoever has a monitor's configuration has nothing else.
    for path in ["/api/v1/status", "/api/v1/machines", "/api/openapi.json", "/api/v1/metrics"] {
        assert!(get(&bench, path, Some(&token)).await.0.is_client_error(), "{path}");
    }
    refusal(&get(&bench, "/agent/v1/witness", Some(&token)).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_nobody() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.pick(1);
    let request = machine.request(&machine.job(&bench).await, 7);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    let typed = json!({ "name": "nobody", "password": "x" }).to_string();
    refusal(&talk(&bench, Method::POST, "/api/v1/login", None, typed.into_bytes()).await, 401);

    let token = monitors_token(&bench);
    let page = get(&bench, "/metrics", Some(&token)).await.1;
    let page = std::str::from_utf8(&page).unwrap();
    let said = samples(page);
    let records = machine.records.len();
    for (series, value) in [
        ("rehome_ready", 1.0),
        ("rehome_machines{state=\"finished\"}", 1.0),
        ("rehome_machines{state=\"seen\"}", 0.0),
        ("rehome_batches_armed", 0.0),
        ("rehome_records_acknowledged_total", f64::from(u32::try_from(records).unwrap())),
        ("rehome_drives_sanitized_total", 1.0),
        ("rehome_drive_sanitize_failures_total", 0.0),
        ("rehome_logins_refused_total", 1.0),
        ("rehome_journal_commit_failures_total", 0.0),
        ("rehome_image_sent_bytes_total", 0.0),
    ] {
        assert_eq!(said.get(series), Some(&value), "{series}: {page}");
    }
    let version = format!("rehome_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(said.get(&version), Some(&1.0));
    let of = |series: &str| said[series];
    assert!(of("rehome_journal_size_bytes") > 4096.0);
    assert!(of("rehome_disk_free_bytes") <= of("rehome_disk_size_bytes"));
    let count = of("rehome_journal_commit_duration_seconds_count");
    assert_eq!(of("rehome_journal_commit_duration_seconds_bucket{le=\"+Inf\"}"), count);
    assert!(count >= 5.0 && count <= of("rehome_journal_events_total"), "{count}");
    let (identity, lower) = (&machine.inventory.identity, page.to_lowercase());
    let macs = identity.macs.iter().map(ToString::to_string);
    let serials = machine.inventory.drives.iter().filter_map(|it| it.identity.as_ref().ok());
    let secrets = macs.chain(serials.map(|it| it.serial.clone())).chain([token.clone()]);
    for secret in secrets {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} stands in the metrics");
    }

    let printed = bench.run(&["metrics"]);
    let printed = samples(std::str::from_utf8(&printed.stdout).unwrap());
    assert!(printed.keys().eq(said.keys()), "the command says the same");
}
