use protocol::{Claim, JobKind, PlanReply};

use super::*;
use crate::bench::MachineState;
use crate::scene::hardware::{drive, laptop};
use crate::scene::{MANUAL, Scene};

fn admitted() -> (Scene, crate::scene::Agent) {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe);
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    (scene, agent)
}

#[test]
fn a_ticket_covers_one_plan_one_agent_one_minute() {
    let (mut scene, agent) = admitted();
    let request = scene.request(&agent, &laptop(1));
    let Ok(PlanReply::Ticket { envelope, first_boot_token, .. }) = scene.consent(&agent, &request)
    else {
        panic!("refused");
    };
    let ticket: Ticket = Envelope::from_json(envelope.as_bytes())
        .unwrap()
        .open(TICKET_TYPE, scene.site.public().as_bytes())
        .unwrap();
    assert_eq!(ticket, scene.ticket(&agent));
    assert_eq!((ticket.machine, ticket.agent), (agent.id, agent.public()));
    assert_eq!(ticket.plan, plan::digest(request.plan.as_ref().unwrap()));
    assert_eq!(ticket.expires_at.0 - ticket.issued_at.0, 60_000);
    assert!(scene.bench.by_first_boot_token(&token_digest(&first_boot_token)).is_some());
    // The same request later: the old ticket is void, so there is a new one.
    scene.later(TICKET_TIME);
    scene.consent(&agent, &request).unwrap();
    assert_ne!(scene.ticket(&agent).ticket, ticket.ticket);
}

#[test]
fn a_plan_that_differs_in_anything_gets_no_ticket() {
    type Change = fn(&mut Plan);
    let changes: [Change; 4] = [
        |plan| plan.drives[0].claim = Claim::Purge,
        |plan| plan.drives[0].identity.serial.push('X'),
        |plan| plan.drives[0].receives_image = true,
        |plan| plan.drives.clear(),
    ];
    for change in changes {
        let (mut scene, agent) = admitted();
        let mut request = scene.request(&agent, &laptop(1));
        change(request.plan.as_mut().unwrap());
        assert!(matches!(scene.consent(&agent, &request), Err(ConsentError::PlansDiffer)));
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
    }
}

#[test]
fn another_machine_or_another_drive_gets_no_ticket() {
    let mut swapped = laptop(1);
    swapped.drives = vec![drive("SWAPPED")];
    let mut added = laptop(1);
    added.drives.push(drive("ADDED"));
    let mut renamed = laptop(1);
    renamed.identity.system_serial = Some("OTHER".into());
    for inventory in [swapped, added, renamed, laptop(2)] {
        let (mut scene, agent) = admitted();
        let request = scene.request(&agent, &inventory);
        let reply = scene.consent(&agent, &request);
        assert!(matches!(reply, Ok(PlanReply::Refused { .. })), "{reply:?}");
        assert!(matches!(scene.state(&agent), MachineState::Attention { .. }));
        let good = scene.request(&agent, &laptop(1));
        assert!(scene.consent(&agent, &good).is_err(), "a person must look first");
    }
}

#[test]
fn an_agent_that_was_not_admitted_gets_no_ticket() {
    let (mut scene, agent) = admitted();
    let request = scene.request(&agent, &laptop(1));
    let mut other = laptop(1);
    other.drives.clear();
    // Another boot of the same machine, with its drive taken out: nothing is admitted to it.
    let later = scene.boot(&other, MANUAL);
    assert!(matches!(scene.consent(&later, &request), Err(ConsentError::NoWork(_))));
}
