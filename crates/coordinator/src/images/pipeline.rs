//! Hashing, compressing and storing chunks by two threads while a third reads.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use osimage::chunk::Encoder;
use osimage::{ChunkId, ChunkRecord};
use protocol::ByteLen;

use super::error::{ImageError, at};
use super::{ImageStore, durable};

/// Threads that compress.
const WORKERS: usize = 2;
/// Windows that wait for them: with those at work, 24 MiB.
const WAITING: usize = 4;

/// What was stored.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// By slot: the order in which plain bytes were sent.
    pub(super) records: Vec<ChunkRecord>,
    /// What was not there before.
    pub(super) new_chunks: usize,
    /// What that takes.
    pub(super) new_bytes: ByteLen,
    new_files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

/// Takes plain bytes of chunks.
pub(super) struct ChunkSink<'a> {
    sender: SyncSender<(usize, Vec<u8>)>,
    failed: &'a AtomicBool,
    next_slot: u32,
}

struct Shared<'a> {
    store: &'a ImageStore,
    known: &'a HashMap<ChunkId, ChunkRecord>,
    failed: AtomicBool,
    outcome: Mutex<Outcome>,
}

#[derive(Default)]
struct Outcome {
    records: HashMap<usize, ChunkRecord>,
    new: HashMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    error: Option<ImageError>,
}

/// Stores all chunks that `produce` sends. Chunks that the store has already are not written again, and those in
/// `known` not even compressed. On any error everything that was new is removed again.
pub(super) fn run(
    store: &ImageStore,
    known: &HashMap<ChunkId, ChunkRecord>,
    produce: impl FnOnce(&mut ChunkSink<'_>) -> Result<(), ImageError>,
) -> Result<Stored, ImageError> {
    let outcome = Mutex::new(Outcome::default());
    let shared = Shared { store, known, failed: AtomicBool::new(false), outcome };
    let (sender, receiver) = sync_channel(WAITING);
    let produced = std::thread::scope(|scope| {
        // Only the workers hold the receiver: if they all die, sending fails instead of waiting for ever.
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..WORKERS {
            let (receiver, shared) = (Arc::clone(&receiver), &shared);
            std::thread::Builder::new()
                .name(format!("compress-{number}"))
                .spawn_scoped(scope, move || work(&receiver, shared))
                .map_err(ImageError::Thread)?;
        }
        drop(receiver);
        let mut sink = ChunkSink { sender, failed: &shared.failed, next_slot: 0 };
        produce(&mut sink).map(|()| sink.next_slot)
    });
    let outcome = shared.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stored = collect(outcome, produced);
    stored.and_then(|stored| match durable::sync_folders(&stored.folders) {
        Ok(()) => Ok(stored),
        Err(error) => {
            stored.undo();
            Err(error)
        }
    })
}

impl Stored {
    /// Removes what was new: for when the image does not come to be after all.
    pub(super) fn undo(&self) {
        remove_files(self.new_files.iter());
    }
}

impl ChunkSink<'_> {
    /// Sends plain bytes, waiting for room. Returns their slot.
    pub(super) fn send(&mut self, plain: Vec<u8>) -> Result<u32, ImageError> {
        let slot = self.next_slot;
        let position = usize::try_from(slot).map_err(|_| ImageError::WorkerDied)?;
        if self.failed.load(Ordering::Acquire) || self.sender.send((position, plain)).is_err() {
            // The worker's own error is told instead, unless it died without one.
            return Err(ImageError::WorkerDied);
        }
        self.next_slot += 1;
        Ok(slot)
    }
}

impl Shared<'_> {
    /// The first error is the one that is told.
    fn fail(&self, error: ImageError) {
        self.outcome().error.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work(receiver: &Mutex<Receiver<(usize, Vec<u8>)>>, shared: &Shared<'_>) {
    let mut encoder = match Encoder::new() {
        Ok(encoder) => Some(encoder),
        Err(error) => {
            shared.fail(ImageError::Chunk(error));
            None
        }
    };
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((slot, plain)) = next else { return };
        // After an error what is still on its way is let go, so that the reader does not wait for room.
        if shared.failed.load(Ordering::Acquire) {
            continue;
        }
        let Some(encoder) = &mut encoder else { continue };
        match store_chunk(encoder, shared, &plain) {
            Ok(record) => {
                shared.outcome().records.insert(slot, record);
            }
            Err(error) => shared.fail(error),
        }
    }
}

fn store_chunk(
    encoder: &mut Encoder,
    shared: &Shared<'_>,
    plain: &[u8],
) -> Result<ChunkRecord, ImageError> {
    let id = ChunkId::of(plain);
    if let Some(record) = shared.known.get(&id)
        && is_there(shared, record)
    {
        return Ok(*record);
    }
    let encoded = encoder.encode_known(id, plain).map_err(ImageError::Chunk)?;
    let record = encoded.record;
    if !is_there(shared, &record) {
        let path = shared.store.chunk_path(record.stored);
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        std::fs::create_dir_all(&folder)
            .map_err(|source| at("making the folder", &folder, source))?;
        shared.outcome().new.insert(path.clone(), u64::from(record.stored_len));
        durable::write_file(&shared.store.temporary_folder(), &path, encoded.stored(plain))?;
        remember_folder(shared, folder);
    }
    Ok(record)
}

/// Whether the store has the chunk, in full length. Its folder is synced in any case: whoever stored it may have been
/// interrupted before that.
fn is_there(shared: &Shared<'_>, record: &ChunkRecord) -> bool {
    let path = shared.store.chunk_path(record.stored);
    let there = std::fs::metadata(&path)
        .is_ok_and(|file| file.is_file() && file.len() == u64::from(record.stored_len));
    if let (true, Some(folder)) = (there, path.parent()) {
        remember_folder(shared, folder.to_owned());
    }
    there
}

fn remember_folder(shared: &Shared<'_>, folder: PathBuf) {
    shared.outcome().folders.insert(folder);
}

fn collect(mut outcome: Outcome, produced: Result<u32, ImageError>) -> Result<Stored, ImageError> {
    let result = match (outcome.error.take(), produced) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(slots)) => (0..usize::try_from(slots).unwrap_or(usize::MAX))
            .map(|slot| outcome.records.get(&slot).copied().ok_or(ImageError::WorkerDied))
            .collect::<Result<Vec<_>, _>>(),
    };
    match result {
        Err(error) => {
            remove_files(outcome.new.keys());
            Err(error)
        }
        Ok(records) => {
            // The folder of folders too: some of them are new.
            let parents: Vec<_> = outcome
                .folders
                .iter()
                .filter_map(|folder| folder.parent().map(PathBuf::from))
                .collect();
            outcome.folders.extend(parents);
            Ok(Stored {
                records,
                new_chunks: outcome.new.len(),
                new_bytes: ByteLen(outcome.new.values().sum()),
                new_files: outcome.new.into_keys().collect(),
                folders: outcome.folders,
            })
        }
    }
}

/// A chunk that cannot be removed is an orphan, which a check names and the next removal takes along: no harm.
fn remove_files<'a>(files: impl Iterator<Item = &'a PathBuf>) {
    for file in files {
        if let Err(error) = std::fs::remove_file(file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %file.display(), %error, "a chunk of the failed import stays");
        }
    }
}
