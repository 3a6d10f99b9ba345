//! Work that is not to wipe, beside the real coordinator.

use super::coordinator::Coordinator;
use super::laptop::Laptop;
use super::{assert_done, cable, records};
use crate::init::power::Ending;

/// What the lot says of the only machine, and how many it counts as erased.
fn reckoned(bench: &Coordinator) -> (serde_json::Value, u64) {
    let id = bench.json(&["lot", "list"])[0]["id"].as_str().unwrap().to_owned();
    let lot = bench.json(&["lot", "show", &id]);
    (lot["received"][0].clone(), lot["sums"]["erased"].as_u64().unwrap())
}

#[test]
fn an_inventory_writes_nothing_proves_nothing_and_is_no_obstacle_to_wiping_later() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    let refused = ["batch", "arm", "--count", "1", "--for", "4h", "--kind"];
    let batch = bench.arm_unsigned("inventory-only");
    let why = bench.refused(&[&refused[..], &["inventory-only", "--witness"]].concat());
    assert!(why.contains("--witness"), "{why}");
    let why = bench.refused(&[&refused[..], &["wipe-only"]].concat());
    assert!(why.contains("has not accepted"), "papers are asked for what destroys: {why}");

    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    laptop.assert_untouched();
    let machine = bench.machine();
    assert_eq!((machine["state"].as_str(), records(&machine)), (Some("inventoried"), vec![2]));
    assert_eq!(machine["data_still_there"].as_array().unwrap().len(), 1);
    let (thing, erased) = reckoned(&bench);
    assert_eq!((thing["observed"]["observed"].as_str(), erased), (Some("inventoried"), 0));
    assert_eq!(thing["in_the_way"][0]["obstacle"], "data-there", "{thing}");
    let why = bench.refused(&["certificate", "show", "1"]);
    assert!(why.contains("inventory-only work sanitizes no drive"), "{why}");

    // It has nothing more to do here, and goes on to its own disk by itself.
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    laptop.assert_untouched();
    bench.json(&["batch", "disarm", &batch]);

    // The owner signs, and it is wiped as if it had only been seen.
    bench.json(&["lot", "accept", "--accepted-by", "Mayor"]);
    bench.json(&["lot", "state", "--stated-by", "Mayor"]);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(3);
    assert_done(&agent, &laptop, &bench, &[2, 0, super::N_RECORDS]);
    assert_eq!(reckoned(&bench).1, 1);
}
