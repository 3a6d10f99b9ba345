//! Fewer ports than laptops: once one is done, the next one is asked for. Pure but for who was heard lately.

use protocol::UnixMillis;

use crate::bench::{Bench, Machine};
use crate::live::{Live, is_recent};

/// Ports are free and laptops are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wave {
    /// How many ports nobody is at.
    pub(crate) free: u32,
    /// How many laptops the armed batches still take that are not in sight.
    pub(crate) to_come: u32,
}

/// Whether the next laptop can be plugged in.
pub(crate) fn wave(bench: &Bench, live: &Live, now: UnixMillis, ports: u32) -> Option<Wave> {
    let to_come = to_come(bench, live, now);
    let at_ports = bench.machines().filter(|it| !it.is_finished() && is_heard(live, now, it));
    let free = ports.saturating_sub(count(at_ports)).min(to_come);
    (free > 0).then_some(Wave { free, to_come })
}

/// How many laptops the armed batches still take, without those that wait in sight.
pub(crate) fn to_come(bench: &Bench, live: &Live, now: UnixMillis) -> u32 {
    let places =
        bench.armed(now).iter().map(|batch| batch.places_left()).fold(0, u32::saturating_add);
    let waiting = bench.machines().filter(|it| it.admission.is_none() && is_heard(live, now, it));
    places.saturating_sub(count(waiting))
}

fn is_heard(live: &Live, now: UnixMillis, machine: &Machine) -> bool {
    live.last_word(&machine.id).is_some_and(|word| is_recent(&word, now))
}

fn count<'a>(machines: impl Iterator<Item = &'a Machine>) -> u32 {
    u32::try_from(machines.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use protocol::{Heartbeat, JobKind, Stage};

    use super::*;
    use crate::clock::Clock;
    use crate::scene::hardware::laptop;
    use crate::scene::{MANUAL, Scene};

    #[test]
    fn a_free_port_asks_for_the_next_laptop_while_some_are_to_come() {
        let mut scene = Scene::new();
        let live = Live::new(Clock::start());
        let now = Clock::start().now();
        let heartbeat = Heartbeat {
            stage: Stage::Plan,
            sentence: String::new(),
            progress: None,
            erasing_themselves: Vec::new(),
        };
        // The scene's clock stands at the beginning of 1970, that of words does not.
        let next = |scene: &Scene, ports| wave(&scene.bench, &live, now, ports);
        scene.now = now;
        assert_eq!(next(&scene, 2), None, "nothing is armed");
        scene.arm(1, 3, JobKind::Wipe {});
        assert_eq!(next(&scene, 2), Some(Wave { free: 2, to_come: 3 }));
        let agent = scene.boot(&laptop(1), MANUAL);
        live.heard(agent.id, heartbeat.clone());
        assert_eq!(next(&scene, 2), Some(Wave { free: 1, to_come: 2 }), "one waits at a port");
        assert_eq!(next(&scene, 1), None, "no port is free");
        let done = scene.finish(&laptop(2));
        live.heard(done.id, heartbeat);
        assert_eq!(
            next(&scene, 2),
            Some(Wave { free: 1, to_come: 1 }),
            "what is done is unplugged"
        );
        scene.finish(&laptop(3));
        scene.pick(&[agent.number]).unwrap();
        assert_eq!(next(&scene, 9), None, "all have come");
    }
}
