//! Chunks over plain HTTP: four in flight, each checked by whoever takes it. Content is addressed by hash under a
//! signed manifest, so TLS would add nothing but work for old processors.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use super::client::{Ask, Connection, RequestError};

const IN_FLIGHT: usize = 4;
const TIMEOUT: Duration = Duration::from_secs(60);
/// While the coordinator does not answer at all: for ever, this far apart.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// A chunk that arrives damaged, or is said to be missing, is asked for so often before a person is.
const ATTEMPTS: u32 = 5;
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Checks and writes one chunk, named by its position in the list. Blocks.
pub(crate) type Taker = Arc<dyn Fn(usize, &[u8]) -> anyhow::Result<Taken> + Send + Sync>;

/// One chunk as it travels.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Hexadecimal BLAKE3 of the stored bytes.
    pub(crate) stored: String,
    /// How many bytes that are.
    pub(crate) len: usize,
}

/// Fetches every chunk and gives it to `take`, which checks and writes it, with its position in the list.
/// `take` blocks; it runs on the runtime's blocking threads. A chunk it refuses is fetched anew.
pub(crate) async fn fetch_all(
    address: SocketAddr,
    wanted: Arc<[Wanted]>,
    take: Taker,
) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut fetchers: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for _ in 0..IN_FLIGHT.min(wanted.len()) {
        let (wanted, take, next) = (wanted.clone(), take.clone(), next.clone());
        fetchers.spawn(async move {
            let mut connection = Connection::new(address, None);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(chunk) = wanted.get(index) else { return Ok(()) };
                fetch_one(&mut connection, index, chunk, &take).await?;
            }
        });
    }
    while let Some(ended) = fetchers.join_next().await {
        ended.context("a thread that fetches chunks died")??;
    }
    Ok(())
}

/// What became of a chunk.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Checked and written.
    Written,
    /// Not what its hash says: nothing was written.
    Damaged(anyhow::Error),
}

async fn fetch_one(
    connection: &mut Connection,
    index: usize,
    chunk: &Wanted,
    take: &Taker,
) -> anyhow::Result<()> {
    let ask = Ask {
        path: format!("/chunk/{}", chunk.stored),
        body: None,
        session: None,
        limit: chunk.len,
        timeout: TIMEOUT,
    };
    let mut attempts = 0;
    let mut patience = Patience(Instant::now());
    loop {
        let problem = match connection.ask(&ask).await {
            Ok((StatusCode::OK, bytes)) => match give(take.clone(), index, bytes).await? {
                Taken::Written => return Ok(()),
                Taken::Damaged(error) => error,
            },
            Ok((status, _)) if !status.is_server_error() => {
                anyhow::anyhow!("the coordinator answers {status}")
            }
            Err(error @ RequestError::Body { .. }) => error.into(),
            // The cable is out, the coordinator restarts or is overloaded: that is no fault of the chunk's.
            Ok((status, _)) => {
                patience.wait(&format!("the coordinator answers {status}")).await;
                continue;
            }
            Err(error) => {
                patience.wait(&format!("{error:#}")).await;
                continue;
            }
        };
        attempts += 1;
        tracing::warn!(chunk = index, attempts, "{problem:#}");
        if attempts == ATTEMPTS {
            bail!(
                "chunk {index} ({}) could not be had in {ATTEMPTS} attempts: {problem:#}; run \
                 `rehome image check` on the coordinator",
                chunk.stored
            );
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Waits between attempts, and says every half a minute what for.
struct Patience(Instant);

impl Patience {
    async fn wait(&mut self, why: &str) {
        if self.0.elapsed() > SAY_EVERY {
            tracing::warn!(target: "image", "still no chunk: {why}");
            self.0 = Instant::now();
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn give(take: Taker, index: usize, bytes: Bytes) -> anyhow::Result<Taken> {
    tokio::task::spawn_blocking(move || take(index, &bytes))
        .await
        .context("a thread that writes chunks died")?
}
