//! An agent reports what it observed. Pure.
//!
//! Every record is checked (signature, chain), journaled, then answered. A record that comes twice is fine, a gap
//! is not. What a record says is believed only as far as it fits the consent; the rest is kept and shown to a person.

use std::time::Duration;

use evidence::Envelope;
use evidence::chain::{ChainError, ChainHead};
use protocol::api::RECORD_TYPE;
use protocol::{AgentKey, AgentRecord, Step, UnixMillis};

use crate::bench::{Admission, AgentBoot, Bench, Machine};
use crate::clock;
use crate::event::Happening;

/// How late the word may come that a ticket was used: the agent acts only once it is acknowledged.
const LATE: Duration = Duration::from_secs(30);

/// Why records are not taken. Those before the refused one are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    #[error("record {got} came where {next} is due; send all from {next} on")]
    Gap { next: u64, got: u64 },
    /// The agent must not act on that ticket; sending the record again does not help.
    #[error("the ticket is void, touch nothing: {0}")]
    Void(String),
    #[error("refusing a record")]
    Chain(#[source] ChainError),
}

/// The sequence number that is due after this, and what stopped the taking.
pub(crate) type Outcome = (u64, Option<RecordsError>);

/// Decides on records that `agent`, enrolled as `machine`, sent.
pub(crate) fn take(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: AgentKey,
    envelopes: Vec<Envelope>,
) -> (Vec<Happening>, Outcome) {
    let Some(boot) = machine.boot(&agent) else { return (Vec::new(), (0, None)) };
    let mut boot = boot.clone();
    let mut head = boot.head.clone();
    let mut admission = machine.admission.clone();
    let mut stopped = machine.attention_reasons().into_iter().next();
    let mut happenings = Vec::new();
    for envelope in envelopes {
        let record = match due(&head, agent, &envelope) {
            Ok(None) => continue,
            Ok(Some(record)) => record,
            Err(error) => return (happenings, (head.next(), Some(error))),
        };
        if let Step::TicketAccepted { ticket, .. } = &record.step {
            let admission = admission.as_ref();
            if let Some(void) = void(bench, now, admission, agent, &record.step, stopped.as_ref()) {
                tracing::warn!(target: "records", machine = %machine.number, %ticket, "{}", void.why);
                let sentence = void.doubt;
                happenings.extend(
                    sentence
                        .map(|it| Happening::AttentionNeeded { machine: machine.id, sentence: it }),
                );
                return (happenings, (head.next(), Some(RecordsError::Void(void.why))));
            }
        }
        if let Err(error) = head.accept(&envelope) {
            return (happenings, (head.next(), Some(RecordsError::Chain(error))));
        }
        boot.took_over |= matches!(record.step, Step::AgentDied { .. });
        let doubt = admission.as_mut().and_then(|it| judge(it, &boot, &record, &envelope));
        let open = admission.as_ref().is_none_or(|it| it.is_open_to(&agent));
        if let Step::Failed { sentence, .. } | Step::SanitizeFailed { sentence, .. } = &record.step
            && open
        {
            stopped = Some(sentence.clone());
        }
        happenings.push(Happening::AgentRecord { envelope });
        if let Some(sentence) = doubt {
            tracing::warn!(target: "records", machine = %machine.number, "{sentence}");
            stopped = Some(sentence.clone());
            happenings.push(Happening::AttentionNeeded { machine: machine.id, sentence });
        }
    }
    (happenings, (head.next(), None))
}

/// Why a ticket may not be used any more.
struct Void {
    /// For the agent.
    why: String,
    /// For a person, where one must look.
    doubt: Option<String>,
}

/// Whether the agent may not act on the ticket that it names: asked before its record is acknowledged, as the agent
/// destroys nothing before that.
fn void(
    bench: &Bench,
    now: UnixMillis,
    admission: Option<&Admission>,
    agent: AgentKey,
    step: &Step,
    stopped: Option<&String>,
) -> Option<Void> {
    let plainly = |why: &str| Some(Void { why: why.to_owned(), doubt: None });
    let Some(admission) = admission.filter(|it| it.finished.is_none()) else {
        return plainly("this machine has no work");
    };
    if stopped.is_some() {
        return plainly("a person must look at this machine first");
    }
    let Some(consent) = admission.given(&agent, step) else {
        let Step::TicketAccepted { ticket, .. } = step else { return None };
        let doubt = format!("the agent reports ticket {ticket}, which it was not given");
        return Some(Void {
            why: "it is not one of this agent's tickets".to_owned(),
            doubt: Some(doubt),
        });
    };
    if admission.agent != agent {
        return plainly("the machine has started again since it was given");
    }
    if bench.batch(&admission.job.batch).is_none_or(|batch| batch.disarmed) {
        return plainly("its batch was disarmed");
    }
    if clock::after(consent.ticket.expires_at, LATE) <= now {
        return plainly("it has expired; ask for another one");
    }
    None
}

/// The record if it is the one that is due; none if the journal has it already.
fn due(
    head: &ChainHead,
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
        _ => Ok(Some(record)),
    }
}

/// Follows what the record does to the work, and says what about it a person must look at.
fn judge(
    admission: &mut Admission,
    boot: &AgentBoot,
    record: &AgentRecord,
    envelope: &Envelope,
) -> Option<String> {
    let (agent, step) = (boot.agent, &record.step);
    if admission.finished.is_some() {
        return None;
    }
    let doubt = match step {
        Step::SanitizeStarted { drive, .. } if !admission.used_ticket(&agent) => {
            Some(format!("the agent reports work on {drive} without a ticket"))
        }
        Step::Verified(evidence) if !admission.used_ticket(&agent) => {
            Some(format!("the agent reports {} as verified without a ticket", evidence.drive))
        }
        // What else an agent says that the work is not bound to changes nothing.
        _ if admission.agent != agent => None,
        Step::Verified(evidence) => admission.implausible(evidence),
        Step::ImageWritten { .. } | Step::NoticeWritten(_) | Step::Finished {}
            if admission.held =>
        {
            Some("the agent went on although a person holds the machine".to_owned())
        }
        Step::ImageWritten { .. } if admission.waits_for_model => Some(
            "the agent went on although nobody has said that the machine's model works".to_owned(),
        ),
        Step::Finished {} if !admission.may_finish() => Some(
            "the agent reports the end, but not every planned drive is verified, looked at again \
             where the policy demands it, and installed"
                .to_owned(),
        ),
        _ => None,
    };
    // A digest that cannot be read was refused before.
    if let Ok(digest) = envelope.digest() {
        admission.step(agent, step, digest, record.at, boot.booted_at(record));
    }
    doubt
}
