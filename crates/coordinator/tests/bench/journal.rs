//! The journal's own commands.

use crate::coordinator::{Coordinator, run};

/// The files in the data directory that hold these bytes.
fn holding(bench: &Coordinator, bytes: &str) -> usize {
    let files = std::fs::read_dir(bench.path()).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let found =
            |content: Vec<u8>| content.windows(bytes.len()).any(|it| it == bytes.as_bytes());
        path.is_file() && found(std::fs::read(path).unwrap())
    };
    files.filter(holds).count()
}

#[test]
fn a_person_is_forgotten_while_serving() {
    const NAME: &str = "Aleksandra Brzęczyszczykiewicz";
    let mut bench = Coordinator::start(&[]);
    bench.papers("default");
    let arm = ["batch", "arm", "--by", NAME, "--count", "1", "--for", "4h", "--kind", "wipe"];
    bench.json(&arm);
    assert!(holding(&bench, NAME) > 0);
    assert_eq!(bench.json(&["batch", "list"])[0]["by"], NAME);
    let people = bench.json(&["person", "list"]);
    let known = people.as_array().unwrap();
    let person = known.iter().find(|person| person["name"] == NAME).unwrap();
    assert_eq!(person["forgotten"], false);
    let id = person["id"].as_str().unwrap();
    let because = |why: &'static str| ["person", "forget", id, "--because", why, "--by", "Jan"];
    assert!(bench.refused(&because(" ")).contains("--because"));
    assert!(
        bench.refused(&because("aleksandra brzęczyszczykiewicz left")).contains("without the name")
    );
    let unknown = "00000000000000000000000000000000";
    let nobody = bench.refused(&["person", "forget", unknown, "--because", "left"]);
    assert!(nobody.contains("rehome person list"), "{nobody}");
    let said = run(bench.path(), &because("a year is over"), 0);
    assert!(said.contains("backups"), "{said}");
    assert_eq!(holding(&bench, NAME), 0, "its bytes are gone");
    assert_eq!(bench.json(&["batch", "list"])[0]["by"], id, "the id stays");
    assert!(run(bench.path(), &["person", "list"], 0).contains("(forgotten)"));
    run(bench.path(), &["journal", "verify"], 0);
    bench.kill_and_restart();
    let now = bench.json(&["person", "list"]);
    assert_eq!(now.as_array().unwrap().len(), known.len() + 1, "Jan came, nobody went");
    assert!(bench.terminate().success());
    assert_eq!(holding(&bench, NAME), 0);
}

#[test]
fn an_older_copy_in_the_journals_place_is_refused() {
    let mut bench = Coordinator::start(&[]);
    assert!(bench.terminate().success());
    let data = bench.path().to_owned();
    let verified = run(&data, &["journal", "verify"], 0);
    assert!(verified.contains("1 kept and journal.checkpoint"), "{verified}");
    let old = data.join("old");
    rusqlite::Connection::open(data.join("journal.db"))
        .unwrap()
        .execute("VACUUM INTO ?1", [old.to_str().unwrap()])
        .unwrap();
    bench.restart(&[]);
    bench.arm_wipe(1);
    assert!(bench.terminate().success());
    for gone in ["journal.db-wal", "journal.db-shm"] {
        drop(std::fs::remove_file(data.join(gone)));
    }
    std::fs::rename(&old, data.join("journal.db")).unwrap();
    let refused = run(&data, &["serve", "--address", "127.0.0.1", "--dhcp", "off"], 2);
    for word in ["has 3 events", "journal.checkpoint", "are lost", "rehome restore"] {
        assert!(refused.contains(word), "{refused}");
    }
    let broken = run(&data, &["journal", "verify"], 1);
    assert!(broken.contains("BROKEN  checkpoints") && broken.contains("does not hold"), "{broken}");
    let json = run(&data, &["--json", "journal", "verify"], 1);
    assert!(json.contains("\"holds\":false"), "{json}");
}

#[test]
fn out_as_text_while_serving_and_in_again_elsewhere() {
    let bench = Coordinator::start(&[]);
    bench.arm_wipe(1);
    let place = tempfile::tempdir().unwrap();
    let (file, new) = (place.path().join("journal.jsonl"), place.path().join("new"));
    let path = file.to_str().unwrap();
    run(bench.path(), &["journal", "export", path], 0);
    run(bench.path(), &["journal", "export", path], 2);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().count() > 3 && !text.contains("Ola"), "{text}");
    let key = bench.path().join("site.pub");
    let said = run(&new, &["journal", "rebuild", path], 0);
    assert!(said.contains("it holds"), "{said}");
    let key = ["journal", "verify", "--key", key.to_str().unwrap()];
    let verified = run(&new, &key, 0);
    assert!(verified.contains("more are not in this file"), "{verified}");
    assert!(run(&new, &["journal", "rebuild", path], 2).contains("stays as it is"));
    let none = run(place.path(), &["journal", "verify"], 2);
    assert!(none.contains("is no journal"), "{none}");
    assert!(!place.path().join("journal.db").exists(), "looking makes nothing");
    let with_names = place.path().join("names.jsonl");
    run(bench.path(), &["journal", "export", "--with-names", with_names.to_str().unwrap()], 0);
    assert!(std::fs::read_to_string(&with_names).unwrap().contains("Ola"));
}
