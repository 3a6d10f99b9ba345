use std::net::Ipv4Addr;

use evidence::SigningKey;
use protocol::{AgentKey, Enrollment, Inventory, JobKind, MacAddr, MachineId};

use super::*;
use crate::enrollment::enroll;
use crate::scene::hardware::laptop;
use crate::scene::{AUTOMATIC, MANUAL, Scene};

/// A bench with its door, and a clock for both.
struct Hall {
    scene: Scene,
    crowd: Crowd,
    start: Instant,
    passed: Duration,
}

fn address(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    Ipv4Addr::new(10, 76, high, low).into()
}

/// Laptops of which no two have anything in common.
fn inventory(n: u16) -> Inventory {
    let mut inventory = laptop(1);
    let [high, low] = n.to_be_bytes();
    inventory.identity.uuid = Some(format!("4c4c4544-0038-4710-8052-00000000{n:04x}"));
    inventory.identity.system_serial = Some(format!("SYS{n:05}"));
    inventory.identity.board_serial = Some(format!("BRD{n:05}"));
    inventory.identity.macs = [MacAddr([0x52, 0x54, 0, 1, high, low])].into();
    inventory
}

impl Hall {
    fn new() -> Self {
        let (scene, start) = (Scene::new(), Instant::now());
        Self { scene, crowd: Crowd::new(1), start, passed: Duration::ZERO }
    }

    fn later(&mut self, time: Duration) {
        self.scene.later(time);
        self.passed += time;
    }

    /// A laptop boots and enrolls from `from`; recorded unless refused.
    fn boot(&mut self, from: IpAddr, inventory: Inventory) -> Result<AgentKey, TooMany> {
        let agent = AgentKey::from_bytes(SigningKey::generate().unwrap().public());
        self.enroll(from, inventory, agent).map(|()| agent)
    }

    fn enroll(
        &mut self,
        from: IpAddr,
        inventory: Inventory,
        agent: AgentKey,
    ) -> Result<(), TooMany> {
        let enrollment = Enrollment { agent, version: "0.1.0".into(), inventory, simulated: false };
        let fresh = MachineId::from_bytes(crate::random::bytes().unwrap());
        let Hall { scene, crowd, start, passed } = self;
        let (happenings, known) = enroll(&scene.bench, scene.now, &enrollment, fresh, scene.rules);
        known.unwrap();
        crowd.admit(from, (&scene.bench, scene.now), &happenings, *start + *passed)?;
        scene.apply(happenings);
        Ok(())
    }

    fn machines(&self) -> usize {
        self.scene.bench.machines().count()
    }
}

#[test]
fn sixty_laptops_switched_on_at_once_and_again_are_all_taken() {
    let mut hall = Hall::new();
    hall.scene.rules = MANUAL;
    for boot in 0..3 {
        for n in 0..60 {
            let agent = hall.boot(address(n), inventory(n)).unwrap();
            // The coordinator was restarted: what records nothing is free, however often it is said.
            for _ in 0..50 {
                hall.enroll(address(n), inventory(n), agent).unwrap();
            }
        }
        assert_eq!(hall.machines(), 60, "boot {boot}");
        hall.later(Duration::from_secs(20));
    }
}

#[test]
fn one_address_cannot_have_thousands_of_machines_recorded() {
    let mut hall = Hall::new();
    hall.scene.rules = MANUAL;
    let mut taken = 0;
    for n in 0..3600 {
        taken += usize::from(hall.boot(address(1), inventory(n)).is_ok());
        if n == 50 {
            assert_eq!(taken, 10, "of the first minute");
            assert!(hall.boot(address(2), inventory(5000)).is_ok(), "others are not concerned");
        }
        hall.later(Duration::from_secs(1));
    }
    assert_eq!((taken, hall.machines()), (20, 21), "of the first hour");
    assert!(hall.boot(address(1), inventory(4000)).is_ok(), "the next hour has begun");
}

#[test]
fn one_address_that_changes_its_key_all_the_time_is_slowed_down() {
    let mut hall = Hall::new();
    for _ in 0..10 {
        hall.boot(address(1), inventory(1)).unwrap();
        hall.later(Duration::from_secs(1));
    }
    let refused = hall.boot(address(1), inventory(1)).unwrap_err();
    let wait = Duration::from_secs(50);
    assert_eq!(refused, TooMany::OfAddress { address: address(1), limit: PER_ADDRESS, wait });
    hall.later(wait);
    hall.boot(address(1), inventory(1)).unwrap();
}

#[test]
fn many_addresses_fill_the_hall_and_those_known_still_come_back() {
    let mut hall = Hall::new();
    hall.scene.rules = MANUAL;
    for n in 0..400 {
        hall.boot(address(n / 10), inventory(n)).unwrap();
    }
    hall.later(Duration::from_secs(1800));
    let refused = hall.boot(address(100), inventory(400)).unwrap_err();
    assert!(matches!(refused, TooMany::Unknown { count: 400, .. }), "{refused}");
    let wait = refused.wait();
    assert!(wait > Duration::from_secs(1790) && wait <= Duration::from_secs(1800), "{wait:?}");
    hall.boot(address(100), inventory(7)).unwrap();

    // A coordinator that was restarted counts as before.
    hall.crowd = Crowd::new(1);
    assert!(hall.boot(address(100), inventory(400)).is_err());
    // Whoever is picked is a stranger no more.
    hall.scene.arm(1, 5, JobKind::Wipe {});
    hall.scene.rules = AUTOMATIC;
    let number = hall.scene.bench.machines().next().unwrap().number;
    hall.scene.pick(&[number]).unwrap();
    hall.scene.rules = MANUAL;
    hall.boot(address(100), inventory(400)).unwrap();
    assert!(hall.boot(address(100), inventory(401)).is_err());
    hall.later(HOUR);
    hall.boot(address(100), inventory(401)).unwrap();
}
