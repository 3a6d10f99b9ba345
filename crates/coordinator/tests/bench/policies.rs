//! Policies on the command line, and a batch by one of somebody's own.

use protocol::api::RecordsAccepted;
use protocol::{Claim, Step, Technique};

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok};

/// Exit code and standard output of a command that needs no coordinator.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = rehome().args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn policies_are_listed_shown_and_checked() {
    let (code, list) = run(&["policy", "list"]);
    assert_eq!(code, Some(0));
    for name in ["default", "overwrite-only", "firmware+overwrite"] {
        assert!(list.contains(name), "{list}");
        let (code, english) = run(&["policy", "show", name]);
        let (_, polish) = run(&["policy", "show", name, "--lang", "pl"]);
        assert_eq!(code, Some(0));
        assert!(english.contains("# Policy") && polish.contains("# Polityka"), "{english}{polish}");
    }
    assert_eq!(run(&["policy", "show", "nonesuch"]).0, Some(1));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.toml");
    let file = path.to_str().unwrap();
    assert_eq!(run(&["policy", "check", file]).0, Some(2), "it is not there");
    let (_, text) = run(&["policy", "show", "default", "--file"]);
    let text = text.replace("name = \"default\"", "name = \"ours\"");
    std::fs::write(&path, &text).unwrap();
    let (code, said) = run(&["policy", "check", file]);
    assert!(code == Some(0) && said.contains("ours may be used"), "{said}");
    let bad = text.replace("\"ours\"", "\"Ours!\"").replace("10_000", "10");
    std::fs::write(&path, bad).unwrap();
    let (code, said) = run(&["policy", "check", file]);
    assert_eq!((code, said.lines().count()), (Some(1), 2), "every problem, a line each: {said}");
    assert!(said.contains("Ours!") && said.contains("10 canaries"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_armed_by_a_policy_of_ones_own_and_its_machines_get_it() {
    let bench = Coordinator::start(&[]);
    let (_, text) = run(&["policy", "show", "overwrite-only", "--file"]);
    let path = bench.data.path().join("ours.toml");
    let file = path.to_str().unwrap();
    let arm = |policy: &str| {
        let rest = ["--count", "1", "--for", "4h", "--kind", "wipe", "--policy", policy];
        [&["batch", "arm", "--by", "Ola"], &rest[..]]
            .concat()
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<Vec<_>>()
    };
    let refused = |policy: &str, words: &str| {
        let arguments = arm(policy);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let why = bench.refused(&arguments);
        assert!(why.contains(words), "{why}");
    };
    refused("nonesuch", "rehome policy list");
    // The name of a policy that people know, for one that demands less.
    std::fs::write(&path, text.replace("10_000", "1_000")).unwrap();
    refused(file, "comes with Rehome");
    std::fs::write(&path, text.replace("10_000", "10")).unwrap();
    refused(file, "10 canaries");
    assert!(bench.json(&["batch", "list"]).as_array().unwrap().is_empty());

    std::fs::write(&path, text.replace("\"overwrite-only\"", "\"ours\"")).unwrap();
    let arguments = arm(file);
    bench.papers("default");
    let refused = bench.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refused.contains("has not accepted policy \"ours\""), "{refused}");
    bench.papers(file);
    bench.json(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(bench.json(&["batch", "list"])[0]["policy"], "ours");
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.pick(1);
    let request = machine.request(&machine.job(&bench).await, 1);
    let plan = request.plan.clone().unwrap();
    assert_eq!((plan.policy.as_str(), plan.drives[0].claim), ("ours", Claim::Clear));
    assert_eq!(plan.drives[0].techniques, [Technique::OverwriteZeros]);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();

    // The certificate holds the policy itself: a file of the same name that demands something else is another one.
    machine.wipe(&ticket, &plan);
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    let shown = bench.json(&["certificate", "show", "1"]);
    assert_eq!(shown["policy"]["proof"]["canaries"], 10_000, "{shown}");
    let said = String::from_utf8(bench.run(&["certificate", "show", "1"]).stdout).unwrap();
    let digest = |file: &str| {
        let (code, said) = run(&["policy", "check", file]);
        let line = said.lines().find_map(|line| line.strip_prefix("certificates will say: "));
        assert_eq!(code, Some(0), "{said}");
        line.unwrap().to_owned()
    };
    let line = digest(file);
    assert!(line.starts_with("ours, SHA-256 ") && said.contains(&line), "{line}: {said}");
    std::fs::write(&path, text.replace("\"overwrite-only\"", "\"ours\"").replace("10_", "20_"))
        .unwrap();
    assert!(!said.contains(&digest(file)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_changed_on_its_way_is_refused_by_the_coordinator() {
    // The socket takes what any program of the same user sends.
    let bench = Coordinator::start(&[]);
    let mut policy = plan::policy::default();
    policy.proof.canaries = 1;
    let body = serde_json::json!({
        "count": 1, "seconds": 3600, "kind": "wipe", "image": null,
        "locale": "en_US.UTF-8", "policy": policy,
    });
    let answer = bench.ask_socket("/batches", &body);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("1 canaries"), "{answer}");
    assert!(bench.json(&["batch", "list"]).as_array().unwrap().is_empty());
}
