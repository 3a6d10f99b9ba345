//! Agents beside the real coordinator, when consent is taken back and when network or coordinator are away.

mod by_drive;
mod cable;
pub(crate) mod coordinator;
mod fetch;
mod kinds;
mod laptop;
mod panic;
mod witness;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::init::power::Ending;
use cable::Cable;
use coordinator::{Coordinator, PATIENCE};
use laptop::{Agent, Laptop};

/// Longer than the agent's own pause between two attempts.
const OUTAGE: Duration = Duration::from_secs(4);
/// Ticket accepted, sanitizing started, sanitized, verified, notice left, finished.
const N_RECORDS: u64 = 6;

fn cable(to: &Coordinator) -> Cable {
    Cable::to(SocketAddrV4::new(Ipv4Addr::LOCALHOST, to.site.api_port))
}

/// How many records each agent of the machine has handed in, in the order in which they enrolled.
fn records(machine: &Value) -> Vec<u64> {
    let boots = machine["boots"].as_array().unwrap();
    boots.iter().map(|boot| boot["records"].as_u64().unwrap()).collect()
}

/// The agent has done its work to the end, and every step of it was counted once.
fn assert_done(agent: &Agent, laptop: &Laptop, bench: &Coordinator, expected: &[u64]) {
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    assert_eq!(laptop.drive.n_old_sectors(), 0);
    let machine = bench.machine();
    assert_eq!((machine["state"].as_str(), records(&machine)), (Some("finished"), expected.into()));
    assert_eq!(machine["attention"].as_array().map(Vec::len), Some(0), "{machine}");
}

#[test]
fn a_void_ticket_ends_the_agent_and_the_next_one_asks_anew() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let (cable, batch) = (cable(&bench), bench.arm());
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    assert_eq!(bench.machine()["state"], "planned", "it has a ticket");
    bench.json(&["batch", "disarm", &batch]);
    let n_events = bench.n_events();
    gate.open();
    let why = format!("{:#}", agent.end().unwrap_err());
    for word in ["410", "void", "its batch was disarmed"] {
        assert!(why.contains(word), "{why:?} lacks {word:?}");
    }
    laptop.assert_untouched();
    assert_eq!(bench.n_events(), n_events, "the use of a void ticket is not journaled");

    // The agent that PID 1 starts next has nothing to do here, and leaves.
    let (agent, _gate) = laptop.boot(&bench, &cable, Some("exit status 2"));
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    laptop.assert_untouched();
    assert_eq!(records(&bench.machine()), [0, 1]);

    // Armed and picked anew, the machine gets a new ticket, and that one holds.
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(3);
    gate.reached();
    laptop.assert_untouched();
    gate.open();
    assert_done(&agent, &laptop, &bench, &[0, 1, N_RECORDS]);
}

/// Somebody changes what is in the machine between plan and acceptance: the ticket is not used, and no drive touched.
fn check_voided(look: u32, change: impl Fn(&Laptop)) {
    let (bench, laptop) = (Coordinator::start(), Laptop::new().gate_at(look));
    let cable = cable(&bench);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    change(&laptop);
    gate.open();
    bench.wait("told that the drives have changed", |machine| records(machine) == [1]);
    // Had the ticket been used, more would follow at once.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(records(&bench.machine()), [1]);
    agent.assert_running();
    laptop.assert_untouched();
}

#[test]
fn a_drive_that_is_swapped_after_the_plan_voids_it() {
    check_voided(laptop::CONSENTED, Laptop::swap);
}

#[test]
fn a_drive_that_appears_after_the_plan_voids_it() {
    check_voided(laptop::PLANNING, |laptop| laptop.plug(false));
}

#[test]
fn after_sanitizing_only_another_internal_drive_stops_the_work() {
    for (removable, state) in [(true, "finished"), (false, "attention")] {
        let (bench, laptop) = (Coordinator::start(), Laptop::new());
        let cable = cable(&bench);
        bench.arm();
        let first_write = laptop.gate_at_first_write();
        let (_agent, ticket) = laptop.boot(&bench, &cable, None);
        bench.pick(1);
        ticket.reached();
        ticket.open();
        first_write.reached();
        laptop.plug(removable);
        first_write.open();
        bench.wait(state, |machine| machine["state"] == state);
        assert_eq!(laptop.drive.n_old_sectors(), 0);
    }
}

type Act = fn(&mut Coordinator, &Cable);

/// Makes trouble while an agent holds a ticket, looks that nothing is done unless the coordinator has heard of it,
/// and ends the trouble: the agent goes on by itself, under the same ticket.
fn check(begin: Act, end: Act) {
    let (mut bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    begin(&mut bench, &cable);
    gate.open();
    std::thread::sleep(OUTAGE);
    laptop.assert_untouched();
    agent.assert_running();
    end(&mut bench, &cable);
    assert_done(&agent, &laptop, &bench, &[N_RECORDS]);
}

#[test]
fn nothing_is_touched_while_the_coordinator_cannot_acknowledge() {
    let troubles: [(&str, Act, Act); 3] = [
        ("pulled", |_, cable| cable.pull(true), |_, cable| cable.pull(false)),
        ("silent", |_, cable| cable.silence(true), |_, cable| cable.silence(false)),
        ("dead", |bench, _| bench.kill(), |bench, _| bench.restart()),
    ];
    // Side by side: each waits most of the time.
    std::thread::scope(|scope| {
        for (name, begin, end) in troubles {
            let named = std::thread::Builder::new().name(name.to_owned());
            named.spawn_scoped(scope, move || check(begin, end)).unwrap();
        }
    });
}

#[test]
fn a_record_whose_answer_is_lost_is_sent_again_and_counted_once() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    gate.reached();
    cable.lose_an_answer();
    gate.open();
    assert_done(&agent, &laptop, &bench, &[N_RECORDS]);
    assert!(!cable.has_to_lose(), "no answer was lost");
}

#[test]
fn begun_work_goes_on_while_the_coordinator_is_dead() {
    let (mut bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    let first_write = laptop.gate_at_first_write();
    let (agent, ticket) = laptop.boot(&bench, &cable, None);
    bench.pick(1);
    ticket.reached();
    ticket.open();
    first_write.reached();
    bench.kill();
    first_write.open();
    let deadline = Instant::now() + PATIENCE;
    while laptop.drive.n_old_sectors() > 0 {
        assert!(Instant::now() < deadline, "the overwriting waits for the coordinator");
        std::thread::sleep(Duration::from_millis(100));
    }
    agent.assert_running();
    bench.restart();
    assert_done(&agent, &laptop, &bench, &[N_RECORDS]);
}

#[test]
fn what_is_done_asks_for_the_next_laptop_where_ports_are_few() {
    let (bench, laptop) = (Coordinator::with_a_port(), Laptop::new());
    let cable = cable(&bench);
    bench.papers("default");
    bench.json(&["batch", "arm", "--count", "2", "--for", "4h", "--kind", "wipe"]);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    bench.wait("asking for the next", |machine| {
        machine["doing"].as_str().is_some_and(|doing| doing.contains("plug in the next one"))
    });
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
}

#[test]
fn an_agent_that_finds_no_coordinator_enrolls_once_there_is_one() {
    let (mut bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    bench.arm();
    bench.kill();
    // It looks at its drives at each attempt: the gate is of no use here.
    let (agent, gate) = laptop.boot(&bench, &cable, Some("killed by SIGKILL"));
    drop(gate);
    std::thread::sleep(Duration::from_secs(8));
    agent.assert_running();
    bench.restart();
    bench.pick(1);
    assert_done(&agent, &laptop, &bench, &[N_RECORDS + 1]);
}
