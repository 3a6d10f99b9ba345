//! Power cuts of either side.

use protocol::api::RecordsAccepted;
use protocol::event::DriveEvidence;
use protocol::{Directive, PlanReply, Step};

use crate::coordinator::Coordinator;
use crate::hardware::{drive, laptop};
use crate::laptop::{Laptop, ok, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_is_killed_at_every_step_and_the_agent_goes_on() {
    let mut bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.json(&["machine", "pick", "1"]);
    bench.kill_and_restart();

    let lost = machine.post(&bench, "/agent/v1/records", &()).await;
    assert!(refusal(&lost, 401).contains("enroll again"));
    machine.enroll(&bench).await;
    assert_eq!(machine.number(), 1);
    let request = machine.request(&machine.job(&bench).await, 1);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    machine.note(Step::Finished {});
    for sent in 1..=machine.records.len() {
        let accepted: RecordsAccepted = ok(&machine.send(&bench, &machine.records[..sent]).await);
        assert_eq!(accepted.next, sent as u64);
        bench.kill_and_restart();
        machine.enroll(&bench).await;
        let held: RecordsAccepted = ok(&machine.send(&bench, &[]).await);
        assert_eq!(held.next, sent as u64, "what was acknowledged is there");
    }
    assert_eq!(bench.state(1), "finished");
    assert!(bench.run(&["certificate", "show", "1"]).status.success());
    assert!(bench.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_loses_power_and_goes_on_by_itself_with_the_same_drives_only() {
    let bench = Coordinator::start(&[]);
    let mut first = Laptop::booted(laptop(1));
    first.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.json(&["machine", "pick", "1"]);
    let request = first.request(&first.job(&bench).await, 1);
    let (ticket, _) = first.ticket(&bench, &request).await.unwrap();
    first.wipe(&ticket, &request.plan.unwrap());
    let _: RecordsAccepted = ok(&first.send(&bench, &first.records).await);

    let mut second = Laptop::booted(laptop(1));
    second.enroll(&bench).await;
    let Directive::Work { job, verified_before, .. } = second.heartbeat(&bench).await else {
        panic!("it does not go on");
    };
    assert_eq!(verified_before.len(), 1);
    let path = format!("/agent/v1/verified/{}", verified_before[0].record);
    let evidence: DriveEvidence = ok(&second.get(&bench, &path).await);
    assert_eq!(evidence.drive, verified_before[0].drive);
    let mut stranger = Laptop::booted(laptop(2));
    stranger.enroll(&bench).await;
    assert!(refusal(&stranger.get(&bench, &path).await, 404).contains("no verification"));
    let malformed = second.get(&bench, "/agent/v1/verified/0").await;
    assert!(refusal(&malformed, 400).contains("64 hexadecimal digits"));
    assert!(refusal(&first.send(&bench, &[]).await, 401).contains("enroll again"));
    let request = second.request(&job, 2);
    let (ticket, _) = second.ticket(&bench, &request).await.unwrap();
    second.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let confirmed = Step::VerificationConfirmed {
        drive: verified_before[0].drive.clone(),
        record: verified_before[0].record,
        sectors_sampled: 5_000,
    };
    second.note(confirmed);
    let _: RecordsAccepted = ok(&second.send(&bench, &second.records).await);

    // Off again, and somebody put another drive in.
    let mut other = laptop(1);
    other.drives = vec![drive("OTHER")];
    let mut third = Laptop::booted(other);
    third.enroll(&bench).await;
    let Directive::Wait { reason } = third.heartbeat(&bench).await else {
        panic!("it would go on with a drive that nobody consented to");
    };
    assert_eq!(reason, "a person must look at number 01 on the dashboard");
    let attention = bench.machine(1)["attention"].to_string();
    assert!(attention.contains("OTHER") && attention.contains("DRIVE001"), "{attention}");
    assert_eq!(bench.state(1), "attention");

    // A person looked and picks it again: the new drive is wiped from the start.
    let why = bench.refused(&["machine", "pick", "1"]);
    assert!(why.contains("agent changed within the last minutes"), "{why}");
    bench.pick(1);
    let request = third.request(&third.job(&bench).await, 3);
    let (ticket, _) = third.ticket(&bench, &request).await.unwrap();
    third.wipe(&ticket, &request.plan.unwrap());
    third.note(Step::Finished {});
    let _: RecordsAccepted = ok(&third.send(&bench, &third.records).await);
    assert_eq!(bench.state(1), "finished");
    assert!(bench.run(&["certificate", "show", "1"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_rests_on_the_boots_before_and_after_a_power_cut() {
    let bench = Coordinator::start(&[]);
    let mut first = Laptop::booted(laptop(1));
    first.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.json(&["machine", "pick", "1"]);
    let request = first.request(&first.job(&bench).await, 1);
    let (ticket, _) = first.ticket(&bench, &request).await.unwrap();
    first.wipe(&ticket, &request.plan.unwrap());
    let _: RecordsAccepted = ok(&first.send(&bench, &first.records).await);

    let mut second = Laptop::booted(laptop(1));
    second.enroll(&bench).await;
    let Directive::Work { job, verified_before, .. } = second.heartbeat(&bench).await else {
        panic!("it does not go on");
    };
    let request = second.request(&job, 2);
    let (ticket, _) = second.ticket(&bench, &request).await.unwrap();
    second.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    second.note(Step::VerificationConfirmed {
        drive: verified_before[0].drive.clone(),
        record: verified_before[0].record,
        sectors_sampled: 5_000,
    });
    second.note(Step::Finished {});
    let _: RecordsAccepted = ok(&second.send(&bench, &second.records).await);
    assert_eq!(bench.state(1), "finished");
    let shown = bench.json(&["certificate", "show", "1"]);
    assert_eq!(shown["agents"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_drive_that_appears_voids_the_plan() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.arm_wipe(1);
    bench.json(&["machine", "pick", "1"]);
    let job = machine.job(&bench).await;
    machine.inventory.drives.push(drive("SECOND"));
    let request = machine.request(&job, 1);
    let Err(PlanReply::Refused { refusals }) = machine.ticket(&bench, &request).await else {
        panic!("a ticket for a drive that nobody saw");
    };
    assert!(refusals[0].sentence.contains("SECOND"), "{refusals:?}");
    assert_eq!(bench.state(1), "attention");
}
