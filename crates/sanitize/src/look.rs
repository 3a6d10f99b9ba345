//! Looking at a drive without consent and without touching it.

use std::io;
use std::ops::Range;

use drive::{AlignedBuf, Drive};
use protocol::event::BadRange;
use protocol::policy::Verification;
use protocol::{ByteLen, DriveIdentity, Stage};

use crate::bad_ranges::BadRanges;
use crate::failed::{Failed, FailureCause};
use crate::verify::{Expect, Extent, is_poisoned, poison, read_back, verify_zeros};
use crate::watch::Watch;

/// What was seen of a whole drive. An observation: that a drive is zero does not say how it came to be, so nothing
/// may be claimed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The drive, as it named itself before the first read and after the last.
    pub drive: DriveIdentity,
    /// Bytes that could be read.
    pub read: ByteLen,
    /// The first [`crate::MAX_LISTED_RANGES`] ranges that are not zero or cannot be read, in whole sectors.
    pub ranges: Vec<BadRange>,
    /// How many such ranges there are, listed or not.
    pub n_ranges: u64,
    /// Their length together.
    pub bytes: ByteLen,
}

impl Seen {
    /// Whether every byte of the drive was read and is zero.
    pub fn is_zero(&self) -> bool {
        self.n_ranges == 0 && self.read == self.drive.size
    }
}

/// Reads every addressable sector and compares every byte with zero: the pass of [`crate::Sanitized::verify`], on
/// any drive that says it is `expected`. Takes minutes to hours.
///
/// # Errors
/// When it is another drive, goes away, or `watch` stops it. Sectors that cannot be read are in the result.
pub fn look(
    drive: &dyn Drive,
    expected: &DriveIdentity,
    watch: Watch<'_>,
) -> Result<Seen, Box<Failed>> {
    let fail = |(done, bad, cause)| Failed::new(expected, Stage::Verify, done, bad, cause);
    is_still(drive, expected).map_err(|cause| fail((0, BadRanges::default(), cause)))?;
    let (read, bad) = match verify_zeros(drive, watch) {
        Ok(observed) => (observed.bytes.0, BadRanges::default()),
        Err((done, bad, FailureCause::BadRanges)) => (done, bad),
        Err(failure) => return Err(fail(failure)),
    };
    if let Err(cause) = is_still(drive, expected) {
        return Err(fail((read, bad, cause)));
    }
    let (n_ranges, bytes) = (bad.n_ranges(), bad.bytes());
    let ranges = bad.into_listed();
    Ok(Seen { drive: expected.clone(), read: ByteLen(read), ranges, n_ranges, bytes })
}

/// What was seen of a drive, or of a sample of it, that may be filled with any byte. An observation, as [`Seen`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// Bytes that were read.
    pub read: ByteLen,
    /// The byte that all of it should be, by its last sector.
    pub filling: u8,
    /// The first [`crate::MAX_LISTED_RANGES`] ranges that are not, or cannot be read, in whole sectors.
    pub ranges: Vec<BadRange>,
    /// How many such ranges there are, listed or not.
    pub n_ranges: u64,
    /// Their length together.
    pub bytes: ByteLen,
}

/// Reads as much of the drive as `method` says and compares every byte with that of its last sector: erased flash may read as
/// ones, and a tool of another maker may have written anything. `seed` is random and new. Takes minutes to hours.
///
/// # Errors
/// When it is another drive, goes away, or `watch` stops it. Sectors that cannot be read are in the result.
pub fn survey(
    drive: &dyn Drive,
    expected: &DriveIdentity,
    (method, seed): (Verification, &[u8; 32]),
    watch: Watch<'_>,
) -> Result<Surveyed, Box<Failed>> {
    let fail = |(done, bad, cause)| Failed::new(expected, Stage::Verify, done, bad, cause);
    is_still(drive, expected).map_err(|cause| fail((0, BadRanges::default(), cause)))?;
    let filling = last_filling(drive);
    let sector_len = drive.sector_size().bytes() as usize;
    let find = |_, content: &[u8], found: &mut Vec<Range<usize>>| {
        let starts = (0..content.len()).step_by(sector_len);
        let sectors = starts.map(|start| start..start + sector_len);
        found.extend(sectors.filter(|it| content[it.clone()].iter().any(|byte| *byte != filling)));
    };
    let extent = match method {
        Verification::Full => Extent::Full,
        Verification::Sampled => Extent::Sampled(seed),
    };
    let expect = if filling == 0 { Expect::Zeros } else { Expect::Judge(&find) };
    let (read, bad) = match read_back(drive, extent, expect, watch) {
        Ok(read) => (read.observed.bytes.0, BadRanges::default()),
        Err((done, bad, FailureCause::BadRanges)) => (done, bad),
        Err(failure) => return Err(fail(failure)),
    };
    if let Err(cause) = is_still(drive, expected) {
        return Err(fail((read, bad, cause)));
    }
    let (n_ranges, bytes) = (bad.n_ranges(), bad.bytes());
    Ok(Surveyed { read: ByteLen(read), filling, ranges: bad.into_listed(), n_ranges, bytes })
}

/// The byte that the last sector is made of; zero where it is of several, or cannot be read.
fn last_filling(drive: &dyn Drive) -> u8 {
    let sector_len = u64::from(drive.sector_size().bytes());
    let mut sector = AlignedBuf::zeroed(drive.sector_size().bytes() as usize);
    let Some(offset) = drive.size().0.checked_sub(sector_len) else { return 0 };
    // Whatever is wrong with it, the pass meets it again and lists it.
    match read_sectors(drive, offset, &mut sector) {
        Ok(()) if sector.iter().all(|byte| *byte == sector[0]) => sector[0],
        Ok(()) | Err(_) => 0,
    }
}

/// Reads sectors from the drive itself, for a person to see. `buffer` is whole sectors.
///
/// # Errors
/// Besides what the drive says: when it said that it read, and left part of the memory as it was.
pub fn read_sectors(drive: &dyn Drive, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    drive.drop_caches()?;
    poison(buffer);
    drive.read_at(offset, buffer)?;
    let sector_len = drive.sector_size().bytes() as usize;
    let unread = buffer.chunks(sector_len).position(is_poisoned);
    unread.map_or(Ok(()), |sector| {
        let sentence =
            format!("the drive said that it read, but gave nothing for sector {sector} of these");
        Err(io::Error::other(sentence))
    })
}

/// Whether the drive behind the descriptor is the expected one, whole.
pub(crate) fn is_still(drive: &dyn Drive, expected: &DriveIdentity) -> Result<(), FailureCause> {
    let found = drive.identity().map_err(FailureCause::Identity)?;
    if found == *expected && drive.size() == expected.size {
        Ok(())
    } else {
        Err(FailureCause::OtherDrive { found: Box::new(found) })
    }
}
