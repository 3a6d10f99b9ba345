//! The overwriting pass.

use std::ops::Range;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use drive::{AlignedBuf, Drive};
use protocol::event::{BadCause, PassObservation};

use crate::bad_ranges::BadRanges;
use crate::failed::FailureCause;
use crate::pass::{N_BUFFERS, Pass, REQUEST_LEN, requests, time_limit};
use crate::pattern::PatternKey;
use crate::watch::{Doing, Watch};

/// How a pass failed: how far it was, what was bad, and why.
pub(crate) type PassFailure = (u64, BadRanges, FailureCause);

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill<'a> {
    /// Zeros.
    Zeros,
    /// What only the key's owner can foretell.
    Pattern(&'a PatternKey),
}

/// Writes over every addressable sector and makes it durable.
///
/// Bad sectors do not end it: as much as possible has to be gone, though the drive is not sanitized.
///
/// # Panics
/// Where the system gives the process no further thread, as [`std::thread::spawn`] does.
pub(crate) fn overwrite(
    drive: &dyn Drive,
    fill: Fill<'_>,
    watch: Watch<'_>,
) -> Result<PassObservation, PassFailure> {
    overwrite_within(time_limit(drive.size().0), drive, fill, watch)
}

fn overwrite_within(
    limit: Duration,
    drive: &dyn Drive,
    fill: Fill<'_>,
    watch: Watch<'_>,
) -> Result<PassObservation, PassFailure> {
    let whole = 0..drive.size().0;
    let extents = std::slice::from_ref(&whole);
    let mut pass = Pass::new(drive, watch, Doing::Overwriting, extents, limit);
    let mut bad = BadRanges::default();
    let ran = match fill {
        Fill::Zeros => write_zeros(&mut pass, extents, &mut bad),
        Fill::Pattern(key) => write_pattern(&mut pass, key, extents, &mut bad),
    };
    let flushed = ran.and_then(|()| drive.flush().map_err(FailureCause::Flush));
    match flushed {
        Err(cause) => Err((pass.covered(), bad, cause)),
        Ok(()) if !bad.is_empty() => Err((pass.covered(), bad, FailureCause::BadRanges)),
        Ok(()) => Ok(pass.observation()),
    }
}

fn write_zeros(
    pass: &mut Pass<'_>,
    extents: &[Range<u64>],
    bad: &mut BadRanges,
) -> Result<(), FailureCause> {
    let zeros = AlignedBuf::zeroed(REQUEST_LEN);
    requests(extents).try_for_each(|(offset, length)| write(pass, offset, &zeros[..length], bad))
}

/// A second thread fills buffers ahead of the drive: the processor is slower at it than memory, and a fast drive must not
/// wait.
fn write_pattern(
    pass: &mut Pass<'_>,
    key: &PatternKey,
    extents: &[Range<u64>],
    bad: &mut BadRanges,
) -> Result<(), FailureCause> {
    thread::scope(|scope| {
        let (to_drive, filled) = mpsc::sync_channel::<AlignedBuf>(N_BUFFERS);
        let (to_fill, empty) = mpsc::sync_channel::<AlignedBuf>(N_BUFFERS);
        scope.spawn(move || {
            let mut unused = (0..N_BUFFERS).map(|_| AlignedBuf::zeroed(REQUEST_LEN));
            for (offset, length) in requests(extents) {
                let Some(mut buffer) = unused.next().or_else(|| empty.recv().ok()) else { return };
                key.fill(offset, &mut buffer[..length]);
                if to_drive.send(buffer).is_err() {
                    return;
                }
            }
        });
        for (offset, length) in requests(extents) {
            // Only a panic over there ends the row early; leaving the scope passes it on.
            let Ok(buffer) = filled.recv() else { break };
            write(pass, offset, &buffer[..length], bad)?;
            // Past the last request nobody waits for it any more.
            drop(to_fill.send(buffer));
        }
        Ok(())
    })
}

fn write(
    pass: &mut Pass<'_>,
    offset: u64,
    data: &[u8],
    bad: &mut BadRanges,
) -> Result<(), FailureCause> {
    let (parts, ran) = pass.request(offset, data.len(), &mut |drive, offset, part| {
        drive.write_at(offset, &data[part])
    });
    for part in parts.failed {
        bad.push(offset + part.start as u64, part.len() as u64, BadCause::WriteError);
    }
    ran
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use drive::sim::SimDrive;
    use protocol::{ByteLen, DriveIdentity, SectorSize};

    use super::*;

    #[test]
    fn a_pass_that_takes_longer_than_it_may_is_cut_off() {
        let (model, serial) = ("SIMULATED DISK".to_owned(), "A".to_owned());
        let identity = DriveIdentity { model, serial, wwn: None, size: ByteLen(13 << 20) };
        let key = PatternKey::new([3; 16]);
        for fill in [Fill::Zeros, Fill::Pattern(&key)] {
            let drive = SimDrive::new(identity.clone(), SectorSize::try_from(4096).unwrap());
            drive.fill_with_old_data();
            drive.on_command(|_| thread::sleep(Duration::from_millis(250)));
            let (silent, stop) = (|_: Doing, _: ByteLen, _: ByteLen| {}, AtomicBool::new(false));
            let watch = Watch::new(&silent, &stop);
            let limit = Duration::from_millis(400);
            let (done, bad, cause) = overwrite_within(limit, &drive, fill, watch).unwrap_err();
            assert!(matches!(cause, FailureCause::TooSlow { .. }), "{cause}");
            assert!(bad.is_empty() && (1..13 << 20).contains(&done), "{done}");
            assert!(drive.n_old_sectors() > 0, "the end of it was not reached");
        }
    }
}
