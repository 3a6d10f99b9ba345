//! Who is talking: secrets of enrolled agents. In memory only; after a restart agents enroll again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::{AgentKey, MachineId, Sha256Digest};

use crate::random::{self, RandomError};

/// An enrolled agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    /// The machine it was taken for.
    pub(crate) machine: MachineId,
    /// Its key.
    pub(crate) agent: AgentKey,
}

/// The open sessions, by digest of their secret: looking one up tells nothing by its duration.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Sha256Digest, Session>>);

impl Sessions {
    /// Opens a session and ends the machine's former one. Gives its secret, 64 hexadecimal digits.
    pub(crate) fn open(&self, session: Session) -> Result<String, RandomError> {
        let secret = hex::encode(random::bytes::<32>()?);
        let mut sessions = self.sessions();
        sessions.retain(|_, other| other.machine != session.machine);
        sessions.insert(evidence::sha256(secret.as_bytes()), session);
        Ok(secret)
    }

    /// Whose secret this is.
    pub(crate) fn find(&self, secret: &str) -> Option<Session> {
        self.sessions().get(&evidence::sha256(secret.as_bytes())).copied()
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn sessions(&self) -> MutexGuard<'_, HashMap<Sha256Digest, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
