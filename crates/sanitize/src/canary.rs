//! Canaries: sectors with a content that nobody else could know, put on the medium before a drive erases itself.
//!
//! A drive that acknowledges an erase says nothing by it. So thousands of sectors all over it are written, made
//! durable and read back; whoever finds one of them afterwards, at its place or anywhere else, has found a drive that
//! lies. NIST SP 800-88r1, section 4.7.3, calls comparing before and after the most effective verification there is.

use std::collections::BTreeSet;
use std::ops::Range;

use drive::{AlignedBuf, Drive};
use protocol::Sha256Digest;
use protocol::event::CanaryEvidence;

use crate::failed::FailureCause;
use crate::numbers::{Numbers, derived};
use crate::pass::is_gone;
use crate::verify::{is_poisoned, poison};
use crate::watch::{Doing, Hour, Reporter, Watch};

const MAGIC_LEN: usize = 16;

/// Canaries that are on the medium.
pub(crate) struct Canaries {
    key: [u8; 32],
    magic: [u8; MAGIC_LEN],
    sector_len: usize,
    /// Sector numbers.
    places: BTreeSet<u64>,
}

impl Canaries {
    /// Writes `count` canaries (as many as there are sectors, if there are fewer), has the drive flush, and reads every
    /// one of them back.
    ///
    /// First and last sector are among them. A sector that fails is passed over for another one: what cannot be
    /// written or read is for the later passes to list.
    pub(crate) fn place(
        drive: &dyn Drive,
        seed: &[u8; 32],
        count: u32,
        watch: Watch<'_>,
    ) -> Result<Self, FailureCause> {
        let sector_len = drive.sector_size().bytes() as usize;
        let n_sectors = drive.size().0 / sector_len as u64;
        let wanted = u64::from(count).min(n_sectors);
        let key = derived(seed, "canary content");
        let mut magic = [0; MAGIC_LEN];
        magic.copy_from_slice(&derived(seed, "canary magic")[..MAGIC_LEN]);
        let mut canaries = Self { key, magic, sector_len, places: BTreeSet::new() };

        let mut failed = BTreeSet::new();
        let mut numbers = Numbers::new(seed, "canary places");
        let hour = Hour::begin();
        // A tenth of them may fail. A drive with more bad sectors than that has other worries.
        while (canaries.places.len() as u64) < wanted && (failed.len() as u64) <= wanted / 10 {
            let missing = wanted - canaries.places.len() as u64;
            let taken = |sector: &u64| canaries.places.contains(sector) || failed.contains(sector);
            let batch = new_places(&mut numbers, n_sectors, missing, taken);
            if batch.is_empty() {
                break;
            }
            let written = canaries.write(drive, batch, &mut failed, (&hour, watch))?;
            drive.flush().map_err(FailureCause::Flush)?;
            drive.drop_caches().map_err(FailureCause::DropCaches)?;
            canaries.read_back(drive, written, &mut failed, (&hour, watch))?;
        }
        let placed = canaries.places.len() as u64;
        if placed < wanted {
            return Err(FailureCause::CanariesNotPlaced { placed, wanted });
        }
        Ok(canaries)
    }

    /// Whether a canary stands on this sector.
    pub(crate) fn is_at(&self, sector: u64) -> bool {
        self.places.contains(&sector)
    }

    /// Looks at every place. How many canaries are still there, however much of each.
    ///
    /// # Errors
    /// When a place cannot be read: what stands there is not known.
    pub(crate) fn count_left(
        &self,
        drive: &dyn Drive,
        watch: Watch<'_>,
    ) -> Result<u64, FailureCause> {
        drive.drop_caches().map_err(FailureCause::DropCaches)?;
        let mut buffer = AlignedBuf::zeroed(self.sector_len);
        let mut expected = vec![0; self.sector_len];
        let (mut n_left, hour) = (0, Hour::begin());
        let reporter = Reporter::new(watch, Doing::LookingForOld, drive.size());
        for &sector in &self.places {
            hour.go_on(watch)?;
            reporter.advanced(sector * self.sector_len as u64);
            poison(&mut buffer);
            let offset = sector * self.sector_len as u64;
            drive.read_at(offset, &mut buffer).map_err(|error| failed_read(offset, error))?;
            if is_poisoned(&buffer) {
                return Err(unfilled(offset));
            }
            self.fill(sector, &mut expected);
            n_left += u64::from(has_part(&buffer, &expected));
        }
        Ok(n_left)
    }

