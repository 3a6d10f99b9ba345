//! What a crashed run left behind is gone when the next workshop opens. Every run on the host that opens a workshop
//! sweeps: whoever was first, the end is the same.
#![allow(clippy::unwrap_used, reason = "a test's own helper functions may fail loudly")]

use std::process::Command;
use std::time::Duration;

use workshop::namespace::Namespace;
use workshop::process::run;
use workshop::sweep::unique_name;
use workshop::{Bench, Workshop};

fn namespaces() -> String {
    run(Command::new("ip").args(["netns", "list"])).unwrap()
}

#[test]
fn leftovers_of_a_crashed_run_are_swept() {
    // Made under a living name, so that a run beside this one lets it be until it is whole.
    let living = Namespace::create(&unique_name().unwrap()).unwrap();
    let mut sleeper = living.command("sleep").arg("600").spawn().unwrap();
    let mut pids = Command::new("ip");
    pids.args(["netns", "pids", living.name()]);
    while pids.output().unwrap().stdout.is_empty() {
        assert!(sleeper.try_wait().unwrap().is_none(), "it never got into the namespace");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Process ids end at 4194304: the run of this name cannot live.
    let dead = format!("rehome-4194305-{}-0", std::process::id());
    run(Command::new("ip").args(["netns", "attach", &dead, &sleeper.id().to_string()])).unwrap();

    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    assert!(!namespaces().contains(&dead));
    assert!(!sleeper.wait().unwrap().success(), "killed with its namespace");
    assert!(namespaces().contains(workshop.name()) && namespaces().contains(living.name()));
}
