use protocol::{ByteLen, ImageId, Inventory, JobKind, Stage, Step};

use super::*;
use crate::scene::hardware::laptop;
use crate::scene::{Agent, MANUAL, OLA, Scene};

const BATCH: BatchId = BatchId::from_bytes([1; 16]);

fn refurbish() -> JobKind {
    let image = ImageId::from_bytes([3; 32]);
    JobKind::Refurbish { image, image_min_size: ByteLen(1 << 20), locale: "pl_PL.UTF-8".into() }
}

fn of_model(n: u8, product: &str) -> Inventory {
    let mut inventory = laptop(n);
    inventory.product.vendor = Some("DELL".into());
    inventory.product.name = Some(product.into());
    inventory
}

/// A batch in which the first of each model goes first.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.first_of_model = true;
    scene.arm(1, 10, refurbish());
    scene
}

/// A machine whose drives are all verified.
fn verified(scene: &mut Scene, inventory: &Inventory) -> Agent {
    let mut agent = scene.boot(inventory, MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, inventory);
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    scene.report(&mut agent, steps);
    agent
}

/// What a machine is answered that asks, journaled.
fn ask(scene: &mut Scene, agent: &Agent) -> Gate {
    let asked = gate(&scene.bench, scene.machine(agent));
    if let Gate::Goes(happening) = &asked {
        scene.apply(vec![(**happening).clone()]);
    }
    asked
}

fn goes(scene: &mut Scene, agent: &Agent) -> bool {
    !matches!(ask(scene, agent), Gate::Shut { .. })
}

fn say(scene: &mut Scene, model: &str, works: bool) -> Result<(), ModelError> {
    let word = Word { by: OLA, model: model.into(), batch: None, works, because: String::new() };
    judge(&scene.bench, word).map(|happenings| scene.apply(happenings))
}

#[test]
fn one_goes_first_and_the_others_of_its_model_wait_for_a_person() {
    let mut scene = scene();
    let first = verified(&mut scene, &of_model(1, "Latitude 7490"));
    let second = verified(&mut scene, &of_model(2, "Latitude 7490"));
    let other = verified(&mut scene, &of_model(3, "OptiPlex"));
    assert!(goes(&mut scene, &first) && goes(&mut scene, &first), "it may ask twice");
    assert_eq!(ask(&mut scene, &second), Gate::Shut { first: Some(first.number) });
    assert_eq!(scene.state(&second), MachineState::AwaitsVerdict);
    assert!(goes(&mut scene, &other), "another model has a first of its own");
    let late = verified(&mut scene, &of_model(4, "Latitude 7490"));
    assert!(!goes(&mut scene, &late));
    let row = rows(&scene.bench).into_iter().find(|row| row.model.product == "Latitude 7490");
    let row = row.unwrap();
    assert_eq!(row.waiting, [second.number, late.number]);
    assert_eq!(row.first.as_ref().map(|it| it.0), Some(first.number));

    say(&mut scene, " dell latitude 7490", true).unwrap();
    assert!(goes(&mut scene, &second) && goes(&mut scene, &late));
    let next = verified(&mut scene, &of_model(5, "Latitude 7490"));
    assert!(goes(&mut scene, &next), "the word holds for those that come later");
}

#[test]
fn where_the_first_fails_the_next_goes_first() {
    let mut scene = scene();
    let mut first = verified(&mut scene, &of_model(1, "Latitude 7490"));
    let second = verified(&mut scene, &of_model(2, "Latitude 7490"));
    let third = verified(&mut scene, &of_model(3, "Latitude 7490"));
    assert!(goes(&mut scene, &first));
    assert!(!goes(&mut scene, &second));
    let failed = Step::Failed { stage: Stage::Image, sentence: "no chunk".into() };
    scene.report(&mut first, vec![failed]);
    assert!(goes(&mut scene, &second));
    assert!(!goes(&mut scene, &third), "two go first");
    // What had failed waits like any other.
    assert!(!goes(&mut scene, &first));
}

#[test]
fn after_a_no_nobody_goes_until_a_person_says_otherwise() {
    let mut scene = scene();
    let first = verified(&mut scene, &of_model(1, "Latitude 7490"));
    let second = verified(&mut scene, &of_model(2, "Latitude 7490"));
    assert!(goes(&mut scene, &first));
    say(&mut scene, "DELL Latitude 7490", false).unwrap();
    assert!(goes(&mut scene, &first), "the first is not stopped half-way");
    assert!(!goes(&mut scene, &second));
    say(&mut scene, "DELL Latitude 7490", true).unwrap();
    assert!(goes(&mut scene, &second));
    assert_eq!(
        say(&mut scene, "DELL Vostro", true),
        Err(ModelError::NoSuch("DELL Vostro".into())),
        "nobody has seen one"
    );
}

#[test]
fn a_word_survives_a_restart_of_the_machine_and_a_wait_does_too() {
    let mut scene = scene();
    let (one, two) = (of_model(1, "Latitude 7490"), of_model(2, "Latitude 7490"));
    let first = verified(&mut scene, &one);
    verified(&mut scene, &two);
    assert!(goes(&mut scene, &first));
    let again = |scene: &mut Scene, inventory: &Inventory| {
        let agent = scene.boot(inventory, MANUAL);
        goes(scene, &agent)
    };
    assert!(!again(&mut scene, &two));
    assert!(again(&mut scene, &one), "it is the first still");
}

#[test]
fn an_agent_that_goes_on_without_a_word_is_not_believed() {
    let mut scene = scene();
    let first = verified(&mut scene, &of_model(1, "Latitude 7490"));
    let mut second = verified(&mut scene, &of_model(2, "Latitude 7490"));
    assert!(goes(&mut scene, &first) && !goes(&mut scene, &second));
    let drive = scene.machine(&second).admission.as_ref().unwrap().drives.first().unwrap().clone();
    let zero = ByteLen(0);
    let image = ImageId::from_bytes([3; 32]);
    let (fetched, written, read_back) = (zero, zero, zero);
    let step = Step::ImageWritten { drive, image, fetched, written, read_back, duration_ms: 1 };
    scene.report(&mut second, vec![step]);
    let attention = scene.machine(&second).attention.clone().unwrap();
    assert!(attention.contains("nobody has said"), "{attention}");
}

#[test]
fn without_the_switch_nobody_waits() {
    let mut scene = scene();
    scene.first_of_model = false;
    scene.apply(vec![Happening::BatchDisarmed { batch: BATCH, by: OLA }]);
    scene.arm(2, 10, refurbish());
    for n in 1..=2 {
        let agent = verified(&mut scene, &of_model(n, "Latitude 7490"));
        assert_eq!(ask(&mut scene, &agent), Gate::Open);
    }
    assert!(rows(&scene.bench).is_empty());
}

#[test]
fn a_model_is_maker_and_product() {
    let mut product = laptop(1).product;
    for (maker, name, shown) in [
        (Some(" DELL "), Some("Latitude 7490"), "DELL Latitude 7490"),
        (None, Some("Latitude"), "Latitude"),
        (None, None, "unknown"),
    ] {
        (product.vendor, product.name) = (maker.map(str::to_owned), name.map(str::to_owned));
        assert_eq!(Model::of(Some(&product)).to_string(), shown);
    }
}
