//! The agent's chain of records on its way to the journal. A step is never lost while this process lives: it is
//! sent again until the coordinator has it on disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::bail;
use evidence::Envelope;
use evidence::chain::ChainWriter;
use protocol::{AgentKey, Step};
use tokio::sync::{Notify, watch};

use super::client::{Client, Refused};
use super::clock;

const RETRY_AFTER: Duration = Duration::from_secs(2);
/// One request carries so many; the rest follows in the next.
const BATCH_LEN: usize = 64;
/// And so many bytes of JSON, half of what the coordinator takes: evidence is long, and drives may be many.
const BATCH_BYTES: usize = 1 << 20;

/// The writing end; cheap to share between threads.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    client: Arc<Client>,
    queue: Arc<Mutex<Queue>>,
    more: Arc<Notify>,
    accepted: watch::Receiver<u64>,
    booted_ms: u64,
    #[cfg(any(test, feature = "simulate"))]
    machine: protocol::MachineId,
}

#[derive(Debug)]
struct Queue {
    writer: ChainWriter,
    appended: u64,
    unsent: VecDeque<Envelope>,
    /// Why the coordinator will never take what is unsent.
    refused: Option<String>,
}

impl Records {
    /// Starts the chain and the task that sends it. `booted_ms` by [`clock::uptime_ms`].
    pub(crate) async fn start(client: Arc<Client>, booted_ms: u64) -> Self {
        let machine = client.enrolled().await.machine;
        let agent = AgentKey::from_bytes(client.key().public());
        let queue = Queue {
            writer: ChainWriter::start(machine, agent),
            appended: 0,
            unsent: VecDeque::new(),
            refused: None,
        };
        let (sender, accepted) = watch::channel(0);
        let records = Self {
            client,
            queue: Arc::new(Mutex::new(queue)),
            more: Arc::new(Notify::new()),
            accepted,
            booted_ms,
            #[cfg(any(test, feature = "simulate"))]
            machine,
        };
        tokio::spawn(records.clone().send_for_ever(sender));
        records
    }

    /// Whose records these are.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn whose(&self) -> (protocol::MachineId, AgentKey) {
        (self.machine, AgentKey::from_bytes(self.client.key().public()))
    }

    /// The machine's number.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) async fn number(&self) -> protocol::MachineNumber {
        self.client.enrolled().await.number
    }

    /// How many of them the coordinator has on disk, by its own word.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn accepted(&self) -> u64 {
        *self.accepted.borrow()
    }

    /// Signs a step and queues it.
    pub(crate) fn append(&self, step: Step) -> anyhow::Result<()> {
        let mut queue = self.lock();
        let uptime_ms = clock::uptime_ms().saturating_sub(self.booted_ms);
        let envelope = queue.writer.append(step, clock::now(), uptime_ms, self.client.key())?;
        queue.unsent.push_back(envelope);
        queue.appended += 1;
        self.more.notify_one();
        Ok(())
    }

    /// Signs a step and waits until the coordinator has it on disk, however long that takes.
    pub(crate) async fn append_and_settle(&self, step: Step) -> anyhow::Result<()> {
        self.append(step)?;
        self.settle().await
    }

    /// Waits until the coordinator has every step so far on disk.
    ///
    /// # Errors
    /// When it has said that it never will.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let count = self.lock().appended;
        let settled = self.accepted.clone().wait_for(|accepted| *accepted >= count).await.is_ok();
        if settled {
            return Ok(());
        }
        match &self.lock().refused {
            Some(why) => bail!("{why}"),
            None => bail!("records are not handed in any more: the task that does it has died"),
        }
    }

    async fn send_for_ever(self, accepted: watch::Sender<u64>) {
        loop {
            let (first, batch) = {
                let queue = self.lock();
                let batch = next_batch(&queue.unsent);
                (queue.appended - queue.unsent.len() as u64, batch)
            };
            if batch.is_empty() {
                self.more.notified().await;
                continue;
            }
            match self.client.records(&batch).await {
                Ok(answer) if answer.next >= first => {
                    let mut queue = self.lock();
                    let done = (answer.next - first).min(queue.unsent.len() as u64);
                    queue.unsent.drain(..usize::try_from(done).unwrap_or(0));
                    accepted.send_replace(first + done);
                    if done > 0 {
                        continue;
                    }
                }
                Ok(answer) => {
                    return self.give_up(format!(
                        "the coordinator asks for record {} again, which it had acknowledged, as all before {first}; \
                         was its data directory replaced?",
                        answer.next
                    ));
                }
                Err(error) if error.downcast_ref().is_some_and(Refused::is_final) => {
                    return self.give_up(format!("{error:#}"));
                }
                Err(error) => tracing::warn!("records not handed in yet: {error:#}"),
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Whoever waits for a record learns that it never will be taken: the work ends, this agent ends with it, and the
    /// next one asks anew.
    fn give_up(&self, why: String) {
        tracing::error!(target: "report", "{why}");
        self.lock().refused = Some(why);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many as one request may carry; never none while there are any.
fn next_batch(unsent: &VecDeque<Envelope>) -> Vec<Envelope> {
    let mut length = 0;
    let fits = |envelope: &&Envelope| {
        length += envelope.to_json().len();
        length <= BATCH_BYTES
    };
    let n = unsent.iter().take(BATCH_LEN).take_while(fits).count();
    unsent.iter().take(n.max(1)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_never_empty_and_never_more_than_a_request_takes() {
        let key = evidence::SigningKey::generate().unwrap();
        let envelope = |length: usize| {
            let text = "x".repeat(length);
            Envelope::sign("test", &text, &key).unwrap()
        };
        let check = |lengths: &[usize], expected: usize| {
            let unsent = lengths.iter().map(|&length| envelope(length)).collect();
            assert_eq!(next_batch(&unsent).len(), expected, "{lengths:?}");
        };
        check(&[], 0);
        check(&[10; 100], BATCH_LEN);
        check(&[300_000; 10], 2);
        check(&[BATCH_BYTES * 2, 10], 1);
    }
}
