//! An agent reports what it observed. Pure.
//!
//! Every record is checked (signature, chain), journaled, then answered. A record that comes twice is fine, a gap
//! is not. What a record says is believed only as far as it fits the consent; the rest is kept and shown to a person.

use evidence::Envelope;
use evidence::chain::{ChainError, ChainHead};
use protocol::api::RECORD_TYPE;
use protocol::{AgentKey, AgentRecord, Step};

use crate::bench::{Admission, Machine};
use crate::event::Happening;

/// Why records are not taken. Those before the refused one are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    #[error("record {got} came where {next} is due; send all from {next} on")]
    Gap { next: u64, got: u64 },
    #[error("refusing a record")]
    Chain(#[source] ChainError),
}

/// The sequence number that is due after this, and what stopped the taking.
pub(crate) type Outcome = (u64, Option<RecordsError>);

/// Decides on records that `agent`, enrolled as `machine`, sent.
pub(crate) fn take(
    machine: &Machine,
    agent: AgentKey,
    envelopes: Vec<Envelope>,
) -> (Vec<Happening>, Outcome) {
    let Some(boot) = machine.boot(&agent) else { return (Vec::new(), (0, None)) };
    let mut head = boot.head.clone();
    let mut admission = machine.admission.clone();
    let mut happenings = Vec::new();
    let mut refused = None;
    for envelope in envelopes {
        match step_on(&mut head, agent, &envelope) {
            Ok(None) => {}
            Ok(Some(record)) => {
                let doubt = admission.as_mut().and_then(|it| judge(it, agent, &record, &envelope));
                happenings.push(Happening::AgentRecord { envelope });
                happenings.extend(doubt.map(|sentence| {
                    tracing::warn!(target: "records", machine = %machine.number, "{sentence}");
                    Happening::AttentionNeeded { machine: machine.id, sentence }
                }));
            }
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    (happenings, (head.next(), refused))
}

/// The record if it is the one that is due; none if the journal has it already.
fn step_on(
    head: &mut ChainHead,
    agent: AgentKey,
    envelope: &Envelope,
) -> Result<Option<AgentRecord>, RecordsError> {
    let next = head.next();
    let wrap = |source| RecordsError::Chain(ChainError::Envelope { next, agent, source });
    let record: AgentRecord = envelope.open(RECORD_TYPE, agent.as_bytes()).map_err(wrap)?;
    match record.sequence {
        // Sent again because our answer was lost.
        got if got < next => Ok(None),
        got if got > next => Err(RecordsError::Gap { next, got }),
        _ => head.accept(envelope).map(Some).map_err(RecordsError::Chain),
    }
}

/// Follows what the record does to the work, and says what about it a person must look at.
fn judge(
    admission: &mut Admission,
    agent: AgentKey,
    record: &AgentRecord,
    envelope: &Envelope,
) -> Option<String> {
    let step = &record.step;
    let used_ticket = |admission: &Admission| {
        admission.consents.iter().any(|it| it.accepted && it.ticket.agent == agent)
    };
    let doubt = match step {
        Step::TicketAccepted { ticket, .. } if !admission.names_our_ticket(&agent, step) => {
            Some(format!("the agent reports ticket {ticket}, which it was not given"))
        }
        Step::SanitizeStarted { drive, .. } if !used_ticket(admission) => {
            Some(format!("the agent reports work on {drive} without a ticket"))
        }
        Step::Verified(evidence) if !used_ticket(admission) => {
            Some(format!("the agent reports {} as verified without a ticket", evidence.drive))
        }
        Step::Verified(evidence) => admission.implausible(evidence),
        Step::Finished if admission.finished.is_none() && !admission.may_finish() => Some(
            "the agent reports the end, but not every planned drive is verified and installed"
                .to_owned(),
        ),
        _ => None,
    };
    // A digest that cannot be read was refused before.
    if let Ok(digest) = envelope.digest() {
        admission.step(agent, step, digest, record.at);
    }
    doubt
}
