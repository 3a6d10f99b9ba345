use protocol::{ByteLen, Claim, ImageId, JobKind, PlanReply};

use super::*;
use crate::bench::MachineState;
use crate::scene::hardware::{drive, laptop};
use crate::scene::{MANUAL, Scene};

fn admitted() -> (Scene, crate::scene::Agent) {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
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
        |plan| plan.drives[0].claim = Claim::Clear,
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

#[test]
fn an_image_gets_a_ticket_only_where_a_drive_holds_it() {
    // The laptop's drive has 3 GiB in sectors of 512 bytes. Of several the smallest that holds the image is taken.
    let with = |sizes: &[u64], sector: u32| {
        let mut inventory = laptop(1);
        inventory.drives = (1..).zip(sizes).map(|(n, &size)| sized(n, size, sector)).collect();
        inventory
    };
    for (inventory, least, receiver) in [
        (with(&[3 << 30], 512), 3 << 30, Some(3 << 30)),
        (with(&[3 << 30], 512), (3 << 30) + 512, None),
        (with(&[3 << 30], 4096), 1 << 30, None),
        (with(&[2 << 30, 5 << 30, 4 << 30], 512), 3 << 30, Some(4 << 30)),
        (with(&[2 << 30, 1 << 30], 512), 3 << 30, None),
    ] {
        let mut scene = Scene::new();
        let (image, locale) = (ImageId::from_bytes([3; 32]), "pl_PL.UTF-8".into());
        scene.arm(1, 1, JobKind::Refurbish { image, image_min_size: ByteLen(least), locale });
        let agent = scene.boot(&inventory, MANUAL);
        scene.pick(&[agent.number]).unwrap();
        let request = scene.request(&agent, &inventory);
        let reply = scene.consent(&agent, &request).unwrap();
        let planned = scene.machine(&agent).admission.as_ref().unwrap().consents.last();
        let taken = planned.and_then(|it| it.plan.drives.iter().find(|drive| drive.receives_image));
        assert_eq!(taken.map(|drive| drive.identity.size.0), receiver, "{least}");
        match (reply, receiver) {
            (PlanReply::Ticket { .. }, Some(_)) => {}
            (PlanReply::Refused { refusals }, None) => {
                assert_eq!(refusals[0].code, RefusalCode::NoImageTarget);
                assert!(refusals[0].sentence.contains("smaller image"), "{refusals:?}");
            }
            (reply, _) => panic!("{least}: {reply:?}"),
        }
    }
}

fn sized(n: u8, size: u64, sector: u32) -> protocol::DriveUnit {
    let mut unit = drive(&format!("DRIVE{n}"));
    unit.size = ByteLen(size);
    unit.identity.as_mut().unwrap().size = ByteLen(size);
    unit.sector_size = sector.try_into().unwrap();
    unit
}
