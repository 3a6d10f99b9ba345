//! The content from before, remembered by digests only.
//!
//! Canaries are ours; a drive might have treated them otherwise than what lay there for years. So pseudo-random
//! sectors of the old content are read before the first command and again after it. What is kept of them is a keyed
//! digest each, in memory; the key dies with the process, so that nothing about the content can be told from outside.

use std::collections::BTreeMap;

use drive::{AlignedBuf, Drive};
use protocol::event::OldContentEvidence;

use crate::canary::{failed_read, unfilled};
use crate::failed::FailureCause;
use crate::numbers::{Numbers, derived};
use crate::pass::is_gone;
use crate::verify::{is_poisoned, poison};
use crate::watch::{Doing, Hour, Reporter, Watch};

/// Sectors that are remembered.
const SAMPLED_SECTORS: u64 = 4096;

/// A content of so many bytes over and over says nothing, and may well be what the erase leaves.
const PERIOD_LEN: usize = 8;

/// Digests of old sectors.
pub(crate) struct OldContent {
    key: [u8; 32],
    sector_len: usize,
    /// By sector number: the digest, and whether a few bytes were repeated throughout.
    remembered: BTreeMap<u64, (blake3::Hash, bool)>,
}

impl OldContent {
    /// Reads pseudo-random sectors. Those that cannot be read are left out.
    pub(crate) fn remember(
        drive: &dyn Drive,
        seed: &[u8; 32],
        watch: Watch<'_>,
    ) -> Result<Self, FailureCause> {
        let sector_len = drive.sector_size().bytes() as usize;
        let n_sectors = drive.size().0 / sector_len as u64;
        let mut numbers = Numbers::new(seed, "old content places");
        let sectors: std::collections::BTreeSet<u64> =
            (0..SAMPLED_SECTORS).map(|_| numbers.below(n_sectors)).collect();
        let key = derived(seed, "old content digests");
        let mut old = Self { key, sector_len, remembered: BTreeMap::new() };
        let mut buffer = AlignedBuf::zeroed(sector_len);
        let (reporter, hour) = (Reporter::new(watch, Doing::Sampling, drive.size()), Hour::begin());
        for sector in sectors {
            reporter.advanced(sector * sector_len as u64);
            hour.go_on(watch)?;
            poison(&mut buffer);
            match drive.read_at(sector * sector_len as u64, &mut buffer) {
                // Not filled at all: nothing was seen.
                Ok(()) if is_poisoned(&buffer) => {}
                Ok(()) => drop(old.remembered.insert(sector, old.digest(&buffer))),
                Err(error) if is_gone(&error) => return Err(FailureCause::Gone(error)),
                Err(_) => {}
            }
        }
        Ok(old)
    }

    /// Forgets the sectors that are written to for another purpose.
    pub(crate) fn forget(&mut self, is_written: impl Fn(u64) -> bool) {
        self.remembered.retain(|&sector, _| !is_written(sector));
    }

    /// Reads the same sectors again and compares.
    pub(crate) fn compare(
        &self,
        drive: &dyn Drive,
        watch: Watch<'_>,
    ) -> Result<OldContentEvidence, FailureCause> {
        let sampled = self.remembered.len() as u64;
        let mut seen = OldContentEvidence { sampled, changed: 0, same_uniform: 0, same: 0 };
        let mut buffer = AlignedBuf::zeroed(self.sector_len);
        let (reporter, hour) =
            (Reporter::new(watch, Doing::LookingForOld, drive.size()), Hour::begin());
        for (&sector, before) in &self.remembered {
            reporter.advanced(sector * self.sector_len as u64);
            hour.go_on(watch)?;
            poison(&mut buffer);
            let offset = sector * self.sector_len as u64;
            drive.read_at(offset, &mut buffer).map_err(|error| failed_read(offset, error))?;
            if is_poisoned(&buffer) {
                return Err(unfilled(offset));
            }
            let is_same = self.digest(&buffer) == *before;
            match (is_same, before.1) {
                (false, _) => seen.changed += 1,
                (true, true) => seen.same_uniform += 1,
                (true, false) => seen.same += 1,
            }
        }
        Ok(seen)
    }

    fn digest(&self, content: &[u8]) -> (blake3::Hash, bool) {
        // Never written, or left so by an earlier erase: some drives leave four bytes of their own over and over.
        let (words, _) = content.as_chunks::<PERIOD_LEN>();
        let is_uniform = words.iter().all(|word| Some(word) == words.first());
        (blake3::keyed_hash(&self.key, content), is_uniform)
    }
}
