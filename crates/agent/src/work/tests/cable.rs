//! A network cable that can be pulled: a relay between agent and coordinator, which never sees what TLS carries.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// More than the agent's heartbeats and TLS handshakes have in one piece, less than a record in its envelope.
const LARGE: usize = 800;

#[derive(Clone)]
pub(super) struct Cable {
    state: Arc<State>,
    port: u16,
}

struct State {
    to: SocketAddrV4,
    /// Connections are torn and refused.
    out: AtomicBool,
    /// What is sent is swallowed, and nobody hears of it.
    silent: AtomicBool,
    /// How many answers to large requests are still to be lost.
    to_lose: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Cable {
    /// A cable to a coordinator's port.
    pub(super) fn to(to: SocketAddrV4) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            to,
            out: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            to_lose: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let relay = state.clone();
        thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                // A coordinator that is not there refuses; so does this end, by hanging up.
                if !relay.out.load(Ordering::SeqCst)
                    && let Ok(coordinator) = TcpStream::connect(relay.to)
                {
                    join(&relay, &agent, &coordinator);
                }
            }
        });
        Self { state, port }
    }

    /// The agent's end.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Tears every connection and refuses new ones, or stops doing so.
    pub(super) fn pull(&self, out: bool) {
        self.state.out.store(out, Ordering::SeqCst);
        if out {
            for stream in self.state.open.lock().unwrap().drain(..) {
                hang_up(&stream);
            }
        }
    }

    /// Swallows everything. Connections that lost something so stay dead, as behind a switch that was restarted.
    pub(super) fn silence(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }

    /// The next large request arrives, and its answer does not.
    pub(super) fn lose_an_answer(&self) {
        self.state.to_lose.store(1, Ordering::SeqCst);
    }

    /// Whether an answer is still to be lost.
    pub(super) fn has_to_lose(&self) -> bool {
        self.state.to_lose.load(Ordering::SeqCst) > 0
    }
}

/// Copies both ways until one side hangs up.
fn join(state: &Arc<State>, agent: &TcpStream, coordinator: &TcpStream) {
    let streams = || (agent.try_clone().unwrap(), coordinator.try_clone().unwrap());
    state
        .open
        .lock()
        .unwrap()
        .extend([agent.try_clone().unwrap(), coordinator.try_clone().unwrap()]);
    let (dead, large) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (up, down) = (state.clone(), state.clone());
    let (up_dead, asked) = (dead.clone(), large.clone());
    let (from, to) = streams();
    thread::spawn(move || {
        copy(from, to, |n| {
            asked.store(n > LARGE, Ordering::SeqCst);
            up_dead.fetch_or(up.silent.load(Ordering::SeqCst), Ordering::SeqCst);
            if up_dead.load(Ordering::SeqCst) { Fate::Swallowed } else { Fate::Passed }
        });
    });
    let (to, from) = streams();
    thread::spawn(move || {
        copy(from, to, |_| {
            if large.load(Ordering::SeqCst) && down.to_lose.swap(0, Ordering::SeqCst) > 0 {
                return Fate::Cut;
            }
            dead.fetch_or(down.silent.load(Ordering::SeqCst), Ordering::SeqCst);
            if dead.load(Ordering::SeqCst) { Fate::Swallowed } else { Fate::Passed }
        });
    });
}

/// What becomes of a piece.
enum Fate {
    Passed,
    Swallowed,
    Cut,
}

fn copy(mut from: TcpStream, mut to: TcpStream, judge: impl Fn(usize) -> Fate) {
    let mut buffer = [0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let going_on = match judge(n) {
            Fate::Passed => to.write_all(&buffer[..n]).is_ok(),
            Fate::Swallowed => true,
            Fate::Cut => false,
        };
        if !going_on {
            break;
        }
    }
    hang_up(&from);
    hang_up(&to);
}

/// The other side may have done so already.
fn hang_up(stream: &TcpStream) {
    drop(stream.shutdown(Shutdown::Both));
}
