//! A coordinator of simulated machines: whom it lets in, and that it says what it is.

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::{Laptop, refusal};

const NOTICE: &str = "SIMULATED: these machines do not exist";

#[tokio::test(flavor = "multi_thread")]
async fn real_and_simulated_agents_are_kept_apart() {
    for simulated in [false, true] {
        let more: &[&str] = if simulated { &["--simulated"] } else { &[] };
        let bench = Coordinator::start(more);
        let mut stranger = Laptop::booted(laptop(1));
        stranger.simulated = !simulated;
        let enrollment = stranger.enrollment();
        let answer = stranger.post(&bench, "/agent/v1/enroll", &enrollment).await;
        let why = refusal(&answer, 403);
        assert!(why.contains(if simulated { "simulated machines only" } else { "real machines" }));
        let mut ours = Laptop::booted(laptop(2));
        ours.simulated = simulated;
        ours.enroll(&bench).await;
        assert_eq!(bench.json(&["machine", "list"]).as_array().unwrap().len(), 1);
        assert_eq!(bench.json(&["status"])["simulated"] == true, simulated);
        for words in [
            &["machine", "list"][..],
            &["batch", "list"],
            &["machine", "show", "1"],
            &["journal", "verify"],
        ] {
            let output = bench.run(words);
            let (out, errors) = (output.stdout, output.stderr);
            let first = |text: Vec<u8>| {
                String::from_utf8(text).unwrap().lines().next().unwrap_or_default().to_owned()
            };
            let (out, errors) = (first(out), first(errors));
            assert_eq!((out + &errors).contains(NOTICE), simulated, "{words:?}");
        }
    }
}

#[test]
fn one_journal_holds_one_kind_and_installs_nothing_on_what_is_not_there() {
    let mut bench = Coordinator::start(&["--simulated"]);
    let arm = ["batch", "arm", "--by", "Ola", "--count", "1", "--for", "1h", "--kind", "refurbish"];
    let why = bench.refused(&[&arm[..], &["--image", "demo"]].concat());
    assert!(why.contains("no image fits on"), "{why}");
    assert!(bench.terminate().success());
    let why = bench.refused_to_serve(&[]);
    assert!(why.contains("of simulated machines; start with --simulated"), "{why}");
    // What has nothing to do with machines goes on.
    let users = ["user", "add", "Ewa", "--role", "auditor"];
    assert_eq!(bench.json(&users)["name"], "Ewa");
    assert_eq!(bench.json(&["site", "rotate-key", "--because", "yearly"])["rotations"], 1);
    let why = bench.refused_to_serve(&["--simulated", "--dhcp", "proxy"]);
    assert!(why.contains("dhcp: must be off"), "{why}");
}
