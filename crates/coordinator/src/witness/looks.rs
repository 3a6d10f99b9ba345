//! Looks on their way: who waits for which sectors. In memory only, and the bytes never longer than it takes to show
//! them; the journal holds that somebody looked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::witness::{LookRequest, Seen};
use protocol::{AgentKey, MachineId, Nonce, PersonId, SectorSize, Sha256Digest};
use tokio::sync::oneshot;

use super::WitnessError;

/// Looks that may wait for one machine.
const MAX_WAITING: usize = 16;
/// A holding agent asks every second; one that was not heard for this long is taken to be off.
const SILENCE: Duration = Duration::from_secs(15);

/// All looks that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<MachineId, Holding>>);

/// A machine whose agent asked whether it may go on.
#[derive(Debug)]
struct Holding {
    agent: AgentKey,
    heard: Instant,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    answer: oneshot::Sender<Answered>,
}

/// A person asked for sectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Of this machine.
    pub(crate) machine: MachineId,
    /// Which this agent holds.
    pub(crate) agent: AgentKey,
    /// Who.
    pub(crate) by: PersonId,
    /// What the agent is asked.
    pub(crate) request: LookRequest,
    /// The drive's logical sector size.
    pub(crate) sector_size: SectorSize,
}

/// What the agent said, once that is journaled.
#[derive(Debug)]
pub(crate) struct Answered {
    /// What was there.
    pub(crate) seen: Seen,
    /// SHA-256 of the bytes, where there are any.
    pub(crate) sha256: Option<Sha256Digest>,
}

/// A look that was taken out of the queue, for an answer.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What was asked.
    pub(crate) asked: Asked,
    /// Where the answer goes; dropped without one, the person is told that nothing is shown.
    pub(crate) answer: oneshot::Sender<Answered>,
}

impl Looks {
    /// An agent holds its machine and asks what to look at.
    pub(crate) fn of(&self, machine: MachineId, agent: AgentKey, now: Instant) -> Vec<LookRequest> {
        let mut holdings = self.holdings();
        let fresh = || Holding { agent, heard: now, waiting: Vec::new() };
        let holding = holdings.entry(machine).or_insert_with(fresh);
        if holding.agent != agent {
            *holding = fresh();
        }
        holding.heard = now;
        holding.forget_who_left();
        holding.waiting.iter().map(|waiting| waiting.asked.request.clone()).collect()
    }

    /// An agent goes on: nobody is shown anything any more.
    pub(crate) fn end(&self, machine: &MachineId) {
        self.holdings().remove(machine);
    }

    /// Puts a look into the queue; the answer comes through what is given back.
    pub(crate) fn ask(
        &self,
        asked: Asked,
        now: Instant,
    ) -> Result<oneshot::Receiver<Answered>, WitnessError> {
        let mut holdings = self.holdings();
        let holding = holdings
            .get_mut(&asked.machine)
            .filter(|it| it.agent == asked.agent)
            .filter(|it| now.saturating_duration_since(it.heard) < SILENCE)
            .ok_or(WitnessError::Silent)?;
        holding.forget_who_left();
        if holding.waiting.len() >= MAX_WAITING {
            return Err(WitnessError::Full(holding.waiting.len()));
        }
        let (answer, answered) = oneshot::channel();
        holding.waiting.push(Waiting { asked, answer });
        Ok(answered)
    }

    /// Takes the look that `agent` answers, if it is one of its own that somebody still waits for.
    pub(crate) fn take(&self, machine: &MachineId, agent: &AgentKey, look: Nonce) -> Option<Taken> {
        let mut holdings = self.holdings();
        let holding = holdings.get_mut(machine).filter(|it| it.agent == *agent)?;
        holding.forget_who_left();
        let at = holding.waiting.iter().position(|it| it.asked.request.look == look)?;
        let Waiting { asked, answer } = holding.waiting.remove(at);
        Some(Taken { asked, answer })
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn holdings(&self) -> MutexGuard<'_, HashMap<MachineId, Holding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holding {
    /// A person who hung up or lost patience leaves no look behind.
    fn forget_who_left(&mut self) {
        self.waiting.retain(|waiting| !waiting.answer.is_closed());
    }
}