    /// The sectors of a buffer that begin as a canary, wherever it came from, as byte ranges.
    pub(crate) fn find(&self, content: &[u8], found: &mut Vec<Range<usize>>) {
        for (index, sector) in content.chunks_exact(self.sector_len).enumerate() {
            if sector.starts_with(&self.magic) {
                let start = index * self.sector_len;
                found.push(start..start + self.sector_len);
            }
        }
    }

    /// What may be said of canaries of which none was found.
    pub(crate) fn evidence(&self) -> CanaryEvidence {
        let numbers: Vec<u8> = self.places.iter().flat_map(|sector| sector.to_be_bytes()).collect();
        let placed = self.places.len() as u64;
        CanaryEvidence {
            placed,
            map: sha256(&numbers),
            found: 0,
            miss_probability_e9: miss_probability_e9(placed),
        }
    }

    /// The content for one sector: the magic, then a stream that only the key and the place give.
    fn fill(&self, sector: u64, content: &mut [u8]) {
        let (magic, rest) = content.split_at_mut(MAGIC_LEN);
        magic.copy_from_slice(&self.magic);
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&sector.to_le_bytes()).finalize_xof().fill(rest);
    }

    fn write(
        &self,
        drive: &dyn Drive,
        batch: BTreeSet<u64>,
        failed: &mut BTreeSet<u64>,
        (hour, watch): (&Hour, Watch<'_>),
    ) -> Result<Vec<u64>, FailureCause> {
        let mut buffer = AlignedBuf::zeroed(self.sector_len);
        let reporter = Reporter::new(watch, Doing::PlacingCanaries, drive.size());
        let mut written = Vec::with_capacity(batch.len());
        for sector in batch {
            hour.go_on(watch)?;
            self.fill(sector, &mut buffer);
            let offset = sector * self.sector_len as u64;
            match drive.write_at(offset, &buffer) {
                Ok(()) => written.push(sector),
                Err(error) if is_gone(&error) => return Err(FailureCause::Gone(error)),
                Err(_) => drop(failed.insert(sector)),
            }
            reporter.advanced(offset);
        }
        Ok(written)
    }

    fn read_back(
        &mut self,
        drive: &dyn Drive,
        written: Vec<u64>,
        failed: &mut BTreeSet<u64>,
        (hour, watch): (&Hour, Watch<'_>),
    ) -> Result<(), FailureCause> {
        let mut buffer = AlignedBuf::zeroed(self.sector_len);
        let mut expected = vec![0; self.sector_len];
        let reporter = Reporter::new(watch, Doing::PlacingCanaries, drive.size());
        for sector in written {
            hour.go_on(watch)?;
            reporter.advanced(sector * self.sector_len as u64);
            self.fill(sector, &mut expected);
            poison(&mut buffer);
            let offset = sector * self.sector_len as u64;
            match drive.read_at(offset, &mut buffer) {
                Ok(()) if *buffer == *expected => drop(self.places.insert(sector)),
                // A drive that does not hold what it is given cannot be shown to have lost it.
                Ok(()) => return Err(FailureCause::NotStored { offset }),
                Err(error) if is_gone(&error) => return Err(FailureCause::Gone(error)),
                Err(_) => drop(failed.insert(sector)),
            }
        }
        Ok(())
    }
}

/// Distinct sectors that are not taken, ascending: both ends first, then as the stream says. Where few are left, all.
fn new_places(
    numbers: &mut Numbers,
    n_sectors: u64,
    n: u64,
    taken: impl Fn(&u64) -> bool,
) -> BTreeSet<u64> {
    let ends = [Some(0), n_sectors.checked_sub(1)];
    let mut places: BTreeSet<u64> = ends.into_iter().flatten().filter(|end| !taken(end)).collect();
    // On a drive of which most is taken the stream would rarely hit what is free.
    let tries = n.saturating_mul(8);
    for _ in 0..tries {
        if places.len() as u64 >= n {
            return places;
        }
        places.extend(Some(numbers.below(n_sectors)).filter(|sector| !taken(sector)));
    }
    let free = (0..n_sectors).filter(|sector| !taken(sector));
    for sector in free {
        if places.len() as u64 >= n {
            break;
        }
        places.insert(sector);
    }
    places
}

/// Whether any sixteen bytes at their place survived: two of them equal by chance once in 2^128.
fn has_part(content: &[u8], expected: &[u8]) -> bool {
    let (content, _) = content.as_chunks::<16>();
    let (expected, _) = expected.as_chunks::<16>();
    content.iter().zip(expected).any(|(content, expected)| content == expected)
}

pub(crate) fn failed_read(offset: u64, error: std::io::Error) -> FailureCause {
    if is_gone(&error) {
        FailureCause::Gone(error)
    } else {
        FailureCause::Unreadable { offset, source: error }
    }
}

/// A read that succeeded and filled nothing: who took that for something else than the canary would be fooled.
pub(crate) fn unfilled(offset: u64) -> FailureCause {
    let source = std::io::Error::other("the read succeeded and gave no data");
    FailureCause::Unreadable { offset, source }
}

/// (1 - 0.001)^n in units of 10^-9, rounded up: what a drive that keeps one sector in a thousand has as a chance.
fn miss_probability_e9(n: u64) -> u64 {
    // In integers: 0.999^n by repeated rounding up, so that the figure is never too good.
    let mut probability: u64 = 1_000_000_000_000_000;
    for _ in 0..n {
        if probability <= 1_000_000 {
            return 1;
        }
        probability = (probability / 1000 + 1) * 999;
    }
    probability.div_ceil(1_000_000)
}

fn sha256(bytes: &[u8]) -> Sha256Digest {
    evidence::sha256(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_is_that_of_the_formula() {
        for (n, low, high) in [
            (0, 1_000_000_000, 1_000_000_000),
            (1, 999_000_000, 999_000_001),
            (4096, 16_600_000, 16_700_000),
            (10_000, 45_000, 45_300),
        ] {
            let bound = miss_probability_e9(n);
            assert!((low..=high).contains(&bound), "{n}: {bound}");
        }
        assert_eq!(miss_probability_e9(1_000_000), 1);
    }

    #[test]
    fn a_part_that_survived_is_seen() {
        let expected: Vec<u8> = (0..=255).collect();
        let mut content = vec![0; 256];
        assert!(!has_part(&content, &expected));
        content[240..].copy_from_slice(&expected[240..]);
        assert!(has_part(&content, &expected));
    }

    proptest! {
        #[test]
        fn places_are_distinct_free_and_as_many_as_there_are(
            key in any::<[u8; 32]>(), n_sectors in 1_u64..400, n in 1_u64..500, step in 2_u64..9,
        ) {
            let taken = |sector: &u64| sector.is_multiple_of(step);
            let places = new_places(&mut Numbers::new(&key, "test"), n_sectors, n, taken);
            let n_free = (0..n_sectors).filter(|sector| !taken(sector)).count() as u64;
            prop_assert!(places.iter().all(|sector| *sector < n_sectors && !taken(sector)));
            prop_assert!(places.len() as u64 >= n.min(n_free));
        }
    }
}
