//! A ticket: the coordinator's consent to one plan, on one machine, by one agent, once.

use serde::{Deserialize, Serialize};

use crate::ids::{AgentKey, MachineId, Nonce, Sha256Digest, TicketId};
use crate::units::UnixMillis;

/// What the site key signs (as a DSSE envelope) before anything may be destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Random; used once.
    pub ticket: TicketId,
    /// The machine that the plan is for.
    pub machine: MachineId,
    /// The agent that asked, by the key of this boot. After a restart it is another one.
    pub agent: AgentKey,
    /// SHA-256 of the plan that both sides computed.
    pub plan: Sha256Digest,
    /// The agent's nonce of this very request.
    pub nonce: Nonce,
    /// When it was signed.
    pub issued_at: UnixMillis,
    /// From when on it is void. Work that began before goes on.
    pub expires_at: UnixMillis,
}
