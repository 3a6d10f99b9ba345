//! The panic button: real agents beside the real coordinator.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use drive::sim::{AtaDevice, Command, Kind};
use serde_json::Value;

use super::coordinator::Coordinator;
use super::laptop::Laptop;
use super::{N_RECORDS, assert_done, cable, records};
use crate::work::STOPS_WITHIN;

const ERASE_UNIT: u8 = 0xf4;
/// A request of an overwriting pass: eight go over the drive.
const PASS_LEN: u64 = 4 << 20;
/// How long each takes: with this the pass takes far longer than anything that is waited for here.
const SLOWLY: Duration = Duration::from_secs(1);

fn json(bench: &Coordinator, words: &str) -> Value {
    bench.json(&words.split(' ').collect::<Vec<_>>())
}

/// What the laptop's own screen says.
fn doing(machine: &Value) -> &str {
    machine["doing"].as_str().unwrap_or_default()
}

/// A drive that writes slowly from now on, and when each write of it began.
struct Slow {
    begun: Arc<Mutex<Vec<Instant>>>,
    is_slow: Arc<AtomicBool>,
}

impl Slow {
    fn drive(laptop: &Laptop) -> Self {
        let (begun, is_slow) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicBool::new(true)));
        let (noted, slow) = (begun.clone(), is_slow.clone());
        laptop.drive.on_command(move |command| {
            let Command::Write { length, .. } = command else { return };
            noted.lock().unwrap().push(Instant::now());
            if length == PASS_LEN && slow.load(Ordering::SeqCst) {
                std::thread::sleep(SLOWLY);
            }
        });
        Self { begun, is_slow }
    }

    fn n(&self) -> usize {
        self.begun.lock().unwrap().len()
    }

    fn wait_for(&self, n: usize) {
        let deadline = Instant::now() + super::PATIENCE;
        while self.n() < n {
            assert!(Instant::now() < deadline, "only {} writes began", self.n());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn last(&self) -> Instant {
        *self.begun.lock().unwrap().last().unwrap()
    }
}

#[test]
fn no_write_begins_two_seconds_after_and_nothing_goes_on_before_it_is_picked_again() {
    let (mut bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    let slow = Slow::drive(&laptop);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    bench.wait("overwriting", |machine| doing(machine).contains("writing over"));
    slow.wait_for(slow.n() + 1);

    json(&bench, "panic --reason smoke");
    let pressed = Instant::now();
    bench.wait("stopped", |machine| doing(machine).starts_with("Stopped by a person"));
    // Heard: at most the request that was under way is still waited for.
    let heard = slow.n();
    std::thread::sleep(3 * SLOWLY);
    assert_eq!(slow.n(), heard, "a write began after the agent said that it had stopped");
    let late = slow.last().saturating_duration_since(pressed);
    assert!(late <= STOPS_WITHIN, "the last write began {late:?} after the button");
    assert!(laptop.drive.n_old_sectors() > 0, "it was done before the button was pressed");
    agent.assert_running();
    let machine = bench.machine();
    assert_eq!(machine["state"], "attention", "{machine}");
    // Ticket, started, then how the drive and the agent ended.
    bench.wait("on record", |machine| records(machine) == [4]);

    // The coordinator is killed and started again: it still knows, and so does the agent.
    bench.kill();
    bench.restart();
    assert_eq!(json(&bench, "status")["panic"]["because"], "smoke");
    let refused = bench.refused(&["machine", "pick", "1"]);
    assert!(refused.contains("rehome panic --over"), "{refused}");
    json(&bench, "panic --over");
    std::thread::sleep(3 * SLOWLY);
    assert_eq!(slow.n(), heard, "it went on by itself");
    assert_eq!(bench.machine()["state"], "attention");

    slow.is_slow.store(false, Ordering::SeqCst);
    bench.pick(1);
    // The same agent under a new ticket: ticket, started, sanitized, verified, finished.
    assert_done(&agent, &laptop, &bench, &[4 + N_RECORDS]);
    // What was stopped and begun anew earns its certificate like any other.
    let certificate = json(&bench, "certificate show 1");
    assert_eq!(certificate["number"], 1, "{certificate}");
}

#[test]
fn a_machine_that_waits_is_stopped_and_gets_no_ticket() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    // It has a ticket that it has not used.
    json(&bench, "panic");
    gate.open();
    let why = format!("{:#}", agent.end().unwrap_err());
    assert!(why.contains("void"), "{why}");
    laptop.assert_untouched();
    // The agent that PID 1 starts next is told to stay.
    let (agent, _gate) = laptop.boot(&bench, &cable, Some("exit status 2"));
    bench.wait("stopped", |machine| doing(machine).starts_with("Stopped by a person"));
    agent.assert_running();
    laptop.assert_untouched();
}

#[test]
fn what_erases_itself_is_said_to_and_nothing_follows_it() {
    let disk = AtaDevice { security: true, enhanced: true, ..AtaDevice::default() };
    let (bench, laptop) = (Coordinator::start(), Laptop::with(Kind::Ata(disk)));
    let cable = cable(&bench);
    bench.arm();
    let (n_erases, erasing) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
    let (count, still) = (n_erases.clone(), erasing.clone());
    laptop.drive.on_command(move |command| {
        if matches!(command, Command::Ata { command: ERASE_UNIT, .. }) {
            count.fetch_add(1, Ordering::SeqCst);
            while still.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    let names = |machine: &Value| machine["unstoppable"].as_array().map_or(0, Vec::len);
    bench.wait("erasing itself", |machine| names(machine) == 1);
    let stopped = json(&bench, "panic");
    assert_eq!(stopped[0]["unstoppable"].as_array().map(Vec::len), Some(1), "{stopped}");
    bench.wait("said to be unstoppable", |machine| {
        doing(machine).contains("nothing can stop that") && names(machine) == 1
    });
    erasing.store(false, Ordering::SeqCst);
    bench.wait("stopped", |machine| {
        doing(machine).contains("Nothing is written any more") && names(machine) == 0
    });
    agent.assert_running();
    assert_eq!(n_erases.load(Ordering::SeqCst), 1);
    assert!(!laptop.is_locked());
}
