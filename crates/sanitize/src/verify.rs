//! The reading pass: what the medium holds, not what the drive said.

use drive::{AlignedBuf, Drive};
use protocol::Stage;
use protocol::event::{BadCause, PassObservation};

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::overwrite::PassFailure;
use crate::pass::{Pass, REQUEST_LEN};
use crate::watch::Watch;
use crate::zeros::{is_zero, nonzero_sectors};

/// What a buffer holds before a read: a read that fills nothing must not pass for zeros.
pub(crate) const POISON: u8 = 0xa5;

/// Reads every addressable sector and compares every byte with zero.
pub(crate) fn verify_zeros(
    drive: &dyn Drive,
    watch: Watch<'_>,
) -> Result<PassObservation, PassFailure> {
    drive
        .drop_caches()
        .map_err(|error| (0, BadRanges::default(), FailureCause::DropCaches(error)))?;
    let sector_len = drive.sector_size().bytes() as usize;
    let mut buffer = AlignedBuf::zeroed(REQUEST_LEN);
    let mut pass = Pass::new(drive, watch, Stage::Verify, BadCause::ReadError);
    let ran = pass.run(&mut |drive, offset, length, bad| {
        let part = &mut buffer[..length];
        part.fill(POISON);
        drive.read_at(offset, part)?;
        if !is_zero(part) {
            for range in nonzero_sectors(part, sector_len) {
                bad.push(offset + range.start as u64, range.len() as u64, BadCause::OldContent);
            }
        }
        Ok(())
    });
    match ran {
        Err(cause) => Err((pass.covered(), pass.bad, cause)),
        Ok(()) if !pass.bad.is_empty() => Err((pass.covered(), pass.bad, FailureCause::BadRanges)),
        Ok(()) => Ok(pass.observation()),
    }
}
