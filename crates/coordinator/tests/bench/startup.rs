//! What is said when `serve` cannot start, and how commands speak when it does not run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::coordinator::{Coordinator, rehome};

fn serve(data: &Path, more: &[&str]) -> Output {
    rehome()
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--address", "127.0.0.1", "--dhcp", "off", "--http-port", "0", "--api-port", "0"])
        .args(more)
        .output()
        .unwrap()
}

/// It must end with exit code 2 and one line that says all of `words`.
fn check(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn a_data_directory_that_is_not_ours_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("thesis.odt"), "years of work").unwrap();
    check(&serve(data.path(), &[]), &["holds something else", "thesis.odt", "--data"]);
    check(&serve(&data.path().join("thesis.odt"), &[]), &["is not a directory"]);

    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    check(&serve(open.path(), &[]), &["others may write", "chmod go-w"]);
    check(&serve(Path::new("/proc/nothing"), &[]), &["failed to make the data directory"]);
}

#[test]
fn keys_that_others_may_read_or_that_are_lost_stop_it() {
    let bench = Coordinator::start(&[]);
    let data = bench.data.path().to_owned();
    check(&serve(&data, &[]), &["another rehome is serving", "--data"]);
    let copy = tempfile::tempdir().unwrap();
    for name in ["lock", "site.key", "tls.key", "journal.db"] {
        std::fs::copy(data.join(name), copy.path().join(name)).unwrap();
    }
    let key = copy.path().join("site.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    check(
        &serve(copy.path(), &[]),
        &["others may read", "site.key", "chmod 600", "begin a new site"],
    );
    std::fs::remove_file(&key).unwrap();
    check(&serve(copy.path(), &[]), &["no site key"]);
}

#[test]
fn a_journal_that_cannot_be_understood_stops_it() {
    // Founding, the first user's name, the first user.
    for (damage, words) in [
        (
            "INSERT INTO event VALUES (4, CAST('{\"at\":1,\"kind\":\"new-fangled\"}' AS BLOB))",
            "event 4",
        ),
        ("INSERT INTO event VALUES (4, CAST('{\"at\":1,\"kind\":\"booted\"' AS BLOB))", "event 4"),
        ("INSERT INTO event VALUES (5, CAST('{}' AS BLOB))", "event 4 is missing"),
        ("PRAGMA application_id = 7", "not a journal"),
    ] {
        let mut bench = Coordinator::start(&[]);
        assert!(bench.terminate().success());
        let path = bench.data.path().join("journal.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(damage).unwrap();
        drop(connection);
        check(&serve(bench.data.path(), &[]), &[words, "journal.db"]);
    }
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("lock"), "").unwrap();
    std::fs::write(data.path().join("journal.db"), "this is no database at all, but long").unwrap();
    std::fs::write(data.path().join("site.key"), "00".repeat(32)).unwrap();
    let key = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(data.path().join("site.key"), key).unwrap();
    check(&serve(data.path(), &[]), &["journal.db"]);
}

#[test]
fn a_journal_from_the_future_needs_a_persons_word() {
    let mut bench = Coordinator::start(&[]);
    assert!(bench.terminate().success());
    let connection = rusqlite::Connection::open(bench.data.path().join("journal.db")).unwrap();
    let event = r#"INSERT INTO event VALUES (4, CAST('{"at":2100000000000,"kind":"clock-accepted","by":"00000000000000000000000000000000","because":"wrong","before":1}' AS BLOB))"#;
    connection.execute_batch(event).unwrap();
    drop(connection);
    let path = bench.data.path().to_owned();
    check(&serve(&path, &[]), &["2036-07-18", "set the clock", "--accept-clock --because"]);
    for flags in [&["--accept-clock"][..], &["--accept-clock", "--because", " "]] {
        check(&serve(&path, flags), &["--because"]);
    }
    bench.restart(&["--accept-clock", "--because", "the battery was dead", "--by", "Ola"]);
    assert_eq!(bench.json(&["status"])["events"], 6);
    assert_eq!(bench.json(&["status"])["clock"], serde_json::Value::Null);
    let why = bench.refused(&["clock", "accept", "--because", "I say so"]);
    assert!(why.contains("nothing to accept"), "{why}");
    bench.kill_and_restart();
    bench.arm_wipe(1);
}

#[test]
fn a_data_directory_may_be_deep() {
    let bench = Coordinator::start_in(&format!("{}/{}", "d".repeat(200), "e".repeat(200)));
    assert!(bench.path().join("rehome.sock").exists());
    bench.arm_wipe(1);
}

#[test]
fn unknown_and_impossible_settings_name_key_and_file() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("rehome.toml");
    for (text, words) in [
        ("dhpc = \"off\"\n", ["dhpc", "rehome.toml"]),
        ("dhcp = \"sometimes\"\n", ["sometimes", "rehome.toml"]),
        ("http_port = 99999\n", ["http_port", "rehome.toml"]),
        ("kernel_args = [\"a b\"]\naddress = \"127.0.0.1\"\n", ["kernel_args", "plain word"]),
        ("lease_first = \"10.0.0.5\"\naddress = \"127.0.0.1\"\n", ["lease_first", "lease_last"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = rehome().arg("serve").arg("--data").arg(data.path()).output().unwrap();
        check(&output, &words);
    }
    std::fs::write(&file, "site_name = \"Źródło\"\nhttp_port = 8080\n").unwrap();
    let printed = serve(data.path(), &["--print-config"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("site_name = \"Źródło\"") && text.contains("http_port = 0"), "{text}");
}

#[test]
fn a_port_in_use_is_named_and_a_silent_coordinator_too() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = tempfile::tempdir().unwrap();
    let output = rehome()
        .arg("serve")
        .arg("--data")
        .arg(data.path())
        .args(["--address", "127.0.0.1", "--dhcp", "off", "--http-port", "0", "--api-port", &port])
        .output()
        .unwrap();
    check(&output, &["agents' API", &port, "api_port"]);
    let asked = rehome().arg("--data").arg(data.path()).args(["machine", "list"]).output().unwrap();
    check(&asked, &["serve is not running"]);
}
