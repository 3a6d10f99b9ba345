//! The first machine of each model, as agents and a technician meet it.

use protocol::api::RecordsAccepted;
use protocol::witness::WitnessReply;

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::images::disk;
use crate::laptop::{Laptop, ok};

/// A laptop whose drive is verified.
async fn verified(bench: &Coordinator, serial: u8) -> Laptop {
    let mut machine = Laptop::booted(laptop(serial));
    machine.enroll(bench).await;
    bench.pick(machine.number());
    let request = machine.request(&machine.job(bench).await, serial);
    let (ticket, _) = machine.ticket(bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    let _: RecordsAccepted = ok(&machine.send(bench, &machine.records).await);
    machine
}

async fn may_go(bench: &Coordinator, machine: &Laptop) -> WitnessReply {
    ok(&machine.get(bench, "/agent/v1/witness").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_of_a_model_wait_for_a_word_on_it_also_over_a_restart() {
    let mut bench = Coordinator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let raw = disk(folder.path(), "system", Some(&["-t", "ext4"]));
    bench.json(&["image", "add", &raw, "--name", "system"]);
    bench.papers("default");
    let arm = "batch arm --count 3 --for 4h --kind refurbish --image system --first-of-model";
    bench.json(&arm.split(' ').collect::<Vec<_>>());
    let wipe = bench.refused(&[
        "batch",
        "arm",
        "--count",
        "1",
        "--for",
        "4h",
        "--kind",
        "wipe",
        "--first-of-model",
    ]);
    assert!(wipe.contains("installs nothing"), "{wipe}");

    let first = verified(&bench, 1).await;
    let mut second = verified(&bench, 2).await;
    assert_eq!(may_go(&bench, &first).await, WitnessReply::GoOn {});
    let waits = WitnessReply::Wait { first: Some(first.enrolled.as_ref().unwrap().number) };
    assert_eq!(may_go(&bench, &second).await, waits);
    assert_eq!(bench.state(2), "awaits-verdict");
    let events = || bench.json(&["status"])["events"].clone();
    let before = events();
    assert_eq!(may_go(&bench, &second).await, waits);
    assert_eq!(events(), before, "to wait is recorded once");

    bench.kill_and_restart();
    second.enroll(&bench).await;
    assert_eq!(may_go(&bench, &second).await, waits);
    let models = bench.json(&["model", "list"]);
    let [model] = &models.as_array().unwrap()[..] else { panic!("{models}") };
    let name = model["model"].as_str().unwrap();
    assert_eq!((&model["first"], &model["booted"]), (&1.into(), &false.into()));
    assert_eq!(model["waiting"].as_array().map(Vec::len), Some(1));
    assert!(bench.refused(&["model", "ok", "Other 15"]).contains("rehome model list"));
    bench.json(&["model", "no", name, "--because", "no sound"]);
    assert!(matches!(may_go(&bench, &second).await, WitnessReply::Wait { .. }));
    bench.json(&["model", "ok", name, "--by", "Ola"]);
    assert_eq!(may_go(&bench, &second).await, WitnessReply::GoOn {});
}
