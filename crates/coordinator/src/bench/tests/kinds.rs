//! Work that is not to sanitize: what it may say, and what it leaves as it was.

use protocol::{Directive, JobKind, Step};

use crate::bench::MachineState;
use crate::boot_choice::{BootChoice, Caller, choose};
use crate::consent::ConsentError;
use crate::directive::directive;
use crate::scene::hardware::laptop;
use crate::scene::{AUTOMATIC, Agent, MANUAL, Scene};

fn inventoried() -> Step {
    Step::Inventoried { inventory: Box::new(laptop(1)) }
}

fn told(scene: &Scene, agent: &Agent) -> Directive {
    let machine = scene.machine(agent);
    directive(&scene.bench, scene.now, machine, &agent.public(), scene.rules)
}

fn boots(scene: &Scene) -> BootChoice {
    let who = laptop(1).identity;
    let caller = Caller { mac: who.macs.first().copied(), uuid: who.uuid.as_deref() };
    choose(&scene.bench, scene.now, true, caller)
}

/// A batch that takes stock, with one machine that is done.
fn stock_taken(rules: crate::enrollment::Rules) -> (Scene, Agent) {
    let mut scene = Scene::new();
    scene.rules = rules;
    scene.arm(1, 9, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), rules);
    if !rules.automatic {
        scene.pick(&[agent.number]).unwrap();
    }
    scene.report(&mut agent, vec![inventoried(), Step::Finished {}]);
    (scene, agent)
}

#[test]
fn who_was_only_observed_leaves_and_is_there_again_for_another_batch() {
    for rules in [MANUAL, AUTOMATIC] {
        let (mut scene, agent) = stock_taken(rules);
        assert_eq!(scene.state(&agent), MachineState::Inventoried);
        assert!(matches!(boots(&scene), BootChoice::LocalDisk { .. }), "its batch is armed still");
        assert!(matches!(told(&scene, &agent), Directive::LocalDisk { .. }));
        assert_eq!(scene.machine(&agent).data_still_there().len(), 1);

        scene.arm(2, 1, JobKind::Wipe {});
        let batch = protocol::BatchId::from_bytes([1; 16]);
        let by = crate::scene::OLA;
        scene.apply(vec![crate::event::Happening::BatchDisarmed { batch, by }]);
        assert_eq!(boots(&scene), BootChoice::Appliance);
        assert!(matches!(told(&scene, &agent), Directive::Wait { .. }));
        let again = scene.boot(&laptop(1), rules);
        if rules.automatic {
            assert_eq!(scene.state(&again), MachineState::Admitted, "as if it was only seen");
        } else {
            assert_eq!(scene.state(&again), MachineState::Inventoried, "nobody picked it");
            scene.pick(&[again.number]).unwrap();
        }
        let request = scene.request(&again, &laptop(1));
        assert!(matches!(scene.consent(&again, &request), Ok(protocol::PlanReply::Ticket { .. })));
    }
}

#[test]
fn work_that_writes_nothing_gets_no_ticket_and_proves_nothing() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let wiped = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[wiped.number]).unwrap();
    let request = scene.request(&wiped, &laptop(1));
    scene.consent(&wiped, &request).unwrap();
    let steps = scene.wiped(&wiped);

    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let asked = scene.request(&agent, &laptop(1));
    let refusals = asked.plan.clone().unwrap_err();
    assert_eq!(refusals[0].code, protocol::plan::RefusalCode::WritesNothing);
    // An agent that asks all the same, with a plan of its own making.
    for plan in [asked.plan.clone(), request.plan] {
        let asked = protocol::PlanRequest { plan, ..asked.clone() };
        let Err(ConsentError::NoWork(why)) = scene.consent(&agent, &asked) else {
            panic!("it was answered")
        };
        assert!(why.contains("inventory-only"), "{why}");
    }
    // What it says of drives is not believed, and the end is not before the stock.
    scene.report(&mut agent, vec![steps[1].clone(), steps[2].clone(), Step::Finished {}]);
    let machine = scene.machine(&agent);
    assert!(!machine.is_finished() && machine.drives().gone.is_empty());
    assert!(machine.attention.is_some());
}

#[test]
fn taking_stock_of_what_was_erased_takes_nothing_from_it() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    scene.finish(&laptop(1));
    scene.arm(2, 2, JobKind::InventoryOnly {});
    let mut agent = scene.boot(&laptop(1), MANUAL);
    let inventory = protocol::BatchId::from_bytes([2; 16]);
    scene.pick_for(&[agent.number], Some(inventory), MANUAL).unwrap();
    assert_eq!(scene.machine(&agent).drives().gone.len(), 1);
    scene.report(&mut agent, vec![inventoried(), Step::Finished {}]);
    let machine = scene.machine(&agent);
    assert_eq!((machine.drives().gone.len(), machine.data_still_there().len()), (1, 0));
    let certified = machine.sanitizing_work().unwrap();
    assert!(certified.job.kind.sanitizes() && certified.finished.is_some());
    assert_eq!(machine.works().count(), 2);
    // Finished is finished: no batch wipes it again.
    scene.arm(3, 1, JobKind::Wipe {});
    let wipe = protocol::BatchId::from_bytes([3; 16]);
    let refused = scene.pick_for(&[agent.number], Some(wipe), MANUAL).unwrap_err();
    assert!(refused.to_string().contains("never wiped twice"), "{refused}");
}
