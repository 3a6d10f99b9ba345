//! The overwriting pass.

use drive::{AlignedBuf, Drive};
use protocol::event::{BadCause, PassObservation};
use protocol::{Stage, TicketId};

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::pass::{Pass, REQUEST_LEN};
use crate::probe::probe;
use crate::watch::Watch;

/// How a pass failed: how far it was, what was bad, and why.
pub(crate) type PassFailure = (u64, BadRanges, FailureCause);

/// Writes zeros over every addressable sector and makes them durable.
///
/// Bad sectors do not end it: as much as possible has to be gone, though the drive is not sanitized.
pub(crate) fn overwrite(
    drive: &dyn Drive,
    ticket: TicketId,
    watch: Watch<'_>,
) -> Result<PassObservation, PassFailure> {
    if watch.is_stopped() {
        return Err((0, BadRanges::default(), FailureCause::Stopped));
    }
    probe(drive, ticket).map_err(|cause| (0, BadRanges::default(), cause))?;

    let zeros = AlignedBuf::zeroed(REQUEST_LEN);
    let mut pass = Pass::new(drive, watch, Stage::Sanitize, BadCause::WriteError);
    let ran = pass.run(&mut |drive, offset, length, _bad| drive.write_at(offset, &zeros[..length]));
    let flushed = ran.and_then(|()| drive.flush().map_err(FailureCause::Flush));
    match flushed {
        Err(cause) => Err((pass.covered(), pass.bad, cause)),
        Ok(()) if !pass.bad.is_empty() => Err((pass.covered(), pass.bad, FailureCause::BadRanges)),
        Ok(()) => Ok(pass.observation()),
    }
}
