//! Who is admitted, and who is not.

use protocol::{Directive, PlanReply};

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::{Laptop, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn arming_alone_admits_nobody_and_counts_hold() {
    let bench = Coordinator::start(&["--isolated"]);
    let batch = bench.arm_wipe(1);
    let mut machines = [Laptop::booted(laptop(1)), Laptop::booted(laptop(2))];
    for machine in &mut machines {
        machine.enroll(&bench).await;
        assert!(matches!(machine.heartbeat(&bench).await, Directive::Wait { .. }));
    }
    let why = bench.refused(&["machine", "pick", "1", "2"]);
    assert!(why.contains("machine 02") && why.contains("full"), "{why}");
    assert_eq!(bench.state(1), "waiting", "all or none");
    let why = bench.refused(&["machine", "pick", "1:0000-0000"]);
    assert!(why.contains("look at its screen again"), "{why}");
    bench.json(&["machine", "pick", "2", "--batch", &batch]);
    assert!(matches!(machines[0].heartbeat(&bench).await, Directive::LocalDisk { .. }));
    assert!(matches!(machines[1].heartbeat(&bench).await, Directive::Work { .. }));

    let request = machines[1].request(&machines[1].job(&bench).await, 1);
    bench.json(&["batch", "disarm", &batch]);
    let answer = machines[1].post(&bench, "/agent/v1/plan", &request).await;
    assert!(refusal(&answer, 409).contains("disarmed"));
    assert!(matches!(machines[1].heartbeat(&bench).await, Directive::LocalDisk { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_a_disarmed_batch_is_void_and_its_record_is_not_kept() {
    let bench = Coordinator::start(&[]);
    let batch = bench.arm_wipe(1);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.json(&["machine", "pick", "1"]);
    let request = machine.request(&machine.job(&bench).await, 1);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    bench.json(&["batch", "disarm", &batch]);
    machine.wipe(&ticket, &request.plan.unwrap());
    let events = bench.json(&["status"])["events"].clone();
    let answer = machine.send(&bench, &machine.records).await;
    let why = refusal(&answer, 410);
    assert!(why.contains("touch nothing") && why.contains("disarmed"), "{why}");
    assert_eq!(bench.json(&["status"])["events"], events);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_contradict_one_another_are_shown_and_not_worked_on() {
    let bench = Coordinator::start(&[]);
    bench.arm_wipe(2);
    let mut first = Laptop::booted(laptop(1));
    first.enroll(&bench).await;
    let mut twin = laptop(1);
    twin.identity.system_serial = Some("ANOTHER".into());
    let mut second = Laptop::booted(twin);
    second.enroll(&bench).await;
    assert_eq!((first.number(), second.number()), (1, 2));
    for number in [1, 2] {
        assert_eq!(bench.state(number), "attention");
        let why = bench.refused(&["machine", "pick", &number.to_string()]);
        assert!(why.contains("identity is not clear"), "{why}");
    }
    let why = bench.refused(&["machine", "settle", "2", "--with", "2"]);
    assert!(why.contains("never in conflict"), "{why}");
    bench.json(&["machine", "settle", "2", "--with", "1"]);
    bench.json(&["machine", "pick", "2"]);
    assert!(matches!(second.heartbeat(&bench).await, Directive::Work { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_on_battery_is_refused_and_goes_on_once_it_is_plugged_in() {
    let bench = Coordinator::start(&[]);
    bench.arm_wipe(1);
    let mut machine = Laptop::booted(laptop(1));
    machine.inventory.power.mains_online = Some(false);
    machine.enroll(&bench).await;
    bench.json(&["machine", "pick", "1"]);
    let job = machine.job(&bench).await;
    let refused = machine.ticket(&bench, &machine.request(&job, 1)).await;
    let Err(PlanReply::Refused { refusals }) = refused else { panic!("a ticket on battery") };
    assert!(refusals[0].sentence.contains("plug in"), "{refusals:?}");
    assert_eq!(bench.state(1), "attention");
    let events = bench.json(&["status"])["events"].clone();
    assert!(machine.ticket(&bench, &machine.request(&job, 2)).await.is_err());
    assert_eq!(bench.json(&["status"])["events"], events, "the same refusal is journaled once");

    machine.inventory.power.mains_online = Some(true);
    machine.ticket(&bench, &machine.request(&machine.job(&bench).await, 3)).await.unwrap();
    assert_eq!(bench.state(1), "planned");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_enrolls_a_few_machines_and_then_has_to_wait() {
    let bench = Coordinator::start(&[]);
    let mut machines: Vec<_> = (1..=11).map(|serial| Laptop::booted(laptop(serial))).collect();
    let mut late = machines.pop().unwrap();
    for machine in &mut machines {
        machine.enroll(&bench).await;
    }
    let events = bench.json(&["status"])["events"].clone();
    for _ in 0..5 {
        let answer = late.post(&bench, "/agent/v1/enroll", &late.enrollment()).await;
        assert!(refusal(&answer, 429).contains("within a minute"));
        // Those that are known and say nothing new are not concerned.
        machines[0].enroll(&bench).await;
    }
    assert_eq!(bench.json(&["status"])["events"], events, "nothing was recorded");
    late.inventory = laptop(1);
    let answer = late.post(&bench, "/agent/v1/enroll", &late.enrollment()).await;
    refusal(&answer, 429);
    assert_eq!(bench.json(&["machine", "list"]).as_array().map(Vec::len), Some(10));
}
