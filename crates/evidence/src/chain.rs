//! An agent's chain of records: one boot, one key, every record naming the one before.

use protocol::api::RECORD_TYPE;
use protocol::{AgentKey, AgentRecord, MachineId, Sha256Digest, Step, UnixMillis};

use crate::envelope::{Envelope, EnvelopeError};
use crate::key::SigningKey;
use crate::sha256;

/// Why a record does not continue a chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Not signed by the agent, or not a record.
    #[error("record after {next} of agent {agent}")]
    Envelope {
        /// The sequence number that was due.
        next: u64,
        /// The agent.
        agent: AgentKey,
        /// What is wrong with it.
        #[source]
        source: EnvelopeError,
    },
    /// Another number was due.
    #[error("record {got} of agent {agent} came where {expected} was due")]
    Sequence {
        /// The sequence number that was due.
        expected: u64,
        /// The one that came.
        got: u64,
        /// The agent.
        agent: AgentKey,
    },
    /// It names another predecessor, machine or agent.
    #[error("record {sequence} of agent {agent} does not continue the chain: its {what} differs")]
    Broken {
        /// Which record.
        sequence: u64,
        /// The agent.
        agent: AgentKey,
        /// What differs.
        what: &'static str,
    },
}

/// Where a chain stands: what the next record must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    machine: MachineId,
    agent: AgentKey,
    next: u64,
    previous: Sha256Digest,
}

impl ChainHead {
    /// The start of an agent's chain.
    pub fn start(machine: MachineId, agent: AgentKey) -> Self {
        Self { machine, agent, next: 0, previous: sha256(agent.as_bytes()) }
    }

    /// The sequence number that is due.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Checks that `envelope` is the record that is due, and steps on. A refused record leaves the head as it was.
    pub fn accept(&mut self, envelope: &Envelope) -> Result<AgentRecord, ChainError> {
        let wrap = |source| ChainError::Envelope { next: self.next, agent: self.agent, source };
        let record: AgentRecord =
            envelope.open(RECORD_TYPE, self.agent.as_bytes()).map_err(wrap)?;
        let digest = envelope.digest().map_err(wrap)?;
        if record.sequence != self.next {
            return Err(ChainError::Sequence {
                expected: self.next,
                got: record.sequence,
                agent: self.agent,
            });
        }
        let broken =
            |what| ChainError::Broken { sequence: record.sequence, agent: self.agent, what };
        if record.machine != self.machine {
            return Err(broken("machine"));
        }
        if record.agent != self.agent {
            return Err(broken("agent key"));
        }
        if record.previous != self.previous {
            return Err(broken("predecessor"));
        }
        self.next += 1;
        self.previous = digest;
        Ok(record)
    }
}

/// The writing end of a chain, on the agent.
#[derive(Debug)]
pub struct ChainWriter {
    head: ChainHead,
}

impl ChainWriter {
    /// The start of this boot's chain.
    pub fn start(machine: MachineId, agent: AgentKey) -> Self {
        Self { head: ChainHead::start(machine, agent) }
    }

    /// Signs the next record.
    ///
    /// # Errors
    /// When the step cannot be written as JSON, which our own types always can.
    pub fn append(
        &mut self,
        step: Step,
        at: UnixMillis,
        uptime_ms: u64,
        key: &SigningKey,
    ) -> Result<Envelope, serde_json::Error> {
        let record = AgentRecord {
            machine: self.head.machine,
            agent: self.head.agent,
            sequence: self.head.next,
            previous: self.head.previous,
            at,
            uptime_ms,
            step,
        };
        let payload = serde_json::to_vec(&record)?;
        self.head.next += 1;
        self.head.previous = sha256(&payload);
        Ok(Envelope::sign_bytes(RECORD_TYPE, &payload, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(key: &SigningKey, n: usize) -> (ChainHead, Vec<Envelope>) {
        let machine = MachineId::from_bytes([7; 16]);
        let agent = AgentKey::from_bytes(key.public());
        let mut writer = ChainWriter::start(machine, agent);
        let records = (0..n)
            .map(|i| writer.append(Step::Finished {}, UnixMillis(i as u64), 0, key).unwrap())
            .collect();
        (ChainHead::start(machine, agent), records)
    }

    #[test]
    fn a_whole_chain_is_taken_and_a_dropped_swapped_or_foreign_record_is_not() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let (start, records) = chain(&key, 4);
        let take = |order: &[usize]| {
            let mut head = start.clone();
            order.iter().try_for_each(|&i| head.accept(&records[i]).map(drop))
        };
        assert!(take(&[0, 1, 2, 3]).is_ok());
        for bad in [&[1][..], &[0, 2], &[0, 1, 1], &[0, 2, 1]] {
            assert!(matches!(take(bad), Err(ChainError::Sequence { .. })), "{bad:?}");
        }
        let stranger = SigningKey::from_seed([2; 32]).unwrap();
        let (_, foreign) = chain(&stranger, 1);
        assert!(matches!(
            start.clone().accept(&foreign[0]),
            Err(ChainError::Envelope { source: EnvelopeError::BadSignature { .. }, .. })
        ));
    }

    #[test]
    fn a_record_of_another_history_is_refused_and_the_head_stays() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let (mut head, records) = chain(&key, 2);
        let mut other = ChainWriter::start(head.machine, head.agent);
        other.append(Step::Finished {}, UnixMillis(99), 0, &key).unwrap();
        let second = other.append(Step::Finished {}, UnixMillis(1), 0, &key).unwrap();
        head.accept(&records[0]).unwrap();
        assert!(matches!(
            head.accept(&second),
            Err(ChainError::Broken { what: "predecessor", .. })
        ));
        assert_eq!(head.next(), 1);
        head.accept(&records[1]).unwrap();
    }
}
