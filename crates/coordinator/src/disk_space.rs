//! Room on the disk of the data directory. A journal that cannot grow records nothing, and whatever is not recorded does
//! not count: so nothing new is begun while little room is left, and what has begun has it to itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use protocol::ByteLen;
use tokio::sync::watch;

/// How often the log is told of a change.
const LOOK_TIME: Duration = Duration::from_secs(10);

/// The disk of a data directory, and how much of it must be free before anything new is begun.
#[derive(Debug, Clone)]
pub(crate) struct DiskSpace {
    data: Arc<Path>,
    min_free: ByteLen,
}

/// How a disk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// What we may still write.
    pub(crate) free: ByteLen,
    /// The whole file system.
    pub(crate) size: ByteLen,
}

/// Why nothing new is begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskSpaceError {
    #[error(
        "only {free} are free on the disk of {data}, and nothing new is begun below {min_free}: make room (`rehome image \
         list` and `rehome image remove`, or delete old backups there) or lower min_free_mb; what has begun goes on"
    )]
    Low { data: PathBuf, free: ByteLen, min_free: ByteLen },
    #[error(
        "failed to ask how much room the disk of {data} has; nothing new is begun before that is known"
    )]
    Ask {
        data: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl DiskSpace {
    /// Of the disk that holds `data`.
    pub(crate) fn of(data: &Path, min_free: ByteLen) -> Self {
        Self { data: data.into(), min_free }
    }

    /// How the disk stands now.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(crate) fn look(&self) -> Result<Room, DiskSpaceError> {
        let asked = statvfs(&*self.data).map_err(|errno| DiskSpaceError::Ask {
            data: self.data.to_path_buf(),
            source: errno.into(),
        })?;
        let bytes = |blocks: u64| ByteLen(blocks.saturating_mul(asked.fragment_size()));
        // Available, not free: some blocks are kept for root, whom we are not.
        Ok(Room { free: bytes(asked.blocks_available()), size: bytes(asked.blocks()) })
    }

    /// How much must be free before anything new is begun.
    pub(crate) fn min_free(&self) -> ByteLen {
        self.min_free
    }

    /// Whether there is room for something new.
    ///
    /// # Errors
    /// Why not, and what a person can do.
    pub(crate) fn check(&self) -> Result<(), DiskSpaceError> {
        let Room { free, .. } = self.look()?;
        if free >= self.min_free {
            return Ok(());
        }
        let (data, min_free) = (self.data.to_path_buf(), self.min_free);
        Err(DiskSpaceError::Low { data, free, min_free })
    }
}

/// Tells the log when room gets short, and when there is enough again.
pub(crate) async fn watch_disk(disk: DiskSpace, mut stopping: watch::Receiver<bool>) {
    let mut was_low = false;
    loop {
        let low = disk.check().err();
        match &low {
            Some(error) if !was_low => {
                let causes = anyhow::Chain::new(error).map(ToString::to_string);
                let sentence = causes.collect::<Vec<_>>().join(": ");
                tracing::error!(target: "disk", "{sentence}");
            }
            None if was_low => tracing::info!(target: "disk", "there is room again"),
            _ => {}
        }
        was_low = low.is_some();
        tokio::select! {
            () = tokio::time::sleep(LOOK_TIME) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_judged_by_what_is_wanted_free() {
        let folder = tempfile::tempdir().unwrap();
        let disk = |min_free| DiskSpace::of(folder.path(), ByteLen(min_free));
        let room = disk(0).look().unwrap();
        assert!(room.free <= room.size && room.size > ByteLen(0), "{room:?}");
        assert!(disk(0).check().is_ok());
        let refused = disk(u64::MAX).check().unwrap_err().to_string();
        assert!(refused.contains("make room") && refused.contains("goes on"), "{refused}");
        let gone = DiskSpace::of(&folder.path().join("gone"), ByteLen(0)).check();
        assert!(matches!(gone, Err(DiskSpaceError::Ask { .. })), "unknown is not enough");
    }
}
