//! The log: in each of its forms whole lines, and in none a name, a password or a session.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hyper::Method;
use protocol::api::{DrivePasswordReply, DrivePasswordRequest, RecordsAccepted, SiteConfig};
use protocol::{DriveIdentity, Step};
use serde_json::{Value, json};

use crate::coordinator::{Coordinator, on, rehome, run};
use crate::hardware::{disk, laptop};
use crate::laptop::{Laptop, ok, refusal, talk};
use crate::monitoring::monitors_token;

const NAME: &str = "Ludmila Wrzosek";
const WRONG: &str = "a-password-that-is-wrong";

/// One that logs everything into a file; with `journal` as if systemd's journal took it, standard output too.
fn logging(flags: &[&str], journal: bool) -> (Coordinator, PathBuf) {
    let (data, path) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let (file, path) = path.keep().unwrap();
    let meta = file.metadata().unwrap();
    let out = || Stdio::from(File::options().append(true).open(&path).unwrap());
    let serve = ["serve", "--address", "127.0.0.1", "--dhcp", "off", "--http-port", "0"];
    let mut command = on(data.path(), &serve);
    command.args(["--api-port", "0"]).args(flags).env("REHOME_LOG", "trace");
    command.env_remove("JOURNAL_STREAM").stderr(out()).stdout(Stdio::null());
    if journal {
        command.env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino())).stdout(out());
    }
    let child = command.spawn().unwrap();
    let bench = Coordinator::of(data, child, |data, _| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let asked = rehome().arg("--data").arg(data).args(["--json", "status"]).output();
            let asked = asked.unwrap();
            if asked.status.success() {
                let status: Value = serde_json::from_slice(&asked.stdout).unwrap();
                let site: SiteConfig = serde_json::from_value(status["site"].clone()).unwrap();
                return (data.to_owned(), site);
            }
            assert!(Instant::now() < deadline, "not serving after 30 s");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    (bench, path)
}

/// People and machines do all that has to do with secrets; what they are, by what they are called.
async fn live_through(bench: &Coordinator) -> Vec<(&'static str, String)> {
    let added = bench.json(&["user", "add", NAME, "--role", "supervisor", "--by", NAME]);
    let password = added["password"].as_str().unwrap().to_owned();
    let log_in = async |name: &str, password: &str| {
        let typed = json!({ "name": name, "password": password }).to_string();
        talk(bench, Method::POST, "/api/v1/login", None, typed.into_bytes()).await
    };
    refusal(&log_in(NAME, WRONG).await, 401);
    let session: Value = ok(&log_in(NAME, &password).await);
    let token = session["token"].as_str().unwrap().to_owned();
    for (path, body, status) in [
        ("/api/v1/users", json!({ "name": NAME, "role": "auditor" }), 409),
        ("/api/v1/users/Ludmila%20Wrzosek/role", json!({ "role": "king" }), 400),
        ("/api/v1/users/Wrzosek/remove", json!({}), 404),
        ("/api/v1/people/Ludmila%20Wrzosek/forget", json!({ "because": NAME }), 400),
        ("/api/v1/login", json!({ "name": NAME, "pass": WRONG }), 400),
    ] {
        let body = body.to_string().into_bytes();
        let answer = talk(bench, Method::POST, path, Some(&token), body).await;
        assert_eq!(answer.0.as_u16(), status, "{path}: {:?}", answer.1);
    }
    let mut inventory = laptop(1);
    inventory.drives = vec![disk("DISK")];
    let drive: DriveIdentity = inventory.drives[0].identity.clone().unwrap();
    let mut machine = Laptop::booted(inventory);
    machine.enroll(bench).await;
    refusal(&machine.get(bench, "/agent/v1/image/x").await, 400);
    bench.arm_wipe(1);
    bench.pick(1);
    let request = machine.request(&machine.job(bench).await, 1);
    let (ticket, first_boot) = machine.ticket(bench, &request).await.unwrap();
    machine.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let _: RecordsAccepted = ok(&machine.send(bench, &machine.records).await);
    let asked = DrivePasswordRequest { drive };
    let given: DrivePasswordReply =
        ok(&machine.post(bench, "/agent/v1/drive-password", &asked).await);
    let sheet = bench.json(&["recovery", "show"])["secret"].as_str().unwrap().to_owned();
    let key = std::fs::read_to_string(bench.path().join("tls.key")).unwrap();
    vec![
        ("a name", NAME.to_owned()),
        ("a family name", "Wrzosek".to_owned()),
        ("a wrong password", WRONG.to_owned()),
        ("a user's password", password),
        ("a user's session", token),
        ("an agent's session", machine.enrolled.as_ref().unwrap().session.clone()),
        ("a first boot's token", first_boot),
        ("a drive's password", given.password.into()),
        ("the recovery secret", sheet),
        ("the monitors' token", monitors_token(bench)),
        ("a private key", key.lines().nth(1).unwrap().to_owned()),
    ]
}

fn read(path: &PathBuf) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

fn holds_no(secrets: &[(&str, String)], text: &str) {
    for (what, secret) in secrets {
        assert!(secret.len() > 5, "{what}: {secret}");
        assert!(!text.contains(secret.as_str()), "{what} stands in the log: {text}");
    }
    assert!(text.contains("a wrong name or password") && text.contains("enrolled"), "{text}");
    assert!(text.contains("not the hash") || text.contains("hexadecimal"), "refusals: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_an_object_a_line_without_secrets() {
    let (mut bench, log) = logging(&["--log", "json"], false);
    let secrets = live_through(&bench).await;
    assert!(bench.terminate().success());
    let text = read(&log);
    holds_no(&secrets, &text);
    for line in text.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for key in ["time", "level", "target", "message"] {
            assert!(object[key].is_string(), "{key} is missing: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beneath_systemd_each_line_has_its_level_and_the_first_password_is_not_shown() {
    let (mut bench, log) = logging(&[], true);
    let secrets = live_through(&bench).await;
    assert!(bench.terminate().success());
    let text = read(&log);
    holds_no(&secrets, &text);
    assert!(!text.contains("dashboard password"), "{text}");
    assert!(text.contains("`rehome user password supervisor` makes the password"), "{text}");
    assert!(text.contains("\n<4>login: a wrong name or password"), "{text}");
    assert!(text.contains("\n<6>serve: stopped"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_holds_no_secrets_and_a_failure_stands_out_in_the_journal_only() {
    let (mut bench, log) = logging(&["--log", "text"], false);
    let secrets = live_through(&bench).await;
    assert!(bench.terminate().success());
    let text = read(&log);
    holds_no(&secrets, &text);
    assert!(text.lines().all(|line| line.starts_with("20")), "a time each: {text}");
    let said = run(
        bench.path(),
        &["serve", "--address", "127.0.0.1", "--http-port", "1", "--api-port", "1"],
        2,
    );
    assert!(said.contains("rehome: api_port") && !said.contains("<3>"), "{said}");
}
