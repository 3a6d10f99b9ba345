//! The API before a tester that makes requests up from its description.

use std::path::PathBuf;
use std::process::Command;

use hyper::Method;
use serde_json::{Value, json};

use crate::coordinator::Coordinator;
use crate::hardware;
use crate::laptop::{Laptop, ok, talk};

/// Every run makes up the same requests.
const SEED: &str = "20261122";
/// All that a machine can judge. Whether well-formed requests are *useful* ones it cannot know: nearly all name machines
/// and images that there are not.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,missing_required_header,\
    unsupported_method,ignored_auth";

fn tester() -> PathBuf {
    let cache = std::env::var_os("REHOME_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let of_user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
        of_user.unwrap_or_else(home).join("rehome")
    });
    let tester = cache.join("schemathesis/bin/schemathesis");
    assert!(tester.exists(), "there is no {}; run scripts/setup", tester.display());
    tester
}

/// Tests what fits `paths` with a bearer token, for at most `seconds`.
fn put_to_the_test(bench: &Coordinator, schema: &str, paths: &str, token: &str, seconds: u32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, schema).unwrap();
    let output = Command::new(tester())
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("https://{}", bench.api()), "--tls-verify", "false"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--include-path-regex", paths, "--exclude-path", "/api/v1/logout"])
        // Passwords cannot be guessed, which its own test holds; here guessing would only meet the rate limit.
        .args(["--exclude-path", "/api/v1/login"])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--seed", SEED])
        .args(["--max-examples", "20", "--max-time", &seconds.to_string()])
        .args(["--request-timeout", "30", "--suppress-health-check", "all", "--no-shrink"])
        .args(["--continue-on-failure", "--warnings", "off"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("generated"), "it tested nothing: {said}");
}

#[tokio::test]
async fn the_api_answers_as_its_description_says_whatever_is_asked() {
    let bench = Coordinator::start(&[]);
    let mut laptop = Laptop::booted(hardware::laptop(1));
    laptop.enroll(&bench).await;
    let added = bench.json(&["user", "add", "Tester", "--role", "supervisor"]);
    let typed = json!({ "name": "Tester", "password": added["password"] }).to_string();
    let path = "/api/v1/login";
    let session: Value = ok(&talk(&bench, Method::POST, path, None, typed.into_bytes()).await);
    let token = session["token"].as_str().unwrap();
    let served = talk(&bench, Method::GET, "/api/openapi.json", Some(token), Vec::new()).await;
    let schema = String::from_utf8(served.1.to_vec()).unwrap();
    put_to_the_test(&bench, &schema, "^/(api|health|metrics)", token, 60);
    let agent = &laptop.enrolled.as_ref().unwrap().session;
    put_to_the_test(&bench, &schema, "^/agent/", agent, 30);
    assert!(bench.json(&["status"])["events"].as_u64().unwrap() > 1, "it still serves");
}
